"""Operations on a text: what they promise to whoever applies, composes and transforms them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bravetui.base.errors import BadInput
from bravetui.merge.text import Edit, Operation, apply, compose, edits, from_edits, operation, transform

texts = st.text("ab é\n👷\u0301\u200d", max_size=12)


RIGHT_TO_LEFT = [
    "שלום", "السَّلام", "عليكم ", "\u200f", "\u202b", "\u202c", "\u2067גדר\u2069", " 0.42 ", "٤٢", "\u05b7", "\n", "fence ",
]  # fmt: skip
"""Hebrew and Arabic with their vowel signs, marks of direction, and numbers and English in between."""

SIGNS = ["👩‍🚀", "👷🏽", "🇲🇽", "e\u0301", "\u0301\u0301", "1️⃣", "कि", "\u200d", "\ufe0f", "a", "\r\n", "𝟘"]


def long_text(seed: int, length: int, pieces: Sequence[str]) -> str:
    """So many code points, the same for the same seed."""
    chance = Random(seed)
    return "".join(chance.choices(pieces, k=length))[:length]


def long_operation(seed: int, length: int, pieces: Sequence[str]) -> Operation:
    """Hundreds of edits in a long text, cutting wherever they like."""
    chance, left = Random(seed), length
    steps: list[int | str] = []
    while left:
        size = min(left, chance.choice([1, 1, 2, 5, 40, 400]))
        steps.append(size if chance.random() < 0.7 else -size)
        if chance.random() < 0.3:
            steps.append(long_text(chance.randrange(2**32), chance.randint(1, 30), pieces))
        left -= size
    return operation(steps)


@st.composite
def operations(draw: st.DrawFn, length: int) -> Operation:
    """Any operation on a text of `length` code points."""
    steps: list[int | str] = []
    left = length
    while left:
        size = draw(st.integers(1, left))
        steps += [draw(texts), draw(st.sampled_from((size, -size)))]
        left -= size
    return operation([*steps, draw(texts)])


@st.composite
def two_edits(draw: st.DrawFn) -> tuple[str, Operation, Operation]:
    """A text, and what two people did to it."""
    text = draw(texts)
    return text, draw(operations(len(text))), draw(operations(len(text)))


@st.composite
def edits_in_a_row(draw: st.DrawFn) -> tuple[str, list[Operation]]:
    """A text, and three operations, each on what the one before leaves."""
    text, done = draw(texts), []
    now = text
    for _ in range(3):
        done.append(draw(operations(len(now))))
        now = apply(done[-1], now)
    return text, done


@given(two_edits(), st.booleans())
def test_either_order_gives_the_same_text(made: tuple[str, Operation, Operation], left_first: bool) -> None:
    text, left, right = made
    either_order(text, left, right, left_first)


@given(st.lists(st.sampled_from(RIGHT_TO_LEFT), max_size=9).map("".join), st.data(), st.booleans())
def test_either_order_gives_the_same_text_from_right_to_left_too(
    text: str, data: st.DataObject, left_first: bool
) -> None:
    either_order(text, data.draw(operations(len(text))), data.draw(operations(len(text))), left_first)


@settings(max_examples=5)
@given(st.integers(0, 2**32), st.sampled_from([RIGHT_TO_LEFT, SIGNS]), st.booleans())
def test_either_order_gives_the_same_text_of_fifty_thousand_letters(
    seed: int, pieces: Sequence[str], left_first: bool
) -> None:
    text = long_text(seed, 50_000, pieces)
    left, right = (long_operation(seed + who, len(text), pieces) for who in (1, 2))
    either_order(text, left, right, left_first)


@pytest.mark.parametrize("left_first", [True, False])
@pytest.mark.parametrize("pieces", [RIGHT_TO_LEFT, SIGNS], ids=["right to left", "signs"])
def test_either_order_gives_the_same_text_where_two_do_their_worst(
    pieces: Sequence[str], left_first: bool
) -> None:
    """All gone against something put in everywhere; all turned round; every second letter gone against the others."""
    text = long_text(7, 2_000, pieces)
    worst = [
        operation([-len(text)]),
        operation([-len(text), text[::-1]]),
        operation([part for char in text for part in (char, 1)]),
        operation([1, -1] * (len(text) // 2)),
        operation([-1, 1] * (len(text) // 2)),
        operation([text, len(text), text]),
        operation([len(text)]),
    ]
    for left, right in permutations(worst, 2):
        either_order(text, left, right, left_first)


def either_order(text: str, left: Operation, right: Operation, left_first: bool) -> None:
    """TP1, as central does it and as a laptop does."""
    after_right, after_left = transform(left, right, left_first=left_first)
    assert apply(after_left, apply(left, text)) == apply(after_right, apply(right, text))
    assert compose(left, after_left) == compose(right, after_right)


@given(two_edits(), st.booleans())
def test_swapping_the_two_with_who_comes_first_changes_nothing(
    made: tuple[str, Operation, Operation], left_first: bool
) -> None:
    _, left, right = made
    assert transform(left, right, left_first=left_first) == transform(
        right, left, left_first=not left_first
    )[::-1]  # fmt: skip


@given(edits_in_a_row())
def test_what_is_composed_does_what_its_parts_do_however_they_are_taken_together(
    made: tuple[str, list[Operation]],
) -> None:
    text, (first, then, last) = made
    assert apply(compose(first, then), text) == apply(then, apply(first, text))
    assert compose(compose(first, then), last) == compose(first, compose(then, last))


@given(two_edits())
def test_an_operation_is_its_edits(made: tuple[str, Operation, Operation]) -> None:
    text, done, _ = made
    assert from_edits(edits(done), len(text)) == done
    assert (done.length_before, done.length_after) == (len(text), len(apply(done, text)))


def test_equal_operations_are_spelled_alike() -> None:
    assert operation([2, 0, 1, "", -1, "a", -2, "b", 4]).steps == (3, "ab", -3, 4)
    assert operation([-1, "a"]) == operation(["a", -1])
    assert operation([0, ""]) == Operation()


def test_edits_say_what_gives_way_to_what() -> None:
    assert list(edits(operation([1, "x", -2, 3, "y"]))) == [Edit(1, 3, "x"), Edit(6, 6, "y")]
    assert list(edits(operation(["x", 2]))) == [Edit(0, 0, "x")]


@pytest.mark.parametrize("text", ["", "abcd", "ab"])
def test_an_operation_for_a_text_of_another_length_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"^The edit does not fit the text that it is applied to\.$"):
        apply(operation([3, "x"]), text)


def test_operations_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(BadInput, match=r"^The second edit does not fit what the first leaves\.$"):
        compose(operation([3, "x"]), operation([3]))
    with pytest.raises(BadInput, match=r"^The two edits were not made to the same text\.$"):
        transform(operation([3]), operation([4]), left_first=True)


def test_what_both_insert_at_one_place_comes_in_the_order_asked_for() -> None:
    left, right = operation([1, "L", 1]), operation([1, "R", 1])
    _, after_left = transform(left, right, left_first=True)
    assert apply(after_left, apply(left, "ab")) == "aLRb"
    _, after_left = transform(left, right, left_first=False)
    assert apply(after_left, apply(left, "ab")) == "aRLb"


def test_what_both_delete_is_deleted_once() -> None:
    left, right = operation([1, -3, 1]), operation([2, -3])
    after_right, after_left = transform(left, right, left_first=True)
    assert after_left.steps == (1, -1)
    assert after_right.steps == (1, -1)
