"""Finding damage in the database and setting a damaged one aside, never deleting it.

Every page of an encrypted database carries a MAC, so a flipped bit anywhere in the file is found. A database,
its WAL and its shared memory only mean something together and are moved together. Knows no table.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine

from bravetui.base.errors import Corrupt
from bravetui.base.files import flush_folder, foreign_file_errors
from bravetui.base.text import safe_line
from bravetui.db.engine import fold_wal, write_transaction

FOUND_MAX = 20
_PARTS = ("", "-wal", "-shm")


def check_pages(engine: Engine) -> tuple[str, ...]:
    """Read the whole database and say what is wrong with it, at most `FOUND_MAX` findings; empty when it is
    sound.

    Holds the write lock for the time of one reading (a good second for 1 GB). What is still in the WAL is
    folded in first.
    """
    # A page may be on its way from the WAL into the file while it is read: only what is found twice counts.
    return _look(engine) and _look(engine)


def move_aside(path: Path, stamp: str) -> Path:
    """Rename the database with its -wal and -shm to `<name>.damaged-<stamp>`; returns the database's new
    path.

    All engines on it must be disposed of. The database moves last: after a crash half way, calling again
    finishes it.
    """
    aside = _free_stem(path.with_name(f"{path.name}.damaged-{stamp}"))
    with foreign_file_errors():
        for part in reversed(_PARTS):
            old = Path(f"{path}{part}")
            if old.exists():
                old.replace(f"{aside}{part}")
        flush_folder(path.parent)
    return aside


def _free_stem(stem: Path) -> Path:
    """A name whose database is not taken; parts moved by a call that a crash cut short are joined by
    theirs."""
    count, candidate = 1, stem
    while candidate.exists():
        count += 1
        candidate = stem.with_name(f"{stem.name}-{count}")
    return candidate


def _look(engine: Engine) -> tuple[str, ...]:
    try:
        fold_wal(engine)
        with write_transaction(engine) as connection:
            return _findings(connection)
    except Corrupt as error:
        return (error.what,)


def _findings(connection: Connection) -> tuple[str, ...]:
    pages = connection.exec_driver_sql("PRAGMA cipher_integrity_check").scalars().all()
    structure = connection.exec_driver_sql(f"PRAGMA quick_check({FOUND_MAX})").scalars().all()
    keys = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    found = [*map(str, pages), *(str(line) for line in structure if line != "ok")]
    found += [f"a row of {row[0]} points at a row of {row[2]} that is not there" for row in keys]
    return tuple(safe_line(line) for line in found[:FOUND_MAX])
