"""Bugs that sync engines have shipped with, planted on purpose: a tester that cannot find them proves nothing.

Each replaces one small part of the product for the length of a block. `bravetui simulate --planted all` runs months under
each of them until an invariant complains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, update

from bravetui.base.errors import StorageFull
from bravetui.central import feed, intake, push, service
from bravetui.db import meta, recover, writing
from bravetui.db.device import Outbox, OutboxState
from bravetui.db.store import Store
from bravetui.merge.hlc import Hlc
from bravetui.sync import acknowledge, apply, exchange, worker

_outbox = Outbox.__table__  # type: ignore[attr-defined]


class Bug(NamedTuple):
    """One replaced part: where it stands, its name there, and what the bug makes of it."""

    says: str
    place: Any
    name: str
    made: Callable[[Any], Any]
    """From the right part to the wrong one."""


def _sent_is_done(right: Any) -> Any:
    def wrong(connection: Connection, entries: Any, now: datetime) -> None:
        right(connection, entries, now)
        marked = update(_outbox).where(_outbox.c.state == OutboxState.SENT)
        connection.execute(marked.values(state=OutboxState.CONFIRMED, settled_at=now))

    return wrong


def _one_verdict_for_all(right: Any) -> Any:
    def wrong(connection: Connection, *arguments: Any) -> None:
        right(connection, *arguments)
        done = update(_outbox).where(_outbox.c.state.in_([OutboxState.SENT, OutboxState.PENDING]))
        connection.execute(done.values(state=OutboxState.CONFIRMED, settled_at=arguments[-1]))

    return wrong


def _forgotten_when_applied(right: Any) -> Any:
    def wrong(connection: Connection, *arguments: Any) -> None:
        right(connection, *arguments)
        connection.execute(delete(_outbox).where(_outbox.c.state == OutboxState.APPLIED))

    return wrong


def _one_too_far(right: Any) -> Any:
    def wrong(*arguments: Any) -> Any:
        page, size = right(*arguments)
        return page.model_copy(update={"after": page.after + 1}), size

    return wrong


def _epoch_only_noted(right: Any) -> Any:
    def wrong(connection: Connection, epoch: str) -> None:
        meta.put(connection, meta.EPOCH, epoch)

    return wrong


def _all_was_seen(right: Any) -> Any:
    def wrong(change: Any, central: Any) -> Any:
        return central.joined(right(change, central))

    return wrong


def _counted_by_the_queue(right: Any) -> Any:
    def wrong(connection: Connection) -> int:
        query = _outbox.select().where(_outbox.c.state.in_([OutboxState.PENDING, OutboxState.SENT]))
        return len(connection.execute(query).all())

    return wrong


def _full_disk_ignored(right: Any) -> Any:
    @contextmanager
    def wrong(self: Store, author_id: str | None = None) -> Iterator[Any]:
        try:
            with right(self, author_id) as writing_:
                yield writing_
        except StorageFull:
            return

    return wrong


def _laid_over_all(right: Any) -> Any:
    def wrong(*arguments: Any, **named: Any) -> Any:
        guards = {name: getattr(apply, name) for name in ("_own_states", "newer_cells")}
        for name in guards:
            setattr(apply, name, lambda *_: {})
        try:
            return right(*arguments, **named)
        finally:
            for name, guard in guards.items():
                setattr(apply, name, guard)

    return wrong


def _nothing(value: Any = None) -> Callable[[Any], Any]:
    """The part does nothing, and answers `value`."""

    def made(right: Any) -> Any:
        def wrong(*arguments: Any, **named: Any) -> Any:
            return value() if callable(value) else value

        return wrong

    return made


PLANTED: Mapping[str, Bug] = {
    "dropped-when-sent": Bug("A change is forgotten once it is sent.", exchange, "_mark_sent", _sent_is_done),
    "one-verdict-for-all": Bug(
        "One verdict settles the whole queue.", acknowledge, "_take_verdict", _one_verdict_for_all
    ),
    "not-idempotent": Bug("Central does not know a change again.", push, "_known", _nothing(dict)),
    "cursor-too-far": Bug("The cursor is one ahead of what was read.", feed, "_page", _one_too_far),
    "clock-not-advanced": Bug("Others' stamps are not learnt.", Store, "learn_stamp", _nothing()),
    "ids-used-again": Bug(
        "Counters come from the queue's length.", meta, "get_counter", _counted_by_the_queue
    ),
    "anybody-believed": Bug("Answers need no signature.", acknowledge, "is_genuine", _nothing(True)),
    "forgotten-when-applied": Bug(
        "An acknowledgement is final.", exchange, "confirm", _forgotten_when_applied
    ),
    "epoch-ignored": Bug("A restored central is not noticed.", exchange, "_epoch", _epoch_only_noted),
    "heads-not-compared": Bug(
        "Central forgets, and does not know its own word.", service, "is_lost", _nothing(False)
    ),
    "last-arrival-wins": Bug("Whoever comes last had seen it all.", intake, "seen_by", _all_was_seen),
    "news-dropped": Bug("News of a record with unsent work is dropped.", apply, "_park", _nothing()),
    "unsent-overwritten": Bug("News is laid over unsent work.", exchange, "apply_rows", _laid_over_all),
    "journal-not-read": Bug("Nothing is put back from the journal.", recover, "_replay", _nothing(False)),
    "waits-for-ever": Bug("After a failure it waits four months.", worker, "wait_s", _nothing(1e7)),
    "full-disk-ignored": Bug("A full disk is not reported.", Store, "write", _full_disk_ignored),
    "stamps-not-ticked": Bug(
        "All edits bear one stamp.", writing, "tick", lambda right: lambda last, now_ms: Hlc(1)
    ),
}
"""By name."""


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The product with that bug in it."""
    bug = PLANTED[name]
    right = getattr(bug.place, bug.name)
    setattr(bug.place, bug.name, bug.made(right))
    try:
        yield
    finally:
        setattr(bug.place, bug.name, right)
