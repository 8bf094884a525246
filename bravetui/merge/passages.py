"""Two people's edits of one text become one text, or a question: what each meant must still be readable.

Both sides are folded to one operation against the base and transformed. They clash where both changed the same words, or
words next to each other: of "2 loads", "3 loads" and "2 trucks", a machine must not make "3 trucks". What both inserted at
one place is kept, the earlier first; what both inserted alike is kept once. Pure, linear in the texts; past `LENGTH_MAX`
it asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bravetui.base.text import same_start
from bravetui.merge.text import Edit, apply, edits, from_edits, transform
from bravetui.merge.words import diff, joins, tokens

LENGTH_MAX = 200_000
"""Code points of one text. A form's longest answers are a tenth of that; past it both are kept and a person decides."""

_CLOSING = ".,;:!?)]}”’"
_OPENING = "([{“‘¿¡"
_BLANKS = " \t"
_BESIDE_WORDS = _BLANKS + "\r\n" + _CLOSING


def woven(base: str, local: str, remote: str, *, local_first: bool) -> str | None:
    """The text that both meant, from `base` as both knew it; None where only a person can tell.

    `local_first` orders what both inserted at the same place. Swapping the sides together with it changes nothing.

    >>> woven("Fence torn.", "Fence torn at gate 2.", "Fence torn. Called the office.", local_first=True)
    'Fence torn at gate 2. Called the office.'
    >>> woven("2 loads", "3 loads", "2 trucks", local_first=True) is None
    True
    """
    if max(map(len, (base, local, remote))) > LENGTH_MAX:
        return None
    ours, others = list(edits(diff(base, local))), list(edits(diff(base, remote)))
    if any(_clash(left, right, base) for left, right in _neighbours(ours, others)):
        return None
    ours, others = _each_once(ours, others)
    if local_first:
        ours = _spaced(ours, others, base)
    else:
        others = _spaced(others, ours, base)
    left, right = from_edits(ours, len(base)), from_edits(others, len(base))
    _, after_left = transform(left, right, left_first=local_first)
    return apply(after_left, apply(left, base))


def spliced(base: str, local: str, remote: str) -> str | None:
    """The text with the one passage that each side changed in it; None where these lie in each other.

    For a text that somebody is typing in: half a word is no word yet, and `woven` would ask about it. What both inserted at
    the same place is kept, `local` first: it goes on in what stands before it.

    >>> spliced("Fence torn at ga", "Fence torn at gate 2", "Called. Fence torn at ga")
    'Called. Fence torn at gate 2'
    """
    ours, others = _passage(base, local), _passage(base, remote)
    if ours.start < others.end and others.start < ours.end:
        return None
    first, then = (ours, others) if (ours.start, ours.end) <= (others.start, others.end) else (others, ours)
    return base[: first.start] + first.text + base[first.end : then.start] + then.text + base[then.end :]


def _passage(base: str, text: str) -> Edit:
    """The least single edit that makes `text` of `base`."""
    start = same_start(base, text)
    same = same_start(base[start:][::-1], text[start:][::-1])
    return Edit(start, len(base) - same, text[start : len(text) - same])


def _neighbours(ours: Sequence[Edit], others: Sequence[Edit]) -> Iterator[tuple[Edit, Edit]]:
    """All pairs of edits, one of each side, that overlap or have no third between them."""
    from_ours, from_others = iter(ours), iter(others)
    left, right = next(from_ours, None), next(from_others, None)
    while left and right:
        yield left, right
        if (left.end, left.start) <= (right.end, right.start):
            left = next(from_ours, None)
        else:
            right = next(from_others, None)


def _clash(left: Edit, right: Edit, base: str) -> bool:
    """Whether two edits are about the same words, or words with nothing but blanks between them."""
    if left == right or (left.inserts_only and right.inserts_only):
        return False
    first, second = sorted((left, right), key=lambda edit: (edit.start, edit.end))
    if second.start < first.end or (first.inserts_only and first.start == second.start and second.text):
        return True
    between = base[first.end : second.start]
    if first.inserts_only:
        between = first.text[len(first.text.rstrip(_BESIDE_WORDS)) :] + between
    if second.inserts_only:
        between += second.text[: len(second.text) - len(second.text.lstrip(_BESIDE_WORDS))]
    return not between.strip(_BLANKS)


def _each_once(ours: Sequence[Edit], others: Sequence[Edit]) -> tuple[list[Edit], list[Edit]]:
    """The edits of both, less those of one side that the other made too, or made as a part of more."""
    known, at_place = set(others), {edit.start: edit for edit in others if edit.inserts_only}
    dropped: tuple[set[Edit], set[Edit]] = (set(), set())
    for edit in ours:
        other = at_place.get(edit.start) if edit.inserts_only else None
        if edit in known:
            dropped[1].add(edit)
        elif other and _holds(other.text, edit.text):
            dropped[0].add(edit)
        elif other and _holds(edit.text, other.text):
            dropped[1].add(other)
    return [e for e in ours if e not in dropped[0]], [e for e in others if e not in dropped[1]]


def _holds(text: str, part: str) -> bool:
    """Whether a text begins or ends with the other, word by word."""
    if not (text.startswith(part) or text.endswith(part)):
        return False
    whole, words = tokens(text), tokens(part)
    return words in (whole[: len(words)], whole[-len(words) :])


def _spaced(first: Sequence[Edit], then: Sequence[Edit], base: str) -> list[Edit]:
    """The edits of `first`, with a blank or line end behind what would run into what `then` inserts at the same place."""
    at_place = {edit.start: edit.text for edit in then if edit.inserts_only}
    return [
        Edit(edit.start, edit.end, edit.text + _seam(edit, at_place.get(edit.start, ""), base))
        if edit.inserts_only
        else edit
        for edit in first
    ]


def _seam(edit: Edit, follows: str, base: str) -> str:
    if not follows or edit.text[-1].isspace() or follows[0].isspace():
        return ""
    if (follows[0] in _CLOSING or edit.text[-1] in _OPENING) and not joins(edit.text[-1], follows[0]):
        return ""
    at = edit.start
    own_line = (at == 0 or base[at - 1] == "\n") and base[at : at + 1] in ("", "\n")
    return "\n" if own_line or "\n" in edit.text + follows else " "
