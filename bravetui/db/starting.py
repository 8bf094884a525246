"""What a new form starts with, as the tables have it: the job's facts, the last report, the storm that it is about.

`forms.starting` decides what carries over. Read here, since the blank form on a screen and the one that is stored must be
the same.
"""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, select

from bravetui.base.canonical import Json
from bravetui.base.clock import local_time
from bravetui.db.kinds import KINDS
from bravetui.db.site import calendar_of, project_of
from bravetui.db.store import Identity
from bravetui.forms.compliance.rain import inches
from bravetui.forms.starting import starting_answers
from bravetui.forms.template import Template

_submission = KINDS["submission"].table
_template = KINDS["form_template"].table

_TRIGGERS = {"storm": "storm_rain", "snowmelt": "snowmelt", "routine": "routine", "agency": "agency"}
"""What set an inspection off, by its kind, as the report has it."""

_SOURCES = {"gauge": "rain_gauge", "station": "weather_station"}


def first_answers(
    connection: Connection,
    identity: Identity,
    scope_id: str,
    template: Template,
    template_id: str,
    inspection_id: str | None,
    kind: str = "",
) -> dict[str, Json]:
    """The answers that a new form begins with; `kind` says what inspection it will be of, before there is a record."""
    answers = starting_answers(
        template, _job_facts(connection, identity, scope_id), _previous(connection, scope_id, template_id)
    )
    told = _inspection_facts(connection, scope_id, inspection_id, kind)
    recorded = {path: value for path, value in told.items() if template.find(path) is not None}
    return {**answers, **recorded}


def _inspection_facts(
    connection: Connection, scope_id: str, inspection_id: str | None, kind: str
) -> dict[str, Json]:
    """What is on record of the occasion: no observation of the site, but the event that the inspection answers to."""
    row = _row(connection, "inspection", scope_id, inspection_id)
    trigger = _TRIGGERS.get(row["kind"] if row else kind)
    facts: dict[str, Json] = {"trigger": trigger} if trigger else {}
    event = _row(connection, "weather_event", scope_id, row["weather_event_id"]) if row else None
    if event is None or trigger != "storm_rain":
        return facts
    zone = calendar_of(project_of(connection, scope_id)).zone
    times = {"storm_start": event["storm_started_at"], "threshold_reached_at": event["threshold_reached_at"]}
    facts |= {path: local_time(at, zone).isoformat() for path, at in times.items() if at is not None}
    source = _SOURCES.get(event["source"] or "")
    if event["rain_hundredths"] is not None and source is not None:
        facts |= {"rain_in": inches(event["rain_hundredths"]), "rain_source": source}
        facts |= {"station": event["station"]} if event["station"] else {}
    return facts


def _row(connection: Connection, kind: str, scope_id: str, record_id: str | None) -> RowMapping | None:
    table = KINDS[kind].table
    query = select(table).where(table.c.scope_id == scope_id, table.c.id == record_id)
    return connection.execute(query).mappings().one_or_none() if record_id else None


def _previous(connection: Connection, scope_id: str, template_id: str) -> dict[str, Json]:
    """The answers of the newest submitted form of the same kind: the source of job facts that carry over."""
    same_form = select(_template.c.id).where(
        _template.c.key == select(_template.c.key).where(_template.c.id == template_id).scalar_subquery()
    )
    query = (
        select(_submission.c.answers)
        .where(_submission.c.scope_id == scope_id, _submission.c.template_id.in_(same_form))
        .where(_submission.c.status != "draft", _submission.c.deleted.is_(False))
        .order_by(_submission.c.submitted_at.desc())
        .limit(1)
    )
    return dict(connection.execute(query).scalar_one_or_none() or {})


def _job_facts(connection: Connection, identity: Identity, scope_id: str) -> dict[str, Json]:
    """What is known without asking: the permit, the site, its controls, who is here."""
    row = project_of(connection, scope_id)
    people = KINDS["user"].table
    person = (
        connection.execute(select(people).where(people.c.id == identity.user_id)).mappings().one_or_none()
    )
    facts: dict[str, Json] = {"inspector": identity.user_name}
    if person is not None:
        facts |= {
            "inspector_title": person["title"],
            "company": person["company"],
            "contact": person["phone"] or person["email"],
        }
    if row is not None:
        facts |= {
            "npdes_id": row["npdes_id"],
            "location": row["name"],
            "schedule_basis": [row["inspection_schedule"]],
            "controls": row["controls"],
        }
    return {name: value for name, value in facts.items() if value is not None}
