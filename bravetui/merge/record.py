"""Joins two descendants of one base and loses nothing.

The cases for a field, in order: only one side moved; both moved to the same value; both moved apart and the field's
rule joins them; apart with no rule that can: a conflict that holds both. A removed row or record that the other side
went on working in comes back, and a person decides.

Laws, held by property tests: both ends get the same result from the same arguments; swapping the sides changes nothing
but who counts as central; merging again gives nothing new; the result's vector covers both; every input value is kept,
or in a conflict, or named as superseded; a joined value carries the dots of both sides and mints none, or two devices
would chase each other for ever. Never: reads a clock, breaks a tie by wall time, drops a field it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bravetui.base.canonical import Json
from bravetui.merge.join import ADDS, JOINS, KEEPS_BOTH, Side
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import DELETED, Cell, RecordState, alike, is_row
from bravetui.merge.version import Order, VersionVector


@dataclass(frozen=True, slots=True)
class Conflict:
    """A question for a person: one field, or one group of fields, that two people set apart from each other."""

    paths: tuple[str, ...]
    base: Mapping[str, Json]
    local: Mapping[str, Cell]
    remote: Mapping[str, Cell]
    rule: Rule


@dataclass(frozen=True, slots=True)
class Superseded:
    """A value that a rule set aside: the ledger keeps it, its author is told and can bring it back."""

    path: str
    loser: Side
    cell: Cell
    rule: Rule


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome: the record as both ends now hold it, the open questions, and what rules set aside."""

    record: RecordState
    conflicts: tuple[Conflict, ...] = ()
    superseded: tuple[Superseded, ...] = ()


def merge(
    base: Mapping[str, Json],
    local: RecordState,
    remote: RecordState,
    rules: Rules,
    had_seen: Mapping[str, VersionVector] = MappingProxyType({}),
) -> Merged:
    """Merge a laptop's record into central's.

    `base` is the record as last agreed: values by path, as far as known. `local` is the record as this laptop has it,
    or at central as the author of a change left it; it may hold touched cells only. `remote` is the record as central
    has it. Absent cells count as untouched. `had_seen` says, by path, what those who wrote central's cells are known to have
    seen besides what its vector covers.

    >>> from bravetui.merge.hlc import Hlc
    >>> from bravetui.merge.version import Dot
    >>> def state(value, device):
    ...     return RecordState({"rain_in": Cell(value, (Dot(device, 1),), Hlc(1))}, VersionVector({device: 1}))
    >>> merged = merge({"rain_in": None}, state("0.42", 1), state("0.31", 2), Rules())
    >>> [(c.local["rain_in"].value, c.remote["rain_in"].value) for c in merged.conflicts]
    [('0.42', '0.31')]
    """
    out = _Outcome(base, local, remote, rules, had_seen)
    for paths in _units(local, remote, rules):
        out.unit(paths)
    out.revive()
    version = local.version.joined(remote.version)
    return Merged(RecordState(out.cells, version), tuple(out.conflicts), tuple(out.superseded))


def newer(local: Cell, remote: Cell, seen_by: tuple[VersionVector, VersionVector]) -> Side | None:
    """Which of two cells replaces the other because its author had seen it; None when neither had.

    `seen_by` holds the vectors of the two records the cells come from. Where both records hold both cells' changes, one
    of them has already merged the two: the record that saw more is right, and between equals central is.
    """
    remote_saw_local = seen_by[1].covers(local.dots)
    local_saw_remote = seen_by[0].covers(remote.dots)
    if remote_saw_local and local_saw_remote:
        return _merged_before(local, remote, seen_by[0].order(seen_by[1]))
    if remote_saw_local:
        return Side.REMOTE
    return Side.LOCAL if local_saw_remote else None


def _merged_before(local: Cell, remote: Cell, order: Order) -> Side:
    """The side whose record saw more; where each saw something else, the side whose cell holds more changes."""
    left, right = set(local.dots), set(remote.dots)
    if order in (Order.BEFORE, Order.EQUAL) or (order is Order.CONCURRENT and left <= right):
        return Side.REMOTE
    return Side.LOCAL if order is Order.AFTER or left > right or local.rank > remote.rank else Side.REMOTE


def _units(local: RecordState, remote: RecordState, rules: Rules) -> Iterator[tuple[str, ...]]:
    """The paths to merge, those of one group (in one row) together, in a stable order."""
    units: dict[tuple[str, str], list[str]] = {}
    for path in sorted(local.cells.keys() | remote.cells.keys()):
        units.setdefault(rules.unit_of(path), []).append(path)
    return (tuple(paths) for paths in units.values())


