"""Loads and saves records as merging sees them: typed rows on one side, cells and vectors on the other.

The same code runs on the laptop's SQLite and on central's PostgreSQL, in bulk, through SQLAlchemy core. A cell whose
path this version does not know is kept in `extra` and moves into its column after an upgrade.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import BindParameter, Connection, Executable, Table, bindparam, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bravetui.base.canonical import Json
from bravetui.base.errors import BravetuiError, Corrupt
from bravetui.db.kinds import ENVELOPE, KINDS, Kind
from bravetui.db.values import to_cell, to_column
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import DELETED, Cell, RecordState
from bravetui.merge.version import Dot, VersionVector

IDS_PER_QUERY = 500
"""Below SQLite's and PostgreSQL's limits on bound parameters."""

_UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What columns that hold something else than was written raise: JSON, a date, a vector that is none any more."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A record and central's number of its last change."""

    state: RecordState
    seq: int = 0


def load(connection: Connection, kind: Kind, scope_id: str, record_id: str) -> Stored | None:
    """One record; None where there is none."""
    return load_many(connection, kind, scope_id, [record_id]).get(record_id)


def load_many(connection: Connection, kind: Kind, scope_id: str, ids: Iterable[str]) -> dict[str, Stored]:
    """Records of one kind and scope by id; absent ones are absent."""
    return load_parts(connection, kind, scope_id, dict.fromkeys(ids))


def load_parts(
    connection: Connection, kind: Kind, scope_id: str, wanted: Mapping[str, Collection[str] | None]
) -> dict[str, Stored]:
    """As `load_many`, with no more of each record's cells than those of the paths named; None: all of them."""
    ids, found = [*wanted], dict[str, Stored]()
    for start in range(0, len(ids), IDS_PER_QUERY):
        asked = {"scope": scope_id, "ids": ids[start : start + IDS_PER_QUERY]}
        for row in rows_of(connection, _by_ids(kind.table), asked):
            found[row["id"]] = stored_from_row(kind, row, wanted[row["id"]])
    return found


def load_readable(connection: Connection, kind: Kind, scope_id: str, ids: Iterable[str]) -> dict[str, Stored]:
    """As `load_many`, for who can replace a record that does not read back: such ones are absent too."""
    wanted = tuple(ids)
    try:
        return load_many(connection, kind, scope_id, wanted)
    except Corrupt:
        if len(wanted) < 2:
            return {}
    return {
        key: stored
        for each in wanted
        for key, stored in load_readable(connection, kind, scope_id, [each]).items()
    }


