"""Values of fields outside the forms as people read them: inches, times on the site, names; and what to call a field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from sqlalchemy import Connection, select

from bravetui.base.canonical import Json
from bravetui.base.clock import local_time
from bravetui.base.text import safe_line, safe_text
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.site import calendar_of, project_of
from bravetui.forms.compliance.rain import inches
from bravetui.forms.display import value_text
from bravetui.forms.template import Question, QuestionKind
from bravetui.merge.state import is_row
from bravetui.views.words import record_title

NOTHING = "(nothing)"
ROW_REMOVED, ROW_KEPT = "removed", "kept, with what is written in it"

FIELD_WORDS: Mapping[str, str] = {
    "rain_hundredths": "Rain in 24 hours",
    "snow_hundredths": "Snow in 24 hours",
    "threshold_reached_at": "When 0.25 inch had fallen",
    "storm_started_at": "When the storm began",
    "last_qualifying_on": "Last day with 0.25 inch or more",
    "source": "Read from",
    "read_by": "Read by",
    "verified": "Checked by the office",
    "kind": "What it was",
    "weather_event_id": "Storm",
    "submission_id": "Form",
    "inspector_id": "Inspector",
    "author_id": "Written by",
    "po_number": "Purchase order",
    "log_date": "Day",
    "deleted": "Whether it is kept",
}
_CODES: Mapping[str, Mapping[str, str]] = {
    "source": {"gauge": "Rain gauge on site", "station": "Weather station", "forecast": "Forecast"},
    "kind": {"rain": "Rain", "snow": "Snow"},
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")
_CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


def field_words(path: str) -> str:
    """What a field of a table is called."""
    name = path.rsplit("/", maxsplit=1)[-1]
    return FIELD_WORDS.get(name) or name.removesuffix("_at").replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Reader:
    """Says values in the words of one site."""

    zone: tzinfo = UTC
    names: Mapping[str, str] = field(default_factory=dict)
    """Of people and records, by id."""

    def text(self, question: Question | None, value: Json, path: str = "") -> str:
        """A value in words, safe to show; `path` is that of a field outside a form."""
        if question is None and is_row(path):
            return ROW_REMOVED if value is None else ROW_KEPT
        if value is None or value == "":
            return NOTHING
        if question is not None:
            return safe_text(value_text(question, value))
        name = path.rsplit("/", maxsplit=1)[-1]
        if isinstance(value, bool):
            return ("no" if value else "yes") if name == "deleted" else ("yes" if value else "no")
        if isinstance(value, int) and name.endswith("_hundredths"):
            return f"{inches(value)} in"
        if isinstance(value, list):
            return safe_text(", ".join(self.text(None, item, path) for item in value))
        return safe_text(self._said(name, str(value)) if name else str(value))

    def _said(self, name: str, value: str) -> str:
        if value in self.names:
            return self.names[value]
        if _MOMENT.fullmatch(value) or _DATE.fullmatch(value):
            return self._when(value)
        coded = _CODES.get(name, {}).get(value)
        return coded or (value.replace("_", " ") if _CODE.fullmatch(value) else value)

    def _when(self, value: str) -> str:
        try:
            if _DATE.fullmatch(value):
                return value_text(Question("", "", QuestionKind.DATE, ""), value)
            local = local_time(datetime.fromisoformat(value), self.zone)
        except ValueError:
            return value
        return value_text(Question("", "", QuestionKind.DATETIME, ""), local.isoformat())


def reader_for(connection: Connection, scope_id: str, kind: Kind | None, values: Iterable[Json]) -> Reader:
    """One that knows the site's clock, and whom and what the ids among `values` mean."""
    ids = {value for value in values if isinstance(value, str)}
    zone = calendar_of(project_of(connection, scope_id)).zone
    names = names_of(connection, ids)
    for parent in {*(kind.parents.values() if kind else ()), "submission"}:
        table = KINDS[parent].table
        found = connection.execute(
            select(table.c.id).where(table.c.scope_id == scope_id, table.c.id.in_(ids))
        )
        names |= {key: record_title(connection, KINDS[parent], scope_id, key) for key in found.scalars()}
    return Reader(zone, names)


def names_of(connection: Connection, ids: set[str]) -> dict[str, str]:
    """The names of people by id, safe to show."""
    people = KINDS["user"].table
    rows = connection.execute(select(people.c.id, people.c.name).where(people.c.id.in_(ids)))
    return {row.id: safe_line(row.name, 80) for row in rows}
