"""What was signed stands as it was signed, whichever comes first: the signature, or an answer that its signer had not seen.

Pure. One question holds all such answers, whatever their rules say; until a person decides, the report says what was signed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import takewhile

from bravetui.base.canonical import Json
from bravetui.central.past import had_said, has_seen_what_stands, last_seen, of_another_life, word_before
from bravetui.db.tables.forms import SIGNED_STATUSES
from bravetui.merge.hlc import OLDEST
from bravetui.merge.record import Conflict, joined
from bravetui.merge.rules import Rule, Rules
from bravetui.merge.state import ANSWERS, Cell, RecordState, alike
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change

_ANSWER = f"{ANSWERS}/"

Ledger = Callable[[], Sequence[Change]]
"""Reads what is entered of the record, in the order taken."""


@dataclass(frozen=True, slots=True)
class Late:
    """Answers beside a signature whose writer had not seen it, and whom the signer had not seen."""

    answers: Mapping[str, Cell] = field(default_factory=dict)
    signed: Mapping[str, Cell] = field(default_factory=dict)
    """What the signer had before him, by path; absent where there was nothing."""
    base: Mapping[str, Json] = field(default_factory=dict)
    """What both had, where the change that comes does not tell it."""
    signature: tuple[Dot, ...] = ()
    """What the signature's status stands for."""

    def __bool__(self) -> bool:
        return bool(self.answers)

    def as_signed(self) -> dict[str, Cell]:
        """Cells that say what was signed, and have seen what came late. What nobody else has said the signature says."""
        nothing = Cell(None, self.signature, OLDEST)
        signed = {path: self.signed.get(path, nothing) for path in self.answers}
        return {path: joined(signed[path].value, signed[path], late) for path, late in self.answers.items()}

    def question(self, before: Mapping[str, Json], counted: Collection[str] = ()) -> Conflict | None:
        """One about all that says something else than what was signed; None where nothing does. Of what is `counted` each
        has counted his own, also where both come to the same."""
        apart = tuple(sorted(path for path in self.answers if path in counted or self._says_otherwise(path)))
        if not apart:
            return None
        late, signed = (
            {path: side[path] for path in apart if path in side} for side in (self.answers, self.signed)
        )
        base = {path: value for path, value in {**self.base, **before}.items() if path in apart}
        return Conflict(apart, base, late, signed, Rule.REVIEW)

    def _says_otherwise(self, path: str) -> bool:
        signed = self.signed[path].value if path in self.signed else None
        return not alike(self.answers[path].value, signed)


def came_late(
    central: RecordState, context: VersionVector, entered: Mapping[str, Cell],
    had_seen: Mapping[str, VersionVector], ledger: Ledger, mends: Change | None = None,
    knew: VersionVector | None = None,
) -> Late:  # fmt: skip
    """The signature is here, and these answers come upon it. Where the office `mends` a refused change, its author's."""
    signature = unseen_signature(central, context, ledger, knew)
    if signature is None:
        return Late()
    was_seen = _by_the_signer(signature, had_seen.get("status"), ledger())
    if mends is not None and was_seen(mends.dot):
        return Late()
    apart = {path: set(cell.dots).difference(signature.dots) for path, cell in _answers(entered).items()}
    late = {path: entered[path] for path, dots in apart.items() if not all(map(was_seen, dots))}
    signed = {path: central.cells[path] for path in late if path in central.cells}
    return Late(late, signed, signature=signature.dots)


def had_come(
    central: RecordState, context: VersionVector, entered: Mapping[str, Cell], ledger: Ledger, rules: Rules
) -> Late:  # fmt: skip
    """The signature comes, and these answers are here. Where several words had been joined before the signer, and nobody
    wrote upon that, it cannot be told what was signed: such answers are left, and the signature reads "changed since"."""
    signature = entered.get("status")
    if (
        signature is None
        or signature.value not in SIGNED_STATUSES
        or not _takes_effect(central, context, ledger)
    ):
        return Late()
    unseen = {path: cell for path, cell in _answers(central.cells).items() if not context.covers(cell.dots)}
    changes = ledger() if unseen else ()
    answers = _unknowing(unseen, signature, context, changes)
    signed, base, unknown = dict[str, Cell](), dict[str, Json](), set[tuple[str, str]]()
    for path in answers:
        had, has_seen = last_seen(context, path, changes)
        word = word_before(context, path, changes)
        base |= had
        if path in entered:
            signed[path] = entered[path]
        elif had:
            signed[path] = Cell(had[path], word.dots_of(path) if word else signature.dots, OLDEST)
        elif has_seen:
            unknown.add(rules.unit_of(path))
    late = {path: cell for path, cell in answers.items() if rules.unit_of(path) not in unknown}
    return Late(late, {path: cell for path, cell in signed.items() if path in late}, base, signature.dots)