def rows_of(
    connection: Connection, query: Executable, given: Mapping[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """What a query finds, as plain dictionaries: several times quicker to read than SQLAlchemy's rows. Raises Corrupt."""
    result = connection.execute(query, given)
    names = tuple(result.keys())
    try:
        rows = result.all()
    except _UNREADABLE as error:
        raise _unreadable() from error
    return (dict(zip(names, row, strict=True)) for row in rows)


def save_many(connection: Connection, kind: Kind, scope_id: str, records: Mapping[str, Stored]) -> None:
    """Insert or replace records, in one statement."""
    if not records:
        return
    rows = [row_from_stored(kind, scope_id, key, value) for key, value in records.items()]
    connection.execute(_upsert(kind.table, connection.dialect.name), rows)


@cache
def _upsert(table: Table, dialect: str) -> Executable:
    """Built once a table: building a statement costs more than running it."""
    insert = (postgresql_insert if dialect == "postgresql" else sqlite_insert)(table)
    columns = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
    return insert.on_conflict_do_update(index_elements=["scope_id", "id"], set_=columns)


@cache
def _by_ids(table: Table) -> Executable:
    wanted: BindParameter[str] = bindparam("ids", expanding=True)
    return select(table).where(table.c.scope_id == bindparam("scope"), table.c.id.in_(wanted))


def stored_from_row(kind: Kind, row: Mapping[str, Any], only: Collection[str] | None = None) -> Stored:
    """A table's row as cells, or those of some paths. Raises Corrupt for one that no longer reads back as it was written."""
    try:
        values = _all_values(kind, row) if only is None else _values_at(kind, row, only)
        cells = _with_stamps(values, row["stamps"])
        return Stored(RecordState(cells, VersionVector.from_json(row["version"])), row["seq"])
    except (*_UNREADABLE, BravetuiError) as error:
        raise _unreadable() from error


def values_from_row(kind: Kind, row: Mapping[str, Any]) -> dict[str, Json]:
    """A table's row as the values of its cells, without who wrote them and when. Raises Corrupt."""
    try:
        absent = row["stamps"].get("absent", ())
        if not row["stamps"]:
            return {}
        return {path: value for path, value in _all_values(kind, row).items() if path not in absent}
    except _UNREADABLE as error:
        raise _unreadable() from error


def _all_values(kind: Kind, row: Mapping[str, Any]) -> dict[str, Json]:
    """By path, the columns of untouched cells included."""
    values: dict[str, Json] = dict(row["extra"])
    for name in kind.columns:
        if name in kind.documents:
            values |= {f"{name}/{path}": value for path, value in (row[name] or {}).items()}
        elif name not in values:  # a column that is new since the row was saved: `extra` has what was sent
            values[name] = to_cell(row[name])
    if row["deleted"]:
        values[DELETED] = True
    return values


def _values_at(kind: Kind, row: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Json]:
    """Of `_all_values` those at some paths."""
    values, extra = dict[str, Json](), row["extra"]
    for path in paths:
        name, slash, inner = path.partition("/")
        if slash and name in kind.documents and inner in (row[name] or ()):
            values[path] = row[name][inner]
        elif path == DELETED and row["deleted"]:
            values[path] = True
        elif path in extra:
            values[path] = extra[path]
        elif path in kind.columns and path not in kind.documents:
            values[path] = to_cell(row[path])
    return values


def row_from_stored(kind: Kind, scope_id: str, record_id: str, stored: Stored) -> dict[str, Any]:
    """Cells as a table's row. Raises Refused for a value that its column cannot hold."""
    cells = stored.state.cells
    row: dict[str, Any] = {
        "scope_id": scope_id,
        "id": record_id,
        "seq": stored.seq,
        "version": stored.state.version.to_json(),
        "stamps": _stamps(cells, kind),
        "deleted": DELETED in cells and cells[DELETED].value is True,
        "extra": {},
    }
    for name, make in _defaults(kind.table, kind.documents):
        row[name] = make()
    for path, cell in cells.items():
        name, slash, inner = path.partition("/")
        if slash and name in kind.documents:
            row[name][inner] = cell.value
        elif path in kind.columns and path not in kind.documents:
            row[path] = to_column(kind.columns[path], cell.value)
        elif path != DELETED or cell.value is not True:
            row["extra"][path] = cell.value
    return row


def children_of(
    connection: Connection, kind: Kind, scope_id: str, record_id: str
) -> list[tuple[str, str, str]]:
    """(kind, id, column) of every record that refers to this one."""
    found: list[tuple[str, str, str]] = []
    for child in KINDS.values():
        for column, parent in child.parents.items():
            if parent == kind.name:
                query = select(child.table.c.id).where(
                    child.table.c.scope_id == scope_id, child.table.c[column] == record_id
                )
                found += [(child.name, key, column) for key in connection.execute(query).scalars()]
    return found


def normalised(kind: Kind, values: Mapping[str, Json]) -> dict[str, Json]:
    """The values as they will read back from the table. Raises Refused for one that does not fit its column."""
    return {
        path: to_cell(to_column(kind.columns[path], value))
        if path in kind.columns and path not in kind.documents
        else value
        for path, value in values.items()
    }


def _unreadable() -> Corrupt:
    return Corrupt(
        "A record on this laptop does not read back as it was written.",
        "Run bravetui doctor: it names it and fetches it from central.",
    )


@cache
def _defaults(table: Table, documents: frozenset[str]) -> tuple[tuple[str, Callable[[], Any]], ...]:
    """What makes the value of each column that no cell fills, by name."""
    return tuple(
        (column.name, dict if column.name in documents else partial(_default, column.default))
        for column in table.columns
        if column.name not in ENVELOPE
    )


def _default(default: Any) -> Any:
    if default is None:
        return None
    return default.arg(None) if default.is_callable else default.arg


def _stamps(cells: Mapping[str, Cell], kind: Kind) -> dict[str, Any]:
    """Stamps grouped, the commonest without its paths: most records are made by one change and touched by few more."""
    if not cells:
        return {}
    by_stamp: dict[tuple[tuple[Dot, ...], Hlc], list[str]] = {}
    last: tuple[Any, Any] = (None, None)
    paths: list[str] = []
    for path, (_value, dots, hlc) in cells.items():
        if dots is not last[0] or hlc is not last[1]:  # neighbours mostly share one stamp: hash it once
            last = (dots, hlc)
            paths = by_stamp.setdefault((dots, hlc), [])
        paths.append(path)
    rest = max(by_stamp, key=lambda stamp: len(by_stamp[stamp]))
    packed: dict[str, Any] = {"rest": _packed(*rest)}
    others = [[*_packed(*stamp), sorted(paths)] for stamp, paths in by_stamp.items() if stamp != rest]
    absent = [name for name in kind.columns if name not in kind.documents and name not in cells]
    if others:
        packed["cells"] = sorted(others)
    if absent:
        packed["absent"] = absent
    return packed


def _packed(dots: tuple[Dot, ...], hlc: Hlc) -> list[Any]:
    return [[str(dot) for dot in dots], str(hlc)]


def _unpacked(packed: list[Any]) -> tuple[tuple[Dot, ...], Hlc]:
    return tuple(Dot.parse(dot) for dot in packed[0]), Hlc.parse(packed[1])


def _with_stamps(values: Mapping[str, Json], stamps: Mapping[str, Any]) -> dict[str, Cell]:
    if not stamps:
        return {}
    make = tuple.__new__  # of every cell that is ever read: a named tuple's own way costs twice as much
    dots, hlc = _unpacked(stamps["rest"])
    cells = {path: make(Cell, (value, dots, hlc)) for path, value in values.items()}
    for group in stamps.get("cells", ()):
        dots, hlc = _unpacked(group)
        for path in group[2]:
            if path in cells:
                cells[path] = make(Cell, (values[path], dots, hlc))
    for path in stamps.get("absent", ()):
        cells.pop(path, None)
    return cells
