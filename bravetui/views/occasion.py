"""Which inspection a form is the report of, and what the permit's clocks say of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, select

from bravetui.base.canonical import Json
from bravetui.base.clock import local_time
from bravetui.base.errors import BadInput
from bravetui.db.kinds import KINDS, Kind
from bravetui.forms.compliance.calendar import WorkCalendar
from bravetui.forms.compliance.clocks import Deadline, routine_deadline, storm_deadline
from bravetui.forms.compliance.rain import inches
from bravetui.views.words import clock_words, record_title, short_title

INSPECTION_WORDS: Mapping[str, str] = {
    "storm": "Storm inspection",
    "routine": "Routine inspection",
    "snowmelt": "Snowmelt inspection",
    "dewatering": "Dewatering inspection",
    "final": "Final inspection",
    "agency": "Inspection asked for by the agency",
}

_NOT_DATED = "Not known before the inspection has its date and start time."


def occasion_of(connection: Connection, scope_id: str, submission_id: str) -> str:
    """`Storm inspection`, or nothing for a form that belongs to no inspection."""
    row = inspection_row(connection, scope_id, submission_id=submission_id)
    return INSPECTION_WORDS.get(row["kind"], "Inspection") if row else ""


def titled(connection: Connection, kind: Kind, scope_id: str, record_id: str) -> str:
    """A record in words; a form by the inspection that it is of, since a site has many of the same name."""
    title = record_title(connection, kind, scope_id, record_id)
    if kind.name == "inspection":
        row = inspection_row(connection, scope_id, id=record_id)
        return INSPECTION_WORDS.get(row["kind"], title) if row else title
    if kind.name != "submission":
        return title
    return occasion_of(connection, scope_id, record_id) or short_title(title)


def about_words(connection: Connection, scope_id: str, submission_id: str, zone: ZoneInfo) -> str:
    """Which inspection a form is the report of."""
    row = inspection_row(connection, scope_id, submission_id=submission_id)
    return occasion_words(connection, row["kind"], row, zone) if row else ""


def inspection_row(connection: Connection, scope_id: str, **where: str) -> RowMapping | None:
    """The inspection with these columns, or none; one that stands before one that was removed."""
    table = KINDS["inspection"].table
    query = select(table).where(table.c.scope_id == scope_id, *(table.c[k] == v for k, v in where.items()))
    return connection.execute(query.order_by(table.c.deleted, table.c.id)).mappings().first()


def occasion_words(connection: Connection, kind: str, row: RowMapping | None, zone: ZoneInfo) -> str:
    """Kind of inspection, and for a storm how much fell and on which day the clock began."""
    words = INSPECTION_WORDS.get(kind, "Inspection" if kind else "")
    if row is None or row["weather_event_id"] is None:
        return words
    table = KINDS["weather_event"].table
    query = select(table.c.rain_hundredths, table.c.threshold_reached_at)
    event = connection.execute(query.where(table.c.id == row["weather_event_id"])).one_or_none()
    if event is None or event.rain_hundredths is None or event.threshold_reached_at is None:
        return words
    day = local_time(event.threshold_reached_at, zone)
    return f"{words}, {inches(event.rain_hundredths)} in {day:%a} {day.day} {day:%b}"


def derived_answers(
    row: RowMapping | None, answers: Mapping[str, Json], calendar: WorkCalendar, now: datetime
) -> dict[str, Json]:
    """What the permit's rules say of this report: when the next one is due, and whether this one is in time. Nothing is said
    of an inspection that has no date yet but by when it is due."""
    basis = answers.get("schedule_basis")
    schedule = str(basis[0]) if isinstance(basis, list | tuple) and basis else "7d"
    walked_at = _walked_at(answers, calendar.zone)
    try:
        following = routine_deadline(schedule, walked_at, calendar) if walked_at else None
        start = row["due_from"] if row else None
        due = inspection_deadline(row, start, calendar) if row and start else None
    except BadInput:
        return {}
    derived: dict[str, Json] = {}
    if walked_at is None:
        derived["next_due"] = _NOT_DATED
    elif following is not None:
        derived["next_due"] = _by_words(following, now, calendar.zone)
    if due is not None and walked_at is None:
        derived["timely"] = f"{_NOT_DATED} It is due by {_by_words(due, now, calendar.zone)}."
    elif due is not None and walked_at is not None:
        said = "No." if walked_at > due.due_at else "Yes."
        by = f"{clock_words(due.due_at, now, calendar.zone)} ({due.citation})"
        derived["timely"] = f"{said} It was due by {by}."
    return derived


def inspection_deadline(row: RowMapping, start: datetime, calendar: WorkCalendar) -> Deadline | None:
    """When an inspection that was set off at `start` is due: the same on every screen."""
    if row["kind"] in ("storm", "snowmelt"):
        return storm_deadline(start, calendar, snow=row["kind"] == "snowmelt")
    return routine_deadline(row["schedule_basis"] or "7d", start, calendar)


def _by_words(due: Deadline, now: datetime, zone: ZoneInfo) -> str:
    """What to plan for, as Home says it; and the permit's own moment where that is later."""
    planned, permits = clock_words(due.plan_by(now), now, zone), clock_words(due.due_at, now, zone)
    if planned == permits:
        return f"{permits} ({due.citation})"
    return f"{planned}, when work ends; the permit gives until {permits} ({due.citation})"


def _walked_at(answers: Mapping[str, Json], zone: ZoneInfo) -> datetime | None:
    """When the walk began, as the report has it; None before it says so."""
    try:
        day = date.fromisoformat(str(answers.get("report_date")))
        return datetime.combine(day, time.fromisoformat(str(answers.get("started_at"))), zone)
    except ValueError:
        return None
