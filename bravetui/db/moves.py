"""New dots for changes that central has not taken: in the changes, in the cells that carry them, in the vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bravetui.merge.state import Cell, RecordState
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change


@dataclass(slots=True)
class Moves:
    """One record's renumbered dots, and what was seen before the first of them: exactly what stays."""

    seen_before: VersionVector
    dots: dict[Dot, Dot] = field(default_factory=dict)

    def keep(self, dots: Iterable[Dot]) -> None:
        """Count these as seen before: they stay, though the first that moves had not seen them. A change that goes again
        keeps what its author had seen at first, and others of his have been taken since."""
        for dot in dots:
            self.seen_before = self.seen_before.with_dot(dot)

    def vector(self, vector: VersionVector) -> VersionVector:
        """The vector as it would be, had the changes borne their new dots from the start."""
        counters: dict[int, int] = {}
        olds = {old.device for old in self.dots}
        for dot in vector:
            stays = min(dot.counter, self.seen_before[dot.device]) if dot.device in olds else dot.counter
            moved = [
                self.dots[old] for old in self.dots if old.device == dot.device and old.counter <= dot.counter
            ]
            for one in (Dot(dot.device, stays), *moved):
                counters[one.device] = max(counters.get(one.device, 0), one.counter)
        return VersionVector(counters)

    def change(self, change: Change) -> Change:
        """The change under its new dot."""
        told = {"dot": self.dots[change.dot], "context": self.vector(change.context)}
        said = {
            path: one.model_copy(update={"dots": self._of(one.dots)}) for path, one in change.said.items()
        }
        return change.model_copy(update={**told, "said": said} if said else told)

    def _of(self, dots: Iterable[Dot]) -> tuple[Dot, ...]:
        return tuple(sorted({self.dots.get(dot, dot) for dot in dots}))

    def state(self, state: RecordState) -> RecordState:
        """The record with the new dots in its cells and vector."""
        cells = {path: Cell(cell.value, self._of(cell.dots), cell.hlc) for path, cell in state.cells.items()}
        return RecordState(cells, self.vector(state.version))


RecordKey = tuple[str, str, str]
"""(scope id, kind, record id)."""


def record_of(change: Change) -> RecordKey:
    """The record that a change is about."""
    return change.scope_id, change.kind, change.record_id


def moves_of(dots: Mapping[Dot, Dot], changes: Iterable[Change]) -> dict[RecordKey, Moves]:
    """By record, the moves of these changes; `dots` gives each its new one. In the order of their counters."""
    found: dict[RecordKey, Moves] = {}
    for change in changes:
        moves = found.setdefault(record_of(change), Moves(change.context))
        moves.dots[change.dot] = dots[change.dot]
    return found
