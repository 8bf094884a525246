"""Bugs that sync engines have shipped with, planted on purpose: a tester that cannot find them proves nothing.

Each replaces one small part of the product for the length of a block. `bravetui simulate --planted all` runs months under
each of them until an invariant complains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import prod
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, select, update

from bravetui.actions import forms as actions
from bravetui.base.errors import StorageFull
from bravetui.base.fault import fault
from bravetui.central import as_signed, database, feed, intake, push
from bravetui.db import added, blob_rows, meta, migrate, records, recover, writing
from bravetui.db.blob_room import let_go
from bravetui.db.blobs import BlobFiles
from bravetui.db.device import BlobProgress, BlobState, Outbox, OutboxState
from bravetui.db.kinds import KINDS
from bravetui.db.migrate import Migration
from bravetui.db.store import Store
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import DELETED
from bravetui.simulate.chaos import Chaos
from bravetui.sync import acknowledge, agreement, apply, carrying, exchange, pages, upon, worker
from bravetui.wire.blobs import BlobName, Rendition

_blob = BlobProgress.__table__  # type: ignore[attr-defined]
_outbox = Outbox.__table__  # type: ignore[attr-defined]


class Bug(NamedTuple):
    """One replaced part: where it stands, its name there, and what the bug makes of it."""

    says: str
    place: Any
    name: str
    made: Callable[[Any], Any]
    """From the right part to the wrong one."""
    needs: tuple[str, ...] = ()
    """Faults without which it does no harm: months that favour them are lived first."""


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
        guards = [
            (module, name, getattr(module, name))
            for module, name in ((apply, "_own_states"), (upon, "newer_cells"))
        ]
        for module, name, _ in guards:
            setattr(module, name, lambda *_: {})
        try:
            return right(*arguments, **named)
        finally:
            for module, name, guard in guards:
                setattr(module, name, guard)

    return wrong


def _once_nothing_waits(right: Any) -> Any:
    def wrong(connection: Connection, taken: Any, now: datetime) -> None:
        right(connection, taken, now)
        taken.all_handed_in = taken.waiting == 0

    return wrong


def _newer_kinds_dropped(right: Any) -> Any:
    def wrong(connection: Connection, scope_id: str, row: Any) -> None:
        if row.kind in KINDS:
            right(connection, scope_id, row)

    return wrong


def _no_more(right: Any) -> Any:
    async def wrong(self: Any, *arguments: Any) -> Any:
        error = await right(self, *arguments)
        self.hold(self._pull_failures >= 3)
        return error

    return wrong


def _five_minutes_more(right: Any) -> Any:
    async def wrong(self: Any, until: datetime) -> None:
        await right(self, until + timedelta(minutes=5))

    return wrong


def _extra_dropped(right: Any) -> Any:
    def wrong(*arguments: Any) -> Any:
        row = right(*arguments)
        return {**row, "extra": {path: value for path, value in row["extra"].items() if path == DELETED}}

    return wrong


def _step_by_step(right: Any) -> Any:
    def wrong(connection: Connection, step: Migration, **_: Any) -> bool:
        for statement in migrate.statements(step.sql):
            connection.exec_driver_sql(statement)
            fault("inside_migration")
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql(f"PRAGMA user_version={step.number:d}")
        return True

    return wrong


def _at_once_for_good(right: Any) -> Any:
    def wrong(engine: Engine) -> None:
        right(engine.execution_options(isolation_level="AUTOCOMMIT"))

    return wrong


def _raised(right: Any) -> Any:
    def wrong(self: Any, error: Exception) -> datetime:
        raise error

    return wrong


def _moved_to_the_newest(right: Any) -> Any:
    def wrong(store: Store, scope_id: str, submission_id: str, answers: Any) -> Any:
        changed = right(store, scope_id, submission_id, answers)
        forms = KINDS["form_template"].table
        with store.write() as writing_:
            newest = select(forms.c.id).order_by(forms.c.version_number.desc()).limit(1)
            told = {"template_id": writing_.connection.execute(newest).scalar_one()}
            writing_.edit("submission", scope_id, submission_id, told)
        return changed

    return wrong


def _nothing(value: Any = None) -> Callable[[Any], Any]:
    """The part does nothing, and answers `value`."""

    def made(right: Any) -> Any:
        def wrong(*arguments: Any, **named: Any) -> Any:
            return value() if callable(value) else value

        return wrong

    return made


def _last_part_is_all(right: Any) -> Any:
    def wrong(store: Store, load: Any, came: Any) -> Any:
        carried = right(store, load, came)
        now = store.clock.now()
        whole = [one.name for one in load.parts if one.offset + len(one.data) == one.size_bytes]
        with store.maintain() as connection:
            for name in whole:
                is_it = (_blob.c.photo == name.photo, _blob.c.rendition == name.rendition.value)
                taken = {
                    "state": BlobState.TAKEN.value,
                    "settled_at": now,
                    "epoch": meta.get(connection, meta.EPOCH),
                }
                connection.execute(update(_blob).where(*is_it).values(**taken))
        return carried

    return wrong


def _once_only(right: Any) -> Any:
    def wrong(self: Any, blob: Any, data: bytes, *, twice: bool = False) -> None:
        right(self, blob, data)

    return wrong


def _let_go_unasked(right: Any) -> Any:
    def wrong(store: Store) -> tuple[BlobName, ...]:
        with store.read() as connection:
            rows = connection.execute(select(_blob.c.scope_id, _blob.c.photo, _blob.c.rendition)).all()
        let_go(
            store, {BlobName(scope_id, photo, Rendition(rendition)) for scope_id, photo, rendition in rows}
        )
        found: tuple[BlobName, ...] = right(store)
        return found

    return wrong


PLANTED: Mapping[str, Bug] = {
    "dropped-when-sent": Bug("A change is forgotten once it is sent.", exchange, "_mark_sent", _sent_is_done),
    "one-verdict-for-all": Bug(
        "One verdict settles the whole queue.", acknowledge, "_take_verdict", _one_verdict_for_all
    ),
    "not-idempotent": Bug(
        "Central does not know a change again.", push, "_known", _nothing(dict), ("answer cut",)
    ),
    "cursor-too-far": Bug("The cursor is one ahead of what was read.", feed, "_page", _one_too_far),
    "clock-not-advanced": Bug("Others' stamps are not learnt.", Store, "learn_stamp", _nothing()),
    "ids-used-again": Bug(
        "Counters come from the queue's length.",
        meta,
        "get_counter",
        _counted_by_the_queue,
        ("database restored",),
    ),
    "anybody-believed": Bug(
        "Answers need no signature.", acknowledge, "is_genuine", _nothing(True), ("forged answer",)
    ),
    "forgotten-when-applied": Bug(
        "An acknowledgement is final.", exchange, "confirm", _forgotten_when_applied, ("central restored",)
    ),
    "epoch-ignored": Bug(
        "A restored central is not noticed.", exchange, "_epoch", _epoch_only_noted, ("central restored",)
    ),
    "last-arrival-wins": Bug("Whoever comes last had seen it all.", intake, "seen_by", _all_was_seen),
    "news-dropped": Bug("News of a record with unsent work is dropped.", apply, "_park", _nothing()),
    "unsent-overwritten": Bug("News is laid over unsent work.", pages, "apply_rows", _laid_over_all),
    "journal-not-read": Bug(
        "Nothing is put back from the journal.", recover, "_replay", _nothing(False), ("database restored",)
    ),
    "gives-up": Bug("After three failures it tries no more.", worker.Worker, "_failed", _no_more),
    "full-disk-ignored": Bug(
        "A full disk is not reported.", Store, "write", _full_disk_ignored, ("disk full",)
    ),
    "stamps-not-ticked": Bug(
        "All edits bear one stamp.", writing, "tick", lambda right: lambda last, now_ms: Hlc(1)
    ),
    "said-too-early": Bug(
        "All is handed in as soon as nothing waits.", exchange, "_settle", _once_nothing_waits
    ),
    "newer-kind-dropped": Bug(
        "What this version does not know is let go.", apply, "_park", _newer_kinds_dropped, ("newer row",)
    ),
    "never-unparked": Bug("What was set aside stays there.", apply, "_free", _nothing(list)),
    "newer-field-dropped": Bug(
        "A field that this version does not know is let go.",
        records,
        "row_from_stored",
        _extra_dropped,
        ("program updated",),
    ),
    "half-a-migration": Bug(
        "A step of the schema is committed piece by piece.",
        migrate,
        "_run",
        _step_by_step,
        ("program updated", "power cut"),
    ),
    "new-column-written": Bug(
        "What an update adds passes for written by whoever wrote the rest.",
        migrate,
        "note_added",
        _nothing(),
        ("program updated",),
    ),
    "half-a-migration-at-central": Bug(
        "Central's schema is brought up statement by statement, each for good.",
        database,
        "migrate",
        _at_once_for_good,
        ("central updated", "central dies in update"),
    ),
    "new-column-written-at-central": Bug(
        "What an update of central adds passes for written by whoever wrote the rest.",
        added,
        "note_added",
        _nothing(),
        ("central updated",),
    ),
    "signed-unseen": Bug(
        "A signature covers what its signer had not seen.",
        intake,
        "had_come",
        _nothing(as_signed.Late()),
    ),
    "later-than-shown": Bug(
        "It waits longer than it shows.", worker.Worker, "_wait_until", _five_minutes_more
    ),
    "ended-by-a-full-disk": Bug(
        "A full disk while syncing ends sync.", worker.Worker, "_stumbled", _raised, ("disk full in sync",)
    ),
    "never-compared": Bug(
        "What is here is not compared with central.",
        agreement,
        "compare",
        _nothing(0),
        ("record lost",),
    ),
    "photo-taken-unsigned": Bug(
        "A photo counts as taken once its last part is sent.", carrying, "settle", _last_part_is_all
    ),
    "photo-kept-once": Bug(
        "A photo that only this laptop has lies on its disk once.", BlobFiles, "keep", _once_only
    ),
    "photo-let-go-unsigned": Bug(
        "A photo makes room before central has said that it has it.", carrying, "ripe", _let_go_unasked
    ),
    "photo-never-asked": Bug(
        "A restored central is not asked which photos it lacks.",
        blob_rows,
        "unasked",
        lambda right: lambda *_: [],
        ("central restored",),
    ),
    "photo-forgotten-in-all": Bug(
        "All is handed in while photos wait.", blob_rows, "is_all_handed_in", _nothing(True)
    ),
    "moved-to-newest": Bug(
        "A draft goes on on the newest version of its form.",
        actions,
        "answer",
        _moved_to_the_newest,
        ("template changed",),
    ),
}
"""By name."""


MONTHS_MAX = 50
"""Within so many months a planted bug has to be found."""

_MONTHS_TO_CHOOSE = 2 * MONTHS_MAX


def likeliest(name: str, first: int = 1) -> list[int]:
    """The months in which the bug is looked for: of twice as many from `first` on, those that favour most the faults that
    it needs, in that order. Which they are follows from the seeds alone."""

    def favour(seed: int) -> float:
        bias = Chaos(seed).bias
        return prod(bias[fault] for fault in PLANTED[name].needs)

    return sorted(range(first, first + _MONTHS_TO_CHOOSE), key=favour, reverse=True)[:MONTHS_MAX]


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
