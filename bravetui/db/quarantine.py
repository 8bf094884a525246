"""What central refused goes again as it is, or mended: a record's refused changes, and all behind them, as one new change.

The new change bears a new dot, since central may keep the refused one for the office to release; it says all that the old
ones said, and had seen what the first of them had seen. What has been handed in since stands: of one request central may
refuse the first change and take the second. Whoever edits the record again thereby mends it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from bravetui.base.canonical import Json
from bravetui.db.device import UNACKNOWLEDGED, Outbox, OutboxState
from bravetui.db.moves import Moves
from bravetui.merge.hlc import Hlc
from bravetui.merge.join import KEEPS_BOTH, added
from bravetui.merge.rules import Rules
from bravetui.merge.state import RecordState, row_of
from bravetui.merge.version import Dot
from bravetui.wire.change import Change, Op

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_AGAIN = (*UNACKNOWLEDGED, OutboxState.REFUSED)

OUTDONE = "Refused at first; meanwhile somebody else's word came to stand."
"""Reason of a change that `as_before` made: no typing goes on in it."""

TAKEN_OFF = "Taken off the queue: a later change of this laptop's says it."
"""Reason of a change, in the journal alone, that `taken_off` made."""


@dataclass(frozen=True, slots=True)
class Made:
    """Dot, stamp and time of a new change."""

    dot: Dot
    hlc: Hlc
    at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """What of a record goes again as one change."""

    changes: tuple[Change, ...]
    """The refused ones and all that wait behind the first of them, oldest first; never empty."""
    since: tuple[Change, ...] = ()
    """What was made after the first of them and is at central all the same, taken or on hold, oldest first."""


_ANY_REFUSED = (
    select(_outbox.c.counter)
    .where(
        _outbox.c.scope_id == bindparam("scope"),
        _outbox.c.kind == bindparam("kind"),
        _outbox.c.record_id == bindparam("record"),
        _outbox.c.state == OutboxState.REFUSED,
    )
    .limit(1)
)
_OF_RECORD = (
    select(_outbox.c.state, _outbox.c.body)
    .where(
        _outbox.c.scope_id == bindparam("scope"),
        _outbox.c.kind == bindparam("kind"),
        _outbox.c.record_id == bindparam("record"),
    )
    .order_by(_outbox.c.counter)
)


def refused_run(connection: Connection, scope_id: str, kind: str, record_id: str) -> Run | None:
    """A record's refused changes and all that wait behind the first of them.

    None where none was refused, where one may be on its way, and where one of them is more than an edit: a decision or a
    removal is sent again as it is, or not at all.
    """
    record = {"scope": scope_id, "kind": kind, "record": record_id}
    if connection.execute(_ANY_REFUSED, record).first() is None:
        return None
    rows = connection.execute(_OF_RECORD, record).all()
    first = next(index for index, row in enumerate(rows) if row.state == OutboxState.REFUSED)
    since = [(row.state in _AGAIN, Change.model_validate_json(row.body)) for row in rows[first:]]
    run = tuple(change for again, change in since if again)
    on_its_way = any(row.state == OutboxState.SENT for row in rows)
    plain = all(change.op in (Op.CREATE, Op.EDIT) and change.conflict_id is None for change in run)
    alike = len({(change.author_id, change.dot.device) for change in run}) == 1
    stands = tuple(change for again, change in since if not again)
    return Run(run, stands) if plain and alike and not on_its_way else None


def mended(
    run: Run,
    changed: Mapping[str, Json],
    now: RecordState,
    made: Made,
    lost: Collection[str] = (),
    counted: Collection[str] = (),
) -> Change:
    """One change that says what all of them said, less what is `lost` (`outdone`), and what is `changed` besides; `now` is
    the record before it.

    `counted` are the paths whose differences count (`Rule.SUM`): of those each change says how much came to it.
    """
    first = run.changes[0]
    before = {path: now.cells[path].value for path in changed if path in now.cells}
    said = {path: change.after[path] for path, change in _last_words(run).items()}
    after = {**{path: value for path, value in said.items() if path not in lost}, **changed}
    steps = [*((change.before, change.after) for change in run.changes), (before, changed)]
    before = {} if first.op is Op.CREATE else {**before, **_before(run)}
    for path in counted:
        if any(path in said for _, said in steps):
            after[path] = _total(path, before.get(path), steps)
    told = {
        "dot": made.dot, "before": {path: before[path] for path in after if path in before}, "after": after,
        "context": first.context, "hlc": made.hlc, "at": made.at,
        "reason": None,  # if the first was offered to a central that had lost it, a person stands by it now
    }  # fmt: skip
    return first.model_copy(update=told)


def outdone(run: Run, now: RecordState, rules: Rules) -> dict[str, Json]:
    """What the run said and the record shows no more, since somebody else's word stands: under a new stamp it would win.

    Not where the record shows what both said (`KEEPS_BOTH`); of a group all, if any of it.
    """
    said = {path: change.after[path] for path, change in _last_words(run).items()}
    gone = {
        path
        for path, value in said.items()
        if path in now.cells and now.cells[path].value != value and rules.of(path).rule not in KEEPS_BOTH
    }
    groups = {(row_of(path), rules.of(path).group) for path in gone if rules.of(path).group}
    return {
        path: value
        for path, value in said.items()
        if path in gone or (row_of(path), rules.of(path).group) in groups
    }


def as_before(run: Run, lost: Mapping[str, Json], dot: Dot) -> Change:
    """A change that says what was outdone, as of when the first of it was said: all are told that it was, it is lost to
    nobody, and it outdoes nothing."""
    words, before = _last_words(run), _before(run)
    first = min((words[path] for path in lost), key=_said_at)
    told = {
        "dot": dot, "op": Op.EDIT, "context": run.changes[0].context, "after": dict(lost),
        "before": {path: before[path] for path in lost if path in before}, "reason": OUTDONE,
    }  # fmt: skip
    return first.model_copy(update=told)


def _before(run: Run) -> dict[str, Json]:
    """The values before the first of the run."""
    return {path: value for change in reversed(run.changes) for path, value in change.before.items()}


def _total(path: str, start: Json, steps: Iterable[tuple[Mapping[str, Json], Mapping[str, Json]]]) -> Json:
    total = start
    for before, after in steps:
        if path in after:
            total = added(before.get(path), total, after[path])
    return total


def _last_words(run: Run) -> dict[str, Change]:
    """By path the change that has the last word of the run, where nothing that central has came after it."""
    again = {change.dot for change in run.changes}
    words: dict[str, Change] = {}
    for change in sorted((*run.changes, *run.since), key=_said_at):
        if change.dot in again:
            words |= dict.fromkeys(change.after, change)
        else:
            words = {path: earlier for path, earlier in words.items() if path not in change.after}
    return words


def _said_at(change: Change) -> tuple[Hlc, int]:
    """The order in which a laptop said things; not that of its dots, since `as_before` says old things behind new ones."""
    return change.hlc, change.dot.counter


def taken_off(change: Change) -> Change:
    """How the journal says that a later change says what this one did: under its dot, and never sent.

    The record's vector need not cover its dot any more, if the laptop has another number since; a start would put it back.
    """
    return change.model_copy(update={"reason": TAKEN_OFF})


def moved(run: Run, state: RecordState, dot: Dot) -> RecordState:
    """The record with the new dot in place of the old ones."""
    return Moves(run.changes[0].context, {change.dot: dot for change in run.changes}).state(state)


def release(connection: Connection, dot: Dot) -> None:
    """Let a refused change go again as it is: central takes the same change once."""
    again = {"state": OutboxState.SENT, "verdict": None, "settled_at": None, "error": None}
    one = (_outbox.c.device == dot.device, _outbox.c.counter == dot.counter)
    connection.execute(update(_outbox).where(*one).values(again))


def take_out(connection: Connection, run: Run) -> None:
    """Take the old ones off the queue, once the new one is in it."""
    for change in run.changes:
        connection.execute(
            delete(_outbox).where(
                _outbox.c.device == change.dot.device, _outbox.c.counter == change.dot.counter
            )
        )
