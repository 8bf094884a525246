"""Damage to the database is found wherever it is, and a damaged one is set aside whole."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from bravetui.db.damage import check_pages, cut_commits, move_aside
from bravetui.db.engine import fold_wal, open_laptop_engine, read_transaction, wal_of, write_transaction

KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bravetui.db"


def filled(path: Path) -> Engine:
    engine = open_laptop_engine(path, KEY)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE form (id INTEGER PRIMARY KEY, text TEXT)")
        for number in range(100):
            connection.exec_driver_sql("INSERT INTO form VALUES (?, ?)", (number, f"form {number} " * 30))
    return engine


def test_a_sound_database_has_no_findings_folded_in_or_not(path: Path) -> None:
    engine = filled(path)
    assert check_pages(engine) == ()
    assert check_pages(engine) == ()
    engine.dispose()


def test_a_flipped_bit_on_any_page_is_found(path: Path) -> None:
    engine = filled(path)
    fold_wal(engine)
    engine.dispose()
    sound = path.read_bytes()
    for page in range(1, len(sound) // 4096):
        at = page * 4096 + 37 * page % 4096
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
        damaged = open_laptop_engine(path, KEY)
        assert check_pages(damaged), page
        damaged.dispose()


def test_a_row_that_points_at_nothing_is_found(path: Path) -> None:
    engine = filled(path)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql(
            "CREATE TABLE photo (id INTEGER PRIMARY KEY, form_id REFERENCES form (id))"
        )
    raw = engine.raw_connection()
    raw.cursor().execute("PRAGMA foreign_keys=OFF")
    raw.cursor().execute("INSERT INTO photo VALUES (1, 999)")
    raw.close()
    engine.dispose()
    again = open_laptop_engine(path, KEY)
    assert check_pages(again) == ("a row of photo points at a row of form that is not there",)
    again.dispose()


def test_a_database_set_aside_opens_there_with_all_its_rows(path: Path) -> None:
    engine = filled(path)
    copies = {part: Path(f"{path}{part}").read_bytes() for part in ("", "-wal")}
    engine.dispose()
    for part, content in copies.items():
        Path(f"{path}{part}").write_bytes(content)
    aside = move_aside(path, "2026-11-23")
    assert aside.name == "bravetui.db.damaged-2026-11-23"
    assert not [file for file in path.parent.iterdir() if not file.name.startswith(aside.name)]
    opened = open_laptop_engine(aside, KEY)
    with read_transaction(opened) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM form").scalar_one() == 100
    opened.dispose()


def test_setting_aside_twice_keeps_both(path: Path) -> None:
    asides = []
    for _ in range(2):
        filled(path).dispose()
        asides.append(move_aside(path, "2026"))
    assert [aside.name for aside in asides] == ["bravetui.db.damaged-2026", "bravetui.db.damaged-2026-2"]
    assert all(aside.exists() for aside in asides)


def test_folding_the_log_in_empties_it(path: Path) -> None:
    """One that stays behind and loses its end would lay old pages over new ones."""
    engine = filled(path)
    assert wal_of(engine).stat().st_size > 0
    fold_wal(engine)
    assert wal_of(engine).stat().st_size == 0
    engine.dispose()


@pytest.mark.parametrize(("at", "lost"), [(100, True), (-4196, True), (None, False)])
def test_commits_behind_a_damaged_place_in_the_log_are_counted(
    path: Path, at: int | None, lost: bool
) -> None:
    """SQLite drops them without a word."""
    engine = filled(path)
    content = {part: bytearray(Path(f"{path}{part}").read_bytes()) for part in ("", "-wal")}
    engine.dispose()
    if at is not None:
        content["-wal"][at] ^= 1
    for part, data in content.items():
        Path(f"{path}{part}").write_bytes(data)
    again = open_laptop_engine(path, KEY)
    assert bool(cut_commits(again)) is lost
    again.dispose()
