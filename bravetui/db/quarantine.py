"""What central refused goes again as it is, or mended: a record's refused changes, and all behind them, as one new change.

The new change bears a new dot, since central may keep the refused one for the office to release; it says all that the old
ones said, and had seen what the first of them had seen. Whoever edits the record again thereby mends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from bravetui.base.canonical import Json
from bravetui.db.device import UNACKNOWLEDGED, Outbox, OutboxState
from bravetui.db.moves import Moves
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import RecordState
from bravetui.merge.version import Dot
from bravetui.wire.change import Change, Op

_outbox = Outbox.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Made:
    """Dot, stamp and time of a new change."""

    dot: Dot
    hlc: Hlc
    at: datetime


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
_QUEUED = (
    select(_outbox.c.state, _outbox.c.body)
    .where(
        _outbox.c.scope_id == bindparam("scope"),
        _outbox.c.kind == bindparam("kind"),
        _outbox.c.record_id == bindparam("record"),
        _outbox.c.state.in_([*UNACKNOWLEDGED, OutboxState.REFUSED]),
    )
    .order_by(_outbox.c.counter)
)


def refused_run(connection: Connection, scope_id: str, kind: str, record_id: str) -> tuple[Change, ...]:
    """A record's refused changes and all that wait behind the first of them.

    Empty where none was refused, where one may be on its way, and where one of them is more than an edit: a decision or a
    removal is sent again as it is, or not at all.
    """
    record = {"scope": scope_id, "kind": kind, "record": record_id}
    if connection.execute(_ANY_REFUSED, record).first() is None:
        return ()
    rows = connection.execute(_QUEUED, record).all()
    first = next(index for index, row in enumerate(rows) if row.state == OutboxState.REFUSED)
    run = tuple(Change.model_validate_json(row.body) for row in rows[first:])
    on_its_way = any(row.state == OutboxState.SENT for row in rows)
    plain = all(change.op in (Op.CREATE, Op.EDIT) and change.conflict_id is None for change in run)
    return run if plain and not on_its_way and len({(c.author_id, c.dot.device) for c in run}) == 1 else ()


def mended(run: Sequence[Change], changed: Mapping[str, Json], now: RecordState, made: Made) -> Change:
    """One change that says what all of them said and what is `changed` besides; `now` is the record before it."""
    first = run[0]
    before: dict[str, Json] = {path: now.cells[path].value for path in changed if path in now.cells}
    after: dict[str, Json] = {}
    for change in run:
        after |= change.after
    for change in reversed(run):
        before |= change.before
    told = {
        "dot": made.dot, "before": {} if first.op is Op.CREATE else before, "after": {**after, **changed},
        "hlc": made.hlc, "at": made.at,
        "reason": None,  # if the first was offered to a central that had lost it, a person stands by it now
    }  # fmt: skip
    return first.model_copy(update=told)


def moved(run: Sequence[Change], state: RecordState, dot: Dot) -> RecordState:
    """The record with the new dot in place of the old ones."""
    return Moves(run[0].context, {change.dot: dot for change in run}).state(state)


def release(connection: Connection, dot: Dot) -> None:
    """Let a refused change go again as it is: central takes the same change once."""
    again = {"state": OutboxState.SENT, "verdict": None, "settled_at": None, "error": None}
    one = (_outbox.c.device == dot.device, _outbox.c.counter == dot.counter)
    connection.execute(update(_outbox).where(*one).values(again))


def take_out(connection: Connection, run: Sequence[Change]) -> None:
    """Take the old ones off the queue, once the new one is in it."""
    for change in run:
        connection.execute(
            delete(_outbox).where(
                _outbox.c.device == change.dot.device, _outbox.c.counter == change.dot.counter
            )
        )
