"""The records that one transaction works on: loaded in bulk, changed in memory, written back in bulk.

Lives as long as a transaction that holds the scopes' heads, so nothing it holds can change under it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    RowMapping,
    Select,
    String,
    Table,
    bindparam,
    collate,
    func,
    select,
    tuple_,
)

from bravetui.base.canonical import Json
from bravetui.central.bulk import replace_rows
from bravetui.central.questions import alike
from bravetui.central.tables import PARKED
from bravetui.db.kinds import KINDS, SAME_TIME, Kind
from bravetui.db.records import Stored, load_many, row_from_stored
from bravetui.db.tables.conflict import UNDECIDED
from bravetui.db.values import plain_type, to_cell, to_column
from bravetui.forms.template import Template
from bravetui.merge.state import DELETED
from bravetui.wire.change import Change

Target = tuple[str, str, str]
"""(scope id, kind, record id)"""

_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""All that `str.strip` takes off: PostgreSQL's `trim` takes off spaces alone."""

_BECOME_ASCII = ("\u0130\u212a", "ik")
"""The only letters beyond ASCII whose small ones begin with one of it."""

_SIGNS, _NOT_ASCII = re.compile(r"[\\%_]"), re.compile(r"[^\x00-\x7f]+")

_questions = KINDS["conflict"].table

_FORM = KINDS["form_template"]

# Asked at every push, and built once: building a statement costs more than running it.
_QUESTIONS = select(_questions).where(
    _questions.c.scope_id == bindparam("scope"),
    _questions.c.status.in_(UNDECIDED),
    _questions.c.record_id.in_(bindparam("ids", expanding=True)),
)
_ANYTHING_PARKED = select(PARKED.c.device).limit(1)


@lru_cache(maxsize=256)
def _template(body: str) -> Template:
    return Template.from_json(body)


class Shelf:
    """Records by target, and which of them wait behind a parked change."""

    def __init__(self, connection: Connection, organizations: Mapping[str, str]) -> None:
        """`organizations` names the organization's scope of every scope in play."""
        self._connection, self._organizations = connection, organizations
        self._records: dict[Target, Stored | None] = {}
        self._dirty: dict[Target, None] = {}
        self._present: set[Target] = set()
        self._waiting: set[Target] = set()
        self._questions: dict[Target, dict[str, Mapping[str, Json]]] = {}

    def fetch(self, changes: Iterable[Change]) -> None:
        """Load everything that taking the changes will need."""
        self.fetch_records((one.scope_id, one.kind, one.record_id, one.after) for one in changes)

    def fetch_records(self, writes: Iterable[tuple[str, str, str, Mapping[str, Json]]]) -> None:
        """`fetch` for (scope id, kind, record id, values)."""
        wanted: dict[tuple[str, str], set[str]] = {}
        parents: dict[tuple[str, str], set[str]] = {}
        for scope_id, name, record_id, values in writes:
            kind = KINDS.get(name)
            if kind is None:
                continue
            wanted.setdefault((scope_id, name), set()).add(record_id)
            for parent_kind, parent_id in parents_of(kind, values):
                parents.setdefault((scope_id, parent_kind), set()).add(parent_id)
        for (scope_id, name), ids in wanted.items():
            self._load(scope_id, KINDS[name], ids)
        for (scope_id, name), ids in parents.items():
            self._look_for(scope_id, KINDS[name], ids)
        self._load_questions(wanted)
        self._load_waiting(wanted)

    def get(self, target: Target) -> Stored | None:
        """A record; None where there is none."""
        if target not in self._records:
            self._load(target[0], KINDS[target[1]], {target[2]})
        return self._records[target]

    def put(self, target: Target, stored: Stored) -> None:
        """Change a record; written by `save`."""
        self._records[target] = stored
        self._dirty[target] = None

    def exists(self, scope_id: str, kind: str, record_id: str) -> bool:
        """Whether a parent is in the scope or in its organization's."""
        homes = {scope_id, self._organizations.get(scope_id, scope_id)}
        return any(
            (home, kind, record_id) in self._present or self._records.get((home, kind, record_id)) is not None
            for home in homes
        )

    def template(self, scope_id: str, template_id: str) -> Template | None:
        """The form that a submission was filled in on."""
        for home in (scope_id, self._organizations.get(scope_id, scope_id)):
            if (home, _FORM.name, template_id) not in self._records:
                # Of one project, the records at hand are filled in on few forms: all are asked for at once.
                self._load(home, _FORM, {template_id, *self._forms_of(scope_id)})
            stored = self.get((home, _FORM.name, template_id))
            if stored is not None and "body" in stored.state.cells:
                return _template(str(stored.state.cells["body"].value))
        return None

    def _forms_of(self, scope_id: str) -> set[str]:
        """What the scope's submissions at hand are filled in on."""
        here = (stored for (scope, _, _), stored in self._records.items() if stored and scope == scope_id)
        cells = (stored.state.cells.get("template_id") for stored in here)
        return {str(cell.value) for cell in cells if cell is not None}

    def waits(self, target: Target) -> bool:
        """Whether an earlier change of the record is parked, so that this one must queue behind it."""
        return target in self._waiting

    def wait(self, target: Target) -> None:
        """Later changes of this record queue from now on."""
        self._waiting.add(target)

    def release(self, target: Target) -> None:
        """Nothing of this record is parked any longer."""
        self._waiting.discard(target)

    def questions(self, target: Target) -> dict[str, Mapping[str, Json]]:
        """The record's conflicts that nobody has decided, by id; the caller adds and removes."""
        return self._questions.setdefault(target, {})

    def same_thing(self, target: Target) -> str | None:
        """The id of another record that may be the same thing as `target`, by its kind's natural key; None without one."""
        scope_id, name, record_id = target
        kind = KINDS[name]
        key = _natural_key(kind, self.get(target))
        if key is None:
            return None
        for (*place, other_id), other in self._records.items():
            if place == [scope_id, name] and other_id != record_id:
                told = _natural_key(kind, other)
                if told is not None and alike(key, told, kind.natural_key):
                    return other_id
        columns = [kind.table.c[column] for column in kind.natural_key]
        wanted = {f"same_{column.name}": _comparable(column, key[column.name]) for column in columns}
        given = {"scope": scope_id, "itself": record_id, **wanted}
        for row in self._connection.execute(_of_the_same_key(kind.table, kind.natural_key), given).mappings():
            known = (scope_id, name, row["id"]) in self._records
            if not known and alike(key, {c.name: to_cell(row[c.name]) for c in columns}, kind.natural_key):
                return str(row["id"])
        return None

    def save(self) -> None:
        """Write everything that changed."""
        groups: dict[tuple[str, str], dict[str, Stored]] = {}
        for target in self._dirty:
            stored = self._records[target]
            assert stored is not None
            groups.setdefault(target[:2], {})[target[2]] = stored
        for (scope_id, name), records in groups.items():
            kind = KINDS[name]
            rows = [row_from_stored(kind, scope_id, key, stored) for key, stored in records.items()]
            replace_rows(self._connection, kind.table, rows)
        self._dirty.clear()

    def _load(self, scope_id: str, kind: Kind, ids: set[str]) -> None:
        missing = {key for key in ids if (scope_id, kind.name, key) not in self._records}
        found = load_many(self._connection, kind, scope_id, sorted(missing)) if missing else {}
        self._records |= {(scope_id, kind.name, key): found.get(key) for key in missing}

    def _look_for(self, scope_id: str, kind: Kind, ids: set[str]) -> None:
        homes = {scope_id, self._organizations.get(scope_id, scope_id)}
        query = select(kind.table.c.scope_id, kind.table.c.id).where(
            kind.table.c.scope_id.in_(homes), kind.table.c.id.in_(ids)
        )
        self._present |= {(row.scope_id, kind.name, row.id) for row in self._connection.execute(query)}

    def _load_questions(self, wanted: Mapping[tuple[str, str], set[str]]) -> None:
        for scope_id in sorted({scope_id for scope_id, _ in wanted}):
            ids = {key for (scope, _), keys in wanted.items() if scope == scope_id for key in keys}
            asked = {"scope": scope_id, "ids": sorted(ids)}
            for row in self._connection.execute(_QUESTIONS, asked).mappings():
                target = (scope_id, row["record_kind"], row["record_id"])
                self.questions(target)[row["id"]] = _question(row)

    def _load_waiting(self, wanted: Mapping[tuple[str, str], set[str]]) -> None:
        keys = [(scope_id, name, key) for (scope_id, name), ids in wanted.items() for key in ids]
        columns = (PARKED.c.scope_id, PARKED.c.kind, PARKED.c.record_id)
        if keys and self._connection.execute(_ANYTHING_PARKED).first() is not None:
            rows = self._connection.execute(select(*columns).where(tuple_(*columns).in_(keys)))
            self._waiting |= {(row.scope_id, row.kind, row.record_id) for row in rows}