_Sides = Mapping[str, tuple[Cell | None, Cell | None]]
"""The members of a group by path, as the laptop and central have them."""


class _Outcome:
    """What merging has decided so far; lives for one call of `merge`."""

    def __init__(
        self, base: Mapping[str, Json], local: RecordState, remote: RecordState, rules: Rules,
        had_seen: Mapping[str, VersionVector],
    ) -> None:  # fmt: skip
        self._base, self._local, self._remote, self._rules = base, local, remote, rules
        self._seen, self._had_seen = (local.version, remote.version), had_seen
        self.cells: dict[str, Cell] = {}
        self.conflicts: list[Conflict] = []
        self.superseded: list[Superseded] = []

    def unit(self, paths: Sequence[str]) -> None:
        """Merge one field, or the fields of one group."""
        self._seen = self._local.version, self._seen_there(paths)
        if len(paths) == 1:
            self._field(paths[0])
        else:
            self._group(paths)

    def _seen_there(self, paths: Iterable[str]) -> VersionVector:
        """What central's side of these fields has seen."""
        seen = self._remote.version
        for path in paths:
            seen = seen.joined(self._had_seen[path]) if path in self._had_seen else seen
        return seen

    def _knew(self, path: str, cell: Cell) -> bool:
        """Whether who wrote central's cell is known to have seen this one."""
        return path in self._had_seen and self._had_seen[path].covers(cell.dots)

    def _field(self, path: str) -> None:
        """Merge one field that belongs to no group, or to a group of which nothing else is set."""
        local, remote = self._local.cells.get(path), self._remote.cells.get(path)
        if local is None or remote is None:
            cell = local or remote
            assert cell is not None
            self.cells[path] = cell
            return
        if local.dots == remote.dots and alike(local.value, remote.value):
            self.cells[path] = remote  # the very same cell on both sides, as most are
            return
        side, declared = newer(local, remote, self._seen), self._rules.of(path)
        if side is not None:
            self.cells[path] = local if side is Side.LOCAL else remote
        elif alike(local.value, remote.value) and declared.rule not in ADDS:
            self.cells[path] = joined(local.value, local, remote)
        else:
            self._apart(path, local, remote, declared)

    def _apart(self, path: str, local: Cell, remote: Cell, declared: FieldRule) -> None:
        stands = JOINS[declared.rule](self._base.get(path), local, remote, declared, self._rules)
        self.cells[path] = joined(stands.value, local, remote)
        if stands.ask:
            self._ask((path,), declared.rule)
            return
        for side, cell in ((Side.LOCAL, local), (Side.REMOTE, remote)):
            if not alike(cell.value, stands.value) and declared.rule not in KEEPS_BOTH:
                self.superseded.append(Superseded(path, side, cell, declared.rule))

    def _group(self, paths: Sequence[str]) -> None:
        """Merge fields that win, lose or conflict as one: no row comes out that nobody entered."""
        sides = {path: (self._local.cells.get(path), self._remote.cells.get(path)) for path in paths}
        whole = self._group_winner(sides)
        if whole is None:
            self._ask(tuple(paths), Rule.REVIEW)
            self._let_stand(sides, self._safer_side(sides))
            return
        self._let_stand(sides, whole)
        for path, (local, remote) in sides.items():
            self._note_group_loser(path, local, remote, whole)

    def _let_stand(self, sides: _Sides, whole: Side) -> None:
        """The group as one side has it. What this side never set stays unset, and is not borrowed from the other."""
        pairs = {path: pair if whole is Side.LOCAL else pair[::-1] for path, pair in sides.items()}
        given = [own for own, _ in pairs.values() if own is not None]
        for path, (own, other) in pairs.items():
            if other is None or self._knows(whole, other):
                cell = own or other
                assert cell is not None
                self.cells[path] = cell
            elif own is None:
                latest = max(given, key=lambda cell: cell.rank)
                self.cells[path] = joined(self._rules.of(path).unset, latest, other)
            else:
                self.cells[path] = joined(own.value, own, other)

    def _knows(self, side: Side, cell: Cell) -> bool:
        return self._seen[0 if side is Side.LOCAL else 1].covers(cell.dots)

    def _note_group_loser(self, path: str, local: Cell | None, remote: Cell | None, whole: Side) -> None:
        loser, cell = (Side.REMOTE, remote) if whole is Side.LOCAL else (Side.LOCAL, local)
        if cell is None or self._knows(whole, cell) or alike(cell.value, self.cells[path].value):
            return
        self.superseded.append(Superseded(path, loser, cell, self._rules.of(path).rule))

    def _group_winner(self, sides: _Sides) -> Side | None:
        """The side whose whole group stands; None leaves it to a person."""
        moved: set[Side] = set()
        entered_again: set[Side] = set()
        apart = False
        for local, remote in sides.values():
            if local is None or remote is None:
                moved |= self._moved_alone(local, remote)
            elif local != remote:
                side, same = newer(local, remote, self._seen), alike(local.value, remote.value)
                apart |= side is None and not same
                if side is not None:
                    (entered_again if same else moved).add(side)
        if not apart and len(moved) < 2:
            return Side.LOCAL if (moved or entered_again) == {Side.LOCAL} else Side.REMOTE
        rules = {self._rules.of(path).rule for path in sides}
        if rules == {Rule.SERVER_WINS}:
            return Side.REMOTE
        if rules == {Rule.LAST_WRITE_WINS}:
            return self._later_side(sides)
        return None

    def _moved_alone(self, local: Cell | None, remote: Cell | None) -> set[Side]:
        """The side that set a member which the other does not hold; none if the other knows of it and left it alone."""
        if local is not None:
            return set() if self._knows(Side.REMOTE, local) else {Side.LOCAL}
        assert remote is not None
        return set() if self._knows(Side.LOCAL, remote) else {Side.REMOTE}

    def _later_side(self, sides: _Sides) -> Side:
        """The side that made the latest entry of those that the other had not seen."""
        own = [local.rank for local, _ in sides.values() if local and not self._knows(Side.REMOTE, local)]
        others = [
            remote.rank for _, remote in sides.values() if remote and not self._knows(Side.LOCAL, remote)
        ]
        return Side.LOCAL if max(own, default=()) > max(others, default=()) else Side.REMOTE

    def _safer_side(self, sides: _Sides) -> Side:
        """Whose group stands until a person decides: the safer one where a member says so, else central's."""
        for path, (local, remote) in sides.items():
            declared = self._rules.of(path)
            if not declared.order or declared.rule is Rule.UNION:  # whose order is that of the form
                continue
            if local is None or remote is None:
                if (
                    self._moved_alone(local, remote) == {Side.LOCAL}
                    and local
                    and local.value != declared.unset
                ):
                    return Side.LOCAL  # a reading, however low, is safer than none
            elif newer(local, remote, self._seen) is None:
                stands = JOINS[declared.rule](None, local, remote, declared, self._rules)
                if stands.value == local.value != remote.value:
                    return Side.LOCAL
        return Side.REMOTE

    def _ask(self, paths: tuple[str, ...], rule: Rule) -> None:
        cells = self._local.cells, self._remote.cells
        local, remote = ({path: side[path] for path in paths if path in side} for side in cells)
        base = {path: self._base[path] for path in paths if path in self._base}
        self.conflicts.append(Conflict(paths, base, local, remote, rule))

    def revive(self) -> None:
        """Bring back what one side removed while the other went on working in it, and ask."""
        for path in sorted(self.cells):
            survivor = self._worked_on_apart(path) if _gone(path, self.cells[path]) else None
            if survivor is not None:
                self.cells[path] = joined(False if path == DELETED else 0, self.cells[path], survivor)
                if all(conflict.paths != (path,) for conflict in self.conflicts):
                    self._ask((path,), Rule.UNION)

    def _worked_on_apart(self, removed: str) -> Cell | None:
        """The latest cell inside the removed row or record that its remover had not seen; None if there is none."""
        inside = "" if removed == DELETED else f"{removed}/"
        there = RecordState(self._remote.cells, self._seen_there([removed]))
        for remover, worker in ((self._local, self._remote), (there, self._local)):
            cell = remover.cells.get(removed)
            if cell is None or worker.version.covers(cell.dots) or _gone(removed, worker.cells.get(removed)):
                continue
            unseen = (
                other
                for path, other in worker.cells.items()
                if path.startswith(inside)
                and path != removed
                and not remover.version.covers(other.dots)
                # Who had seen the removal, and goes on where it was taken back, is not buried by it.
                and not (worker is self._remote and self._knew(path, cell))
            )
            return max(unseen, key=lambda cell: cell.rank, default=None)
        return None


def joined(value: Json, local: Cell, remote: Cell) -> Cell:
    """A cell that stands for the changes of both sides and mints no dot of its own."""
    return Cell(value, tuple(sorted({*local.dots, *remote.dots})), max(local.hlc, remote.hlc))


def _gone(path: str, cell: Cell | None) -> bool:
    """Whether the cell says that the record or the row is removed."""
    if cell is None:
        return False
    return cell.value is True if path == DELETED else cell.value is None and is_row(path)
