"""What the ledger knows of a record when something comes that a central of before had taken. Pure.

A restored central meets the past in any order: a word may come after the answer to it, and from a neighbour before it comes
from its author. Its own vector says nothing then: it covers what has come, and not what the authors of that had seen. Their
changes do, as they were written. They cover by counter, so this is asked for nothing but what was taken once: a change that
was refused lies under its laptop's later numbers, and nobody had seen it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bravetui.base.canonical import Json
from bravetui.merge.join import ADDS, added
from bravetui.merge.rules import Rules
from bravetui.merge.state import Cell, RecordState, alike
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change


@dataclass(frozen=True, slots=True)
class Past:
    """The ledger on one record, and which of the changes that a laptop hands in once more it holds."""

    changes: tuple[Change, ...]
    """All that was put down in the record, in the order taken."""
    held: frozenset[Dot] = frozenset()
    """Of what the values handed in stand for, that which is in the ledger."""

    def had_seen(self, cells: Mapping[str, Cell], rules: Rules) -> dict[str, VersionVector]:
        """By path, what those who wrote these cells, or handed them in, had seen of the record with it.

        Of what is counted only who hands it in tells that: others say how much came to it.
        """
        found = {path: self.counted_in(path) for path in cells if counts(rules, path)}
        others = cells.keys() - found.keys()
        for change in self.changes:
            for path in change.after.keys() & others:
                if not set(change.dots_of(path)).isdisjoint(cells[path].dots):
                    seen = change.context.joined(found.get(path, VersionVector()))
                    # Who hands in a value that he knows no author of had not written all that came before under his number.
                    own = {change.dot} if path in change.said else set[Dot]()
                    found[path] = seen.with_dots(set(cells[path].dots) - own)
        return found

    def counted_in(self, path: str) -> VersionVector:
        """All that a count holds since laptops have handed it in (`counted`): what comes of that counts no more."""
        seen = VersionVector()
        for change in self.changes:
            if path in change.said and self.covers(change.context, seen, path):
                seen = seen.joined(change.context)
        return seen

    def covers(self, context: VersionVector, seen: VersionVector, path: str) -> bool:
        """Whether a context covers what was `seen`, but for steps that the ledger has: those come to what is handed in."""
        unseen = {dot.device for dot in seen if not context.covers([dot])}
        return all(self._has_steps(device, context[device], seen[device], path) for device in unseen)

    def _has_steps(self, device: int, after: int, upto: int, path: str) -> bool:
        """Whether the ledger has all that a laptop did in this stretch, and it handed in no count there. Laptops hand in
        again in the order made: where the last is here, all are."""
        here = [one for one in self.changes if one.dot.device == device and after < one.dot.counter <= upto]
        return any(one.dot.counter == upto for one in here) and not any(path in one.said for one in here)

    def counted(self, value: Json, path: str, context: VersionVector) -> Json:
        """What a laptop shows of a count, and what came to it that had not been seen there; None if one is no number."""
        for change in self.changes:
            if path in change.after and path not in change.said and not context.covers([change.dot]):
                value = added(change.before.get(path), value, change.after[path])
                if value is None:
                    return None  # as zero it would go on counting
        return value


def word_before(context: VersionVector, path: str, changes: Sequence[Change]) -> Change | None:
    """The word that an author had before him: of those that he had seen the one whose author had seen the others. None where
    there is none, or several words had been joined."""
    seen = [one for one in changes if path in one.after and context.covers(one.dots_of(path))]
    return next((word for word in reversed(seen) if _had_seen(word, path, seen)), None)


def last_seen(
    context: VersionVector, path: str, changes: Sequence[Change]
) -> tuple[Mapping[str, Json], bool]:
    """By path, what an author had before him of what these changes wrote, and whether he had seen any of it. Nothing where
    several words had been joined before him, unless somebody wrote upon the very same: his change says what came of them."""
    seen, others = list[Change](), list[Change]()
    for one in changes:
        if path in one.after:
            (seen if context.covers(one.dots_of(path)) else others).append(one)
    if word := word_before(context, path, seen):
        return {path: word.after[path]}, True
    for word in others if seen else ():
        of_others = (one for one in others if one is not word and word.context.covers(one.dots_of(path)))
        is_upon_it = path in word.before and path not in word.said and not any(of_others)
        if is_upon_it and _had_seen(word, path, seen):
            return {path: word.before[path]}, True
    return {}, bool(seen)


def _had_seen(word: Change, path: str, changes: Iterable[Change]) -> bool:
    """Whether its author had seen all the others of these."""
    return all(one is word or word.context.covers(one.dots_of(path)) for one in changes)


def has_seen_what_stands(cell: Cell, path: str, context: VersionVector, changes: Sequence[Change]) -> bool:
    """Whether an author has seen all those who said what stands: the signature, where nobody else said what was put back."""
    joined = [one for one in changes if is_in(cell, path, one)]
    said = [one for one in joined if path in one.after and alike(one.after[path], cell.value)]
    saying = said or [one for one in joined if path not in one.after]
    return bool(saying) and all(context.covers(one.dots_of(path)) for one in saying)


def had_said(change: Change, dot: Dot, changes: Sequence[Change]) -> bool:
    """Whether a change's author had said `dot` in its record before. His number alone does not tell: below that lies, too,
    what was on a disk that he had lost. Each of his changes names the one before; behind one that is not here lies any."""
    device = change.dot.device
    if device != dot.device:
        return False
    own = (one for one in changes if one.dot.device == device and not one.said)
    # A context may say what it likes, and is not to lead in a circle.
    upon = {one.dot.counter: min(one.context[device], one.dot.counter - 1) for one in own}
    before = change.context[device]
    while before > dot.counter and before in upon:
        before = upon[before]
    return before >= dot.counter


def less_other_lives(change: Change, context: VersionVector, changes: Sequence[Change]) -> VersionVector:
    """What an author had seen, less what another life of his own laptop said under a lower number: a copy that nobody has
    noticed, or he himself before an older disk was put back. Told where it starts its numbers, a laptop counts on behind."""
    device = change.dot.device
    own = [
        one.dot for one in changes if one.dot.device == device and not one.said and context.covers([one.dot])
    ]
    return context.without(dot for dot in own if not had_said(change, dot, changes))


def of_another_life(change: Change, cell: Cell) -> bool:
    """Whether a change hands in a word of the cell's laptop from before that was copied, or put back to an older disk, and
    nobody has noticed. Within one life a laptop's stamps go up with its numbers: that word has a higher number, and an older
    stamp. Whoever had seen it had by that not seen the cell, whose number his context covers."""
    return any(
        _comes_behind(dot, other) and said.hlc < cell.hlc
        for said in change.said.values()
        for dot in said.dots
        for other in cell.dots
    )


def is_in(cell: Cell, path: str, change: Change) -> bool:
    """Whether the cell stands for what the change says there."""
    return not set(change.dots_of(path)).isdisjoint(cell.dots)


def counts(rules: Rules, path: str) -> bool:
    """Whether two that enter the same there have entered two."""
    return rules.of(path).rule in ADDS


def _is_new(there: Cell | None, cell: Cell, past: Past) -> bool:
    """Whether central lacks the cell, or anything that it stands for: what the ledger holds has been decided upon, unless
    the cell stands for more than what came of that. So it does where a word was put back to what had been signed."""
    return there is None or not past.held.issuperset(cell.dots) or {*there.dots} < {*cell.dots}


def _holds(there: Cell, cell: Cell, change: Change, rules: Rules, path: str) -> bool:
    """Whether central's cell, which a neighbour handed in, stands for all that this one does.

    One that stands for the very same and says something else was not what the author said, who knows better; or it is empty
    for what came after the form had been signed, and the signer hands in what he had before him.
    """
    if not set(cell.dots) <= set(there.dots):
        return False
    return there.dots != cell.dots or alike(there.value, cell.value) or counts(rules, path)


def handed_in(
    change: Change, entered: Mapping[str, Cell], known: RecordState, rules: Rules, past: Past
) -> dict[str, Cell]:
    """Of what a laptop says once more that which says anything: a count with all that came to it since, unless one who had
    seen something else has handed it in; and of all else what central has not heard, and so decided upon."""
    found: dict[str, Cell] = {}
    for path, cell in entered.items():
        there = known.cells.get(path)
        if not counts(rules, path):
            found |= {path: cell} if _is_new(there, cell, past) else {}
        elif past.covers(change.context, past.counted_in(path), path):
            total = past.counted(cell.value, path, change.context)
            dots = {*cell.dots, *(there.dots if there else ())}
            found[path] = Cell(cell.value if total is None else total, tuple(sorted(dots)), cell.hlc)
    return found


def apart(
    change: Change, entered: Mapping[str, Cell], known: RecordState, rules: Rules
) -> tuple[dict[str, Cell], dict[str, Cell], set[str]]:
    """What is to be merged, what stands as it is, and of which paths central's cell holds all already. The rest is outdone.

    As it is stands a count, which holds what central's does, and what its author himself says of his own change.
    """
    local, stands, held = dict[str, Cell](), dict[str, Cell](), set[str]()
    for path, cell in entered.items():
        there = known.cells.get(path)
        if path in change.said and counts(rules, path):
            stands[path] = cell
        elif there is not None and _holds(there, cell, change, rules, path):
            held.add(path)
        elif there is not None and there.dots == cell.dots:
            stands[path] = cell
        elif not _is_outdone(there, cell, rules, path):
            local[path] = cell
    return local, stands, held


def author_of(dot: Dot, changes: Collection[Change]) -> Change | None:
    """Who handed in what a change said that is not in the ledger itself; None where nobody did."""
    repeats = (one for one in changes if any(dot in said.dots for said in one.said.values()))
    return next(repeats, None)


def _is_outdone(there: Cell | None, cell: Cell, rules: Rules, path: str) -> bool:
    """Whether its laptops have said something else since. What is counted they said by how much came to it: it counts."""
    return not counts(rules, path) and all(overwritten(there, dot) for dot in cell.dots)


def overwritten(cell: Cell | None, dot: Dot) -> bool:
    """Whether the same device has since set the cell anew."""
    return cell is not None and any(_comes_behind(other, dot) for other in cell.dots)


def _comes_behind(dot: Dot, other: Dot) -> bool:
    return dot.device == other.device and dot.counter > other.counter
