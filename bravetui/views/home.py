"""What a foreman needs first: what is due, by when and why; the line and the queue; alerts; what the sky will do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, func, select

from bravetui.base.clock import local_time
from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line, safe_text
from bravetui.db.kinds import KINDS
from bravetui.db.site import calendar_of, last_inspected_at, project_of
from bravetui.db.store import Store
from bravetui.forms.compliance.calendar import WorkCalendar
from bravetui.forms.compliance.clocks import Standing, routine_deadline
from bravetui.forms.compliance.rain import inches
from bravetui.merge.join import moment
from bravetui.views.occasion import INSPECTION_WORDS, inspection_deadline
from bravetui.views.status import SyncSummary, summary_of

_OPEN = ("due", "in_progress", "rejected")


@dataclass(frozen=True, slots=True)
class Due:
    """One inspection to make."""

    inspection_id: str | None
    """None for a routine one that nobody has opened yet."""
    submission_id: str | None
    kind: str
    """`storm`, `routine`, …"""
    title: str
    why: str
    due_at: datetime
    do_by: datetime
    standing: Standing
    citation: str
    is_dated: bool = True
    """Whether its date says by when. Otherwise it counts as due now, and `why` says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A safety alert in force."""

    id: str
    level: str
    """`info`, `warning` or `stop_work`."""
    title: str
    body: str
    issued_by: str
    """The name of whoever warns; empty where nobody is known."""
    issued_at: datetime | None
    expires_at: datetime | None
    seen: bool


@dataclass(frozen=True, slots=True)
class Home:
    """The first screen."""

    project_name: str
    user_name: str
    zone: ZoneInfo
    now: datetime
    due: tuple[Due, ...]
    alerts: tuple[Alert, ...]
    sync: SyncSummary
    drafts: int
    rain: str
    """The forecast in one line, with its age; never a trigger, only a warning."""


def home(store: Store, scope_id: str) -> Home:
    """Everything for the first screen, in one look at the tables."""
    now = store.clock.now()
    with store.look() as connection:
        project = project_of(connection, scope_id)
        calendar = calendar_of(project)
        drafts = KINDS["submission"].table
        count = select(func.count()).where(
            drafts.c.scope_id == scope_id, drafts.c.status == "draft", drafts.c.deleted.is_(False)
        )
        return Home(
            project_name=safe_line(project["name"] if project else "No project yet", 60),
            user_name=safe_line(store.identity.user_name, 40),
            zone=calendar.zone,
            now=now,
            due=tuple(_due(connection, scope_id, project, calendar, now)),
            alerts=tuple(_alerts(connection, scope_id, store.identity.user_id, now)),
            sync=summary_of(connection, now, store.identity.user_id),
            drafts=connection.execute(count).scalar_one(),
            rain=_rain(connection, scope_id, calendar.zone, now),
        )  # fmt: skip


def _due(
    connection: Connection, scope_id: str, project: RowMapping | None, calendar: WorkCalendar, now: datetime
) -> list[Due]:
    table = KINDS["inspection"].table
    query = select(table).where(
        table.c.scope_id == scope_id, table.c.status.in_(_OPEN), table.c.deleted.is_(False)
    )
    rows = connection.execute(query).mappings().all()
    found = [_from_inspection(connection, row, calendar, now) for row in rows]
    if project is not None and not any(row["kind"] == "routine" for row in rows):
        found += _routine(connection, scope_id, project["inspection_schedule"], calendar, now)
    return sorted(found, key=lambda due: due.due_at)


def _from_inspection(connection: Connection, row: RowMapping, calendar: WorkCalendar, now: datetime) -> Due:
    start = row["due_from"] or now
    storm = row["kind"] in ("storm", "snowmelt")
    title = INSPECTION_WORDS.get(row["kind"], "Inspection")
    try:
        deadline = inspection_deadline(row, start, calendar)
    except BadInput:
        return _undated((row["id"], row["submission_id"], row["kind"], title), start, calendar.zone, now)
    return Due(
        inspection_id=row["id"],
        submission_id=row["submission_id"],
        kind=row["kind"],
        title=title,
        why=_storm_words(connection, row, calendar.zone)
        if storm
        else deadline.words.capitalize()
        if deadline
        else "Routine schedule of this project",
        due_at=deadline.due_at if deadline else start,
        do_by=deadline.plan_by(now) if deadline else start,
        standing=deadline.standing(now) if deadline else Standing.UPCOMING,
        citation=deadline.citation if deadline else "",
    )


def _undated(
    which: tuple[str | None, str | None, str, str], start: datetime, zone: ZoneInfo, now: datetime
) -> Due:
    """One that counts from a day of which the program knows no permit; `which` is its ids, its kind and its title."""
    day = local_time(start, zone)
    why = (
        f"No deadline: it counts from {day:%a} {day.day} {day:%b} {day.year}, and no permit of that day is known here. "
        "Have the office correct that day; if it is right, update this program, and count by hand until then."
    )
    return Due(*which, why, now, now, Standing.DUE, "", is_dated=False)


def _storm_words(connection: Connection, row: RowMapping, zone: ZoneInfo) -> str:
    table = KINDS["weather_event"].table
    query = select(table.c.rain_hundredths, table.c.threshold_reached_at).where(
        table.c.id == row["weather_event_id"]
    )
    event = connection.execute(query).one_or_none()
    if event is None or event.rain_hundredths is None:
        return "Rain of 0.25 inch or more"
    reached = event.threshold_reached_at or row["due_from"]
    if reached is None:
        return f"{inches(event.rain_hundredths)} in of rain"
    reached = local_time(reached, zone)
    clock = f"{reached:%I:%M %p}".lstrip("0").lower()
    return f"{inches(event.rain_hundredths)} in of rain; 0.25 in had fallen {reached:%a} {clock}"


def _routine(
    connection: Connection, scope_id: str, schedule: str, calendar: WorkCalendar, now: datetime
) -> list[Due]:
    """The next scheduled walk, from the last inspection that was handed in."""
    done_at = last_inspected_at(connection, scope_id)
    if done_at is None:
        return []
    try:
        deadline = routine_deadline(schedule, done_at, calendar)
    except BadInput:
        return [_undated((None, None, "routine", "Routine inspection"), done_at, calendar.zone, now)]
    if deadline is None:
        return []
    return [
        Due(
            None, None, "routine", "Routine inspection", deadline.words.capitalize(), deadline.due_at,
            deadline.plan_by(now), deadline.standing(now), deadline.citation,
        )
    ]  # fmt: skip


def _alerts(connection: Connection, scope_id: str, user_id: str, now: datetime) -> list[Alert]:
    table = KINDS["safety_alert"].table
    query = (
        select(table)
        .where(table.c.scope_id == scope_id, table.c.deleted.is_(False))
        .where((table.c.expires_at.is_(None)) | (table.c.expires_at > now))
        .order_by(table.c.issued_at.desc())
        .limit(20)
    )
    people = KINDS["user"].table
    names: dict[str, str] = dict(connection.execute(select(people.c.id, people.c.name)).all())
    rank = {"stop_work": 0, "warning": 1}
    found = [
        Alert(
            id=row["id"],
            level=row["level"],
            title=safe_line(row["title"]),
            body=safe_text(row["body"], 6000),
            issued_by=safe_line(names.get(row["issued_by"], ""), 60),
            issued_at=row["issued_at"],
            expires_at=row["expires_at"],
            seen=row["seen_by"].get(user_id) is not None,
        )
        for row in connection.execute(query).mappings()
    ]
    return sorted(found, key=lambda alert: (alert.seen, rank.get(alert.level, 2)))


def _rain(connection: Connection, scope_id: str, zone: ZoneInfo, now: datetime) -> str:
    table = KINDS["weather_forecast"].table
    query = (
        select(table.c.hours, table.c.fetched_at)
        .where(table.c.scope_id == scope_id)
        .order_by(table.c.fetched_at.desc())
    )
    row = connection.execute(query.limit(1)).one_or_none()
    if row is None or row.fetched_at is None:
        return "No forecast on this laptop."
    fetched_at = local_time(row.fetched_at, zone)
    age = f"forecast of {fetched_at:%a} {fetched_at.day}"
    by_day: dict[date, int] = {}
    for told, _, rain, *_ in row.hours:
        at = moment(told)
        if at is not None and now <= at <= now + timedelta(days=7):
            day = local_time(at, zone).date()
            by_day[day] = by_day.get(day, 0) + int(rain)
    likely = [(day, amount) for day, amount in sorted(by_day.items()) if amount >= 25]
    if not likely:
        return f"No quarter inch of rain in sight ({age})."
    day, amount = likely[0]
    return f"{inches(amount)} in of rain likely {day:%a} {day.day} {day:%b} ({age})."
