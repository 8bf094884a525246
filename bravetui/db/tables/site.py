"""Who and where: organization, project, users and their roles."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from bravetui.db.tables.columns import Synced, merged, parent
from bravetui.merge.rules import FieldRule, Rule


class Organization(Synced, table=True):
    """A contractor."""

    __tablename__ = "organization"

    name: str = merged(Rule.SERVER_WINS, default="", max_length=200)
    plan: str = merged(Rule.SERVER_WINS, default="", max_length=40)
    timezone: str = merged(Rule.SERVER_WINS, default="UTC", max_length=60)
    retention_years: int = merged(Rule.MAX, default=3)
    """Years that records are kept after coverage ends: at least 3 (CGP 4.7.4), longer where the company says so."""


class Project(Synced, table=True):
    """A construction site and its permit."""

    __tablename__ = "project"

    name: str = merged(Rule.SERVER_WINS, default="", max_length=200)
    number: str = merged(Rule.SERVER_WINS, default="", max_length=40)
    address: str = merged(Rule.SERVER_WINS, default="", max_length=300)
    latitude: str | None = merged(Rule.SERVER_WINS, max_length=20, group="place")
    longitude: str | None = merged(Rule.SERVER_WINS, max_length=20, group="place")
    timezone: str = merged(Rule.SERVER_WINS, default="UTC", max_length=60)
    state: str | None = merged(Rule.SERVER_WINS, max_length=2)
    permit_type: str = merged(Rule.SERVER_WINS, default="cgp", max_length=20)
    npdes_id: str | None = merged(Rule.SERVER_WINS, max_length=20)
    disturbed_acres: str | None = merged(Rule.SERVER_WINS, max_length=20)
    receiving_water: str | None = merged(Rule.SERVER_WINS, max_length=200)
    sensitive_water: bool = merged(Rule.SERVER_WINS, default=False)
    inspection_schedule: str = merged(Rule.SERVER_WINS, default="14d_storm", max_length=40)
    """Choice of CGP 4.2 to 4.4: `7d`, `14d_storm`, `7d_storm`, `stabilized`, `arid`, `frozen`."""
    working_hours: dict[str, Any] = merged(Rule.SERVER_WINS, json=dict)
    """By weekday `mon` to `sun`: `["07:00", "17:00"]`; absent where nobody works."""
    holidays: dict[str, Any] = merged(Rule.SERVER_WINS, json=dict)
    """By ISO date: the day's name."""
    rain_source: str | None = merged(Rule.SERVER_WINS, max_length=80)
    """On-site gauge, or the id of the representative weather station (CGP 4.2.2)."""
    controls: dict[str, Any] = merged(
        Rule.UNION,
        document=True,
        rows=dict.fromkeys(("name", "kind", "location"), FieldRule(Rule.SERVER_WINS)),
    )
    """Stormwater controls on site: repeat rows `<row id>`, `<row id>/name`, `<row id>/kind`, `<row id>/location`."""
    status: str = merged(Rule.SERVER_WINS, default="active", max_length=20)
    starts_on: date | None = merged(Rule.SERVER_WINS)
    ends_on: date | None = merged(Rule.SERVER_WINS)


class User(Synced, table=True):
    """A person, as the organization knows them."""

    __tablename__ = "app_user"

    name: str = merged(Rule.SERVER_WINS, default="", max_length=120)
    email: str | None = merged(Rule.SERVER_WINS, max_length=200)
    phone: str | None = merged(Rule.LAST_WRITE_WINS, max_length=40)
    title: str | None = merged(Rule.SERVER_WINS, max_length=120)
    company: str | None = merged(Rule.SERVER_WINS, max_length=120)
    language: str = merged(Rule.LAST_WRITE_WINS, default="en", max_length=8)
    role: str = merged(Rule.SERVER_WINS, default="viewer", max_length=40)
    certification: str | None = merged(Rule.SERVER_WINS, max_length=120)
    """Course or certificate that makes a qualified person (CGP 6.3)."""
    certified_until: date | None = merged(Rule.EARLIEST)


class ProjectMember(Synced, table=True):
    """Who works on a project, as what, and with which permissions."""

    __tablename__ = "project_member"

    user_id: str = merged(Rule.SERVER_WINS, default="", max_length=64)
    project_role: str = merged(Rule.SERVER_WINS, default="foreman", max_length=40)
    permissions: list[str] = merged(Rule.SERVER_WINS, json=list)
    may_sign: bool = merged(Rule.SERVER_WINS, default=False)
    """Duly authorized representative, named in writing (CGP Appendix G, G.11.2)."""
    from_date: date | None = merged(Rule.SERVER_WINS)
    to_date: date | None = merged(Rule.SERVER_WINS)


class InspectorVisit(Synced, table=True):
    """An agency inspector's visit: who came, what was shown, what must be answered by when."""

    __tablename__ = "inspector_visit"

    agency: str = merged(Rule.LAST_WRITE_WINS, default="", max_length=80)
    inspector_name: str = merged(Rule.LAST_WRITE_WINS, default="", max_length=120)
    badge: str | None = merged(Rule.LAST_WRITE_WINS, max_length=60)
    arrived_at: datetime | None = merged(Rule.EARLIEST)
    left_at: datetime | None = merged(Rule.REVIEW)
    purpose: str | None = merged(Rule.TEXT)
    findings: str | None = merged(Rule.TEXT)
    notice_number: str | None = merged(Rule.REVIEW, max_length=60)
    response_due: date | None = merged(Rule.EARLIEST)
    documents_shown: list[str] = merged(Rule.UNION, json=list)
    received_by: str | None = parent("user")
