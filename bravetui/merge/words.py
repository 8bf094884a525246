"""From two texts to the operation between them, by words: an edit never begins or ends inside a word or a letter.

Lines are compared first, then the words of lines that differ (Myers 1986), in bounded time: past `DISTANCE_MAX` a stretch
counts as rewritten as a whole, which is right for merging, since no machine should mix two rewritings. A word is letters
and digits, with what joins them inside (0.42, follow-up, don't); marks, joiners and modifiers stay with what they belong
to, so that no emoji and no accented letter is taken apart. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from bravetui.merge.text import Edit, Operation, from_edits

DISTANCE_MAX = 300
"""Words (or lines) that differ before a stretch counts as rewritten: 45,000 steps of the search."""

DISTANCE_IN_ALL = 4 * DISTANCE_MAX
"""Words that may differ inside all changed lines of a text together, before the rest is compared by lines only."""

_TOKEN = re.compile(r"\w+(?:[.,:/'’-]\w+)*|\r\n|[^\S\r\n]+|.", re.DOTALL)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SENTENCE_ENDS = ".!?"

Span = tuple[int, int, int, int]
"""Items `start` to `end` of one sequence stand where the other has `start` to `end`."""


def tokens(text: str) -> list[str]:
    """The text in pieces that are never taken apart: words, stretches of blanks, single signs. Joined, the text again."""
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if found and joins(found[-1][-1], piece[0]):
            found[-1] += piece
        else:
            found.append(piece)
    return found


def joins(left: str, right: str) -> bool:
    """Whether two neighbouring characters beyond ASCII, or one and a letter, belong together as one sign or word."""
    if (left.isascii() and right.isascii()) or left in "\r\n":
        return False
    if _extends(right) or unicodedata.category(left) == "Cf":
        return True
    return (_extends(left) and right.isalnum()) or (_is_flag_half(left) and _is_flag_half(right))


def _extends(char: str) -> bool:
    """Marks, joiners and other unseen signs, skin tones."""
    return unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf") or "\U0001f3fb" <= char <= "\U0001f3ff"


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def diff(before: str, after: str) -> Operation:
    """What turns `before` into `after`, by whole words, near the least that can be said."""
    found: list[Edit] = []
    old_lines, new_lines = _LINE.findall(before), _LINE.findall(after)
    starts, left = _starts(old_lines), DISTANCE_IN_ALL
    for first, last, new_first, new_last in _changed(old_lines, new_lines, DISTANCE_MAX):
        old, new = tokens("".join(old_lines[first:last])), tokens("".join(new_lines[new_first:new_last]))
        distance_max = min(DISTANCE_MAX, left)
        spans = list(_changed_words(old, new, distance_max))
        if old and new:
            left -= min(distance_max, sum(b - a + d - c for a, b, c, d in spans))
        found += _edits(old, new, spans, starts[first])
    return from_edits(_tidied(found, before), len(before))


def _changed_words(old: Sequence[str], new: Sequence[str], distance_max: int) -> Iterator[Span]:
    """The spans of tokens that differ. A blank counts with the word behind it: alone it would match any other."""
    old_at, new_at = _word_starts(old), _word_starts(new)
    old_words, new_words = (
        ["".join(pieces[first:last]) for first, last in pairwise(at)]
        for pieces, at in ((old, old_at), (new, new_at))
    )
    for first, last, new_first, new_last in _changed(old_words, new_words, distance_max):
        start, new_start = old_at[first], new_at[new_first]
        inside = old[start : old_at[last]], new[new_start : new_at[new_last]]
        head, tail = _alike_at_ends(*inside)
        yield (start + head, old_at[last] - tail, new_start + head, new_at[new_last] - tail)


def _word_starts(pieces: Sequence[str]) -> list[int]:
    """Where words begin, with the blank before them, and the end."""
    return [at for at in range(len(pieces)) if at == 0 or not _is_blank(pieces[at - 1])] + [len(pieces)]


def _is_blank(piece: str) -> bool:
    return piece.isspace() and piece[-1] not in "\r\n"


def _edits(old: Sequence[str], new: Sequence[str], spans: Sequence[Span], offset: int) -> Iterator[Edit]:
    starts, floor = _starts(old), 0
    for span in spans:
        first, last, new_first, new_last = _slid(old, new, span, floor)
        floor = last
        yield Edit(offset + starts[first], offset + starts[last], "".join(new[new_first:new_last]))


def _starts(pieces: Sequence[str]) -> list[int]:
    at = [0]
    for piece in pieces:
        at.append(at[-1] + len(piece))
    return at


def _changed(old: Sequence[str], new: Sequence[str], distance_max: int) -> Iterator[Span]:
    """The spans that differ, in order. What both begin and end with is set aside first."""
    head, tail = _alike_at_ends(old, new)
    middle = old[head : len(old) - tail], new[head : len(new) - tail]
    for first, last, new_first, new_last in _shortest(*middle, distance_max):
        yield (first + head, last + head, new_first + head, new_last + head)


def _alike_at_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many items two sequences have in common at the beginning, and at the end of what is left."""
    head, least = 0, min(len(old), len(new))
    while head < least and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < least - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return head, tail


