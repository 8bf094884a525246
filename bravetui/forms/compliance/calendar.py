"""The site's working time: weekdays, hours, holidays, all in the project's own time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bravetui.base.clock import local_time

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SEARCH_DAYS_MAX = 60

STANDARD_HOURS: Mapping[str, tuple[str, str]] = dict.fromkeys(_WEEKDAYS[:5], ("07:00", "17:00"))


@dataclass(frozen=True)
class WorkCalendar:
    """When people normally work on a site."""

    zone: ZoneInfo
    hours: Mapping[str, tuple[str, str]] = field(default_factory=lambda: STANDARD_HOURS)
    """First and last minute of work by weekday `mon` to `sun`; absent where nobody works."""
    holidays: frozenset[date] = frozenset()

    def working(self, day: date) -> tuple[datetime, datetime] | None:
        """Begin and end of work on a day, aware; None for a day off."""
        span = self.hours.get(_WEEKDAYS[day.weekday()])
        if span is None or day in self.holidays:
            return None
        begin, end = (datetime.combine(day, time.fromisoformat(text), self.zone) for text in span)
        return begin, end

    def next_business_day_close(self, after: date) -> datetime:
        """The end of work on the first working day after `after`."""
        for step in range(1, _SEARCH_DAYS_MAX):
            span = self.working(after + timedelta(days=step))
            if span is not None:
                return span[1]
        return datetime.combine(after + timedelta(days=1), time(17), self.zone)

    def last_working_minute(self, begin: datetime, end: datetime) -> datetime | None:
        """The latest moment of work inside the window; None when the whole window lies outside working time."""
        day = local_time(end, self.zone).date()
        while day >= local_time(begin, self.zone).date():
            span = self.working(day)
            if span is not None and span[0] < end and span[1] > begin:
                return min(span[1], end)
            day -= timedelta(days=1)
        return None
