"""Migrations of the laptop's database: frozen files, the old schema or the new one, nothing of a newer program touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from bravetui.base import fault
from bravetui.base.errors import BadInput, Corrupt
from bravetui.db import migrate as module
from bravetui.db.engine import PAGE_BYTES, fold_wal, open_laptop_engine
from bravetui.db.migrate import Migration, migrate, migrations, pending, statements, version_of
from tests.support.laptop import KEY, PROJECT, open_store

FROZEN = {
    "m0001_initial": "c29966c3d3a32ceea41ccadad31711fcc9972216f7998714640b881afcca9ef8",
    "m0002_receipts": "13c6f0ea809dc4d1361007e5fc61bc2ff769244173fb493d51c14d635d85dfc3",
    "m0003_agreement": "2810560ea166f5310dbdc163f644e5766c2ff8914f46eef886d74904266f77d2",
    "m0004_writers": "1297e3554bb04d1feb458005080f7c5f6066d5655be13cccc5255419974f9e96",
    "m0005_blobs": "3b73297bb4c0a5cc06e0052fb13730dd6389f4bbe5984bd2a9ad6d6ba3c241f5",
}
"""SHA-256 of every file that has landed. A laptop somewhere has run it: never change a file, add the next one."""

NEWEST = 5


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty encrypted database."""
    made = open_laptop_engine(tmp_path / "site.db", KEY)
    yield made
    fault.install(None)
    made.dispose()


def objects(engine: Engine) -> list[str]:
    """Names of all tables and indexes there are."""
    with engine.connect() as connection:
        return sorted(connection.execute(text("SELECT name FROM sqlite_master")).scalars())


def version(engine: Engine) -> int:
    with engine.connect() as connection:
        return version_of(connection)


def test_files_that_have_landed_are_frozen() -> None:
    found = {step.name: hashlib.sha256(step.sql.encode()).hexdigest() for step in migrations()}
    assert found == FROZEN


def test_numbers_run_from_one_without_a_gap_to_the_newest() -> None:
    assert [step.number for step in migrations()] == list(range(1, NEWEST + 1))


def test_an_empty_database_is_brought_to_the_newest_version_once(engine: Engine) -> None:
    assert migrate(engine) == NEWEST
    assert version(engine) == NEWEST
    before = objects(engine)
    assert migrate(engine) == 0
    assert objects(engine) == before


@pytest.mark.parametrize("statement", [1, 2, 7, 20, 40])
def test_killed_inside_a_step_leaves_the_old_schema_and_the_next_start_makes_the_new_one(
    engine: Engine, statement: int
) -> None:
    passed = 0

    def die(name: str) -> None:
        nonlocal passed
        passed += name == "inside_migration"
        if passed == statement:
            raise KeyboardInterrupt

    fault.install(die)
    with pytest.raises(KeyboardInterrupt):
        migrate(engine)
    fault.install(None)
    assert (version(engine), objects(engine)) == (0, [])
    assert migrate(engine) == NEWEST


