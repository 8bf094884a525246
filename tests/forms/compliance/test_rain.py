"""Rain in hundredths of an inch: the sums that binary fractions get wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bravetui.forms.compliance.rain import (
    Hour,
    hundredths_from_inches,
    hundredths_from_mm,
    inches,
    read_hours,
)

START = datetime(2026, 8, 3, 0, tzinfo=UTC)


def hours(*fallen: int | None, wet: bool = True) -> list[Hour]:
    return [Hour(START + timedelta(hours=n), amount, wet) for n, amount in enumerate(fallen)]


def test_twenty_five_hundredths_in_many_small_showers_is_a_storm() -> None:
    """0.254 mm is one hundredth; 24 of them and one more in the window reach the threshold exactly."""
    one = hundredths_from_mm("0.254")
    assert one == 1
    assert read_hours(hours(*[one] * 23, 2), UTC).reached_at == START + timedelta(hours=23)


def test_showers_further_apart_than_a_day_do_not_add_up() -> None:
    """The window is 24 hours long."""
    assert read_hours(hours(20, *[0] * 24, 20), UTC).reached_at is None


def test_a_missing_hour_with_rain_in_it_is_unverified_and_not_dry() -> None:
    """Read the gauge."""
    assert read_hours(hours(5, None, 5), UTC).unverified
    assert not read_hours(hours(5, 5), UTC).unverified


def test_an_hour_reported_again_is_counted_once() -> None:
    """Special reports repeat the running hour; the highest counts, and a later reading fills a gap."""
    again = [
        Hour(START + timedelta(minutes=m), amount, True) for m, amount in ((5, 10), (35, None), (53, 20))
    ]
    reading = read_hours([*again, Hour(START + timedelta(hours=1), 4, True)], UTC)
    assert (reading.most_hundredths, reading.reached_at, reading.unverified) == (24, None, False)


def test_a_storm_that_crosses_midnight_falls_on_the_sites_days() -> None:
    """Not on those of Greenwich."""
    denver = ZoneInfo("America/Denver")
    evening = [Hour(datetime(2026, 8, 4, 4 + n, tzinfo=UTC), 13, True) for n in range(2)]
    assert read_hours(evening, denver).qualifying_days == (date(2026, 8, 3),)


def test_days_with_a_quarter_inch_are_named() -> None:
    """They decide how many inspections a long storm asks for."""
    fallen = [30] + [0] * 23 + [10] + [0] * 23 + [26]
    assert read_hours(hours(*fallen), UTC).qualifying_days == (date(2026, 8, 3), date(2026, 8, 5))


@given(st.lists(st.integers(0, 40), max_size=72))
def test_the_threshold_is_reached_exactly_when_some_24_hours_hold_it(fallen: list[int]) -> None:
    """Compared with the plain definition."""
    reading = read_hours(hours(*fallen), UTC)
    most = max((sum(fallen[max(0, n - 23) : n + 1]) for n in range(len(fallen))), default=0)
    assert reading.most_hundredths == most
    assert (reading.reached_at is not None) == (most >= 25)


@given(st.integers(0, 5000))
def test_inches_and_hundredths_are_the_same_number(amount: int) -> None:
    """Round trip."""
    assert hundredths_from_inches(inches(amount)) == amount
