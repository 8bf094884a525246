"""The laptop's database keeps what it committed, is unreadable without its key, and fails in sentences."""

import multiprocessing
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from bravetui.base.errors import BadInput, BravetuiError, Busy, Corrupt, StorageFull, WrongKey
from bravetui.db.engine import fold_wal, open_laptop_engine, read_transaction, write_transaction

KEY = bytes(range(32))
OTHER_KEY = bytes(32)
FORM = "Outfall 4: sediment on the pavement"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "laptop" / "bravetui.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = open_laptop_engine(path, KEY, busy_wait_s=0.05)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE form (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
    yield engine
    engine.dispose()


def save(connection: Connection, text: str) -> None:
    connection.exec_driver_sql("INSERT INTO form (text) VALUES (?)", (text,))


def saved(engine: Engine) -> list[str]:
    with read_transaction(engine) as connection:
        return list(connection.exec_driver_sql("SELECT text FROM form ORDER BY id").scalars())


def read_all(connection: Connection) -> None:
    """Read every page of the table and of its index."""
    connection.exec_driver_sql("SELECT id, text FROM form NOT INDEXED").all()
    connection.exec_driver_sql("SELECT text FROM form ORDER BY text").all()


def save_twice(connection: Connection) -> None:
    save(connection, FORM)
    save(connection, FORM)


def test_what_was_committed_is_there_after_opening_again(engine: Engine, path: Path) -> None:
    with write_transaction(engine) as connection:
        save(connection, FORM)
    engine.dispose()
    again = open_laptop_engine(path, KEY)
    assert saved(again) == [FORM]
    again.dispose()


def test_a_failed_block_leaves_nothing_of_itself_not_even_a_table(engine: Engine) -> None:
    def half_way() -> None:
        with write_transaction(engine) as connection:
            save(connection, FORM)
            connection.exec_driver_sql("CREATE TABLE other (id INTEGER)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_way()
    with read_transaction(engine) as connection:
        tables = (
            connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        )
    assert (tables, saved(engine)) == (["form"], [])


def test_durability_settings_hold_on_every_connection(engine: Engine) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "fullfsync": 1, "temp_store": 2}
    with read_transaction(engine) as one, read_transaction(engine) as other:
        for connection in (one, other):
            found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
            assert found == wanted


def test_no_file_holds_readable_text(engine: Engine, path: Path) -> None:
    with write_transaction(engine) as connection:
        save(connection, FORM)
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert FORM.encode() not in content
    assert b"SQLite format 3" not in content


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps rights in access lists")
def test_only_this_account_may_read_the_files(engine: Engine, path: Path) -> None:
    with write_transaction(engine) as connection:
        save(connection, FORM)
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_another_key_is_refused_and_changes_nothing(engine: Engine, path: Path) -> None:
    with write_transaction(engine) as connection:
        save(connection, FORM)
    with pytest.raises(WrongKey, match="does not open with this key"):
        open_laptop_engine(path, OTHER_KEY)
    assert saved(engine) == [FORM]


def test_nothing_is_written_to_stderr_where_the_app_draws(
    engine: Engine, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(WrongKey):
        open_laptop_engine(path, OTHER_KEY)
    assert capfd.readouterr().err == ""


def test_an_unencrypted_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"SQLite format 3\x00" + bytes(4080))
    with pytest.raises(BadInput, match="without encryption"):
        open_laptop_engine(path, KEY)


def test_every_flipped_bit_below_the_first_page_is_found_on_reading(engine: Engine, path: Path) -> None:
    with write_transaction(engine) as connection:
        for number in range(200):
            save(connection, f"{number} {FORM}")
    fold_wal(engine)
    engine.dispose()
    sound = path.read_bytes()
    for at in range(4096, len(sound), 997):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 4]) + sound[at + 1 :])
        damaged = open_laptop_engine(path, KEY)
        with pytest.raises(Corrupt, match="damaged"), read_transaction(damaged) as connection:
            read_all(connection)
        damaged.dispose()