def _shortest(old: Sequence[str], new: Sequence[str], distance_max: int) -> list[Span]:
    """Myers' greedy search for the fewest insertions and deletions; one span for everything if they are too many."""
    whole = [(0, len(old), 0, len(new))] if old or new else []
    if not old or not new:
        return whole
    reach = {1: 0}
    trace: list[dict[int, int]] = []
    for distance in range(min(distance_max, len(old) + len(new)) + 1):
        trace.append(reach.copy())
        for diagonal in range(-distance, distance + 1, 2):
            origin, x = _entered(reach, diagonal, distance)
            x += origin < diagonal
            y = x - diagonal
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            reach[diagonal] = x
            if x >= len(old) and y >= len(new):
                return _traced_back(trace, len(old), len(new))
    return whole


def _entered(reach: dict[int, int], diagonal: int, distance: int) -> tuple[int, int]:
    """(diagonal, x) from which the search comes to a diagonal: one above by an insertion, or one below by a deletion."""
    down = diagonal == -distance or (diagonal != distance and reach[diagonal - 1] < reach[diagonal + 1])
    origin = diagonal + 1 if down else diagonal - 1
    return origin, reach[origin]


def _traced_back(trace: list[dict[int, int]], x: int, y: int) -> list[Span]:
    spans: list[Span] = []
    for distance in range(len(trace) - 1, 0, -1):
        diagonal = x - y
        origin, old_start = _entered(trace[distance], diagonal, distance)
        new_start = old_start - origin
        old_end = old_start if origin > diagonal else old_start + 1
        span = (old_start, old_end, new_start, old_end - diagonal)
        if spans and (span[1], span[3]) == (spans[-1][0], spans[-1][2]):
            after = spans.pop()
            span = (span[0], after[1], span[2], after[3])
        spans.append(span)
        x, y = old_start, new_start
    return spans[::-1]


def _slid(old: Sequence[str], new: Sequence[str], span: Span, floor: int) -> Span:
    """A pure insertion or deletion moved back to where a line or sentence begins, if the same text comes out."""
    first, last, new_first, new_last = span
    pieces, start, end = (new, new_first, new_last) if first == last else (old, first, last)
    if first != last and new_first != new_last:
        return span
    best, best_back = _begins(pieces, start), 0
    for back in range(1, min(first - floor, new_first) + 1):
        if pieces[start - back] != pieces[end - back]:
            break
        if _begins(pieces, start - back) > best:
            best, best_back = _begins(pieces, start - back), back
    return (first - best_back, last - best_back, new_first - best_back, new_last - best_back)


def _begins(pieces: Sequence[str], at: int) -> int:
    """2 where a line begins, 1 behind a sentence, else 0."""
    if at == 0 or pieces[at - 1][-1] == "\n":
        return 2
    return int(pieces[at - 1][-1] in _SENTENCE_ENDS)


def _tidied(found: Sequence[Edit], before: str) -> list[Edit]:
    """Neighbouring rewritings as one where what stayed between them is no longer than either: mere chance."""
    out: list[Edit] = []
    for edit in found:
        while out and edit.start - out[-1].end <= min(_rewritten(out[-1]), _rewritten(edit)):
            last = out.pop()
            edit = Edit(last.start, edit.end, last.text + before[last.end : edit.start] + edit.text)
        out.append(edit)
    return out


def _rewritten(edit: Edit) -> int:
    return min(edit.end - edit.start, len(edit.text))
