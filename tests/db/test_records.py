"""Records and values: whatever goes into a table comes out as it went in, for every kind, known path or unknown."""

from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Engine, Integer
from sqlalchemy.dialects.postgresql import JSONB

from bravetui.base.canonical import Json
from bravetui.base.errors import Refused
from bravetui.central.database import migrate as migrate_central
from bravetui.central.database import open_central_engine
from bravetui.db.engine import open_laptop_engine, write_transaction
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.migrate import migrate
from bravetui.db.records import (
    Stored,
    load,
    load_many,
    load_parts,
    normalised,
    row_from_stored,
    rows_of,
    save_many,
    stored_from_row,
)
from bravetui.db.values import INTEGER_MAX, to_cell, to_column
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import DELETED, Cell, RecordState
from bravetui.merge.version import Dot, VersionVector
from tests.support.laptop import KEY

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
names = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
plain = st.none() | st.booleans() | st.integers(-(2**31), 2**31) | texts
jsons: st.SearchStrategy[Any] = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
dots = st.builds(Dot, st.integers(0, 5), st.integers(1, 2**40))
stamps = st.tuples(
    st.lists(dots, min_size=1, max_size=2, unique=True).map(lambda some: tuple(sorted(some))),
    st.builds(Hlc, st.integers(0, 2**43), st.integers(0, 2**12)),
)


def fitting(column: Column[Any]) -> st.SearchStrategy[Json]:
    """JSON values that the column can hold."""
    kind: Any = getattr(column.type, "impl_instance", column.type)
    values: st.SearchStrategy[Any]
    if isinstance(kind, JSON | JSONB):
        return st.lists(jsons, max_size=3) | st.dictionaries(names, jsons, max_size=3)
    if isinstance(kind, Boolean):
        values = st.booleans()
    elif isinstance(kind, Integer):
        values = st.integers(-INTEGER_MAX, INTEGER_MAX)
    elif isinstance(kind, DateTime):
        values = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(to_cell)
    elif isinstance(kind, Date):
        values = st.dates().map(date.isoformat)
    else:
        values = texts.map(lambda text: text[: kind.length])
    return st.none() | values if column.nullable else values


