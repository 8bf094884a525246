"""What becomes of one change: decided from the change, the record as central has it, and the rules. Pure.

A change whose author had seen all that central has simply applies. Anything else is merged, so nothing is lost: what
both touched is joined by its rule or becomes a conflict. What was signed meanwhile stays as it was signed until a person has
decided. Knows no database and no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from bravetui.base.canonical import Json
from bravetui.central.as_signed import (
    Ledger,
    came_late,
    had_come,
    is_answer,
    signature_seen,
    unseen_signature,
    without,
)
from bravetui.central.past import Past, apart, counts, handed_in, last_seen, less_other_lives
from bravetui.central.replaced import unreplaced
from bravetui.merge.hlc import OLDEST, Hlc, clamp, tick
from bravetui.merge.join import KEEPS_BOTH, Side, added
from bravetui.merge.record import Conflict, Superseded, merge
from bravetui.merge.rules import Rule, Rules
from bravetui.merge.state import Cell, RecordState, alike, covering, rule_path
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import REFILLED, Change
from bravetui.wire.messages import Outcome

_GROW = frozenset({Rule.TEXT, Rule.UNION})
"""Rules under which a value is written on, and holds what was there before."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """What a rule decided without asking: the loser is told of it, and may bring his value back."""

    both: Conflict
    loser: Side


@dataclass(frozen=True, slots=True)
class Decision:
    """The record after the change, and what to tell its author."""

    state: RecordState
    outcome: Outcome
    changed: tuple[str, ...]
    """Cells that differ from what central had."""
    superseded: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    unsigned: Conflict | None = None
    """Answers set by somebody who had not seen that the form was signed: a person decides, whatever their rules say."""


def decide(
    change: Change,
    after: Mapping[str, Json],
    central: RecordState | None,
    rules: Callable[[], Rules],
    received_ms: int,
    mends: Change | None = None,
    past: Past | None = None,
    ledger: Ledger = tuple,
    as_sent: Change | None = None,
) -> Decision:
    """Take `change` into the record `central` (None: there is none yet).

    `after` holds the change's values as columns give them back; `rules` is asked only when there is something to merge;
    `received_ms` bounds the author's clock. `mends` is the refused change that this one of the office's says in its author's
    place: what both say alike stays his word. `past` is given for what a central of before had taken; `ledger`, what is
    entered of the record, is asked only where a change was made upon something that central does not have. `as_sent` is the
    change before it was put upon what the office had released meanwhile (`again.upon_released`).
    """
    known = central or RecordState()
    ledger = cache(ledger)
    context, knew = (_seen(one, known, past, ledger) for one in (change, as_sent or change))
    coming = _Coming(change, mends, known, context, knew, past, ledger)
    entered = _entered(change, after, known, coming.context, received_ms)
    if change.said and past is not None:
        entered = handed_in(change, entered, known, rules(), past)
    elif moved := _moved(coming, entered):
        entered |= _by_steps(change, moved, known.cells, rules())
    if mends is not None:
        entered |= _as_his_own(mends, entered)
    version = covering(coming.context, entered.values()).with_dots(coming.own)
    if coming.context.covers(known.version):
        state = RecordState({**known.cells, **entered}, version)
        return Decision(state, Outcome.APPLIED, _told(change, state, entered))
    return _merged(coming, entered, version.joined(known.version), rules())


def _seen(change: Change, known: RecordState, past: Past | None, ledger: Ledger) -> VersionVector:
    """What a change's author had seen of the record, as far as central knows it."""
    context = seen_by(change, known.version)
    if past is not None:
        context = less_other_lives(change, context, past.changes)
    elif any(_is_over_another_s(change, path, known.cells.get(path), context) for path in change.after):
        context = less_other_lives(change, context, ledger())
    return signature_seen(change, context, known.cells.get("status"))


