"""The site's working day: crews, assignments, safety alerts, deliveries, daily logs, photos, and how the program is used."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index

from bravetui.db.tables.columns import Synced, merged, parent
from bravetui.merge.rules import FieldRule, Rule

_LATER, _TEXT, _ASKED = FieldRule(Rule.LAST_WRITE_WINS), FieldRule(Rule.TEXT), FieldRule(Rule.REVIEW)
_EARLIER, _OFFICE = FieldRule(Rule.EARLIEST), FieldRule(Rule.SERVER_WINS)
_AMOUNT = FieldRule(Rule.REVIEW, group="amount")


class Crew(Synced, table=True):
    """A crew and its members."""

    __tablename__ = "crew"

    name: str = merged(Rule.SERVER_WINS, default="", max_length=120)
    trade: str = merged(Rule.SERVER_WINS, default="", max_length=60)
    company: str | None = merged(Rule.SERVER_WINS, max_length=120)
    lead: str | None = merged(Rule.SERVER_WINS, max_length=120)
    members: dict[str, Any] = merged(Rule.UNION, document=True, rows={"name": _OFFICE, "role": _OFFICE})
    """Repeat rows `<row id>`, `<row id>/name`, `<row id>/role`."""


class CrewAssignment(Synced, table=True):
    """Which crew does what, where, on which day."""

    __tablename__ = "crew_assignment"

    crew_id: str = parent("crew", default="")
    work_date: date | None = merged(Rule.SERVER_WINS)
    area: str = merged(Rule.SERVER_WINS, default="", max_length=120)
    task: str = merged(Rule.SERVER_WINS, default="", max_length=300)
    foreman_id: str | None = merged(Rule.SERVER_WINS, max_length=64)
    headcount: int | None = merged(Rule.LAST_WRITE_WINS)
    status: str = merged(Rule.SERVER_WINS, default="planned", max_length=20)


class SafetyAlert(Synced, table=True):
    """A warning that everyone on site must see at once."""

    __tablename__ = "safety_alert"

    level: str = merged(Rule.STRICTER, default="info", order=("info", "warning", "stop_work"), max_length=20)
    title: str = merged(Rule.LAST_WRITE_WINS, default="", max_length=200)
    body: str = merged(Rule.TEXT, default="")
    area: str | None = merged(Rule.LAST_WRITE_WINS, max_length=120)
    issued_by: str | None = merged(Rule.SERVER_WINS, max_length=64)
    issued_at: datetime | None = merged(Rule.EARLIEST)
    expires_at: datetime | None = merged(Rule.LATEST)
    seen_by: dict[str, Any] = merged(Rule.UNION, document=True, rows={"at": _EARLIER})
    """Repeat rows by user id: `<user id>` present, `<user id>/at` when."""


class Delivery(Synced, table=True):
    """A material delivery."""

    __tablename__ = "delivery"

    occurred_at: datetime | None = merged(Rule.EARLIEST)
    supplier: str = merged(Rule.LAST_WRITE_WINS, default="", max_length=120)
    ticket_number: str | None = merged(Rule.SERVER_WINS, max_length=60)
    po_number: str | None = merged(Rule.LAST_WRITE_WINS, max_length=60)
    items: dict[str, Any] = merged(
        Rule.UNION,
        document=True,
        rows={"material": _LATER, "lot": _LATER, "quantity": _AMOUNT, "unit": _AMOUNT},
    )
    """Repeat rows `<row id>`, `<row id>/material`, `<row id>/quantity`, `<row id>/unit`."""
    condition: str = merged(Rule.REVIEW, default="accepted", max_length=20)
    hazardous: str = merged(Rule.STRICTER, default="no", order=("no", "yes"), max_length=3)
    storage_location: str | None = merged(Rule.LAST_WRITE_WINS, max_length=120)
    received_by: str | None = merged(Rule.LAST_WRITE_WINS, max_length=64)
    note: str | None = merged(Rule.TEXT)


class DailyLog(Synced, table=True):
    """A foreman's day, one a project, date and foreman."""

    __tablename__ = "daily_log"

    log_date: date | None = merged(Rule.REVIEW)
    author_id: str = merged(Rule.SERVER_WINS, default="", max_length=64)
    shift: str = merged(Rule.LAST_WRITE_WINS, default="day", max_length=20)
    day_status: str = merged(Rule.LAST_WRITE_WINS, default="worked", max_length=20)
    weather: str | None = merged(Rule.LAST_WRITE_WINS, max_length=60)
    high_f: int | None = merged(Rule.LAST_WRITE_WINS)
    low_f: int | None = merged(Rule.LAST_WRITE_WINS)
    rain_hundredths: int | None = merged(Rule.REVIEW, order=("higher",))
    crews: dict[str, Any] = merged(
        Rule.UNION,
        document=True,
        rows={"crew": _LATER, "headcount": _LATER, "hours": _LATER, "area": _LATER, "work": _TEXT},
    )
    """Repeat rows `<row id>`, `<row id>/crew`, `<row id>/headcount`, `<row id>/hours`, `<row id>/area`, `<row id>/work`."""
    visitors: dict[str, Any] = merged(
        Rule.UNION,
        document=True,
        rows={"name": _LATER, "organization": _LATER, "in": _EARLIER, "out": _ASKED, "purpose": _TEXT},
    )
    stormwater_note: str | None = merged(Rule.TEXT)
    safety_note: str | None = merged(Rule.TEXT)
    narrative: str | None = merged(Rule.TEXT)
    tomorrow: str | None = merged(Rule.TEXT)
    status: str = merged(Rule.SERVER_WINS, default="draft", max_length=20)


class Photo(Synced, table=True):
    """What is known of a photo; its bytes are a blob named by their hash."""

    __tablename__ = "photo"
    __table_args__ = (Index("ix_photo_scope_id_sha256", "scope_id", "sha256"),)

    owner_kind: str = merged(Rule.SERVER_WINS, default="submission", max_length=40)
    owner_id: str = merged(Rule.SERVER_WINS, default="", max_length=36)
    field_path: str | None = merged(Rule.SERVER_WINS, max_length=200)
    sha256: str = merged(Rule.REVIEW, default="", max_length=64)
    size_bytes: int = merged(Rule.REVIEW, default=0)
    width: int | None = merged(Rule.REVIEW)
    height: int | None = merged(Rule.REVIEW)
    media_type: str = merged(Rule.REVIEW, default="image/jpeg", max_length=60)
    taken_at: datetime | None = merged(Rule.EARLIEST)
    latitude: str | None = merged(Rule.LAST_WRITE_WINS, max_length=20, group="place")
    longitude: str | None = merged(Rule.LAST_WRITE_WINS, max_length=20, group="place")
    caption: str | None = merged(Rule.TEXT)
    tags: list[str] = merged(Rule.UNION, json=list)
    blob_state: str = merged(Rule.SERVER_WINS, default="here", max_length=20)
    """What central holds of the bytes: `here` (none yet), `thumbnail`, `preview`, `original`."""


class UsageDay(Synced, table=True):
    """How often one thing was done on one device on one day; no names, no answers."""

    __tablename__ = "usage_day"

    day: date | None = merged(Rule.SERVER_WINS)
    metric: str = merged(Rule.SERVER_WINS, default="", max_length=60)
    device: int = merged(Rule.SERVER_WINS, default=0)
    count: int = merged(Rule.SUM, default=0)
    total_ms: int = merged(Rule.SUM, default=0)
