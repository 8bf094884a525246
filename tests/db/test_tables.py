"""The tables: one definition for SQLite and PostgreSQL, every column with a rule, live schemas that agree with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, Connection, DateTime, Engine, Integer, Table, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeDecorator, TypeEngine

from bravetui.central.database import migrate as migrate_central
from bravetui.central.database import open_central_engine
from bravetui.db.engine import open_laptop_engine
from bravetui.db.kinds import ENVELOPE, KINDS, Kind, kinds_in
from bravetui.db.migrate import migrate
from bravetui.db.tables import DEVICE, SITE
from bravetui.merge.rules import FieldRule, Rule
from bravetui.wire.lanes import Lane
from tests.support.laptop import KEY

DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]
SHARED = {kind.table.name: kind.table for kind in KINDS.values()}


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Connection]:
    """A laptop's database as the migrations make it."""
    engine = open_laptop_engine(tmp_path / "site.db", KEY)
    migrate(engine)
    yield from _connected(engine)


@pytest.fixture
def central(database_url: str) -> Iterator[Connection]:
    """Central's database as the migrations make it."""
    engine = open_central_engine(database_url)
    migrate_central(engine)
    yield from _connected(engine)


def _connected(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def family(kind: TypeEngine[Any]) -> str:
    """What a type holds, whichever engine names it: JSON text and JSONB are one, and so are the sizes of integers."""
    plain = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    if isinstance(plain, BigInteger | Integer):
        return "integer"
    if isinstance(plain, DateTime):
        return "moment"
    name = plain.__visit_name__.lower()
    return {"jsonb": "json", "varchar": "text", "string": "text", "auto_string": "text"}.get(name, name)


def told(column: Any) -> tuple[str, bool]:
    """A column as far as both engines can say."""
    nullable, kind = (
        (column.nullable, column.type) if isinstance(column, Column) else (column["nullable"], column["type"])
    )
    return family(kind), bool(nullable)


def live(connection: Connection, table: str) -> dict[str, tuple[str, bool]]:
    return {column["name"]: told(column) for column in inspect(connection).get_columns(table)}


def declared(table: Table) -> dict[str, tuple[str, bool]]:
    return {column.name: told(column) for column in table.columns}


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_shared_table_and_its_indexes_compile_for_both_engines(name: str, dialect: str) -> None:
    table = SHARED[name]
    sql = str(CreateTable(table).compile(dialect=DIALECTS[dialect]))
    assert "scope_id" in sql
    assert ("JSONB" in sql) == (dialect == "postgresql")
    for index in table.indexes:
        assert name in str(CreateIndex(index).compile(dialect=DIALECTS[dialect]))


def test_the_laptop_s_live_schema_is_the_declared_one_column_by_column(laptop: Connection) -> None:
    tables = {**SITE.tables, **DEVICE.tables}
    assert set(inspect(laptop).get_table_names()) == set(tables)
    assert {name: live(laptop, name) for name in tables} == {name: declared(t) for name, t in tables.items()}


def test_central_s_live_schema_is_the_declared_one_column_by_column(central: Connection) -> None:
    assert {name: live(central, name) for name in SHARED} == {name: declared(t) for name, t in SHARED.items()}


def test_the_two_live_schemas_agree_with_each_other(laptop: Connection, central: Connection) -> None:
    for name in SHARED:
        assert live(laptop, name) == live(central, name)
        keys = [inspect(one).get_pk_constraint(name)["constrained_columns"] for one in (laptop, central)]
        assert keys == [["scope_id", "id"]] * 2


def test_what_sync_asks_for_has_an_index_in_both(laptop: Connection, central: Connection) -> None:
    """Pages are read by scope and number: a table without that index is read whole at every contact."""
    for connection in (laptop, central):
        for name in SHARED:
            indexes = [index["column_names"] for index in inspect(connection).get_indexes(name)]
            assert ["scope_id", "seq"] in indexes, name


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_column_says_how_it_merges(kind: Kind) -> None:
    for name, column in kind.columns.items():
        rule = column.info.get("rule")
        assert isinstance(rule, FieldRule), f"{kind.name}.{name} declares no rule"
        assert rule.rule is not Rule.STRICTER or len(rule.order) > 1, (
            f"{kind.name}.{name} has nothing to order"
        )
    assert kind.rules.keys() >= kind.columns.keys()
    assert not ENVELOPE & kind.columns.keys()


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_column_is_empty_or_has_a_default_so_that_half_a_record_can_be_stored(kind: Kind) -> None:
    for name, column in kind.columns.items():
        assert column.nullable or column.default is not None, (
            f"{kind.name}.{name} can be neither empty nor left out"
        )


def test_a_parent_is_a_kind_that_exists_and_travels_no_later_than_its_child() -> None:
    order = list(Lane)
    for kind in KINDS.values():
        for name, parent in kind.parents.items():
            assert parent in KINDS, f"{kind.name}.{name}"
            assert order.index(KINDS[parent].lane) <= order.index(kind.lane)


def test_every_kind_rides_one_lane_and_every_lane_carries_something() -> None:
    carried = [kind.name for lane in Lane for kind in kinds_in(lane)]
    assert sorted(carried) == sorted(KINDS)
    assert all(kinds_in(lane) for lane in Lane)
    assert all(name == kind.name for name, kind in KINDS.items())
