"""What becomes of one change: decided from the change, the record as central has it, and the rules. Pure.

A change whose author had seen all that central has simply applies. Anything else is merged, so nothing is lost: what
both touched is joined by its rule or becomes a conflict. What was signed meanwhile stays as it was signed until a person has
decided. Knows no database and no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from bravetui.base.canonical import Json
from bravetui.db.tables.forms import SIGNED_STATUSES
from bravetui.merge.hlc import Hlc, clamp, tick
from bravetui.merge.join import ADDS, Side, added
from bravetui.merge.record import Conflict, Superseded, merge
from bravetui.merge.rules import Rule, Rules
from bravetui.merge.state import ANSWERS, Cell, RecordState, alike, rule_path
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import REFILLED, Change
from bravetui.wire.messages import Outcome


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
) -> Decision:
    """Take `change` into the record `central` (None: there is none yet).

    `after` holds the change's values as columns give them back; `rules` is asked only when there is something to merge;
    `received_ms` bounds the author's clock. `mends` is the refused change that this one of the office's says in its author's
    place: what both say alike stays his word.
    """
    known, own = central or RecordState(), (change.dot, *([mends.dot] if mends else []))
    context = seen_by(change, known.version)
    entered = _entered(change, after, known, context, received_ms)
    if not _has_earlier(mends or change, known.version):
        seen = {path: cell for path, cell in known.cells.items() if context.covers(cell.dots)}
        entered |= _by_steps(change, entered, seen, rules())
    if mends is not None:
        entered |= _as_his_own(mends, entered)
    version = context
    for dot in own:
        version = version.with_dot(dot)
    if context.covers(known.version):
        cells = {**known.cells, **entered}
        return Decision(RecordState(cells, version), Outcome.APPLIED, tuple(after))
    # What was in quarantine arrives after later changes of its laptop's, whose vectors cover it: taken at their word, its
    # values would count as seen and be lost.
    remote = RecordState(known.cells, known.version.without(own))
    local = {
        path: cell
        for path, cell in entered.items()
        if not any(overwritten(known.cells.get(path), dot) for dot in cell.dots)
    }
    late = {path: local.pop(path) for path in _answers(local)} if _is_signed_unseen(known, context) else {}
    declared = _with_a_base(rules(), mends or change, local, known)
    # Of its own device's changes, too, an author has seen what the context says, and none between that and his dot.
    merged = merge(change.before, RecordState(local, context), remote, declared)
    kept = {path: _as_signed(known.cells.get(path), cell) for path, cell in late.items()}
    state = RecordState({**merged.record.cells, **kept}, version.joined(known.version))
    unsigned = _unsigned(change.before, late, known)
    lost = {one.path for one in merged.superseded if one.loser is Side.LOCAL}
    return Decision(
        state,
        Outcome.CONFLICT if merged.conflicts or unsigned else Outcome.MERGED,
        tuple(path for path, cell in state.cells.items() if known.cells.get(path) != cell),
        tuple(sorted(lost | (entered.keys() - local.keys() - late.keys()))),
        merged.conflicts,
        tuple(_set_aside(change.before, local, remote.cells, merged.superseded, declared)),
        unsigned,
    )  # fmt: skip


def _answers(cells: Mapping[str, Cell]) -> list[str]:
    return [path for path in cells if path.startswith(f"{ANSWERS}/")]


def _is_signed_unseen(central: RecordState, context: VersionVector) -> bool:
    """Whether the form was signed, and the author of a change had not seen that."""
    status = central.cells.get("status")
    return status is not None and status.value in SIGNED_STATUSES and not context.covers(status.dots)


def _as_signed(signed: Cell | None, late: Cell) -> Cell:
    """A cell that says what was signed, and has seen what came late."""
    if signed is None:
        return Cell(None, late.dots, late.hlc)
    dots = tuple(sorted({*signed.dots, *late.dots}))
    return Cell(signed.value, dots, max(signed.hlc, late.hlc))


def _unsigned(before: Mapping[str, Json], late: Mapping[str, Cell], central: RecordState) -> Conflict | None:
    """One question about all that came late and says something else than what was signed; None where nothing does."""
    signed = {path: central.cells[path] for path in late if path in central.cells}
    apart = tuple(
        sorted(
            path
            for path, cell in late.items()
            if not alike(cell.value, signed[path].value if path in signed else None)
        )
    )
    if not apart:
        return None
    own, others = ({path: side[path] for path in apart if path in side} for side in (late, signed))
    base = {path: before[path] for path in apart if path in before}
    return Conflict(apart, base, own, others, Rule.REVIEW)


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

    stamp, dots = bounded(change.hlc, after), (change.dot,)
    said = {path: bounded(min(said, change.hlc), (path,)) for path, said in change.said.items()}
    return {path: Cell(value, dots, said.get(path, stamp)) for path, value in after.items()}


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
    by_path = {
        path: replace(declared, rule=Rule.REVIEW)
        if path in paths and declared.rule is Rule.TEXT
        else declared
        for path, declared in rules.by_path.items()
    }
    return replace(rules, by_path=by_path)


def _by_steps(
    change: Change, entered: Mapping[str, Cell], seen: Mapping[str, Cell], rules: Rules
) -> dict[str, Cell]:
    """What is counted over a cell that the author had seen, by how much came to it: made upon a change that central does
    not have, the sum is not its own. Where he had not seen the cell, merging adds."""
    return {
        path: cell._replace(value=added(change.before.get(path), seen[path].value, cell.value))
        for path, cell in entered.items()
        if rules.of(path).rule in ADDS and path in seen
    }


def _as_his_own(refused: Change, entered: Mapping[str, Cell]) -> dict[str, Cell]:
    """Of what the office enters in a refused change's place, that which its author had said himself: under his dot, so
    that what he says next has seen it."""
    return {
        path: cell._replace(dots=(refused.dot,))
        for path, cell in entered.items()
        if path in refused.after and alike(cell.value, refused.after[path])
    }


def overwritten(cell: Cell | None, dot: Dot) -> bool:
    """Whether the same device has since set the cell anew."""
    return cell is not None and any(
        other.device == dot.device and other.counter > dot.counter for other in cell.dots
    )
