"""The laptop's encrypted database, opened so that what is committed stays committed.

SQLCipher with a raw key, WAL, `synchronous=FULL` (NORMAL loses saved forms at a power cut), foreign keys on;
all of it is read back and refused otherwise. Transactions are begun here and nowhere else: IMMEDIATE for
writes, since a deferred one fails at once when another process has written, and because the driver's own mode
does not roll DDL back. Every error of SQLite becomes one of ours in `foreign_errors`. Knows no table.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as sqlcipher  # type: ignore[import-untyped]
from sqlalchemy import URL, Connection, Dialect, Engine, ExceptionContext, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.util import LRUCache

from bravetui.base.errors import BadInput, BravetuiError, Busy, Corrupt, FailingDisk, Unusable, WrongKey
from bravetui.base.fault import fault
from bravetui.base.files import foreign_file_errors, make_private_folder, storage_full
from bravetui.db.values import JSON_COLUMNS

KEY_BYTES = 32
PAGE_BYTES = 4096
BUSY_WAIT_S = 10.0
_READ_ONLY = "bravetui_read"
_SHARING_BYTES = 64 * 1024
"""Room that SQLite needs to share its log between processes, with some to spare."""

STATEMENTS_KEPT = 1000
_COMPILED: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}
"""By the name of a dialect: the first of its kind, to which compiled statements belong, and those."""

_SETTINGS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "fullfsync=ON",
    "checkpoint_fullfsync=ON",
    # Sorting must not spill readable rows into a temporary file.
    "temp_store=MEMORY",
    "trusted_schema=OFF",
    # `fold_wal` does it, and empties the WAL at once: one that stays behind folded in, and loses its end to
    # damage, would lay old pages over new ones.
    "wal_autocheckpoint=0",
)
_READ_BACK = (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("temp_store", 2))


def open_laptop_engine(
    path: Path, key: bytes, *, pages_max: int | None = None, busy_wait_s: float = BUSY_WAIT_S
) -> Engine:
    """Open the database, or make an empty one; one connection has been tried when this returns.

    `pages_max` is a soft quota in pages of `PAGE_BYTES`, under which deleting still works when it is reached.
    Raises WrongKey (also for a damaged first page, which cannot be told from it), Corrupt, StorageFull, Busy,
    BadInput.
    """
    assert len(key) == KEY_BYTES
    make_private_folder(path.parent)
    with foreign_file_errors():
        path.touch(mode=0o600)
        _refuse_foreign(path)
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        module=sqlcipher,
        creator=_creator(path, key, pages_max, busy_wait_s),
        poolclass=QueuePool,
        hide_parameters=True,
        **JSON_COLUMNS,
    )
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _leave_after_a_refusal)
    try:
        with read_transaction(engine) as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    except BaseException:
        engine.dispose()
        raise
    share_statements(engine)
    return engine


def share_statements(engine: Engine) -> None:
    """Let an engine that has been connected know the statements that others of its kind have compiled in this process.

    For whoever opens many databases one after the other (a fleet, a simulation, tests): compiling was a third of the time.
    """
    dialect, compiled = _COMPILED.setdefault(engine.dialect.name, (engine.dialect, LRUCache(STATEMENTS_KEPT)))
    engine.dialect = dialect
    engine.update_execution_options(compiled_cache=compiled)


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """All that is done inside becomes durable together when the block ends, or nothing at all (DDL included).

    Waits for another writer up to the engine's `busy_wait_s`, then raises Busy. Keep it to a few
    milliseconds.
    """
    with foreign_errors(), engine.begin() as connection:
        yield connection


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """One consistent look at all tables; neither waits for a writer nor holds one up. Nothing written inside
    is kept."""
    with foreign_errors(), engine.connect() as connection:
        connection.execution_options(**{_READ_ONLY: True})
        with connection.begin() as transaction:
            yield connection
            transaction.rollback()


def rekey(path: Path, old: bytes, new: bytes) -> None:
    """Seal every page of the database anew, from the old key to the new; returns at once where that is done already.

    One transaction: killed at any moment, the database opens with one of the two. Raises Busy while any other process has it
    open, WrongKey when neither key opens it, StorageFull.
    """
    assert len(old) == len(new) == KEY_BYTES
    if not path.exists() or path.stat().st_size == 0:
        return
    with foreign_errors():
        if _opens(path, new):
            return
        with contextlib.closing(_alone(path, old)) as connection:
            # Into the log first, as every commit: the file itself is only written over once all of it is on the disk.
            connection.execute(f"PRAGMA rekey=\"x'{new.hex()}'\"").fetchall()
            fault("rekeyed")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if not _opens(path, new):
            raise Unusable(
                "The database could not be given its new key; it still opens with the old one.",
                "Make room on this disk, then start again: it is tried anew by itself.",
            )


def refuse_others(path: Path, key: bytes) -> None:
    """Raises Busy while any other process has the database open, and as opening does."""
    if path.exists() and path.stat().st_size:
        with foreign_errors():
            _alone(path, key).close()


def _alone(path: Path, key: bytes) -> Any:
    """A connection beside which there is no other, in any process."""
    connection = sqlcipher.connect(str(path), timeout=0.5, isolation_level=None, check_same_thread=False)
    try:
        _configure(connection, key, None, alone=True)
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _opens(path: Path, key: bytes) -> bool:
    try:
        _alone(path, key).close()
    except sqlcipher.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_NOTADB:
            return False
        raise
    return True


def wal_of(engine: Engine) -> Path:
    """Where the database's log is, if there is one."""
    return Path(f"{engine.url.database}-wal")