def _natural_key(kind: Kind, stored: Stored | None) -> dict[str, Json] | None:
    """What the record says that it is; None where it does not, or is gone."""
    cells = stored.state.cells if stored else {}
    key = {name: cells[name].value for name in kind.natural_key if name in cells}
    is_gone = DELETED in cells and cells[DELETED].value
    return key if len(key) == len(kind.natural_key) and all(key.values()) and not is_gone else None


@cache
def _of_the_same_key(table: Table, natural_key: tuple[str, ...]) -> Select[Any]:
    """Other records whose natural key may say the same: all of them, and few more (`questions.alike` tells)."""
    there, columns = table.c, [table.c[name] for name in natural_key]
    here = (
        there.scope_id == bindparam("scope"),
        there.id != bindparam("itself"),
        there.deleted.is_(False),
    )
    return select(there.id, *columns).where(*here, *map(_says_the_same, columns)).order_by(there.id)


def _says_the_same(column: Column[Any]) -> ColumnElement[bool]:
    given = bindparam(f"same_{column.name}", type_=plain_type(column))
    if isinstance(given.type, DateTime):
        return column.between(given - SAME_TIME, given + SAME_TIME)
    if isinstance(given.type, String):
        plain = func.btrim(func.translate(column, *_BECOME_ASCII), _BLANKS)
        return func.lower(collate(plain, "C")).like(given, escape="\\")
    return column == given


def _comparable(column: Column[Any], value: Json) -> Any:
    """What `_says_the_same` is given. Which letters are the small ones of which, a database tells by where it was set up:
    it is asked about those of ASCII alone, and any others may stand in the place of others."""
    if not isinstance(plain_type(column), String) or not isinstance(value, str):
        return to_column(column, value)
    return _NOT_ASCII.sub("%", _SIGNS.sub(r"\\\g<0>", value.strip().lower()))


def _question(row: RowMapping) -> Mapping[str, Json]:
    return {name: row[name] for name in ("paths", "rule", "local", "remote", "resolution")}


def parents_of(kind: Kind, values: Mapping[str, Json]) -> list[tuple[str, str]]:
    """(kind, id) of the records that the values refer to. What a conflict is about may be of any kind."""
    found = [(parent, values.get(name)) for name, parent in kind.parents.items()]
    if kind.table is _questions and values.get("record_kind") in KINDS:
        found.append((str(values["record_kind"]), values.get("record_id")))
    return [(parent, value) for parent, value in found if isinstance(value, str) and value]