def _is_over_another_s(change: Change, path: str, there: Cell | None, context: VersionVector) -> bool:
    """Whether something else stands than what the author wrote over, though it is his own laptop's and he had seen it."""
    return (
        there is not None
        and any(dot.device == change.dot.device for dot in there.dots)
        and context.covers(there.dots)
        and not alike(change.before.get(path), there.value)
    )


@dataclass(frozen=True, slots=True)
class _Coming:
    """A change as it meets the record."""

    change: Change
    mends: Change | None
    known: RecordState
    context: VersionVector
    """What its author had seen, as far as central knows."""
    knew: VersionVector
    """The same without what the office has released of his own: he had not seen that central has it."""
    past: Past | None
    ledger: Ledger

    @property
    def own(self) -> set[Dot]:
        """What comes here for the first time, so that central cannot have seen it, whatever its vector covers."""
        handed_in = {dot for said in self.change.said.values() for dot in said.dots}
        return handed_in | {one.dot for one in (self.change, self.mends) if one is not None}


def _merged(coming: _Coming, entered: Mapping[str, Cell], version: VersionVector, rules: Rules) -> Decision:
    change, known, context, past = coming.change, coming.known, coming.context, coming.past
    # What was in quarantine arrives after later changes of its laptop's, whose vectors cover it: taken at their word, its
    # values would count as seen and be lost.
    version_there = known.version.without(coming.own)
    had_seen = past.had_seen(known.cells, rules) if past else {}
    local, stands, held = apart(change, entered, known, rules)
    late = came_late(known, context, {**local, **stands}, had_seen, coming.ledger, coming.mends, coming.knew)
    late = late or had_come(known, context, entered, coming.ledger, rules)
    local, stands, there = (without(side, late.answers) for side in (local, stands, known.cells))
    if past is None and not change.said:
        there = unreplaced(known, there, local, context, coming.ledger, rules)
    remote = RecordState(_somebodys(there, local, version_there, had_seen, rules), version_there)
    before, unknown = _made_upon(coming, local, rules)
    declared = _never_weaving(_with_a_base(rules, coming.mends or change, local, known), unknown)
    declared = _asked_about(declared, _decided_apart(coming, local), KEEPS_BOTH)
    # Of its own device's changes, too, an author has seen what the context says, and none between that and his dot.
    merged = merge(before, RecordState(local, context), remote, declared, had_seen)
    state = RecordState({**merged.record.cells, **late.as_signed(), **stands}, version)
    # What a central of before had taken may stand in the count by now: somebody may have decided so.
    counted = [path for path in late.answers if past is None and counts(rules, path)]
    unsigned = late.question(change.before, counted)
    lost = {one.path for one in merged.superseded if one.loser is Side.LOCAL}
    outdone = entered.keys() - local.keys() - late.answers.keys() - stands.keys() - held
    return Decision(
        state,
        Outcome.CONFLICT if merged.conflicts or unsigned else Outcome.MERGED,
        _told(change, state, (path for path, cell in state.cells.items() if known.cells.get(path) != cell)),
        tuple(sorted(lost | outdone)),
        merged.conflicts,
        tuple(_set_aside(change.before, local, remote.cells, merged.superseded, declared)),
        unsigned,
    )


def _somebodys(
    there: Mapping[str, Cell], local: Mapping[str, Cell], seen: VersionVector,
    had_seen: Mapping[str, VersionVector], rules: Rules,
) -> dict[str, Cell]:  # fmt: skip
    """Central's cells, without those that nobody is known to have said where somebody comes with a word that had not been
    seen with them. What is counted stays: to that it is added."""
    return {
        path: cell
        for path, cell in there.items()
        if cell.hlc != OLDEST
        or path not in local
        or counts(rules, path)
        or seen.joined(had_seen.get(path, VersionVector())).covers(local[path].dots)
    }


