"""How a laptop opens whose files are not as it left them: each time with a sentence, and with everything saved."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.base.clock import ManualClock
from bravetui.base.errors import Corrupt, FailingDisk
from bravetui.db import meta
from bravetui.db.store import DOTS_RESERVED
from tests.durability.checking import Told, check
from tests.durability.foreman import make_template, open_laptop


@pytest.fixture
def told() -> Told:
    """What the foreman of the laptop was told."""
    return Told()


@pytest.fixture
def folder(tmp_path: Path, told: Told) -> Path:
    """A laptop in use, closed in the evening."""
    make_template(tmp_path / "laptop", told.hear)
    (tmp_path / "laptop" / wiring.BALLAST).write_bytes(b"")
    return tmp_path / "laptop"


@pytest.fixture(autouse=True)
def _small_ballast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bravetui.db.ballast.Ballast.restore_if_room", lambda self: True)


def flip(path: Path, at: int) -> None:
    """Turn one bit."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_sound_laptop_has_nothing_to_say(folder: Path, told: Told) -> None:
    """Notices are for what went wrong."""
    assert check(folder, told, deep=True) == ()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_page_that_nobody_asks_for_is_found_at_the_start(
    folder: Path, told: Told, share: float
) -> None:
    """The database is set aside and begun anew from the journal, wherever the damage is."""
    database = folder / wiring.DATABASE
    flip(database, int(database.stat().st_size * share))
    notices = check(folder, told)
    assert "set aside" in notices[0]
    assert list(folder.glob("site.db.damaged-*"))


@pytest.mark.parametrize("name", ["keys.a", "keys.b", "mark.a", "mark.b", "time.a", "time.b"])
def test_a_damaged_copy_is_written_again(folder: Path, told: Told, name: str) -> None:
    """The other copy opens the laptop, and the next start has two again."""
    sound = (folder / name).read_bytes()
    flip(folder / name, len(sound) // 2)
    (notice,) = check(folder, told, deep=True)
    assert "written again" in notice


def test_a_mark_of_which_no_copy_is_sound_is_begun_anew(folder: Path, told: Told) -> None:
    """Database and journal know every number that was used; the next start has nothing to say of it."""
    for name in ("mark.a", "mark.b"):
        (folder / name).write_bytes(b"rubbish")
    (notice,) = check(folder, told, deep=True)
    assert "counter mark was damaged and has been begun anew" in notice
    assert check(folder, told, deep=True) == ()


@pytest.mark.parametrize("content", [None, b"", b"rubbish"])
def test_the_floor_of_time_is_kept_twice_over(folder: Path, content: bytes | None) -> None:
    """Beside the key and in the database: taken from the one, it is in the other, and no clock set back is believed."""
    laptop = open_laptop(folder)
    floor = laptop.store.passed.now()
    with laptop.store.write() as writing:
        writing.create("daily_log", "site", {"log_date": "2026-08-03"})
    laptop.close()
    for name in ("time.a", "time.b"):
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
    laptop = open_laptop(folder, ManualClock(floor - timedelta(days=20)))
    assert floor - laptop.store.passed.now() < timedelta(minutes=5)
    assert laptop.store.passed.behind > timedelta(days=19)
    laptop.close()


def test_no_number_is_used_twice_after_the_mark_was_lost(folder: Path) -> None:
    """Whatever the two others may have lost, too: a stretch of numbers is left out."""
    laptop = open_laptop(folder)
    with laptop.store.read() as connection:
        before = meta.get_counter(connection)
    laptop.close()
    for name in ("mark.a", "mark.b"):
        (folder / name).write_bytes(b"")
    laptop = open_laptop(folder)
    with laptop.store.read() as connection:
        assert meta.get_counter(connection) >= before + DOTS_RESERVED
    laptop.close()


@pytest.mark.parametrize("name", ["site.db", "journal", "mark.a"])
def test_data_without_its_keys_is_never_taken_for_a_new_laptop(folder: Path, name: str) -> None:
    """New keys would shut the old data for ever; the black box and a backup have the old ones."""
    for one in folder.iterdir():
        if one.is_dir():
            shutil.rmtree(one)
        elif one.name != name:
            one.unlink()
    with pytest.raises(Corrupt, match="black box"):
        open_laptop(folder)


def test_an_empty_journal_is_said_once(folder: Path, told: Told) -> None:
    (folder / "journal").write_bytes(b"")
    (notice,) = check(folder, told)
    assert "journal was gone" in notice


@pytest.mark.parametrize(
    ("name", "words"), [("journal", "journal was gone"), ("site.db", "database was gone")]
)
def test_a_file_that_is_gone_is_missed(folder: Path, told: Told, name: str, words: str) -> None:
    """Either of the two is enough, and its absence is said."""
    (folder / name).unlink()
    assert any(words in notice for notice in check(folder, told))


def test_a_disk_that_fails_is_no_reason_to_set_the_database_aside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes may be sound: the next start tries them again."""

    def fail(engine: object) -> None:
        raise FailingDisk("The disk refused.", "Try again.")

    monkeypatch.setattr(wiring.opening, "cut_commits", fail)
    with pytest.raises(FailingDisk):
        open_laptop(folder)
    assert not list(folder.glob("*.damaged-*"))