def fold_wal(engine: Engine) -> None:
    """Bring what is in the WAL into the database's own file and empty it, as far as open readers allow; waits
    for nobody."""
    with _driver_cursor(engine) as cursor:
        (wait_ms,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout=0")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            cursor.execute(f"PRAGMA busy_timeout={wait_ms:d}")


def frames_in_wal(engine: Engine) -> int:
    """How many frames of the WAL SQLite reads: those up to the last commit before anything that is not whole."""
    with _driver_cursor(engine) as cursor:
        (_, frames, _) = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(frames)


@contextmanager
def _driver_cursor(engine: Engine) -> Iterator[Any]:
    """Past SQLAlchemy, which begins a transaction first: inside one there is no folding in."""
    with foreign_errors():
        connection = engine.raw_connection()
        try:
            yield connection.cursor()
        finally:
            connection.close()


@contextmanager
def foreign_errors() -> Iterator[None]:
    """The one place where errors of SQLite, the pool and the operating system become the project's.

    A violated constraint or a wrong statement passes unchanged: it is a programmer's mistake.
    """
    try:
        with foreign_file_errors():
            yield
    except DBAPIError as error:
        ours = our_sql_error(error.orig)
        if ours is None:
            raise
        raise ours from error
    except sqlcipher.Error as error:
        ours = our_sql_error(error)
        if ours is None:
            raise
        raise ours from error
    except PoolTimeout as error:
        raise _busy() from error


def our_sql_error(error: BaseException | None) -> BravetuiError | None:
    """The project's error for one of SQLite's result codes; None for those that are a programmer's mistake.

    SQLCipher's driver has an exception tree of its own, so codes count and not classes; their names are in
    `sqlite3`.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    make = _BY_CODE.get(code & 0xFF)
    return make() if make else None


def _busy() -> Busy:
    return Busy(
        "Another window of bravetui is writing to the database just now; nothing was changed.",
        "Try again in a moment.",
    )


def _wrong_key() -> WrongKey:
    return WrongKey(
        "The database on this laptop does not open with this key.",
        "Unlock with the passphrase it was set up with; if that is right, the file is damaged: run `bravetui doctor`.",
    )


def _corrupt() -> Corrupt:
    return Corrupt(
        "The database on this laptop is damaged; your saved work is also in the journal beside it.",
        "Run `bravetui doctor`: it sets the damaged file aside and rebuilds from journal and central.",
    )


def _failing_disk() -> FailingDisk:
    return FailingDisk(
        "The disk refused to read or write the database: it is failing, or a limit on space was reached.",
        "Check the room on this disk; if there is plenty, hand in what is waiting and stop using this disk.",
    )


def _denied() -> Unusable:
    return Unusable(
        "The database file cannot be opened or written.",
        "Check the room on this disk, that it is not read-only, and the permissions of the folder; then try again.",
    )


_BY_CODE: dict[int, Callable[[], BravetuiError]] = {
    sqlite3.SQLITE_BUSY: _busy,
    sqlite3.SQLITE_LOCKED: _busy,
    sqlite3.SQLITE_PROTOCOL: _busy,
    sqlite3.SQLITE_NOTADB: _wrong_key,
    sqlite3.SQLITE_CORRUPT: _corrupt,
    sqlite3.SQLITE_FORMAT: _corrupt,
    sqlite3.SQLITE_FULL: storage_full,
    sqlite3.SQLITE_IOERR: _failing_disk,
    sqlite3.SQLITE_PERM: _denied,
    sqlite3.SQLITE_READONLY: _denied,
    sqlite3.SQLITE_CANTOPEN: _denied,
    sqlite3.SQLITE_AUTH: _denied,
}


def _refuse_foreign(path: Path) -> None:
    """Refuse what SQLite would take for an empty database, and one that holds records anybody can read."""
    size = path.stat().st_size
    if 0 < size < PAGE_BYTES and not Path(f"{path}-journal").exists():
        raise _corrupt()
    with path.open("rb") as file:
        if file.read(16) == b"SQLite format 3\x00":
            raise BadInput(
                "The file where the database should be is a database without encryption.",
                "Move it elsewhere; bravetui never writes readable records to the disk.",
            )


def _creator(path: Path, key: bytes, pages_max: int | None, busy_wait_s: float) -> Callable[[], Any]:
    def connect() -> Any:
        try:
            return opened(alone=False)
        except sqlcipher.OperationalError:
            if shutil.disk_usage(path.parent).free >= _SHARING_BYTES:
                raise
            # What processes share the log by is a file of its own, which a full disk has no room for. Alone, SQLite
            # keeps it in memory; where another process has the file already, this is never reached.
            return opened(alone=True)

    def opened(*, alone: bool) -> Any:
        connection = sqlcipher.connect(
            str(path),
            timeout=busy_wait_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            _configure(connection, key, pages_max, alone=alone)
        except BaseException:
            connection.close()
            raise
        return connection

    return connect


def _configure(connection: Any, key: bytes, pages_max: int | None, *, alone: bool) -> None:
    # First of all, or SQLCipher writes to stderr, across the terminal that the app draws on.
    connection.execute("PRAGMA cipher_log_level=NONE")
    connection.execute(f"PRAGMA key=\"x'{key.hex()}'\"")
    if alone:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}")
    if pages_max is not None:
        connection.execute(f"PRAGMA max_page_count={pages_max:d}")
    for name, wanted in _READ_BACK:
        (found,) = connection.execute(f"PRAGMA {name}").fetchone()
        if found != wanted:
            raise BadInput(
                f"The disk of this folder cannot keep a database safely ({name} is {found}).",
                "Choose a folder on this laptop's own disk, not on a network share.",
            )


_STAYS = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _leave_after_a_refusal(context: ExceptionContext) -> None:
    """Open anew after the disk has refused: SQLite takes a file that could not be opened for writing for a read-only one,
    SQLCipher one that could not be read for a damaged one, and both stay with that while the connection lives."""
    code = getattr(context.original_exception, "sqlite_errorcode", None)
    if isinstance(code, int) and code & 0xFF in _STAYS:
        context.is_disconnect = True


def _begin(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
