"""A record by what it is alone, without a word that somebody on site wrote: for lists that may be sent on to anybody."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Connection

from bravetui.base.errors import BadInput
from bravetui.base.text import shortened
from bravetui.db.kinds import Kind
from bravetui.views.labels import template_for
from bravetui.views.occasion import INSPECTION_WORDS, inspection_row, occasion_of
from bravetui.views.words import short_title


def unworded(connection: Connection, kind: Kind, scope_id: str, record_id: str) -> str:
    """`Violation`, `Storm inspection`; a form goes by the title that the office gave it."""
    if kind.name == "inspection":
        row = inspection_row(connection, scope_id, id=record_id)
        return INSPECTION_WORDS.get(row["kind"], "Inspection") if row else "Inspection"
    if kind.name == "submission":
        if about := occasion_of(connection, scope_id, record_id):
            return about
        with suppress(BadInput):  # a form that is not on this laptop has no title here
            if template := template_for(connection, scope_id, kind.name, record_id):
                return shortened(short_title(template.title), 80)
        return "Form"
    return kind.label.capitalize()
