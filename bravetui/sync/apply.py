"""Puts central's rows into the laptop's tables: in bulk, and never over what a person has typed and not handed in.

A record with changes of its own under way waits: its rows are set aside (`parked`) and taken when its last verdict is in,
so that its author is never said to have seen what he had not. A refused record does not wait. What a row makes of the record
that is here stands in `upon`. Rows of kinds that this version does not know are kept for a later one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy import Row as SqlRow
from sqlalchemy.dialects.sqlite import insert

from bravetui.db.device import UNACKNOWLEDGED, Base, Outbox, OutboxState, Parked
from bravetui.db.digest import compare_anew
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.quarantine import HELD_BACK
from bravetui.db.records import Stored, load_readable, save_many
from bravetui.db.tables.conflict import OPEN, is_answered
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import RecordState
from bravetui.sync import former
from bravetui.sync.refill import Refill, can_be_told
from bravetui.sync.upon import Met, upon
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Row

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_base = Base.__table__  # type: ignore[attr-defined]
_parked = Parked.__table__  # type: ignore[attr-defined]

_OWN_STATES = select(_outbox.c.kind, _outbox.c.record_id, _outbox.c.state).where(
    _outbox.c.scope_id == bindparam("scope"),
    _outbox.c.state.in_([*UNACKNOWLEDGED, OutboxState.REFUSED]) & ~HELD_BACK,
)
_ASIDE = select(_parked.c.kind, _parked.c.record_id, _parked.c.row).where(
    _parked.c.scope_id == bindparam("scope")
)

Key = tuple[str, str]
"""(kind, record id) inside one scope."""


@dataclass(slots=True)
class Applied:
    """What a page brought."""

    records: set[Key] = field(default_factory=set)
    conflicts: int = 0
    """Conflict records that are open now and were not before."""
    incomplete: set[Lane] = field(default_factory=set)
    """Lanes that must be fetched anew: a part of a record came whose whole is not here."""


def apply_rows(
    connection: Connection, scope_id: str, rows: Sequence[Row], refill: Refill | None = None
) -> Applied:
    """Take an answer's rows of a scope, those set aside earlier included if their record is free now.

    With `refill`, what a restored central has lost is offered to it.
    """
    applied = Applied()
    aside = connection.execute(_ASIDE, {"scope": scope_id}).all()
    if not rows and not aside:
        return applied
    own = _own_states(connection, scope_id)
    begun = former.lay_down(connection, scope_id, aside)
    applied.incomplete |= {KINDS[kind].lane for kind, _ in begun}
    free = _free(connection, scope_id, [one for one in aside if one[:2] not in begun], own)
    ready = [*free, *(row for row in rows if (row.kind, row.id) not in begun)]
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for row in ready:
        if row.kind not in KINDS or own.get((row.kind, row.id), set()) & set(UNACKNOWLEDGED):
            _park(connection, scope_id, row)
        else:
            by_kind[row.kind].append(row)
    for name, kind_rows in by_kind.items():
        lost = _apply_kind(connection, KINDS[name], scope_id, kind_rows, own, applied, refill)
        if refill is not None:
            refill.offer(KINDS[name], scope_id, lost)
    return applied


def newest_of(rows: Sequence[Row]) -> Hlc:
    """The latest stamp in these rows."""
    return max((group.hlc for row in rows for group in row.stamps), default=Hlc(0))


def drop_settled_bases(connection: Connection) -> None:
    """Forget the bases of records of which nothing waits any more."""
    held = select(_outbox.c.record_id).where(
        _outbox.c.state.in_([*UNACKNOWLEDGED, OutboxState.REFUSED, OutboxState.PARKED]),
        _outbox.c.scope_id == _base.c.scope_id,
        _outbox.c.kind == _base.c.kind,
        _outbox.c.record_id == _base.c.record_id,
    )
    connection.execute(delete(_base).where(~held.exists()))


def _own_states(connection: Connection, scope_id: str) -> Mapping[Key, set[str]]:
    """The states of this laptop's own changes that are not at central, by record."""
    found: dict[Key, set[str]] = defaultdict(set)
    for kind, record_id, state in connection.execute(_OWN_STATES, {"scope": scope_id}):
        found[kind, record_id].add(state)
    return found


