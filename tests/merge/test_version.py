"""Dots and version vectors: the laws of who has seen what."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.errors import BadInput
from bravetui.merge.version import Dot, Order, VersionVector

vectors = st.dictionaries(st.integers(0, 4), st.integers(0, 5), max_size=5).map(VersionVector)
dots = st.builds(Dot, st.integers(0, 4), st.integers(1, 5))
MIRROR = {
    Order.EQUAL: Order.EQUAL,
    Order.BEFORE: Order.AFTER,
    Order.AFTER: Order.BEFORE,
    Order.CONCURRENT: Order.CONCURRENT,
}


@given(vectors, vectors)
def test_the_join_covers_both_and_nothing_smaller_does(one: VersionVector, other: VersionVector) -> None:
    join = one.joined(other)
    assert join.covers(one)
    assert join.covers(other)
    for dot in join:
        smaller = VersionVector({**{d.device: d.counter for d in join}, dot.device: dot.counter - 1})
        assert not (smaller.covers(one) and smaller.covers(other))


@given(vectors, vectors, vectors)
def test_joining_asks_for_no_order_no_grouping_and_no_repeating(
    a: VersionVector, b: VersionVector, c: VersionVector
) -> None:
    assert a.joined(b) == b.joined(a)
    assert a.joined(b.joined(c)) == a.joined(b).joined(c)
    assert a.joined(a) == a
    assert a.joined(VersionVector()) == a


@given(vectors, vectors, st.lists(dots))
def test_what_one_has_seen_stays_seen_after_a_join(
    a: VersionVector, b: VersionVector, seen: list[Dot]
) -> None:
    if a.covers(seen):
        assert a.joined(b).covers(seen)


@given(vectors, vectors)
def test_the_order_read_from_the_other_side_is_its_mirror(a: VersionVector, b: VersionVector) -> None:
    assert b.order(a) is MIRROR[a.order(b)]
    assert (a.order(b) is Order.EQUAL) == (a == b)
    if a.order(b) is Order.BEFORE:
        assert a.joined(b) == b


@given(vectors, vectors, vectors)
def test_before_is_transitive(a: VersionVector, b: VersionVector, c: VersionVector) -> None:
    if a.order(b) is Order.BEFORE and b.order(c) is Order.BEFORE:
        assert a.order(c) is Order.BEFORE


@given(vectors, dots)
def test_a_vector_that_saw_a_dot_covers_it_and_all_before(vector: VersionVector, dot: Dot) -> None:
    seen = vector.with_dot(dot)
    assert seen.covers([Dot(dot.device, counter) for counter in range(1, dot.counter + 1)])
    assert seen.covers(vector)
    assert vector.covers([dot]) == (seen == vector)


@given(vectors, st.integers(0, 4))
def test_a_vector_tells_the_highest_counter_it_saw_of_a_device_and_none_of_a_stranger(
    vector: VersionVector, device: int
) -> None:
    seen = vector[device]
    assert seen == max((dot.counter for dot in vector if dot.device == device), default=0)
    assert vector.covers([Dot(device, seen)])
    assert not vector.covers([Dot(device, seen + 1)])


def test_a_vector_shows_its_dots_to_whoever_reads_a_failing_test() -> None:
    assert repr(VersionVector({3: 17, 1: 2})) == "VersionVector(1.2 3.17)"
    assert repr(VersionVector()) == "VersionVector(empty)"


@given(vectors)
def test_equal_vectors_hash_alike_however_they_were_spelled(vector: VersionVector) -> None:
    padded = VersionVector({99: 0, **{dot.device: dot.counter for dot in reversed(list(vector))}})
    assert padded == vector
    assert hash(padded) == hash(vector)
    assert len(padded) == len(list(vector))


@given(vectors)
def test_a_vector_and_its_dots_come_back_from_the_wire_as_they_went(vector: VersionVector) -> None:
    assert VersionVector.from_json(vector.to_json()) == vector
    assert [Dot.parse(str(dot)) for dot in vector] == list(vector)


@pytest.mark.parametrize(
    "text",
    ["", ".", "3", "3.", ".3", "3.0", "03.1", "3.01", "-3.1", "3.-1", "3.1.1", " 3.1", "3.1\n", "\u0663.1", "3,1",
     "9" * 5000 + ".1", "1." + "9" * 19, "1e3.1", "0x3.1", "3.1_0"],
)  # fmt: skip
def test_what_is_not_a_dot_is_refused_by_name_and_a_long_one_by_its_beginning(text: str) -> None:
    with pytest.raises(BadInput) as refusal:
        Dot.parse(text)
    assert str(refusal.value) == f"{text[:40]!r} is not a dot (device.counter)."


@given(st.text())
def test_any_text_is_a_dot_in_one_spelling_or_bad_input(text: str) -> None:
    with suppress(BadInput):
        assert str(Dot.parse(text)) == text


@pytest.mark.parametrize(
    "value",
    [None, [], "3", 3, {"3": "17"}, {"3": 1.5}, {"3": True}, {"3": None}, {"3": -1}, {"3": 0}, {"03": 1}, {"-3": 1},
     {" 3": 1}, {"a": 1}, {3: 1}, {"3": 10**18}, {"9" * 5000: 1}],
)  # fmt: skip
def test_a_damaged_vector_is_refused_rather_than_half_read(value: object) -> None:
    with pytest.raises(BadInput) as refusal:
        VersionVector.from_json(value)  # type: ignore[arg-type]
    assert str(refusal.value) == "A version vector is damaged. Fetch the record again from central."


def test_the_greatest_counter_that_a_column_holds_is_read_and_the_next_is_refused() -> None:
    greatest = 10**18 - 1
    assert VersionVector.from_json({"3": greatest})[3] == greatest
    assert Dot.parse(f"3.{greatest}") == Dot(3, greatest)
    with pytest.raises(BadInput):
        VersionVector.from_json({"3": greatest + 1})


@pytest.mark.parametrize(
    ("dots", "left"),
    [([], {1: 5, 2: 3}), ([Dot(1, 4)], {1: 3, 2: 3}), ([Dot(1, 4), Dot(1, 2)], {1: 1, 2: 3}), ([Dot(2, 1)], {1: 5}),
     ([Dot(1, 6), Dot(3, 2)], {1: 5, 2: 3})],
    ids=["none", "one", "the earlier of two", "the first of its device", "not seen anyway"],
)  # fmt: skip
def test_a_vector_without_dots_covers_none_of_them_and_all_before_them(
    dots: list[Dot], left: dict[int, int]
) -> None:
    assert VersionVector({1: 5, 2: 3}).without(dots) == VersionVector(left)
