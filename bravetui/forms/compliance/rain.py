"""The arithmetic of a storm, in integer hundredths of an inch.

Integers, because 25 hours of 0.254 mm add up to 6.349999999999996 in binary and would compare below 0.25 inch: a real
trigger would be missed. A missing hour is not a dry hour: with one, the answer is "unverified, read the gauge".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal

QUALIFYING_HUNDREDTHS = 25
"""0.25 inch in 24 hours (CGP 4.2.2)."""

_MM_PER_INCH = Decimal("25.4")
_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Hour:
    """One report of a clock hour: the rain measured in it, None where nothing was; `wet` if the report speaks of rain."""

    at: datetime
    hundredths: int | None
    wet: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What the hours say."""

    reached_at: datetime | None
    """When 0.25 inch within 24 hours had fallen."""
    most_hundredths: int
    """The most that fell within any 24 hours."""
    unverified: bool
    """An hour with rain in it was not measured: read the gauge on site."""
    qualifying_days: tuple[date, ...] = ()
    """Local days with 0.25 inch or more."""


def hundredths_from_mm(mm: str | int | Decimal) -> int:
    """Millimetres as hundredths of an inch, rounded half up as a gauge is read."""
    inches = Decimal(mm) / _MM_PER_INCH
    return int((inches * 100).quantize(Decimal(1), ROUND_HALF_UP))


def hundredths_from_inches(inches: str) -> int:
    """`0.42` as 42. Raises decimal.InvalidOperation for what is no number."""
    return int((Decimal(inches) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def inches(hundredths: int) -> str:
    """42 as `0.42`."""
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _by_clock_hour(reports: Iterable[Hour]) -> list[Hour]:
    found: dict[datetime, Hour] = {}
    for report in sorted(reports, key=lambda each: each.at):
        key = report.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        known = found.get(key)
        if known is not None:
            measured = [each for each in (known.hundredths, report.hundredths) if each is not None]
            more = (report.hundredths or 0) > (known.hundredths or 0)
            at = report.at if more else known.at
            report = Hour(at, max(measured, default=None), known.wet or report.wet)
        found[key] = report
    return list(found.values())


def read_hours(hours: Iterable[Hour], zone: tzinfo) -> Reading:
    """Add up a storm: showers that together reach 0.25 inch inside any 24 hours count.

    Stations report an hour again and again with what has fallen in it so far: the highest counts, once.
    """
    window: deque[Hour] = deque()
    total = most = 0
    reached_at: datetime | None = None
    unverified = False
    by_day: dict[date, int] = {}
    for hour in _by_clock_hour(hours):
        unverified |= hour.hundredths is None and hour.wet
        window.append(hour)
        total += hour.hundredths or 0
        while window and window[0].at <= hour.at - _WINDOW:
            total -= window.popleft().hundredths or 0
        most = max(most, total)
        if reached_at is None and total >= QUALIFYING_HUNDREDTHS:
            reached_at = hour.at
        day = hour.at.astimezone(zone).date()
        by_day[day] = by_day.get(day, 0) + (hour.hundredths or 0)
    days = tuple(day for day, fallen in sorted(by_day.items()) if fallen >= QUALIFYING_HUNDREDTHS)
    return Reading(reached_at, most, unverified and reached_at is None, days)
