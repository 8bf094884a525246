"""Puts central's rows into the laptop's tables: in bulk, and never over what a person has typed and not handed in.

A record with changes of its own under way waits: its rows are set aside (`parked`) and taken when its last verdict is in,
so that its author is never said to have seen what he had not. A refused record does not wait; its rows are merged with what
was refused. Rows of kinds that this version does not know are kept for a later one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy import Row as SqlRow
from sqlalchemy.dialects.sqlite import insert

from bravetui.db.device import UNACKNOWLEDGED, Base, Cursor, Outbox, OutboxState, Parked
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.outbox import OF_RECORD, binding
from bravetui.db.quarantine import HELD_BACK, take_out
from bravetui.db.records import Stored, load_readable, save_many
from bravetui.db.tables.conflict import OPEN, is_answered
from bravetui.db.templates import rules_of
from bravetui.merge.hlc import Hlc
from bravetui.merge.record import merge
from bravetui.merge.state import Cell, RecordState, covering
from bravetui.merge.version import Dot, VersionVector
from bravetui.sync.refill import Refill, can_be_told
from bravetui.wire.change import REFILLED, Change
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Row

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_base = Base.__table__  # type: ignore[attr-defined]
_cursor = Cursor.__table__  # type: ignore[attr-defined]
_parked = Parked.__table__  # type: ignore[attr-defined]

_OWN_STATES = select(_outbox.c.kind, _outbox.c.record_id, _outbox.c.state).where(
    _outbox.c.scope_id == bindparam("scope"),
    _outbox.c.state.in_([*UNACKNOWLEDGED, OutboxState.REFUSED]) & ~HELD_BACK,
)
_REFUSED = select(_outbox.c.state, _outbox.c.body).where(
    *OF_RECORD,
    (_outbox.c.state == OutboxState.REFUSED) | HELD_BACK,
)
_HANDED_IN = select(_outbox.c.body).where(
    *OF_RECORD,
    func.json_extract(_outbox.c.body, "$.reason") == bindparam("reason"),
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
    ready = [*_free(connection, scope_id, aside, own), *rows]
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
        if kind in KINDS and not own.get((kind, record_id), set()) & set(UNACKNOWLEDGED):
            found += [Row.model_validate(part) for part in parts["rows"]]
            connection.execute(
                delete(_parked).where(
                    _parked.c.scope_id == scope_id, _parked.c.kind == kind, _parked.c.record_id == record_id
                )
            )
            lanes.add(KINDS[kind].lane.value)
    if lanes:
        # They were left out of what was found equal since they came (`sync.agreement`): it counts as not compared.
        compared = (_cursor.c.scope_id == scope_id, _cursor.c.lane.in_(lanes))
        connection.execute(update(_cursor).where(*compared).values(agreed=0))
    return found


def _park(connection: Connection, scope_id: str, row: Row) -> None:
    key = (_parked.c.scope_id == scope_id, _parked.c.kind == row.kind, _parked.c.record_id == row.id)
    before = connection.execute(select(_parked.c.row).where(*key)).scalar_one_or_none()
    rows = [] if row.whole or before is None else list(before["rows"])
    rows.append(row.model_dump(mode="json"))
    statement = insert(_parked).values(scope_id=scope_id, kind=row.kind, record_id=row.id, row={"rows": rows})
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
    last = {row.id: row.version for row in rows}
    for row in rows:
        here = saved.get(row.id) or known.get(row.id)
        if here is not None and row.seq < here.seq:
            continue
        if here and refill is not None and row.whole and _is_answered(kind, here.state, row.state()):
            # As one that central has not: the whole of it is handed in once all is here (`Refill.finish`).
            saved[row.id] = Stored(here.state, 0)
            continue
        met: _Met | None = _Met(row.state(), RecordState()) if row.whole else None
        if here is not None:
            waits = (kind.name, row.id) in own
            met = _upon(
                connection, kind, scope_id, here, row, last[row.id], waits=waits, refilling=refill is not None
            )
        if met is None:
            applied.incomplete.add(kind.lane)
            continue
        if met.lost.cells:
            lost[row.id] = met.lost
        if kind.name == "conflict" and _is_open(met.state) and not (here and _is_open(here.state)):
            applied.conflicts += 1
        saved[row.id] = Stored(met.state, row.seq)
        applied.records.add((kind.name, row.id))
    save_many(connection, kind, scope_id, saved)
    return lost


@dataclass(frozen=True, slots=True)
class _Met:
    """A record after a row came, and what of it a restored central does not have."""

    state: RecordState
    lost: RecordState


def _upon(
    connection: Connection, kind: Kind, scope_id: str, here: Stored, row: Row, last: VersionVector, *,
    waits: bool, refilling: bool,
) -> _Met | None:  # fmt: skip
    """A row upon what is here; None for a part of what was never compared with a restored central, and is more than that
    has: only the whole can tell. `last` is the vector of the record's last row in hand: central has what it covers, though
    this row was set aside before. `waits`: something of the record was refused."""
    central = row.state()
    refused = _still_refused(connection, kind, scope_id, row.id, central) if waits else frozenset()
    # What only the office writes is as central has it, also where a restored central has an older word of its own.
    own_word = not (refilling and kind.office_only)
    newer = newer_cells(here.state, central) if own_word else {}
    gone: dict[str, Cell] = {}
    if refilling and own_word:
        forgotten = forgotten_cells(here.state, central) if row.whole else {}
        gone = {path: cell for path, cell in newer.items() if not last.covers(cell.dots)}
        gone |= _undecided(connection, kind, scope_id, row.id, forgotten, central)
        gone = {path: cell for path, cell in gone.items() if refused.isdisjoint(cell.dots)}
    if not row.whole:
        if gone and not here.seq:
            return None
        gone = {}
    lost = RecordState(gone, here.state.version.without(refused))
    if refused:
        return _Met(_merged(connection, kind, scope_id, row.id, here.state, central, refused), lost)
    kept = {path: cell for path, cell in newer.items() if path not in gone}
    older = {} if row.whole else here.state.cells
    state = RecordState({**older, **central.cells, **kept}, covering(central.version, kept.values()))
    return _Met(state, lost)


def newer_cells(here: RecordState, central: RecordState) -> dict[str, Cell]:
    """Cells that the row, as of its number, did not contain yet: applied since then, or lost by a restored central."""
    return {path: cell for path, cell in here.cells.items() if not central.version.covers(cell.dots)}


def forgotten_cells(here: RecordState, central: RecordState) -> dict[str, Cell]:
    """Cells of a whole record that central's vector covers and its cells do not hold, though all of those are known here.

    Nothing that was seen here has taken their place, so a restored central has lost them; and so has whoever made them, with
    an older database put back, and has written on: a vector knows the last of his changes, and not that some are missing.
    """
    return {
        path: cell
        for path, cell in here.cells.items()
        if central.version.covers(cell.dots) and _has_gone_back(cell, central.cells.get(path), here.version)
    }


def _still_refused(
    connection: Connection, kind: Kind, scope_id: str, record_id: str, central: RecordState
) -> frozenset[Dot]:
    """The record's changes that were refused, and those that wait behind them.

    What was handed in once more leaves the queue as soon as central has it from somebody else: nobody here typed it.
    """
    record = binding((scope_id, kind.name, record_id))
    rows = [(row.state, Change.model_validate_json(row.body)) for row in connection.execute(_REFUSED, record)]
    said = [
        change
        for state, change in rows
        if state == OutboxState.REFUSED and change.said and _has_all(kind, change, central)
    ]
    take_out(connection, said)
    return frozenset(change.dot for _, change in rows) - {change.dot for change in said}


def _undecided(
    connection: Connection, kind: Kind, scope_id: str, record_id: str, cells: Mapping[str, Cell], central: RecordState
) -> dict[str, Cell]:  # fmt: skip
    """Of these cells those that stand for anything that central has not decided upon when this laptop handed it in."""
    if not cells:
        return {}
    decided: dict[str, set[Dot]] = defaultdict(set)
    asked = {**binding((scope_id, kind.name, record_id)), "reason": REFILLED}
    for body in connection.execute(_HANDED_IN, asked).scalars():
        offer = Change.model_validate_json(body)
        if central.version.covers([offer.dot]):
            for path, said in offer.said.items():
                decided[path] |= {*said.dots}
    return {
        path: cell
        for path, cell in cells.items()
        if not {*cell.dots} <= decided[path] | {*(central.cells[path].dots if path in central.cells else ())}
    }


def _has_gone_back(cell: Cell, central: Cell | None, seen: VersionVector) -> bool:
    """Whether central's cell is made of what was seen here, without some of what ours is made of."""
    return central is None or (seen.covers(central.dots) and not {*cell.dots} <= {*central.dots})


