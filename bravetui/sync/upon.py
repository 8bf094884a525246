"""A row of central's upon the record that is here: what the record becomes, and what of it a restored central has lost.

Nothing that a person has typed and not handed in is written over; what was refused is merged with what central has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select, update

from bravetui.base.canonical import Json
from bravetui.db import meta
from bravetui.db.device import Base, Outbox, OutboxState
from bravetui.db.digest import compare_anew
from bravetui.db.kinds import Kind
from bravetui.db.outbox import OF_RECORD, binding, queued
from bravetui.db.quarantine import HELD_BACK, NOT_GOING, take_out
from bravetui.db.records import Stored
from bravetui.db.tables.conflict import is_answered
from bravetui.db.templates import rules_of
from bravetui.merge.join import ADDS
from bravetui.merge.record import merge
from bravetui.merge.rules import Rules
from bravetui.merge.state import Cell, RecordState, alike, covering
from bravetui.merge.version import Dot, VersionVector
from bravetui.sync.handing_in import less_own
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
    met = _Meeting(connection, kind, (scope_id, kind.name, row.id), here.state, row.state(), row.whole)
    refused = met.still_refused() if waits else frozenset()
    # What only the office writes is as central has it, also where a restored central has an older word of its own.
    is_own = not (refilling and kind.office_only)
    newer = newer_cells(met.here, met.central) if is_own else {}
    lost = met.lost(newer, refused, is_first=not here.seq) if refilling and is_own else {}
    if not row.whole:
        if lost and not here.seq:
            return None
        lost = {}
    if refused:
        return Met(met.merged(refused), lost, refused)
    kept = {path: cell for path, cell in newer.items() if path not in lost}
    older = {} if row.whole else met.here.cells
    cells = {**older, **met.central.cells, **kept}
    return Met(RecordState(cells, covering(met.central.version, kept.values())), lost)


def not_had(
    connection: Connection, kind: Kind, key: tuple[str, str, str], told: RecordState, central: RecordState
) -> dict[str, Cell]:
    """What a central of before `told` of a record, and the restored one, of which all is here, does not have."""
    met = _Meeting(connection, kind, key, told, central, is_whole=True)
    return met.lost(newer_cells(told, central), frozenset(), is_first=True)


@dataclass(frozen=True, slots=True)
class _Meeting:
    """A record as it is here, and as a row of central's tells it."""

    connection: Connection
    kind: Kind
    key: tuple[str, str, str]
    """(scope id, kind, record id)"""
    here: RecordState
    central: RecordState
    is_whole: bool

    def still_refused(self) -> frozenset[Dot]:
        """The record's changes that were refused, and those that wait behind them.

        What was handed in once more leaves the queue as soon as central has it from somebody else: nobody here typed it.
        """
        found = self.connection.execute(_REFUSED, binding(self.key))
        rows = [(row.state, Change.model_validate_json(row.body)) for row in found]
        said = [
            change
            for state, change in rows
            if state == OutboxState.REFUSED and change.said and _has_all(self.kind, change, self.central)
        ]
        if said:  # what is here was merged with it
            compare_anew(self.connection, self.key[0], [self.kind.lane.value])
        take_out(self.connection, said)
        return frozenset(change.dot for _, change in rows) - {change.dot for change in said}

    def lost(self, newer: Mapping[str, Cell], refused: frozenset[Dot], *, is_first: bool) -> dict[str, Cell]:
        """What is here and a restored central does not have; `newer` are the cells that its vector does not cover. At its
        first meeting with that central a record has not been laid upon anything of its yet."""
        found = self._not_taken(newer)
        if self.is_whole and is_first and not refused:
            found |= self._counted_otherwise()
        if self.is_whole:
            found |= self._undecided(forgotten_cells(self.here, self.central))
        found = {path: cell for path, cell in found.items() if refused.isdisjoint(cell.dots)}
        return self._less_steps(found, refused) if found and refused else found

    def _less_steps(self, lost: Mapping[str, Cell], refused: frozenset[Dot]) -> dict[str, Cell]:
        """The same, counts less the own steps that central took behind what it refused: they are told with what had been
        seen before that, and its ledger has those steps. What was refused left the count when a row of central's came."""
        seen = self.here.version.without(refused)
        rows = queued(self.connection, self.key)
        own = [Change.model_validate_json(row.body) for row in rows if row.state not in NOT_GOING]
        steps = [one for one in own if not one.said and self._is_between(one.dot, seen)]
        return less_own(lost, steps, (), self._rules())

    def _is_between(self, dot: Dot, seen: VersionVector) -> bool:
        return self.here.version.covers([dot]) and not seen.covers([dot])

    def _not_taken(self, newer: Mapping[str, Cell]) -> dict[str, Cell]:
        """Of these cells those that stand for more than own changes that this very central has taken: what it made of those
        it tells, though this row, which was set aside, says nothing of them. Of a count it took a step, and the whole record
        says upon what.

        What it had confirmed before a refill began counts as sent since; where none is on, and it lacks that, it lost it.
        """
        if not newer:
            return {}
        states = (*_JUST_TAKEN, OutboxState.CONFIRMED) if meta.is_refilling(self.connection) else _JUST_TAKEN
        rows = self.connection.execute(_TAKEN, {**binding(self.key), "states": list(states)})
        taken = {Dot(device, counter) for device, counter in rows}
        counts = self._counts(newer) if taken and self.is_whole else set()
        return {
            path: cell for path, cell in newer.items() if path in counts or not taken.issuperset(cell.dots)
        }

    def _counted_otherwise(self) -> dict[str, Cell]:
        """Counts of which central says something else. A step that was sent again, and that its vector covers, may have been
        taken upon another count than it was typed upon; what only came to it there comes to what is offered, too."""
        there = self.central.cells
        apart = {
            path: cell
            for path, cell in self.here.cells.items()
            if path in there and _say_otherwise(cell.value, there[path].value)
        }
        return {path: apart[path] for path in self._counts(apart)}

    def _counts(self, cells: Mapping[str, Cell]) -> set[str]:
        """The paths of these at which is counted."""
        if not cells:
            return set()
        rules = self._rules()
        return {path for path in cells if rules.of(path).rule in ADDS}

    def _rules(self) -> Rules:
        # A part of a record does not tell which form it is.
        record = RecordState({**self.central.cells, **self.here.cells})
        return rules_of(self.connection, self.kind, record)

    def _undecided(self, cells: Mapping[str, Cell]) -> dict[str, Cell]:
        """Of these those that stand for anything that central has not decided upon when this laptop handed it in."""
        if not cells:
            return {}
        decided: dict[str, set[Dot]] = defaultdict(set)
        rows = self.connection.execute(_HANDED_IN, {**binding(self.key), "reason": REFILLED})
        for offer in map(Change.model_validate_json, rows.scalars()):
            if self.central.version.covers([offer.dot]):
                for path, said in offer.said.items():
                    decided[path] |= {*said.dots}
        for path in cells.keys() & self.central.cells.keys():
            decided[path] |= {*self.central.cells[path].dots}
        return {path: cell for path, cell in cells.items() if not decided[path].issuperset(cell.dots)}

    def merged(self, refused: frozenset[Dot]) -> RecordState:
        """A record of which a change was refused: what both sides have, by the very rules that central uses."""
        here, central, (scope_id, kind, record_id) = self.here, self.central, self.key
        at = (_base.c.scope_id == scope_id, _base.c.kind == kind, _base.c.record_id == record_id)
        agreed = self.connection.execute(select(_base.c.agreed).where(*at)).scalar_one_or_none() or {}
        known = {
            path
            for path, cell in here.cells.items()
            if path in central.cells and central.version.covers(cell.dots) and refused.isdisjoint(cell.dots)
        }
        own = RecordState(
            {path: cell for path, cell in here.cells.items() if path not in known}, here.version
        )
        # Central's vector covers what it refused, too, once a later change of the same laptop's has been taken.
        remote = RecordState(central.cells, central.version.without(refused))
        both = merge(agreed, own, remote, rules_of(self.connection, self.kind, here)).record
        # What is on the screen now holds both: the next row is compared with this one.
        self.connection.execute(update(_base).where(*at).values(agreed={**agreed, **central.values()}))
        return RecordState(both.cells, both.version.joined(central.version))


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


def _say_otherwise(here: Json, central: Json) -> bool:
    """Of two counts. One that was emptied on either side is none: as zero it would go on counting."""
    return here is not None and central is not None and not alike(here, central)


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
