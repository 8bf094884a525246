"""Brings a laptop's database to this version's schema: numbered SQL files, `PRAGMA user_version`, a copy first.

Each step and the note that it ran share one transaction, so a laptop that loses power in the middle has the old schema or
the new one. A file that has landed is frozen. Foreign keys are off while a step runs (SQLite rebuilds tables by copying,
and a cascade would delete their children), and are checked before it commits. A database from a newer program is not
touched.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from bravetui.base.errors import BadInput, Corrupt
from bravetui.base.fault import fault
from bravetui.base.files import replace_file
from bravetui.db.added import columns_of, note_added
from bravetui.db.engine import fold_wal, foreign_errors


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number and its SQL."""

    number: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """All steps in order."""
    folder = resources.files("bravetui.db") / "migrations"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        Migration(int(name[1:5]), Path(name).stem, (folder / name).read_text(encoding="utf-8"))
        for name in files
    )


def version_of(connection: Connection) -> int:
    """The number of the last step that ran; 0 for an empty database."""
    return int(connection.execute(text("PRAGMA user_version")).scalar_one())


def pending(connection: Connection) -> tuple[Migration, ...]:
    """The steps still to run. Raises BadInput for a database that a newer program has been at."""
    at, steps = version_of(connection), migrations()
    newest = steps[-1].number
    if at > newest:
        raise BadInput(
            f"This database was used by a newer version of the program (schema {at}, this one knows {newest}).",
            "Update the program; nothing has been changed.",
        )
    return tuple(step for step in steps if step.number > at)


def statements(sql: str) -> tuple[str, ...]:
    """Split a file into statements the way SQLite itself tells where one ends, so triggers stay whole."""
    found, part = [], ""
    for line in sql.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            found.append(part.strip())
            part = ""
    if part.strip():
        raise AssertionError("a migration ends in the middle of a statement")
    return tuple(found)


def migrate(engine: Engine, path: Path | None = None) -> int:
    """Run what is pending; returns how many steps ran. A database in use, at `path`, is copied beside itself first."""
    ran = 0
    with foreign_errors(), engine.connect() as connection:
        at, steps = version_of(connection), pending(connection)
        connection.rollback()
        if not steps:
            return 0
        if at and path is not None:
            _copy(engine, path, at)
        try:
            _foreign_keys_off(connection)
            for step in steps:
                with connection.begin():
                    ran += _run(connection, step, in_use=at > 0)
        finally:
            if not connection.invalidated:  # left for good already, over a damaged page
                connection.detach()  # it does not go back to those that check references
    return ran


def _copy(engine: Engine, path: Path, at: int) -> None:
    """Keep the database as it was at schema `at`, whole and flushed, under a name that says so."""
    fold_wal(engine)
    replace_file(path.with_name(f"{path.name}.schema-{at}"), path.read_bytes())


def _foreign_keys_off(connection: Connection) -> None:
    """Past SQLAlchemy, which begins a transaction first: inside one the pragma does nothing, and says nothing."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA foreign_keys=OFF")


def _run(connection: Connection, step: Migration, *, in_use: bool) -> bool:
    """One step in the transaction given; False if another process has run it meanwhile."""
    if version_of(connection) >= step.number:
        return False
    before = columns_of(connection) if in_use else {}
    for statement in statements(step.sql):
        connection.exec_driver_sql(statement)
        fault("inside_migration")
    if in_use:
        note_added(connection, before)
    if connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
        raise Corrupt(
            f"Updating the database (step {step.name}) would break references in it; it was left as it was.",
            "Send a diagnosis to support; work goes on with the old version of the program.",
        )
    connection.exec_driver_sql(f"PRAGMA user_version={step.number:d}")
    return True
