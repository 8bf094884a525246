"""What a camera wrote is believed where it makes sense, and counts as not said where it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.pictures.exif import YEARS, orientation, place, taken_at

TAKEN, OFFSET = 0x9003, 0x9011
NORTH_WEST = {1: "N", 2: (35.0, 11.0, 15.36), 3: "W", 4: (106.0, 40.0, 41.16)}


def test_a_time_with_its_offset_is_aware_and_one_without_is_naive() -> None:
    moment = datetime(2026, 8, 3, 13, 30)
    assert taken_at({TAKEN: "2026:08:03 13:30:00"}) == moment
    assert taken_at({TAKEN: "2026:08:03 13:30:00", OFFSET: "-06:00"}) == moment.replace(
        tzinfo=timezone(timedelta(hours=-6))
    )
    assert taken_at({TAKEN: b"2026:08:03 13:30:00\0", OFFSET: b"+00:00\0"}) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize("offset", ["+25:00", "-14:01", "   :  ", "", "Z", 3, None, "+0600", "\x00"])
def test_an_offset_that_no_zone_has_leaves_the_time_naive(offset: object) -> None:
    assert taken_at({TAKEN: "2026:08:03 13:30:00", OFFSET: offset}) == datetime(2026, 8, 3, 13, 30)


@pytest.mark.parametrize(
    "text",
    [
        *("0000:00:00 00:00:00", "0001:01:01 00:00:00", "9999:12:31 23:59:59", "1970:01:01 00:00:00"),
        *("2026:02:31 12:00:00", "2026:13:01 12:00:00", "2026:08:03 24:00:00", "2026:08:03 12:00:60"),
        *("    :  :     :  :  ", "", "yesterday", "2026:08:03", "2026:08:03 13:30:00 and more", "2026\0:08:03 13:30:00"),
        *(None, 7, (2026, 8, 3), b"\xff\xfe", "２０２６:08:03 13:30:00"),
    ],
)  # fmt: skip
def test_a_time_that_makes_no_sense_counts_as_not_said(text: object) -> None:
    assert taken_at({TAKEN: text}) is None


def test_a_place_is_decimal_degrees_with_six_digits_negative_in_the_south_and_west() -> None:
    assert place(NORTH_WEST) == ("35.187600", "-106.678100")
    assert place({**NORTH_WEST, 1: "S", 3: b"E\0"}) == ("-35.187600", "106.678100")
    assert place({1: "S", 2: (0, 0, 0), 3: "E", 4: (180, 0, 0)}) == ("0.000000", "180.000000")


@pytest.mark.parametrize(
    "spoiled",
    [
        *({2: (90, 0, 0.01)}, {4: (180, 1, 0)}, {2: (-35, 0, 0)}, {1: "X"}, {1: ""}, {1: "NS"}, {3: None}, {1: 5}),
        *({2: (1, 2)}, {2: (1, 2, 3, 4)}, {2: 35.1}, {2: None}, {2: ("a", "b", "c")}, {2: b"\0\0\0"}),
        *({2: (float("nan"), 0, 0)}, {4: (float("inf"), 0, 0)}, {2: (10**400, 0, 0)}, {2: (0, 0, 0), 4: (0, 0, 0)}),
    ],
)  # fmt: skip
def test_a_place_that_is_none_on_the_globe_counts_as_not_said(spoiled: dict[int, object]) -> None:
    assert place({**NORTH_WEST, **spoiled}) is None


@pytest.mark.parametrize("value", [0, 9, -1, "6", None, (6,), 6.0, b"\x06"])
def test_an_orientation_that_there_is_not_leaves_the_picture_as_it_lies(value: object) -> None:
    assert orientation({0x0112: value}) == 1


VALUES = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=25), st.binary(max_size=25),
    st.from_regex(r"[0-9]{4}:[0-9]{2}:[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", fullmatch=True),
    st.from_regex(r"[+-][0-9]{2}:[0-9]{2}", fullmatch=True),
    st.tuples(st.floats(), st.floats(), st.floats()), st.sampled_from("NSEW"),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([1, 2, 3, 4, 0x0112, TAKEN, OFFSET]), VALUES))
def test_whatever_the_tags_hold_what_is_believed_can_be(tags: dict[int, object]) -> None:
    assert orientation(tags) in range(1, 9)
    moment = taken_at(tags)
    assert moment is None or moment.year in YEARS
    if moment is not None and moment.tzinfo is not None:
        moment.astimezone(UTC)
    if found := place(tags):
        assert abs(float(found[0])) <= 90
        assert abs(float(found[1])) <= 180
        assert max(map(len, found)) <= 20