def _has_all(kind: Kind, change: Change, central: RecordState) -> bool:
    """Whether central's record stands upon all that a change says once more. A question bears central's own dots, and each
    life of central's has others: there it is enough that it is asked, or decided."""
    if kind.name == "conflict":
        return not is_answered(central.values(), change.after)
    # Its own dot stands for a value of which it did not know whose it is.
    dots = {dot for one in change.said.values() for dot in one.dots}
    return central.version.covers(dots - {change.dot})


def _is_answered(kind: Kind, here: RecordState, central: RecordState) -> bool:
    """Whether central asks a question of which is known here what was decided, and can be told."""
    return (
        kind.name == "conflict"
        and can_be_told(here.values())
        and is_answered(central.values(), here.values())
    )


def _is_open(state: RecordState) -> bool:
    return "status" in state.cells and state.cells["status"].value == OPEN


def _merged(
    connection: Connection,
    kind: Kind,
    scope_id: str,
    record_id: str,
    local: RecordState,
    central: RecordState,
    refused: frozenset[Dot],
) -> RecordState:
    """A record of which a change was refused: what both sides have, by the very rules that central uses."""
    key = (_base.c.scope_id == scope_id, _base.c.kind == kind.name, _base.c.record_id == record_id)
    agreed = connection.execute(select(_base.c.agreed).where(*key)).scalar_one_or_none() or {}
    known = {
        path
        for path, cell in local.cells.items()
        if path in central.cells and central.version.covers(cell.dots) and refused.isdisjoint(cell.dots)
    }
    own = RecordState({path: cell for path, cell in local.cells.items() if path not in known}, local.version)
    # Central's vector covers what it refused, too, once a later change of the same laptop's has been taken.
    remote = RecordState(central.cells, central.version.without(refused))
    merged = merge(agreed, own, remote, rules_of(connection, kind, local)).record
    # What is on the screen now holds both: the next row is compared with this one.
    connection.execute(update(_base).where(*key).values(agreed={**agreed, **central.values()}))
    return RecordState(merged.cells, merged.version.joined(central.version))
