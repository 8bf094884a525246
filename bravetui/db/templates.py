"""Form templates as the merge and the forms engine use them, read once each: a template version never changes."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection, bindparam, select

from bravetui.base.errors import BadInput
from bravetui.db.kinds import Kind, rules_for
from bravetui.db.tables import FormTemplate
from bravetui.forms.template import Template
from bravetui.merge.rules import Rules
from bravetui.merge.state import RecordState

_table = FormTemplate.__table__  # type: ignore[attr-defined]
_BODY = select(_table.c.body).where(_table.c.id == bindparam("wanted"))


@lru_cache(maxsize=64)
def _parsed(body: str) -> Template:
    return Template.from_json(body)


def is_readable(body: str) -> bool:
    """Whether this version can show the form."""
    try:
        _parsed(body)
    except BadInput:
        return False
    return True


def find_template(connection: Connection, template_id: str) -> Template | None:
    """The template of that id; None while it has not arrived."""
    body = connection.execute(_BODY, {"wanted": template_id}).scalar_one_or_none()
    return _parsed(body) if body else None


def rules_of(connection: Connection, kind: Kind, state: RecordState) -> Rules:
    """The rules of a record's fields, and of its answers once its form is here."""
    cell = state.cells.get("template_id") if kind.name == "submission" else None
    return rules_for(kind, find_template(connection, str(cell.value)) if cell else None)


def written_on(connection: Connection, state: RecordState) -> Template:
    """The template of a submission. Raises BadInput as `template_of` does, also where only a part of the submission is here:
    of a database that was put back, its own edits come first, and the rest with the next sync."""
    cell = state.cells.get("template_id")
    return template_of(connection, str(cell.value) if cell else "")


def template_of(connection: Connection, template_id: str) -> Template:
    """The template that a submission is written on. Raises BadInput when it is not here or cannot be read."""
    body = connection.execute(_BODY, {"wanted": template_id}).scalar_one_or_none()
    template = None if body is None else _parsed(body)
    if template is None:
        raise BadInput(
            "The form that this was filled in on is not on this laptop yet.",
            "Its answers are kept; sync once, then open it again.",
        )
    return template
