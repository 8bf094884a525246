"""The hybrid logical clock: forward whatever the wall does, and out of reach of a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.errors import BadInput
from bravetui.merge.hlc import MAX_DRIFT_MS, Hlc, clamp, observe, tick

LAST_WRITABLE_MS = (1 << 44) - 1
walls = st.integers(-(1 << 46), 1 << 46)
real_walls = st.integers(0, LAST_WRITABLE_MS - 2 * MAX_DRIFT_MS)
stamps = st.builds(Hlc, real_walls, st.integers(0, 0xFFFF))


@given(stamps, st.lists(walls, max_size=30))
def test_stamps_strictly_increase_whatever_the_wall_clock_does(start: Hlc, times: list[int]) -> None:
    last = start
    for now_ms in times:
        following = tick(last, now_ms)
        assert following > last
        last = following


@given(stamps, st.lists(walls, max_size=10))
def test_every_stamp_can_be_written_and_read_even_by_a_clock_in_the_year_3000(
    start: Hlc, times: list[int]
) -> None:
    last = start
    for now_ms in times:
        last = tick(last, now_ms)
        if last.wall_ms <= LAST_WRITABLE_MS:
            assert Hlc.parse(str(last)) == last
        else:
            assert start.wall_ms > LAST_WRITABLE_MS - len(times)


def test_a_clock_beyond_what_can_be_written_is_not_believed() -> None:
    year_3000_ms = 32_503_680_000_000
    assert tick(Hlc(1_750_000_000_000), year_3000_ms) == Hlc(1_750_000_000_000, 1)


def test_the_last_millisecond_that_can_be_written_is_believed_and_the_next_is_not() -> None:
    assert tick(Hlc(5), LAST_WRITABLE_MS) == Hlc(LAST_WRITABLE_MS)
    assert tick(Hlc(5), LAST_WRITABLE_MS + 1) == Hlc(5, 1)


@given(stamps, real_walls)
def test_a_stamp_follows_the_wall_clock_where_that_is_ahead(last: Hlc, now_ms: int) -> None:
    assert tick(last, now_ms) >= Hlc(now_ms)


def test_a_full_counter_carries_over_into_the_next_millisecond() -> None:
    assert tick(Hlc(5, 0xFFFF), 5) == Hlc(6, 0)


@given(stamps, stamps, real_walls)
def test_seeing_another_stamp_never_turns_back_and_never_leaps_past_a_day_ahead(
    last: Hlc, seen: Hlc, now_ms: int
) -> None:
    after = observe(last, seen, now_ms)
    assert after >= last
    assert after.wall_ms <= max(last.wall_ms, now_ms + MAX_DRIFT_MS)
    if seen.wall_ms <= now_ms + MAX_DRIFT_MS:
        assert after >= seen


def test_a_stamp_just_a_day_ahead_is_learnt_from_and_one_beyond_is_not() -> None:
    now_ms, day_ahead = 10**12, Hlc(10**12 + MAX_DRIFT_MS)
    assert observe(Hlc(5), day_ahead, now_ms) == day_ahead
    assert observe(Hlc(5), Hlc(day_ahead.wall_ms + 1), now_ms) == Hlc(5)


@given(stamps, real_walls)
def test_central_stores_no_stamp_more_than_a_day_after_its_arrival(stamp: Hlc, received_ms: int) -> None:
    stored = clamp(stamp, received_ms)
    assert stored <= Hlc(received_ms + MAX_DRIFT_MS)
    assert stored <= stamp
    assert clamp(stored, received_ms) == stored
    if stamp.wall_ms < received_ms + MAX_DRIFT_MS:
        assert stored == stamp


@given(stamps, stamps)
def test_written_stamps_sort_as_the_stamps_do(one: Hlc, other: Hlc) -> None:
    assert (str(one) < str(other)) == (one < other)


@pytest.mark.parametrize(
    "text",
    ["", "0", "0" * 14, "0" * 16, "g" + "0" * 14, "A" * 15, "-00000000050000", "0" * 14 + "\u0661", " " * 15,
     "0X" + "0" * 13, "0" * 11 + "0X00", "9" * 5000],
)  # fmt: skip
def test_what_is_not_a_stamp_is_refused_by_name_and_a_long_one_by_its_beginning(text: str) -> None:
    with pytest.raises(BadInput) as refusal:
        Hlc.parse(text)
    assert str(refusal.value) == f"{text[:40]!r} is not a time stamp of this program."