def _told(change: Change, state: RecordState, changed: Iterable[str]) -> tuple[str, ...]:
    """What laptops are told of: who hands in once more what he shows hears what stands there, also where nothing moved."""
    return tuple(path for path in dict.fromkeys([*changed, *change.said]) if path in state.cells)


def _set_aside(
    before: Mapping[str, Json], local: Mapping[str, Cell], remote: Mapping[str, Cell],
    superseded: Iterable[Superseded], rules: Rules,
) -> Iterator[SetAside]:  # fmt: skip
    """What rules set aside, the fields of a group together. Derived values are worked out again: nobody entered them."""
    found: dict[tuple[tuple[str, str], Side], Rule] = {
        (rules.unit_of(one.path), one.loser): one.rule for one in superseded if one.rule is not Rule.DERIVED
    }
    for (unit, loser), rule in found.items():
        paths = tuple(sorted(path for path in local.keys() | remote.keys() if rules.unit_of(path) == unit))
        base = {path: before[path] for path in paths if path in before}
        own, others = ({path: side[path] for path in paths if path in side} for side in (local, remote))
        yield SetAside(Conflict(paths, base, own, others, rule), loser)


def already(change: Change, central: RecordState) -> Decision:
    """A change that central has under another dot: the dot counts as seen, and nothing else moves."""
    version = central.version.with_dot(change.dot)
    return Decision(
        RecordState(central.cells, version),
        Outcome.APPLIED,
        tuple(change.after.keys() & central.cells.keys()),
    )


def seen_by(change: Change, central: VersionVector) -> VersionVector:
    """What the author had seen, as far as central knows: a wrong context must not cover changes to come."""
    counters = {dot.device: min(dot.counter, central[dot.device]) for dot in change.context}
    counters[change.dot.device] = min(change.context[change.dot.device], change.dot.counter - 1)
    return VersionVector(counters)


def _entered(
    change: Change, after: Mapping[str, Json], central: RecordState, context: VersionVector, received_ms: int
) -> dict[str, Cell]:
    """The cells that the change lays down. Nothing counts as said later than it was handed in."""

    def bounded(stamp: Hlc, paths: Iterable[str]) -> Hlc:
        return _after_what_was_seen(clamp(stamp, received_ms), paths, central, context)

    stamp = bounded(change.hlc, after)
    said = {path: bounded(min(said.hlc, change.hlc), (path,)) for path, said in change.said.items()}
    return {path: Cell(value, change.dots_of(path), said.get(path, stamp)) for path, value in after.items()}


def _after_what_was_seen(
    stamp: Hlc, paths: Iterable[str], central: RecordState, context: VersionVector
) -> Hlc:
    """The stamp, raised where it must be to come after the cells that the author had seen and wrote over.

    A central that was restored from a backup takes the same change a second time, later than the first, and so bounds a
    clock that is years ahead at a later day than the one at which others had seen it and answered.
    """
    seen = [central.cells[path] for path in paths if path in central.cells]
    latest = max((cell.hlc for cell in seen if context.covers(cell.dots)), default=None)
    return stamp if latest is None or latest < stamp else tick(latest, stamp.wall_ms)


def _has_earlier(change: Change, central: VersionVector) -> bool:
    """Whether central has the author's own changes that this one was made upon: else it cannot know what he replaced."""
    return central[change.dot.device] >= change.context[change.dot.device]


def _made_upon(
    coming: _Coming, local: Mapping[str, Cell], rules: Rules
) -> tuple[Mapping[str, Json], Collection[str]]:
    """What the change was made upon, by path, and texts (as rules name them) of which nobody knows that.

    Of what grows in place it is what central has of it: what a lost word had put in there is handed in with what was made
    upon that, and would pass for struck out by whoever wrote what stands at central."""
    change, known = coming.change, coming.known
    if change.said or known.version.covers(change.context):
        return change.before, ()
    grown = {path for path in local.keys() & known.cells.keys() if rules.of(path).rule in _GROW}
    ledger = coming.ledger() if grown else ()
    words = {path: last_seen(change.context, path, ledger) for path in sorted(grown)}
    before = {path: value for path, value in change.before.items() if path not in grown}
    for had, _ in words.values():
        before |= had
    return before, {rule_path(path) for path, (had, seen) in words.items() if not had and seen}


