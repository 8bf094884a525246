"""Facts of one site that reading and writing both need: its project, its working time, a submission's answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, func, select

from bravetui.base.canonical import Json, content_hash
from bravetui.db.kinds import KINDS
from bravetui.db.records import Stored
from bravetui.db.tables.forms import SIGNED_STATUSES
from bravetui.forms.compliance.calendar import STANDARD_HOURS, WorkCalendar
from bravetui.merge.join import moment
from bravetui.merge.state import ANSWERS

READING_ROLES = frozenset({"viewer", "agency", "support"})
"""Read and write nothing. Central has the last word (`central.access`); here they say what is not even offered."""

EDITABLE = frozenset({"draft", "rejected"})
"""Statuses in which a form takes answers; anything later was signed as it stands."""


def signs(kind_name: str, after: Mapping[str, Json]) -> bool:
    """Whether what is said of a record signs a report, or keeps it signed."""
    return kind_name == "submission" and after.get("status") in SIGNED_STATUSES


def project_of(connection: Connection, scope_id: str) -> RowMapping | None:
    """The project's row; None before the first sync has brought it."""
    table = KINDS["project"].table
    return connection.execute(select(table).where(table.c.scope_id == scope_id)).mappings().first()


def calendar_of(project: RowMapping | None) -> WorkCalendar:
    """The site's working time; Monday to Friday, seven to five, where the project does not say."""
    if project is None:
        return WorkCalendar(ZoneInfo("UTC"))
    told = project["working_hours"].items()
    hours = {day: (str(span[0]), str(span[1])) for day, span in told} or dict(STANDARD_HOURS)
    holidays = frozenset(day.date() for told in project["holidays"] if (day := moment(told)))
    return WorkCalendar(ZoneInfo(project["timezone"] or "UTC"), hours, holidays)


def may_sign(connection: Connection, scope_id: str, user_id: str) -> bool:
    """Whether the project names this person as a duly authorized representative (CGP Appendix G, G.11.2)."""
    table = KINDS["project_member"].table
    query = select(table.c.may_sign).where(table.c.scope_id == scope_id, table.c.user_id == user_id)
    return any(connection.execute(query.where(table.c.deleted.is_(False))).scalars())


def answers_of(stored: Stored) -> dict[str, Json]:
    """A submission's answers by path, without the prefix that merging uses."""
    prefix = f"{ANSWERS}/"
    cells = stored.state.cells.items()
    return {path.removeprefix(prefix): cell.value for path, cell in cells if path.startswith(prefix)}


def hash_of_answers(answers: Mapping[str, Json]) -> str:
    """What a signature certifies. A field that was emptied says no more than one that nobody filled in."""
    return content_hash({path: value for path, value in answers.items() if value is not None})


def last_inspected_at(connection: Connection, scope_id: str) -> datetime | None:
    """When the last inspection that was handed in ended: the next scheduled walk counts from there."""
    table = KINDS["inspection"].table
    ended = (table.c.scope_id == scope_id, table.c.ended_at.is_not(None))
    return connection.execute(select(func.max(table.c.ended_at)).where(*ended)).scalar_one_or_none()