def test_receipts_that_the_outbox_still_holds_are_kept_by_the_second_step(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrations()
    with monkeypatch.context() as patch:
        patch.setattr(module, "migrations", lambda: steps[:1])
        assert migrate(engine) == 1
    columns = "device, counter, scope_id, lane, kind, record_id, body, hash, state, made_at, updated_at, attempts, verdict"
    with engine.begin() as connection:
        for counter, verdict in enumerate(("NULL", "'null'", '\'{"dot": "3.3"}\''), start=1):
            connection.exec_driver_sql(
                f"INSERT INTO outbox ({columns}) VALUES (3, {counter}, 'p', 'forms', 'submission', 'r', '{{}}', 'h', "
                f"'applied', '2026-08-03 13:30:00', '2026-08-03 13:30:00', 1, {verdict})"
            )
    assert migrate(engine) == NEWEST - 1
    with engine.connect() as connection:
        found = connection.execute(text("SELECT counter, record_id, at, body FROM receipt")).all()
    assert [tuple(row) for row in found] == [(3, "r", "2026-08-03 13:30:00", '{"dot": "3.3"}')]


def a_next_step(monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    step = Migration(NEWEST + 1, "m_next", sql)
    monkeypatch.setattr(module, "migrations", lambda: (*migrations(), step))


def test_a_new_column_of_records_that_are_there_is_a_cell_that_nobody_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every laptop held, after an update, cells that its neighbours lack, and its records counted as different.
    What a newer program had sent is such a cell."""
    store = open_store(tmp_path)
    with store.write() as writing:
        plain, whole = (
            writing.create("violation", PROJECT, {"description": words}) for words in ("fence", "whole")
        )
        sent = writing.create("violation", PROJECT, {"description": "pit", "depth_in": 7})
    with store.maintain() as connection:
        connection.execute(
            text("UPDATE violation SET stamps = json_remove(stamps, '$.absent') WHERE id = :id"),
            {"id": whole},
        )
    a_next_step(monkeypatch, "ALTER TABLE violation ADD COLUMN depth_in INTEGER;\n")
    assert migrate(store.engine) == 1
    with store.read() as connection:
        rows = connection.execute(text("SELECT id, stamps FROM violation")).all()
    absent = {row.id: json.loads(row.stamps).get("absent", []) for row in rows}
    assert absent[whole] == ["depth_in"]
    assert absent[plain].count("depth_in") == 1
    assert "depth_in" not in absent[sent]
    store.close()


def test_a_step_keeps_a_queue_of_work_that_is_not_handed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    for number in range(50):
        with store.write() as writing:
            writing.create("violation", PROJECT, {"description": f"fence {number}"})
    query = text("SELECT device, counter, body, hash, state FROM outbox ORDER BY counter")
    with store.read() as connection:
        before = connection.execute(query).all()
    a_next_step(
        monkeypatch,
        "ALTER TABLE violation ADD COLUMN depth_in INTEGER;\nCREATE INDEX ix_x ON violation (depth_in);\n",
    )
    assert migrate(store.engine) == 1
    with store.read() as connection:
        assert connection.execute(query).all() == before
        assert (
            connection.execute(text("SELECT count(*) FROM violation WHERE depth_in IS NULL")).scalar_one()
            == 50
        )
    store.close()


def test_a_step_that_breaks_references_is_undone_whole(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(engine)
    before = objects(engine)
    a_next_step(
        monkeypatch,
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);\n"
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id));\n"
        "INSERT INTO child VALUES (1, 99);\n",
    )
    with pytest.raises(Corrupt, match="left as it was"):
        migrate(engine)
    assert (version(engine), objects(engine)) == (NEWEST, before)


def test_a_rebuilt_table_does_not_take_its_children_with_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite changes a table by copying it, and dropping the old one would delete what refers to it by cascade."""
    migrate(engine)
    rebuild = (
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);\n"
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id) ON DELETE CASCADE);\n"
        "INSERT INTO parent VALUES (1);\nINSERT INTO child VALUES (1, 1);\n"
        "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT);\n"
        "INSERT INTO parent_new (id) SELECT id FROM parent;\n"
        "DROP TABLE parent;\nALTER TABLE parent_new RENAME TO parent;\n"
    )
    a_next_step(monkeypatch, rebuild)
    assert migrate(engine) == 1
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM child")).scalar_one() == 1
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1


def test_a_database_of_a_newer_program_is_left_alone_with_a_sentence(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA user_version={NEWEST + 5}")
    before = objects(engine)
    with pytest.raises(BadInput, match="newer version"):
        migrate(engine)
    assert (version(engine), objects(engine)) == (NEWEST + 5, before)


def test_what_is_pending_is_a_question_that_changes_nothing(engine: Engine) -> None:
    with engine.connect() as connection:
        assert [step.number for step in pending(connection)] == list(range(1, NEWEST + 1))
        assert version_of(connection) == 0


def test_a_trigger_s_statements_stay_together() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM b;\n  DELETE FROM c;\nEND;"
    assert statements(f"CREATE TABLE a (x);\n{trigger}\n") == ("CREATE TABLE a (x);", trigger)
    with pytest.raises(AssertionError, match="middle of a statement"):
        statements("CREATE TABLE a (x")


def test_a_database_in_use_is_copied_before_it_is_changed(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy opens with the same key and holds the old schema; an empty database needs none."""
    migrate(engine, tmp_path / "site.db")
    assert not list(tmp_path.glob("site.db.schema-*"))
    a_next_step(monkeypatch, "CREATE TABLE later (n INTEGER PRIMARY KEY);")
    migrate(engine, tmp_path / "site.db")
    old = open_laptop_engine(tmp_path / f"site.db.schema-{NEWEST}", KEY)
    assert "later" in objects(engine)
    assert "later" not in objects(old)
    old.dispose()


def test_damage_that_a_step_comes_upon_is_said_as_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by simulate in month 620: the connection had been left already, and leaving it once more was an error."""
    path, store = tmp_path / "site.db", open_store(tmp_path)
    with store.write() as writing:
        writing.create("violation", PROJECT, {"description": "fence down"})
    with store.read() as connection:
        root = connection.exec_driver_sql(
            "SELECT rootpage FROM sqlite_master WHERE name = 'violation'"
        ).scalar_one()
    fold_wal(store.engine)
    store.close()
    data = bytearray(path.read_bytes())
    data[(root - 1) * PAGE_BYTES + PAGE_BYTES // 2] ^= 1
    path.write_bytes(data)
    a_next_step(monkeypatch, "CREATE INDEX later ON violation (description);")
    engine = open_laptop_engine(path, KEY)
    with pytest.raises(Corrupt, match="damaged"):
        migrate(engine, path)
    engine.dispose()