def _with_a_base(rules: Rules, change: Change, local: Mapping[str, Cell], central: RecordState) -> Rules:
    """The rules, but that a person decides about texts of which nobody knows what they were made upon: all, where the author
    edited a text that central never had; and those handed in once more, unless one goes on where the other ends."""
    if not _has_earlier(change, central.version):
        return _never_weaving(rules, rules.by_path)
    if change.reason != REFILLED:
        return rules
    unknown = (path for path in local.keys() & central.cells.keys() if path not in change.before)
    apart = (path for path in unknown if not _goes_on(local[path].value, central.cells[path].value))
    return _never_weaving(rules, {rule_path(path) for path in apart})


def _goes_on(left: Json, right: Json) -> bool:
    return (
        isinstance(left, str)
        and isinstance(right, str)
        and (left.startswith(right) or right.startswith(left))
    )


def _never_weaving(rules: Rules, paths: Collection[str]) -> Rules:
    return _asked_about(rules, paths, (Rule.TEXT,))


def _asked_about(rules: Rules, paths: Collection[str], kinds: Collection[Rule]) -> Rules:
    """The rules, but that a person decides about those of these paths that have one of these kinds."""
    if not paths:
        return rules
    by_path = {
        path: replace(declared, rule=Rule.REVIEW) if path in paths and declared.rule in kinds else declared
        for path, declared in rules.by_path.items()
    }
    return replace(rules, by_path=by_path)


def _decided_apart(coming: _Coming, local: Mapping[str, Cell]) -> set[str]:
    """Paths, as rules name them, that somebody of whom the author has not heard has decided about, too: two decisions do not
    add up."""
    asked = coming.change.conflict_id
    others = coming.ledger() if asked is not None else ()
    apart = any(one.conflict_id == asked and not coming.context.covers([one.dot]) for one in others)
    return {rule_path(path) for path in local} if apart else set()


def _moved(coming: _Coming, entered: Mapping[str, Cell]) -> dict[str, Cell]:
    """What the author entered over something else than stands there, though he had seen all of it. That an answer
    was put back to what had been signed he has not seen."""
    there, before = coming.known.cells, coming.change.before
    moved = {
        path: cell
        for path, cell in entered.items()
        if (path not in there or coming.context.covers(there[path].dots))
        and before.get(path) != (there[path].value if path in there else None)
    }
    if coming.past is not None:
        return moved
    if unseen_signature(coming.known, coming.context, coming.ledger, coming.knew) is not None:
        return {path: cell for path, cell in moved.items() if not is_answer(path)}
    return moved


def _by_steps(
    change: Change, moved: Mapping[str, Cell], there: Mapping[str, Cell], rules: Rules
) -> dict[str, Cell]:
    """What is counted over what its author had seen, by how much came to it: made upon a change that central does not have,
    the sum is not its own. Where he had not seen the cell, merging adds; where one of them is no number, nobody knows how
    much came to it, and his own word stands."""
    counted = {
        path: added(change.before.get(path), there[path].value if path in there else None, cell.value)
        for path, cell in moved.items()
        if counts(rules, path) and cell.value is not None
    }
    return {path: moved[path]._replace(value=total) for path, total in counted.items() if total is not None}


def _as_his_own(refused: Change, entered: Mapping[str, Cell]) -> dict[str, Cell]:
    """Of what the office enters in a refused change's place, that which its author had said himself: under his dot, so
    that what he says next has seen it."""
    return {
        path: cell._replace(dots=(refused.dot,))
        for path, cell in entered.items()
        if path in refused.after and path not in refused.said and alike(cell.value, refused.after[path])
    }
