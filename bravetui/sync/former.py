"""What a central had told, and this laptop had only set aside when that central was restored.

Rows are set aside of a kind that only a later version knows, and of a record in which own work is under way. The restored
central may have neither, and whoever wrote it may be gone, so `begin` of a refill keeps them as they came. A record of which
nothing is in the tables is begun with them once its kind is known, and compared with central as any other. Beside one that
is there they stand as what a colleague had said and nobody here had seen: what central lacks of them is handed in so.

That central may have taken own work under way, too, and its answer be lost. Where the restored one refuses that, or it gets
another number, it comes by itself, and is no part of what a colleague had said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update

from bravetui.db import meta
from bravetui.db.device import Cursor, OutboxState, Parked
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.moves import RecordKey
from bravetui.db.outbox import queued
from bravetui.db.quarantine import NOT_GOING
from bravetui.db.records import Stored, load_readable, save_many
from bravetui.db.templates import rules_of
from bravetui.merge.rules import Rules
from bravetui.merge.state import RecordState
from bravetui.sync.handing_in import less_own
from bravetui.sync.upon import newer_cells, not_had
from bravetui.wire.change import Change
from bravetui.wire.messages import Row as Told

_parked = Parked.__table__  # type: ignore[attr-defined]
_cursor = Cursor.__table__  # type: ignore[attr-defined]

_TAKEN = (OutboxState.APPLIED, OutboxState.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a central of before had told of a record that is in the tables."""

    scope_id: str
    kind: Kind
    record_id: str
    here: RecordState
    """As it is in the tables, with all that the restored central has of it."""
    told: tuple[RecordState, ...]
    """Its rows, in the order they came, each with what central had then, less the own work that comes by itself."""
    is_whole: bool
    """Whether one of them has all of the record, and not only what was new."""


def keep(connection: Connection) -> None:
    """What is set aside is of a central of before from now on, and so are its verdicts, which are still known. What only the
    office writes is as central has it."""
    for row in connection.execute(select(_parked)).all():
        key = (row.scope_id, row.kind, row.record_id)
        kind = KINDS.get(row.kind)
        if kind is not None and kind.office_only and _is_here(connection, kind, row.scope_id, row.record_id):
            told = []
        else:
            told = [*row.row.get("former", []), *_with_own_work(connection, key, row.row["rows"])]
        _keep_only(connection, key, told)


