"""What a laptop hands in of a record that only it still holds, and in how many changes. Pure.

Its own changes that central does not have come by themselves, once the record is there, or stay in quarantine. So the record
goes as it was without what was refused; and a count names all changes that it holds, or they would count a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bravetui.base.canonical import Json, canonical_bytes
from bravetui.merge.hlc import OLDEST
from bravetui.merge.join import ADDS, JOINS, KEEPS_BOTH, Stands, added
from bravetui.merge.rules import Rules
from bravetui.merge.state import Cell, RecordState, alike, covering
from bravetui.merge.version import Dot
from bravetui.wire.change import Change

PART_BYTES = 500_000
"""Of JSON, about, in one change: half of what central takes."""

_PART_PATHS = 2_000
_PATH_TIMES, _STAMP_BYTES, _DOT_BYTES = 3, 70, 16
"""A path stands in what is said, in what was there before and among the stamps; a stamp has a time, and dots."""


@dataclass(frozen=True, slots=True)
class OwnWords:
    """This laptop's own queued changes of a record, in the order made."""

    standing: tuple[Change, ...]
    """Those that central has had, or keeps on hold until the record is there."""
    refused: tuple[Change, ...]
    """Those that it refused, and those that wait behind one of these."""


def without_refused(
    here: RecordState, own: OwnWords, agreed: Mapping[str, Json], rules: Rules
) -> RecordState:
    """The record to hand in. `agreed` is what both sides last agreed on: of a value that others' words are joined into, that
    is what central had come to."""
    refused = {change.dot for change in own.refused}
    cells: dict[str, Cell] = {}
    for path, cell in here.cells.items():
        found: Cell | None = cell
        if rules.of(path).rule in ADDS:
            found = _count(path, cell, own, refused)
        elif not refused.isdisjoint(cell.dots):
            found = _beneath(path, cell, own, refused, agreed)
        cells |= {path: found} if found is not None else {}
    return RecordState(cells, covering(here.version.without(refused), cells.values()))


def _count(path: str, cell: Cell, own: OwnWords, refused: set[Dot]) -> Cell | None:
    """What is counted, less what was refused of it; it stands for every change that it holds. None for nothing."""
    value = cell.value
    for change in own.refused:
        if path in change.after:
            value = added(change.after[path], value, change.before.get(path))
            if value is None:
                return _before(path, own)  # what was refused is no number
    counted = {change.dot for change in own.standing if path in change.after and path not in change.said}
    dots = counted.union(cell.dots) - refused
    if dots:
        return Cell(value, tuple(sorted(dots)), cell.hlc)
    return Cell(value, (), OLDEST) if _before(path, own) is not None else None


def _beneath(
    path: str, cell: Cell, own: OwnWords, refused: set[Dot], agreed: Mapping[str, Json]
) -> Cell | None:
    """What lies under refused words; None for nothing."""
    others = tuple(dot for dot in cell.dots if dot not in refused)
    if not others:
        return _before(path, own)
    return Cell(agreed[path], others, cell.hlc) if path in agreed else None


def _before(path: str, own: OwnWords) -> Cell | None:
    """What the first of the refused changes was written over. Unless it is this laptop's own, nobody knows here any more who
    said it: it has no dots, and the oldest stamp there is."""
    first = next((change for change in own.refused if path in change.after), None)
    if first is None or path not in first.before:
        return None
    value = first.before[path]
    wrote = [
        one
        for one in own.standing
        if one.hlc < first.hlc and path in one.after and alike(one.after[path], value)
    ]
    return wrote[-1].cells()[path] if wrote else Cell(value, (), OLDEST)


def less_own(
    cells: Mapping[str, Cell], own: Sequence[Change], gone: Collection[Dot], rules: Rules
) -> dict[str, Cell]:
    """The cells without what these own changes, which they hold, say: that comes by itself. Of a count that is a step of
    each; of all else only what is `gone` from its number, since central knows of the others what stands for them."""
    found: dict[str, Cell] = {}
    for path, cell in cells.items():
        said = [change for change in own if path in change.after]
        less: Cell | None = cell
        if said and rules.of(path).rule in ADDS:
            less = _less_steps(path, cell, said)
        elif said := [change for change in said if change.dot in gone and change.dot in cell.dots]:
            less = _less_words(path, cell, said, rules)
        found |= {path: less} if less is not None else {}
    return found


def _less_steps(path: str, cell: Cell, own: Sequence[Change]) -> Cell | None:
    """A count without these steps; None where it cannot be told what it was."""
    value = cell.value
    for change in own if value is not None else ():
        value = added(change.after[path], value, change.before.get(path))
        if value is None:
            return None
    # As one that holds them it would stand for them when they come.
    dots = tuple(dot for dot in cell.dots if dot not in {change.dot for change in own})
    return Cell(value, dots, cell.hlc if dots else OLDEST)


def _less_words(path: str, cell: Cell, own: Sequence[Change], rules: Rules) -> Cell | None:
    """What others have in it; None for nothing. Where these cannot be told from each other, all is left as it is."""
    others = tuple(dot for dot in cell.dots if dot not in {change.dot for change in own})
    if not others:
        return None
    rule, less = rules.of(path), Cell(cell.value, others, cell.hlc)
    for change in reversed(own):
        if rule.rule in KEEPS_BOTH:
            before = Cell(change.before.get(path), (), OLDEST)
            undone = JOINS[rule.rule](change.after[path], before, less, rule, rules)
        else:
            undone = Stands(less.value, ask=alike(change.after[path], less.value))
        if undone.ask:
            return cell
        less = Cell(undone.value, others, cell.hlc)
    return less


def in_parts(
    cells: Mapping[str, Cell], there: Mapping[str, Cell], rules: Callable[[], Rules]
) -> Iterator[dict[str, Cell]]:
    """What fits one change each: a record may have grown past that. Fields come before answers, and a group stays whole.

    `there` is what central has of it, which a change says as well.
    """
    weights = {path: _weight(path, cell, there.get(path)) for path, cell in cells.items()}
    if len(cells) <= _PART_PATHS and sum(weights.values()) <= PART_BYTES:
        yield from [dict(cells)] if cells else []  # nothing, where central refused all of it
        return
    part, size_bytes = dict[str, Cell](), 0
    for unit in _units(cells, rules()):
        weight = sum(weights[path] for path in unit)
        if part and (len(part) + len(unit) > _PART_PATHS or size_bytes + weight > PART_BYTES):
            yield part
            part, size_bytes = {}, 0
        part |= {path: cells[path] for path in unit}
        size_bytes += weight
    yield part


def _weight(path: str, cell: Cell, there: Cell | None) -> int:
    values = [cell.value, *([there.value] if there is not None else ())]
    written = sum(len(canonical_bytes(value)) for value in values)
    return written + _PATH_TIMES * len(path.encode()) + _STAMP_BYTES + _DOT_BYTES * len(cell.dots)


def _units(cells: Mapping[str, Cell], rules: Rules) -> Sequence[list[str]]:
    units: dict[tuple[str, str], list[str]] = {}
    for path in sorted(cells, key=lambda path: ("/" in path, path)):
        units.setdefault(rules.unit_of(path), []).append(path)
    return [*units.values()]