def _free(
    connection: Connection, scope_id: str, aside: Sequence[SqlRow[str, str, Any]], own: Mapping[Key, set[str]]
) -> list[Row]:
    """Of the rows set aside those that need to wait for their record no longer."""
    found: list[Row] = []
    lanes: set[str] = set()
    for kind, record_id, parts in aside:
        waits = not own.get((kind, record_id), set()).isdisjoint(UNACKNOWLEDGED)
        if kind in KINDS and parts["rows"] and not waits:
            found += [Row.model_validate(part) for part in parts["rows"]]
            _take_back(connection, scope_id, kind, record_id, parts)
            lanes.add(KINDS[kind].lane.value)
    if lanes:
        compare_anew(connection, scope_id, lanes)
    return found


def _take_back(
    connection: Connection, scope_id: str, kind: str, record_id: str, parts: Mapping[str, Any]
) -> None:
    """From what is set aside; what a central of before had told stays (`sync.former`)."""
    at = (_parked.c.scope_id == scope_id, _parked.c.kind == kind, _parked.c.record_id == record_id)
    if parts.get("former"):
        connection.execute(update(_parked).where(*at).values(row={**parts, "rows": []}))
    else:
        connection.execute(delete(_parked).where(*at))


def _park(connection: Connection, scope_id: str, row: Row) -> None:
    key = (_parked.c.scope_id == scope_id, _parked.c.kind == row.kind, _parked.c.record_id == row.id)
    before = connection.execute(select(_parked.c.row).where(*key)).scalar_one_or_none()
    kept: dict[str, Any] = dict(before or {})
    rows = [] if row.whole else list(kept.get("rows", []))
    kept["rows"] = [*rows, row.model_dump(mode="json")]
    statement = insert(_parked).values(scope_id=scope_id, kind=row.kind, record_id=row.id, row=kept)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["scope_id", "kind", "record_id"], set_={"row": statement.excluded.row}
        )
    )


def _apply_kind(
    connection: Connection, kind: Kind, scope_id: str, rows: Sequence[Row], own: Mapping[Key, set[str]], applied: Applied,
    refill: Refill | None,
) -> dict[str, RecordState]:  # fmt: skip
    """Save the rows; returns, by record id, what was here and is not in central's whole record, with all that had been seen
    here before the row came: central is to decide between that and what it has."""
    lost: dict[str, RecordState] = {}
    known = load_readable(connection, kind, scope_id, (row.id for row in rows))
    saved: dict[str, Stored] = {}
    for row in _from_its_whole(rows):
        here = saved.get(row.id) or known.get(row.id)
        if here is not None and row.seq < here.seq:
            continue
        if here and refill is not None and row.whole and _is_answered(kind, here.state, row.state()):
            # As one that central has not: the whole of it is handed in once all is here (`Refill.finish`).
            saved[row.id] = Stored(here.state, 0)
            continue
        met = Met(row.state(), {}) if row.whole else None
        if here is not None:
            waits = (kind.name, row.id) in own
            met = upon(connection, kind, scope_id, here, row, waits=waits, refilling=refill is not None)
        if met is None:
            applied.incomplete.add(kind.lane)
            continue
        if here is not None and met.lost:
            lost[row.id] = RecordState(met.lost, here.state.version.without(met.refused))
        if kind.name == "conflict" and _is_open(met.state) and not (here and _is_open(here.state)):
            applied.conflicts += 1
        saved[row.id] = Stored(met.state, row.seq)
        applied.records.add((kind.name, row.id))
    save_many(connection, kind, scope_id, saved)
    return lost


def _from_its_whole(rows: Sequence[Row]) -> Iterator[Row]:
    """Of each record the last whole row in hand and what follows it: what had been set aside before says nothing more."""
    begins = {row.id: place for place, row in enumerate(rows) if row.whole}
    return (row for place, row in enumerate(rows) if place >= begins.get(row.id, 0))


def _is_answered(kind: Kind, here: RecordState, central: RecordState) -> bool:
    """Whether central asks a question of which is known here what was decided, and can be told."""
    return (
        kind.name == "conflict"
        and can_be_told(here.values())
        and is_answered(central.values(), here.values())
    )


def _is_open(state: RecordState) -> bool:
    return "status" in state.cells and state.cells["status"].value == OPEN
