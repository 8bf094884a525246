"""A row of central's upon the record that is here: what the record becomes, and what of it a restored central has lost.

Nothing that a person has typed and not handed in is written over; what was refused is merged with what central has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select, update

from bravetui.db.device import Base, Outbox, OutboxState
from bravetui.db.kinds import Kind
from bravetui.db.outbox import OF_RECORD, binding
from bravetui.db.quarantine import HELD_BACK, take_out
from bravetui.db.records import Stored
from bravetui.db.tables.conflict import is_answered
from bravetui.db.templates import rules_of
from bravetui.merge.join import ADDS
from bravetui.merge.record import merge
from bravetui.merge.state import Cell, RecordState, alike, covering
from bravetui.merge.version import Dot, VersionVector
from bravetui.sync.refill import is_on
from bravetui.wire.change import REFILLED, Change
from bravetui.wire.messages import Row

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_base = Base.__table__  # type: ignore[attr-defined]

_REFUSED = select(_outbox.c.state, _outbox.c.body).where(
    *OF_RECORD,
    (_outbox.c.state == OutboxState.REFUSED) | HELD_BACK,
)
_TAKEN = select(_outbox.c.device, _outbox.c.counter).where(
    *OF_RECORD,
    _outbox.c.state.in_(bindparam("states", expanding=True)),
)
_JUST_TAKEN = (OutboxState.APPLIED, OutboxState.PARKED)
_HANDED_IN = select(_outbox.c.body).where(
    *OF_RECORD,
    func.json_extract(_outbox.c.body, "$.reason") == bindparam("reason"),
)


@dataclass(frozen=True, slots=True)
class Met:
    """A record after a row came."""

    state: RecordState
    lost: Mapping[str, Cell]
    """What was here, and a restored central does not have."""
    refused: frozenset[Dot] = frozenset()


def upon(
    connection: Connection, kind: Kind, scope_id: str, here: Stored, row: Row, *, waits: bool, refilling: bool
) -> Met | None:
    """A row upon what is here; None for a part of what was never compared with a restored central, and is more than that
    has: only the whole can tell. `waits`: something of the record was refused."""
    central = row.state()
    refused = _still_refused(connection, kind, scope_id, row.id, central) if waits else frozenset()
    # What only the office writes is as central has it, also where a restored central has an older word of its own.
    own_word = not (refilling and kind.office_only)
    newer = newer_cells(here.state, central) if own_word else {}
    gone: dict[str, Cell] = {}
    if refilling and own_word:
        forgotten = forgotten_cells(here.state, central) if row.whole else {}
        gone = _not_taken(connection, kind, scope_id, row, here.state, newer)
        if row.whole and not here.seq and not refused:
            gone |= _counted_otherwise(connection, kind, here.state, central)
        gone |= _undecided(connection, kind, scope_id, row.id, forgotten, central)
        gone = {path: cell for path, cell in gone.items() if refused.isdisjoint(cell.dots)}
    if not row.whole:
        if gone and not here.seq:
            return None
        gone = {}
    if refused:
        state = _merged(connection, kind, scope_id, row.id, here.state, central, refused)
        return Met(state, gone, refused)
    kept = {path: cell for path, cell in newer.items() if path not in gone}
    older = {} if row.whole else here.state.cells
    state = RecordState({**older, **central.cells, **kept}, covering(central.version, kept.values()))
    return Met(state, gone)


def folded(states: Iterable[RecordState]) -> RecordState:
    """What several rows of a record, one after the other, told of it: of two restored lives perhaps, so none takes back what
    it had not seen."""
    here = RecordState()
    for state in states:
        kept = {**here.cells, **state.cells, **newer_cells(here, state)}
        here = RecordState(kept, here.version.joined(state.version))
    return here


def _not_taken(
    connection: Connection, kind: Kind, scope_id: str, row: Row, here: RecordState, newer: dict[str, Cell]
) -> dict[str, Cell]:
    """Of these cells those that stand for more than own changes that this very central has taken: what it made of those it
    tells, though this row, which was set aside, says nothing of them. Of a count it took a step, and the whole record says
    upon what.

    What it had confirmed before a refill began counts as sent since; where none is on, and it does not have it, it lost it.
    """
    if not newer:
        return {}
    states = (*_JUST_TAKEN, OutboxState.CONFIRMED) if is_on(connection) else _JUST_TAKEN
    asked = {**binding((scope_id, kind.name, row.id)), "states": list(states)}
    taken = {Dot(device, counter) for device, counter in connection.execute(_TAKEN, asked)}
    rules = rules_of(connection, kind, here) if taken else None
    return {
        path: cell
        for path, cell in newer.items()
        if rules is None or not taken.issuperset(cell.dots) or (row.whole and rules.of(path).rule in ADDS)
    }


def _counted_otherwise(
    connection: Connection, kind: Kind, here: RecordState, central: RecordState
) -> dict[str, Cell]:
    """Counts of which central says something else. A step that was sent again, and that its vector covers, may have been
    taken upon another count than it was typed upon; what only came to it there comes to what is offered, too."""
    apart = {
        path: cell
        for path, cell in here.cells.items()
        if path in central.cells and not alike(cell.value, central.cells[path].value)
    }
    if not apart:
        return {}
    rules = rules_of(connection, kind, here)
    return {path: cell for path, cell in apart.items() if rules.of(path).rule in ADDS}


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