@pytest.mark.parametrize("size", [1, 100, 4095])
def test_a_database_cut_within_its_first_page_is_never_taken_for_a_new_one(
    engine: Engine, path: Path, size: int
) -> None:
    fold_wal(engine)
    engine.dispose()
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises((WrongKey, Corrupt)):
        open_laptop_engine(path, KEY)


def test_past_the_quota_saving_fails_in_a_sentence_and_deleting_still_works(path: Path) -> None:
    engine = open_laptop_engine(path, KEY, pages_max=40)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE form (id INTEGER PRIMARY KEY, text TEXT)")
        save(connection, "kept " * 2000)

    def fill() -> None:
        while True:
            with write_transaction(engine) as connection:
                save(connection, "x" * 10_000)

    with pytest.raises(StorageFull, match="disk is full"):
        fill()
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("DELETE FROM form WHERE id > 1")
    with write_transaction(engine) as connection:
        save(connection, FORM)
    assert saved(engine)[-1] == FORM
    engine.dispose()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are a POSIX thing")
def test_a_disk_that_refuses_a_write_costs_nothing_saved_before(engine: Engine, path: Path) -> None:
    import resource

    with write_transaction(engine) as connection:
        save(connection, FORM)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(f"{path}-wal").stat().st_size + 5000, limits[1]))
    try:
        with pytest.raises(Corrupt, match="limit on space"), write_transaction(engine) as connection:
            save(connection, "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert saved(engine) == [FORM]
    with write_transaction(engine) as connection:
        save(connection, "again")
    assert saved(engine) == [FORM, "again"]


def test_a_writer_that_finds_another_writing_says_so_and_can_try_again(engine: Engine, path: Path) -> None:
    other = open_laptop_engine(path, KEY, busy_wait_s=0.05)
    with write_transaction(engine) as connection:
        save(connection, FORM)
        with pytest.raises(Busy, match="Another window"), write_transaction(other):
            pass
    with write_transaction(other) as connection:
        save(connection, "second")
    other.dispose()
    assert saved(engine) == [FORM, "second"]


def test_a_reader_sees_one_moment_and_holds_up_no_writer(engine: Engine) -> None:
    with read_transaction(engine) as reader:
        before = reader.exec_driver_sql("SELECT count(*) FROM form").scalar_one()
        with write_transaction(engine) as connection:
            save(connection, FORM)
        assert reader.exec_driver_sql("SELECT count(*) FROM form").scalar_one() == before
    assert saved(engine) == [FORM]


def test_threads_that_write_at_once_all_get_through(path: Path) -> None:
    engine = open_laptop_engine(path, KEY)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE form (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
    failures: list[BravetuiError] = []

    def write(name: int) -> None:
        for number in range(25):
            try:
                with write_transaction(engine) as connection:
                    connection.exec_driver_sql("SELECT count(*) FROM form").scalar_one()
                    save(connection, f"{name}/{number}")
            except BravetuiError as error:
                failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(saved(engine)) == 100
    engine.dispose()


def test_a_violated_constraint_is_a_mistake_in_the_program_and_not_hidden(engine: Engine) -> None:
    with pytest.raises(IntegrityError), write_transaction(engine) as connection:
        save_twice(connection)
    assert saved(engine) == []


def test_an_error_never_shows_what_was_typed(engine: Engine) -> None:
    with pytest.raises(IntegrityError) as caught, write_transaction(engine) as connection:
        save_twice(connection)
    assert FORM not in str(caught.value)


def _die_while_writing(path: Path) -> None:
    import os

    engine = open_laptop_engine(path, KEY)
    with write_transaction(engine) as connection:
        save(connection, "acknowledged")
    with write_transaction(engine) as connection:
        save(connection, "never acknowledged")
        os._exit(9)


def test_a_process_that_dies_while_writing_leaves_what_it_had_committed_and_no_lock(
    engine: Engine, path: Path
) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_die_while_writing, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert saved(engine) == ["acknowledged"]
    with write_transaction(engine) as connection:
        save(connection, FORM)