@st.composite
def records(draw: st.DrawFn, kind: Kind) -> Stored:
    """A record of the kind with some of its fields, some inner paths, and some that this version does not know."""
    paths = {name: fitting(column) for name, column in kind.columns.items() if name not in kind.documents}
    for document in kind.documents:
        for inner in ("weather", "rows/a1/depth", "rows/a1/unit"):
            paths[f"{document}/{inner}"] = jsons
    paths |= {"tomorrow_s_field": jsons, "tomorrow_s/rows": jsons, DELETED: st.booleans()}
    chosen = draw(st.sets(st.sampled_from(sorted(paths))))
    few = draw(st.lists(stamps, min_size=1, max_size=3))
    cells = {path: Cell(draw(paths[path]), *draw(st.sampled_from(few))) for path in chosen}
    version = VersionVector(draw(st.dictionaries(st.integers(0, 5), st.integers(1, 2**40), max_size=3)))
    return Stored(RecordState(cells, version), draw(st.integers(0, 2**40)))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A laptop's database."""
    made = open_laptop_engine(tmp_path_factory.mktemp("records") / "site.db", KEY)
    migrate(made)
    yield made
    made.dispose()


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_record_of_any_kind_comes_back_as_it_was_saved(
    engine: Engine, kind: Kind, data: st.DataObject
) -> None:
    saved = {f"r{n}": data.draw(records(kind)) for n in range(3)}
    with write_transaction(engine) as connection:
        connection.execute(kind.table.delete())
        save_many(connection, kind, "site", saved)
        assert load_many(connection, kind, "site", saved) == saved
        again = data.draw(records(kind))
        save_many(connection, kind, "site", {"r1": again})
        assert load(connection, kind, "site", "r1") == again


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
@given(data=st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_part_of_a_record_has_just_the_cells_that_were_asked_for(
    engine: Engine, kind: Kind, data: st.DataObject
) -> None:
    saved = data.draw(records(kind))
    known = {*saved.state.cells, *kind.columns, DELETED, "nobody_s_field", "nobody_s/field"}
    paths = data.draw(st.sets(st.sampled_from(sorted(known))))
    with write_transaction(engine) as connection:
        connection.execute(kind.table.delete())
        save_many(connection, kind, "site", {"r": saved})
        (part,) = load_parts(connection, kind, "site", {"r": paths}).values()
    assert part.state.cells == {path: cell for path, cell in saved.state.cells.items() if path in paths}
    assert (part.state.version, part.seq) == (saved.state.version, saved.seq)


def test_central_s_database_gives_back_the_same(database_url: str) -> None:
    engine = open_central_engine(database_url)
    migrate_central(engine)
    cells = {
        "description": Cell("Zaun kaputt – ça va? 漏水 \U0001f6a7", (Dot(3, 1),), Hlc(5, 1)),
        "identified_at": Cell("2026-08-03T13:30:00.123456Z", (Dot(3, 1),), Hlc(5, 1)),
        "response_due": Cell(None, (Dot(4, 9), Dot(5, 2**40)), Hlc(7)),
        "tomorrow_s_field": Cell({"a": [1, "two", None, True]}, (Dot(3, 1),), Hlc(5, 1)),
    }
    saved = Stored(RecordState(cells, VersionVector({3: 1, 5: 2**40})), 2**40)
    with engine.begin() as connection:
        save_many(connection, KINDS["violation"], "site", {"r": saved})
        assert load(connection, KINDS["violation"], "site", "r") == saved
    engine.dispose()


def test_a_path_that_this_version_does_not_know_is_kept_and_moves_to_its_column_once_it_does(
    engine: Engine,
) -> None:
    """`location` as an older program without that column saw it: in `extra`, stamps and all."""
    kind = KINDS["violation"]
    cells = {
        "description": Cell("fence down", (Dot(3, 1),), Hlc(5)),
        "location": Cell("lot B", (Dot(4, 2),), Hlc(9)),
    }
    saved = Stored(RecordState(cells, VersionVector({3: 1, 4: 2})), 7)
    row = row_from_stored(kind, "site", "r", saved)
    row["extra"], row["location"] = {"location": row["location"]}, None
    with write_transaction(engine) as connection:
        connection.execute(kind.table.delete())
        connection.execute(kind.table.insert().values(row))
        read = load(connection, kind, "site", "r")
        assert read is not None
        save_many(connection, kind, "site", {"r": read})
        (now,) = rows_of(connection, kind.table.select())
    assert (now["location"], now["extra"]) == ("lot B", {})
    assert stored_from_row(kind, now) == saved


def test_more_records_than_one_query_takes_are_all_found(engine: Engine) -> None:
    kind = KINDS["delivery"]
    state = RecordState({"supplier": Cell("Acme", (Dot(3, 1),), Hlc(1))}, VersionVector({3: 1}))
    many = {f"d{n:05}": Stored(state, n) for n in range(1203)}
    with write_transaction(engine) as connection:
        save_many(connection, kind, "many", many)
        assert load_many(connection, kind, "many", [*many, "absent", "d00001"]) == many
        assert load_many(connection, kind, "elsewhere", many) == {}


COLUMNS = [
    pytest.param(kind, column, id=f"{kind.name}.{name}")
    for kind in KINDS.values()
    for name, column in kind.columns.items()
    if name not in kind.documents
]


@pytest.mark.parametrize(("kind", "column"), COLUMNS)
@given(data=st.data())
@settings(max_examples=10)
def test_what_a_column_can_hold_reads_back_the_same(
    kind: Kind, column: Column[Any], data: st.DataObject
) -> None:
    value = data.draw(fitting(column))
    assert to_cell(to_column(column, value)) == value
    assert normalised(kind, {column.name: value}) == {column.name: value}


@pytest.mark.parametrize(("kind", "column"), COLUMNS)
@given(value=jsons)
@settings(max_examples=15)
def test_what_a_column_cannot_hold_is_refused_by_name_and_never_a_crash(
    kind: Kind, column: Column[Any], value: Json
) -> None:
    refused: Refused | None = None
    try:
        stored = to_column(column, value)
    except Refused as error:
        refused = error
    if refused is None:
        assert to_column(column, to_cell(stored)) == stored
    else:
        assert (refused.code, refused.field) == ("invalid_field", column.name)
        assert refused.what.endswith(".")


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("daily_log", "high_f", 2**31),
        ("daily_log", "high_f", True),
        ("daily_log", "high_f", "90"),
        ("daily_log", "log_date", "2026-08-03T00:00:00Z"),
        ("daily_log", "log_date", "2026-02-30"),
        ("violation", "identified_at", "2026-08-03T08:30:00"),
        ("violation", "identified_at", "0001-01-01T00:00:00+14:00"),
        ("violation", "location", "x" * 201),
        ("violation", "description", None),
        ("weather_event", "verified", "yes"),
        ("photo", "tags", "fence"),
    ],
)
def test_a_value_of_the_wrong_sort_is_refused(kind: str, path: str, value: Json) -> None:
    with pytest.raises(Refused):
        to_column(KINDS[kind].columns[path], value)


def test_a_moment_is_the_same_moment_whatever_offset_it_was_written_with() -> None:
    column = KINDS["violation"].columns["identified_at"]
    written = ("2026-08-03T08:30:00-05:00", "2026-08-03T13:30:00Z", "2026-08-03T15:30:00+02:00")
    assert {to_cell(to_column(column, text)) for text in written} == {"2026-08-03T13:30:00Z"}
