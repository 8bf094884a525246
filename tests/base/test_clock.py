"""Clocks and ids as tests and simulations use them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from bravetui.base.clock import ManualClock, SeededIds, SystemClock, SystemIds, local_time, uuid7

START = datetime(2025, 6, 1, 12, tzinfo=UTC)
milliseconds = st.integers(0, (1 << 48) - 1)
bits = st.integers(0, (1 << 74) - 1)


@given(milliseconds, bits)
def test_an_id_is_a_uuid_of_version_seven_that_holds_its_time_and_all_its_random_bits(
    unix_ms: int, random: int
) -> None:
    made = UUID(uuid7(unix_ms, random))
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == unix_ms
    assert (made.int >> 64 & 0xFFF) << 62 | made.int & (1 << 62) - 1 == random


@given(milliseconds, milliseconds, bits, bits)
def test_ids_sort_by_the_time_of_their_making(one_ms: int, other_ms: int, one: int, other: int) -> None:
    if one_ms < other_ms:
        assert uuid7(one_ms, one) < uuid7(other_ms, other)


def test_the_same_seed_gives_the_same_ids_and_another_seed_others() -> None:
    def ids(seed: int) -> list[str]:
        source = SeededIds(ManualClock(START), seed)
        return [source.new_id() for _ in range(5)]

    assert ids(1) == ids(1)
    assert not set(ids(1)) & set(ids(2))
    assert len(set(ids(1))) == 5


def test_ids_of_the_system_differ_although_the_clock_stands_still() -> None:
    source = SystemIds(ManualClock(START))
    assert len({source.new_id() for _ in range(100)}) == 100


def test_both_times_of_a_manual_clock_advance_together_and_setting_moves_the_wall_alone() -> None:
    clock = ManualClock(START.astimezone(timezone(timedelta(hours=-6))))
    clock.advance(hours=2, seconds=5)
    assert clock.now() == START + timedelta(hours=2, seconds=5)
    assert clock.monotonic_s() == 7205
    clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    assert clock.now().year == 1970
    assert clock.monotonic_s() == 7205


def test_the_system_clock_is_aware_and_in_utc() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic_s() <= clock.monotonic_s()


fixed = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=fixed), st.timezones() | fixed)
@example(datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))), UTC)
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), UTC)
def test_every_moment_has_a_local_time_the_same_moment_unless_the_zone_has_no_date_for_it(
    moment: datetime, zone: tzinfo
) -> None:
    local = local_time(moment, zone)
    assert local.tzinfo is zone
    assert local - moment == timedelta(0) or {moment.year, local.year} <= {1, 2, 9998, 9999}
    assert local_time(local, UTC) - local == timedelta(0)