def _with_own_work(
    connection: Connection, record: RecordKey, rows: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The rows, each with the own changes that its central had taken by then."""
    own = [(row.state, Change.model_validate_json(row.body)) for row in queued(connection, record)]
    told = RecordState()
    for part in rows:
        row = Told.model_validate(part).state()
        told = RecordState({**told.cells, **row.cells}, row.version)
        taken = [change for state, change in own if _had_taken(state, change, told)]
        yield {"row": part, "own": [change.to_json() for change in taken]}


def _had_taken(state: OutboxState, change: Change, told: RecordState) -> bool:
    """Whether a central that told this had taken the change: its verdict says so, or a cell that bears its dot where the
    answer was lost. Of one number the original of a copied laptop may have made something else."""
    if change.said or not told.version.covers([change.dot]):
        return False
    cells = [told.cells[path] for path in change.after if path in told.cells]
    bears_it = any(
        change.dot in cell.dots and (len(cell.dots) > 1 or cell.hlc == change.hlc) for cell in cells
    )
    return bears_it or state in _TAKEN


def lay_down(
    connection: Connection, scope_id: str, aside: Iterable[Row[str, str, Any]]
) -> set[tuple[str, str]]:
    """Put what can be used now into the tables where they have nothing of it; returns the kinds and record ids. Their lanes
    are to be fetched anew, and compared with that as a restored central's."""
    found: set[tuple[str, str]] = set()
    for name, record_id, parts in aside:
        kind, told = KINDS.get(name), parts.get("former")
        if kind is None or not told or _is_here(connection, kind, scope_id, record_id):
            continue
        save_many(connection, kind, scope_id, {record_id: Stored(folded(_states(told)), 0)})
        _keep_only(connection, (scope_id, name, record_id), ())
        found.add((name, record_id))
    if found:
        meta.put(connection, meta.REFILLING, meta.YES)
    return found


def kept(connection: Connection) -> list[Kept]:
    """Of the projects that can be read, what is kept of records that are in the tables. One that does not read back there
    waits until it does."""
    found = []
    for row in _beside(connection, _parked.c.scope_id.in_(select(_cursor.c.scope_id))):
        kind, told = KINDS[row.kind], row.row["former"]
        here = load_readable(connection, kind, row.scope_id, [row.record_id]).get(row.record_id)
        if here is not None:
            rules = rules_of(connection, kind, folded([*_states(told), here.state]))
            of_others = _of_others(connection, (row.scope_id, row.kind, row.record_id), told, rules)
            is_whole = any(one["row"]["whole"] for one in told)
            found.append(Kept(row.scope_id, kind, row.record_id, here.state, tuple(of_others), is_whole))
    return found


def _of_others(
    connection: Connection, record: RecordKey, told: Sequence[Mapping[str, Any]], rules: Rules
) -> Iterator[RecordState]:
    """What was told, less the own work in it that was refused since, or got another number."""
    now = [(row.state, Change.model_validate_json(row.body)) for row in queued(connection, record)]
    stands = [change for state, change in now if state not in NOT_GOING]
    refused = {change.dot for state, change in now if state in NOT_GOING}
    for state, part in zip(_states(told), told, strict=True):
        own = [Change.model_validate(one) for one in part["own"]]
        gone = {change.dot for change in own if change not in stands}
        seen = state.version.without(gone | refused)
        not_seen = [change for change in own if not seen.covers([change.dot])]
        yield RecordState(less_own(state.cells, not_seen, gone, rules), seen)


def not_seen(connection: Connection) -> set[str]:
    """The projects that cannot be read just now, and of whose records something is kept."""
    return {
        row.scope_id for row in _beside(connection, _parked.c.scope_id.not_in(select(_cursor.c.scope_id)))
    }


def _beside(connection: Connection, where: ColumnElement[bool]) -> list[Row[Any]]:
    """What is kept of records that are in the tables."""
    rows = connection.execute(select(_parked).where(where, _parked.c.kind.in_(KINDS))).all()
    return [
        row
        for row in rows
        if row.row.get("former") and _is_here(connection, KINDS[row.kind], row.scope_id, row.record_id)
    ]


def lost(connection: Connection, one: Kept, *, is_all: bool) -> list[RecordState]:
    """What central lacks of it, row by row, each with all that had been seen with it; or `is_all` of it as one. What a later
    row wrote over, and had seen, was no word of that central's any more."""
    if is_all:
        return [folded(one.told)]
    key = (one.scope_id, one.kind.name, one.record_id)
    found = []
    for place, told in enumerate(one.told):
        cells = not_had(connection, one.kind, key, _less(told, one.told[place + 1 :]), one.here)
        found += [RecordState(cells, told.version)] if cells else []
    return found


def drop(connection: Connection, one: Kept) -> None:
    """It has been compared, and what central lacked of it is on its way."""
    at = _at(one.scope_id, one.kind.name, one.record_id)
    rows = connection.execute(select(_parked.c.row).where(*at)).scalar_one()["rows"]
    if rows:
        connection.execute(update(_parked).where(*at).values(row={"rows": rows}))
    else:
        connection.execute(delete(_parked).where(*at))


def folded(states: Iterable[RecordState]) -> RecordState:
    """What several rows of a record, one after the other, told of it: of two restored lives perhaps, so none takes back what
    it had not seen."""
    here = RecordState()
    for state in states:
        kept = {**here.cells, **state.cells, **newer_cells(here, state)}
        here = RecordState(kept, here.version.joined(state.version))
    return here


def _less(told: RecordState, later: Sequence[RecordState]) -> RecordState:
    cells = {
        path: cell
        for path, cell in told.cells.items()
        if not any(path in one.cells and one.version.covers(cell.dots) for one in later)
    }
    return RecordState(cells, told.version)


def _states(told: Iterable[Any]) -> Iterator[RecordState]:
    return (Told.model_validate(one["row"]).state() for one in told)


def _is_here(connection: Connection, kind: Kind, scope_id: str, record_id: str) -> bool:
    """Whether anything of it is in the tables. Nothing is of a kind that the program knows since its update only."""
    table = kind.table
    found = select(table.c.id).where(table.c.scope_id == scope_id, table.c.id == record_id)
    return connection.execute(found).first() is not None


def _keep_only(connection: Connection, key: tuple[str, str, str], told: Sequence[Any]) -> None:
    if told:
        connection.execute(update(_parked).where(*_at(*key)).values(row={"rows": [], "former": [*told]}))
    else:
        connection.execute(delete(_parked).where(*_at(*key)))


def _at(scope_id: str, kind: str, record_id: str) -> tuple[Any, ...]:
    return _parked.c.scope_id == scope_id, _parked.c.kind == kind, _parked.c.record_id == record_id
