"""Deadlines, derived: what is due when, by which section, and the last moment at which somebody is at work to do it.

The storm clock follows CGP 4.2.2 as EPA explains it: it starts when 0.25 inch has fallen, not when the storm began or was
noticed; the inspection is due within 24 hours; only where that whole window lies outside normal working hours does it
move, to the end of the next business day; a storm of several days asks for one inspection after its first qualifying day
and one after its last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from bravetui.base.clock import local_time
from bravetui.forms.compliance.calendar import WorkCalendar
from bravetui.forms.compliance.rules import SCHEDULES, Clock, Code, PermitRule, rule_on


class Standing(StrEnum):
    """Where a deadline stands now."""

    OVERDUE = "overdue"
    DUE = "due"
    UPCOMING = "upcoming"


@dataclass(frozen=True, slots=True)
class Deadline:
    """When something is due, and why."""

    code: Code
    due_at: datetime
    """The permit's own moment, in UTC or the site's zone; aware."""
    do_by: datetime
    """The last working moment before it: what to plan for."""
    citation: str
    words: str

    def standing(self, now: datetime, soon: timedelta = timedelta(hours=24)) -> Standing:
        """Overdue, due within `soon`, or further away."""
        if now > self.due_at:
            return Standing.OVERDUE
        return Standing.DUE if self.do_by - now <= soon else Standing.UPCOMING

    def plan_by(self, now: datetime) -> datetime:
        """What to plan for: the last working moment, or the permit's own once that has passed."""
        return self.do_by if now <= self.do_by else self.due_at


def deadline(rule: PermitRule, start: datetime, calendar: WorkCalendar) -> Deadline:
    """When `rule` falls due for something that began at `start` (aware)."""
    local = local_time(start, calendar.zone)
    if rule.clock is Clock.NEXT_BUSINESS_DAY:
        close = calendar.next_business_day_close(local.date())
        return Deadline(rule.code, close, close, rule.citation, rule.words)
    if rule.clock is Clock.CALENDAR_DAYS:
        end = datetime.combine(local.date() + timedelta(days=rule.amount), local.time().max, calendar.zone)
        due_at = end.replace(second=0, microsecond=0)
    else:
        # Hours are counted on the world's clock and not on the wall's: a night of daylight saving has 23 or 25 of them.
        due_at = local_time(local_time(start, UTC) + timedelta(hours=rule.amount), calendar.zone)
    do_by = calendar.last_working_minute(start, due_at)
    return Deadline(rule.code, due_at, do_by or due_at, rule.citation, rule.words)


def storm_deadline(reached_at: datetime, calendar: WorkCalendar, *, snow: bool = False) -> Deadline:
    """When the inspection after 0.25 inch of rain (or a discharge of snowmelt) is due (CGP 4.2.2)."""
    rule = rule_on(Code.SNOWMELT if snow else Code.STORM, local_time(reached_at, calendar.zone).date())
    plain = deadline(rule, reached_at, calendar)
    if calendar.last_working_minute(reached_at, plain.due_at) is not None:
        return plain
    close = calendar.next_business_day_close(plain.due_at.date() - timedelta(days=1))
    words = f"{rule.words}; the 24 hours lie outside working time, so by the end of the next business day"
    return Deadline(rule.code, close, close, rule.citation, words)


def storm_inspections(
    qualifying: tuple[tuple[date, datetime], ...], calendar: WorkCalendar
) -> tuple[Deadline, ...]:
    """The inspections that a storm asks for.

    `qualifying` holds each day with 0.25 inch or more and the moment it was reached, in order; one storm. One inspection
    within 24 hours of the first day's, and for a storm of several days one within 24 hours of the last day's (CGP 4.2.2).
    """
    if not qualifying:
        return ()
    first = storm_deadline(qualifying[0][1], calendar)
    if len(qualifying) == 1:
        return (first,)
    return first, storm_deadline(qualifying[-1][1], calendar)


def routine_deadline(schedule: str, last_inspection: datetime, calendar: WorkCalendar) -> Deadline | None:
    """When the next scheduled inspection is due; None where the schedule asks for none (frozen ground)."""
    day = local_time(last_inspection, calendar.zone).date()
    for code in SCHEDULES.get(schedule, SCHEDULES["7d"]):
        rule = rule_on(code, day)
        if rule.clock is Clock.CALENDAR_DAYS:
            return deadline(rule, last_inspection, calendar)
    return None


def report_deadline(inspected_at: datetime, calendar: WorkCalendar) -> Deadline:
    """When the report of an inspection must be finished (CGP 4.7.1)."""
    return deadline(
        rule_on(Code.REPORT, local_time(inspected_at, calendar.zone).date()), inspected_at, calendar
    )


def action_deadline(
    identified_at: datetime, calendar: WorkCalendar, *, corrective: bool, new_control: bool
) -> Deadline:
    """When a finding must be dealt with: routine maintenance and simple fixes by the close of the next business day, a new
    or replaced control or a significant repair within 7 calendar days of discovery (CGP 2.1.4, 5.2.1)."""
    code = Code.MAINTENANCE
    if corrective:
        code = Code.CORRECTIVE_NEW if new_control else Code.CORRECTIVE_SIMPLE
    return deadline(rule_on(code, local_time(identified_at, calendar.zone).date()), identified_at, calendar)
