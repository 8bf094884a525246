"""Operational transformation of long text: what somebody did to a text, as a value that moves onto a changed text.

An `Operation` walks a text from its first code point to its last: keep so many, delete so many, insert these. The law it
stands on is TP1 (Ressel et al. 1996): of two operations on the same text, each transformed against the other, either order
gives the same text. Central puts changes in one order, so nothing more is needed. Pure, linear in text and steps; knows
neither words nor rules (`words` makes operations from two texts, `passages` says when two of them clash).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bravetui.base.errors import BadInput

Step = int | str
"""Keep n code points (n), delete n code points (-n), or insert a string."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What was done to a text. Make one with `operation`, which spells equal operations alike."""

    steps: tuple[Step, ...] = ()

    @property
    def length_before(self) -> int:
        """Code points of the texts that it can be applied to."""
        return sum(abs(step) for step in self.steps if isinstance(step, int))

    @property
    def length_after(self) -> int:
        """Code points of the text that comes out."""
        return sum(_size(step) for step in self.steps if isinstance(step, str) or step > 0)


@dataclass(frozen=True, slots=True)
class Edit:
    """One place of a text that an operation changes: code points `start` to `end` give way to `text`."""

    start: int
    end: int
    text: str = ""

    @property
    def inserts_only(self) -> bool:
        """Whether nothing of the old text goes."""
        return self.start == self.end


def operation(steps: Iterable[Step]) -> Operation:
    """The operation, normalised: no empty steps, neighbours of a kind are one, an insertion stands before a deletion."""
    out: list[Step] = []
    for step in steps:
        if isinstance(step, str):
            _insert(out, step)
        elif step:
            last = out[-1] if out else ""
            if isinstance(last, int) and (last > 0) == (step > 0):
                out[-1] = last + step
            else:
                out.append(step)
    return Operation(tuple(out))


def _insert(out: list[Step], text: str) -> None:
    if not text:
        return
    behind: list[Step] = [out.pop()] if out and isinstance(out[-1], int) and out[-1] < 0 else []
    if out and isinstance(out[-1], str):
        out[-1] += text
    else:
        out.append(text)
    out.extend(behind)


def from_edits(edits: Iterable[Edit], length: int) -> Operation:
    """The operation that makes `edits`, which must be in order and apart, in a text of `length` code points."""
    steps: list[Step] = []
    at = 0
    for edit in edits:
        steps += [edit.start - at, edit.text, edit.start - edit.end]
        at = edit.end
    return operation([*steps, length - at])


def edits(done: Operation) -> Iterator[Edit]:
    """The places that an operation changes, from first to last."""
    at, inserted = 0, ""
    for step in done.steps:
        if isinstance(step, str):
            inserted = step
            continue
        size = abs(step)
        if step < 0 or inserted:
            yield Edit(at, at + size if step < 0 else at, inserted)
        at, inserted = at + size, ""
    if inserted:
        yield Edit(at, at, inserted)


def apply(done: Operation, text: str) -> str:
    """The text after the operation. Raises BadInput if the operation was made for a text of another length."""
    if done.length_before != len(text):
        raise BadInput("The edit does not fit the text that it is applied to.")
    parts: list[str] = []
    at = 0
    for step in done.steps:
        if isinstance(step, str):
            parts.append(step)
        else:
            parts.append(text[at : at + step] if step > 0 else "")
            at += abs(step)
    return "".join(parts)


def compose(first: Operation, then: Operation) -> Operation:
    """The one operation that does what `first` and `then`, one after the other, do.

    Raises BadInput if `then` was not made for what `first` leaves.
    """
    if first.length_after != then.length_before:
        raise BadInput("The second edit does not fit what the first leaves.")
    left, right = _Reader(first), _Reader(then)
    out: list[Step] = []
    while left.next is not None or right.next is not None:
        if isinstance(left.next, int) and left.next < 0:
            out.append(left.take())
        elif isinstance(right.next, str):
            out.append(right.take())
        else:
            size = min(left.size, right.size)
            kept, done = left.take(size), right.take(size)
            if isinstance(kept, int):
                out.append(done)
            elif isinstance(done, int) and done > 0:
                out.append(kept)
    return operation(out)


def transform(left: Operation, right: Operation, *, left_first: bool) -> tuple[Operation, Operation]:
    """Both operations, each as it is to be applied after the other; either order then gives the same text (TP1).

    Where both insert at the same place, the left one's text comes first if `left_first`. What both delete is deleted
    once. Raises BadInput if the two were not made for the same text.
    """
    if left.length_before != right.length_before:
        raise BadInput("The two edits were not made to the same text.")
    ours, others = _Reader(left), _Reader(right)
    after_right: list[Step] = []
    after_left: list[Step] = []
    while ours.next is not None or others.next is not None:
        if isinstance(ours.next, str) and (left_first or not isinstance(others.next, str)):
            after_left.append(ours.size)
            after_right.append(ours.take())
        elif isinstance(others.next, str):
            after_right.append(others.size)
            after_left.append(others.take())
        else:
            size = min(ours.size, others.size)
            here, there = _signed(ours.take(size)), _signed(others.take(size))
            if there > 0:
                after_right.append(here)
            if here > 0:
                after_left.append(there)
    return operation(after_right), operation(after_left)


def _size(step: Step) -> int:
    return len(step) if isinstance(step, str) else abs(step)


def _signed(step: Step) -> int:
    assert isinstance(step, int)
    return step


class _Reader:
    """Reads an operation's steps, in parts where the other operation's are shorter."""

    __slots__ = ("_index", "_steps", "next", "size")
    next: Step | None
    size: int

    def __init__(self, done: Operation) -> None:
        self._steps, self._index = done.steps, -1
        self._advance()

    def _advance(self) -> None:
        self._index += 1
        self.next = self._steps[self._index] if self._index < len(self._steps) else None
        self.size = 0 if self.next is None else _size(self.next)

    def take(self, size: int | None = None) -> Step:
        """The next `size` code points of the present step, or all that is left of it."""
        step = self.next
        assert step is not None
        if size is None or size == self.size:
            self._advance()
            return step
        self.size -= size
        if isinstance(step, str):
            self.next = step[size:]
            return step[:size]
        self.next = step - size if step > 0 else step + size
        return size if step > 0 else -size