def is_answer(path: str) -> bool:
    """Whether it is something that is signed."""
    return path.startswith(_ANSWER)


def without(cells: Mapping[str, Cell], paths: Collection[str]) -> dict[str, Cell]:
    """The cells but those at `paths`."""
    return {path: cell for path, cell in cells.items() if path not in paths}


def unseen_signature(
    central: RecordState, context: VersionVector, ledger: Ledger, knew: VersionVector | None = None
) -> Cell | None:
    """The status of a signed report, of none of whose signatures an author knows; else None. Where his change is put upon
    what the office has released of his meanwhile, he himself `knew` less than the `context` that it bears so."""
    status = central.cells.get("status")
    if status is None or status.value not in SIGNED_STATUSES or context.covers(status.dots):
        return None
    return None if _knows(context if knew is None else knew, ledger()) else status


def _knows(context: VersionVector, changes: Sequence[Change]) -> bool:
    """Whether an author has seen that the report is signed, since it was last sent back: by whom, and what the office has
    said of it since, need not have reached him."""
    return any(context.covers(one.dots_of("status")) for one in _since_sent_back(changes))


def _since_sent_back(changes: Sequence[Change]) -> list[Change]:
    """What made or kept the report signed, since it was last sent back."""
    told = [one for one in changes if "status" in one.after]
    return list(takewhile(lambda one: one.after["status"] in SIGNED_STATUSES, reversed(told)))


def signature_seen(change: Change, context: VersionVector, signature: Cell | None) -> VersionVector:
    """What an author had seen; without the signature where he hands in what an unnoticed copy of the signer's laptop knows
    nothing of."""
    if signature is None or signature.value not in SIGNED_STATUSES or not of_another_life(change, signature):
        return context
    return context.without(signature.dots)


def _by_the_signer(
    signature: Cell, had_seen: VersionVector | None, changes: Sequence[Change]
) -> Callable[[Dot], bool]:
    """Whether all signers had seen what comes only now. None had but what he had said himself, and was refused then: of a
    colleague's refused word he knew nothing, though his context covers it where he had seen what that one said next.

    A restored central gets again what he had seen of others: his change tells it, or where only they hand in his word, that
    (`had_seen`).
    """
    signings = [one for one in _since_sent_back(changes) if "status" not in one.said]
    if had_seen is None:
        signers = [
            one for one in signings if one.after["status"] == SIGNED_STATUSES[0]
        ]  # the others are the office's
        return lambda dot: bool(signers) and all(had_said(one, dot, changes) for one in signers)
    contexts = [one.context for one in signings if one.dot in signature.dots]
    seen = reduce(VersionVector.joined, contexts) if contexts else had_seen
    return lambda dot: seen.covers([dot])


def _takes_effect(central: RecordState, context: VersionVector, ledger: Ledger) -> bool:
    """Whether a status that comes will stand: its author had seen what stands, which the office may have set."""
    status = central.cells.get("status")
    if status is None or context.covers(status.dots):
        return True
    return has_seen_what_stands(status, "status", context, ledger())


def _unknowing(
    unseen: Mapping[str, Cell], signature: Cell, context: VersionVector, changes: Sequence[Change]
) -> dict[str, Cell]:
    """Of these the answers of who had not seen the signature, and under their dots alone. A restored central may hear of a
    signature after what somebody has changed in the report, and knew that it was signed."""
    knew = (one for one in changes if signature_seen(one, one.context, signature).covers(signature.dots))
    knowing = {(path, dot) for one in knew for path in one.after for dot in one.dots_of(path)}
    return {
        path: cell._replace(dots=tuple(dot for dot in cell.dots if not context.covers([dot])))
        for path, cell in unseen.items()
        if not any((path, dot) in knowing for dot in cell.dots)
    }


def _answers(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    return {path: cell for path, cell in cells.items() if is_answer(path)}
