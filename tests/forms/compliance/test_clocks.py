"""The permit's clocks, checked against the cases that sites get wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.errors import BadInput
from bravetui.forms.compliance.calendar import WorkCalendar
from bravetui.forms.compliance.clocks import (
    Standing,
    action_deadline,
    deadline,
    report_deadline,
    routine_deadline,
    storm_deadline,
    storm_inspections,
)
from bravetui.forms.compliance.rules import RULES, Code, rule_on

DENVER = ZoneInfo("America/Denver")
SITE = WorkCalendar(DENVER)


def at(text: str) -> datetime:
    """A local moment, like `2026-08-04 10:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=DENVER)


@pytest.mark.parametrize(
    ("reached", "due", "do_by"),
    [
        pytest.param("2026-08-04 10:00", "2026-08-05 10:00", "2026-08-05 10:00", id="Tuesday at ten"),
        pytest.param("2026-08-04 18:00", "2026-08-05 18:00", "2026-08-05 17:00", id="Tuesday evening"),
        pytest.param("2026-08-07 10:00", "2026-08-08 10:00", "2026-08-07 17:00", id="Friday morning"),
        pytest.param("2026-08-07 17:30", "2026-08-10 17:00", "2026-08-10 17:00", id="Friday after work"),
    ],
)
def test_a_storm_inspection_is_due_24_hours_after_a_quarter_inch_has_fallen(
    reached: str, due: str, do_by: str
) -> None:
    """And moves to the next business day only when no minute of the 24 hours is working time."""
    found = storm_deadline(at(reached), SITE)
    assert (found.due_at, found.do_by, found.citation) == (at(due), at(do_by), "CGP 4.2.2")


def test_a_night_of_daylight_saving_still_has_24_hours() -> None:
    """The clock counts hours that pass, not what the wall shows."""
    found = storm_deadline(at("2026-10-31 12:00"), WorkCalendar(DENVER, {"sun": ("06:00", "20:00")}))
    assert found.due_at.astimezone(UTC) - at("2026-10-31 12:00").astimezone(UTC) == timedelta(hours=24)
    assert found.due_at.astimezone(DENVER).hour == 11


def test_a_holiday_is_no_working_time() -> None:
    """After work before a long weekend: the day after the holiday."""
    calendar = WorkCalendar(DENVER, holidays=frozenset({date(2026, 9, 7)}))
    assert storm_deadline(at("2026-09-04 17:30"), calendar).due_at == at("2026-09-08 17:00")


def test_a_storm_of_several_days_asks_for_two_inspections() -> None:
    """After the first day with a quarter inch and after the last."""
    days = ((date(2026, 8, 4), at("2026-08-04 10:00")), (date(2026, 8, 5), at("2026-08-05 09:00")),
            (date(2026, 8, 6), at("2026-08-06 14:00")))  # fmt: skip
    assert [found.due_at for found in storm_inspections(days, SITE)] == [
        at("2026-08-05 10:00"),
        at("2026-08-07 14:00"),
    ]


def test_a_storm_of_one_day_asks_for_one_inspection() -> None:
    """One qualifying day, one walk."""
    assert len(storm_inspections(((date(2026, 8, 4), at("2026-08-04 10:00")),), SITE)) == 1


@pytest.mark.parametrize(
    ("schedule", "days"), [("7d", 7), ("14d_storm", 14), ("7d_storm", 7), ("stabilized", 30)]
)
def test_the_next_routine_inspection_follows_the_projects_schedule(schedule: str, days: int) -> None:
    """Counted in calendar days from the last inspection."""
    found = routine_deadline(schedule, at("2026-08-03 09:00"), SITE)
    assert found is not None
    assert found.due_at.date() == date(2026, 8, 3) + timedelta(days=days)


def test_frozen_ground_asks_for_no_routine_inspection() -> None:
    """The schedule is suspended."""
    assert routine_deadline("frozen", at("2026-01-12 09:00"), SITE) is None


def test_maintenance_is_due_by_the_close_of_the_next_business_day() -> None:
    """Found on Friday: by Monday's close of work."""
    found = action_deadline(at("2026-08-07 15:00"), SITE, corrective=False, new_control=False)
    assert found.due_at == at("2026-08-10 17:00")


def test_a_new_control_is_due_within_seven_calendar_days_of_discovery() -> None:
    """Seven, not fourteen."""
    found = action_deadline(at("2026-08-03 15:00"), SITE, corrective=True, new_control=True)
    assert found.due_at.date() == date(2026, 8, 10)


def test_the_report_is_due_24_hours_after_the_inspection() -> None:
    """CGP 4.7.1."""
    assert report_deadline(at("2026-08-04 10:05"), SITE).due_at == at("2026-08-05 10:05")


@pytest.mark.parametrize(
    ("code", "due"),
    [
        (Code.OSHA_FATALITY, "2026-08-07 23:30"),
        (Code.OSHA_HOSPITAL, "2026-08-08 15:30"),
        (Code.OSHA_CASE_LOG, "2026-08-14 23:59"),
        (Code.NONCOMPLIANCE_ORAL, "2026-08-08 15:30"),
        (Code.NONCOMPLIANCE_WRITTEN, "2026-08-12 23:59"),
        (Code.MAINTENANCE_INFEASIBLE, "2026-08-14 23:59"),
        (Code.CORRECTIVE_SIMPLE, "2026-08-10 17:00"),
        (Code.CORRECTIVE_LOG, "2026-08-08 15:30"),
        (Code.SWPPP_UPDATE, "2026-08-14 23:59"),
    ],
)
def test_every_other_clock_runs_from_the_moment_somebody_knew(code: Code, due: str) -> None:
    """A Friday at half past three; hours run through the weekend, business days do not."""
    known = at("2026-08-07 15:30")
    found = deadline(rule_on(code, known.date()), known, SITE)
    assert (found.code, found.due_at) == (code, at(due))
    assert found.do_by <= found.due_at


def test_a_date_outside_every_known_permit_is_a_sentence() -> None:
    """The 2022 permit ends in February 2027; what follows is not guessed."""
    with pytest.raises(BadInput, match="update it"):
        rule_on(Code.STORM, date(2027, 2, 17))


def test_every_rule_cites_its_source() -> None:
    """No clock without a section."""
    assert all(rule.citation.startswith(("CGP ", "29 CFR ")) for rule in RULES)


@given(st.datetimes(datetime(2022, 3, 1), datetime(2027, 1, 1)))
def test_the_planned_moment_is_never_after_the_deadline_and_never_before_the_rain(naive: datetime) -> None:
    """For any moment at all."""
    reached = naive.replace(tzinfo=DENVER)
    found = storm_deadline(reached, SITE)
    assert reached <= found.do_by <= found.due_at
    assert found.due_at - reached <= timedelta(days=5)
    assert found.standing(found.due_at + timedelta(minutes=1)) is Standing.OVERDUE
