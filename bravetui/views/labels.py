"""What the fields of one record are called, those of a row by the row that they are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from bravetui.base.canonical import Json
from bravetui.base.text import safe_line
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.records import load
from bravetui.db.templates import template_of
from bravetui.forms.display import value_text
from bravetui.forms.template import Question, Template
from bravetui.merge.state import ANSWERS, DELETED, is_row
from bravetui.views.values import field_words, names_of

ROW_NAME_MAX = 60
LABEL_MAX = 200


@dataclass(frozen=True, slots=True)
class Labels:
    """Calls fields by name; each name is a line, safe to show."""

    template: Template | None = None
    values: Mapping[str, Json] = field(default_factory=dict)
    """Of the record, by path; empty where no row is to be named."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Of people, by id: some rows are known by whom they are about."""
    kind: Kind | None = None
    """Of the record: says in which order the fields of a row outside the forms stand."""

    def of(self, path: str) -> tuple[str, Question | None]:
        """What a field is called, and the question it answers, if it is one of a form's."""
        if path == DELETED:
            return "Whether it is kept", None
        if is_row(path):
            return f"Row: {self._row_name(path)}", None
        question = self.question(path)
        label = safe_line(question.label if question else field_words(path), LABEL_MAX)
        row = _row_of(path)
        return (f"{self._row_name(row)}: {label}" if row else label), question

    def of_all(self, paths: Iterable[str]) -> str:
        """Several fields in a line; a row that they share is named once."""
        said: dict[str, list[str]] = {}
        for path in paths:
            row = "" if is_row(path) else _row_of(path)
            label = self.of(path)[0]
            said.setdefault(row, []).append(label.removeprefix(f"{self._row_name(row)}: ") if row else label)
        return ", ".join(
            f"{self._row_name(row)}: {', '.join(labels)}" if row else ", ".join(labels)
            for row, labels in said.items()
        )

    def question(self, path: str) -> Question | None:
        """The form's question that a path answers; None for a row, or a field outside the forms."""
        is_answer = self.template is not None and path.startswith(f"{ANSWERS}/")
        return self.template.find(path.removeprefix(f"{ANSWERS}/")) if self.template and is_answer else None

    def _row_name(self, row: str) -> str:
        """What the form tells its rows by; elsewhere the first words in it, in the order of its fields."""
        document, _, row_id = row.removeprefix(f"{ANSWERS}/").partition("/")
        repeats = self.template.repeats() if self.template else ()
        repeat = next((one for one in repeats if one.path == document), None)
        if repeat is not None:
            named = f"{row}/{repeat.row_label}"
            question, value = self.question(named), self.values.get(named)
            said = value_text(question, value) if question else ""
        else:
            first = next((value for value in self._inside(row) if isinstance(value, str) and value), "")
            said = self.names.get(row_id) or first
        called = repeat.label if repeat else field_words(document)
        return safe_line(said, ROW_NAME_MAX) or f"not named, in {safe_line(called, ROW_NAME_MAX)}"

    def _inside(self, row: str) -> Iterator[Json]:
        """What a row outside the forms says, in the order in which its fields are declared; a newer version's come last."""
        column = self.kind.columns.get(row.partition("/")[0]) if self.kind else None
        for name in column.info["rows"] if column is not None else ():
            yield self.values.get(f"{row}/{name}")
        yield from (value for path, value in self.values.items() if path.startswith(f"{row}/"))


def _row_of(path: str) -> str:
    """The path of the row that a field is in; empty for a field outside rows."""
    prefix = f"{ANSWERS}/" if path.startswith(f"{ANSWERS}/") else ""
    parts = path.removeprefix(prefix).split("/")
    return prefix + "/".join(parts[:2]) if len(parts) > 2 else ""


def labels_of(
    connection: Connection, scope_id: str, kind_name: str, record_id: str, paths: Iterable[str]
) -> Labels:
    """Those of a record; `paths` are the fields that will be asked for."""
    template, kind = template_for(connection, scope_id, kind_name, record_id), KINDS.get(kind_name)
    asked = list(paths)
    if kind is None or not any(is_row(path) or _row_of(path) for path in asked):
        return Labels(template)
    stored = load(connection, kind, scope_id, record_id)
    ids = {part for path in asked for part in path.split("/")}
    return Labels(template, stored.state.values() if stored else {}, names_of(connection, ids), kind)


def template_for(connection: Connection, scope_id: str, kind: str, record_id: str) -> Template | None:
    """The form that a submission was filled in on; None for other kinds."""
    if kind != "submission":
        return None
    table = KINDS["submission"].table
    query = select(table.c.template_id).where(table.c.scope_id == scope_id, table.c.id == record_id)
    template_id = connection.execute(query).scalar_one_or_none()
    return template_of(connection, template_id) if template_id else None
