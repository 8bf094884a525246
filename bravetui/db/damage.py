"""Finding damage in the database and setting a damaged one aside, never deleting it.

Every page of an encrypted database carries a MAC, so a flipped bit anywhere in the file is found. A database,
its WAL and its shared memory only mean something together and are moved together. Knows no table.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Engine

from bravetui.base.errors import Corrupt, StorageFull
from bravetui.base.files import flush_folder, foreign_file_errors
from bravetui.base.text import safe_line
from bravetui.db.engine import PAGE_BYTES, fold_wal, frames_in_wal, wal_of, write_transaction

FOUND_MAX = 20
_PARTS = ("", "-wal", "-shm")
_WAL_HEAD_BYTES = 32
_WAL_FRAME_BYTES = 24 + PAGE_BYTES
"""A frame: page number 4 | pages in the database after a commit, else 0, 4 | salts 8 | checksums 8 | page."""


def check_pages(engine: Engine) -> tuple[str, ...]:
    """Read the whole database and say what is wrong with it, at most `FOUND_MAX` findings; empty when it is
    sound.

    Holds the write lock for the time of one reading (a good second for 1 GB). What is still in the WAL is
    folded in first.
    """
    # A page may be on its way from the WAL into the file while it is read: only what is found twice counts.
    return _look(engine) and _look(engine)


def cut_commits(engine: Engine) -> int:
    """How many commits stand in the log behind a place where it does not read back as written, and count no more.

    SQLite leaves them out without a word. A power cut can do that to the one that was on its way, damage to any.
    Only right for an engine that has just been opened.
    """
    with foreign_file_errors():
        wal = wal_of(engine)
        marks = _commit_marks(wal.read_bytes()) if wal.exists() else []
    if not marks:
        return 0
    try:
        readable = frames_in_wal(engine)
    except StorageFull:
        return 0  # the journal is compared with what can be read all the same
    return sum(number > readable for number in marks)


def _commit_marks(wal: bytes) -> list[int]:
    """The numbers, from 1, of those frames of the log's last use that end a commit."""
    first = wal[_WAL_HEAD_BYTES:]
    # Of a head that is damaged itself, the first frame knows the salts too.
    salts = {wal[16:24], first[8:16]}
    frames = range(0, len(first) - _WAL_FRAME_BYTES + 1, _WAL_FRAME_BYTES)
    return [
        number
        for number, start in enumerate(frames, start=1)
        if any(first[start + 4 : start + 8]) and first[start + 8 : start + 16] in salts
    ]


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
        with suppress(StorageFull):  # then the pages are read as they lie in the file
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
