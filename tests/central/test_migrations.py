"""The schema that migrations make is the schema that the models describe."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, inspect, select, text

from bravetui.base.errors import BadInput, Transient
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.tables import CENTRAL
from bravetui.db.added import columns_of, note_added
from bravetui.db.kinds import KINDS
from bravetui.db.records import Stored, save_many
from bravetui.db.tables import SITE
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import Cell, RecordState
from bravetui.merge.version import Dot, VersionVector


def both() -> MetaData:
    together = MetaData(naming_convention=SITE.naming_convention)
    for metadata in (SITE, CENTRAL):
        for table in metadata.sorted_tables:
            table.to_metadata(together)
    return together


def test_models_and_migrated_schema_agree(database_url: str) -> None:
    engine = open_central_engine(database_url)
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, both()) == []
        found = set(inspect(connection).get_table_names())
    assert {kind.table.name for kind in KINDS.values()} < found
    engine.dispose()


def test_a_new_column_of_records_that_are_there_is_a_cell_that_nobody_has_written(
    database_url: str,
) -> None:
    """What a newer laptop had sent before the update is such a cell."""
    engine, violation = open_central_engine(database_url), KINDS["violation"]
    migrate(engine)
    stamp = (Dot(3, 1),), Hlc(1)
    cells = {path: Cell(value, *stamp) for path, value in (("description", "pit"), ("depth_in", 7))}
    records = {
        "sent": RecordState(cells, VersionVector({3: 1})),
        "plain": RecordState({"description": cells["description"]}, VersionVector({3: 1})),
    }

    with engine.begin() as connection:
        save_many(connection, violation, "p", {key: Stored(state) for key, state in records.items()})
        before = columns_of(connection)
        connection.execute(text("ALTER TABLE violation ADD COLUMN depth_in INTEGER"))
        note_added(connection, before)
        found = connection.execute(select(violation.table.c.id, violation.table.c.stamps)).all()
    absent = {row.id: row.stamps["absent"] for row in found}
    assert "depth_in" in absent["plain"]
    assert "depth_in" not in absent["sent"]
    engine.dispose()


def test_every_synced_tables_key_begins_with_its_scope_so_that_it_can_be_sharded() -> None:
    for table in SITE.sorted_tables:
        assert [column.name for column in table.primary_key] == ["scope_id", "id"]


@pytest.mark.parametrize("url", ["sqlite:///x", "mysql://h/d", "not a url", ""])
def test_a_database_that_is_not_postgresql_is_turned_away_with_a_sentence(url: str) -> None:
    with pytest.raises(BadInput, match=r"postgresql://|PostgreSQL"):
        open_central_engine(url)


def test_a_database_that_is_not_there_is_a_sentence(database_url: str) -> None:
    engine = open_central_engine(
        database_url + "_not" if "?" not in database_url else database_url.replace("?", "_not?")
    )
    with pytest.raises(Transient, match="database"):
        migrate(engine)
    engine.dispose()
