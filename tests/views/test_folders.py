"""What the file dialogue finds on a machine: likely places, folders, pictures; and cards that are not as they should be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bravetui.base.errors import BadInput
from bravetui.views.folders import ENTRIES_MAX, look_into, places
from tests.support.hostile import EVERY_KIND, harm


def files(folder: Path, *names: str) -> None:
    """Each a minute younger than the one before."""
    for number, name in enumerate(names):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (1_780_000_000 + 60 * number,) * 2)


def test_folders_come_first_by_name_and_then_pictures_the_newest_first(tmp_path: Path) -> None:
    files(tmp_path, "b.jpg", "a.JPEG", "c.png", "d.webp")
    for name in ("Zoo", "DCIM"):
        (tmp_path / name).mkdir()
    names = [entry.name for entry in look_into(tmp_path).entries]
    assert names == ["DCIM", "Zoo", "d.webp", "c.png", "a.JPEG", "b.jpg"]


def test_other_files_are_counted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    files(tmp_path, "a.jpg", "b.heic", "notes.txt", ".thumbs.jpg", ".cache")
    seen = look_into(tmp_path)
    assert ([entry.name for entry in seen.entries], seen.others) == (["a.jpg"], 2)


def test_a_card_with_rubbish_in_its_times_and_names_is_still_shown(tmp_path: Path) -> None:
    files(tmp_path, "a.jpg")
    os.utime(tmp_path / "a.jpg", (10**12, 10**12))
    name = EVERY_KIND.replace("/", "").replace("\0", "")[:60]
    (tmp_path / f"{name}.jpg").write_bytes(b"x")
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    if os.name == "posix":
        (tmp_path / os.fsdecode(b"\xff\xfe.jpg")).write_bytes(b"x")
    entries = look_into(tmp_path).entries
    assert len(entries) >= 3
    assert not harm("".join(entry.name for entry in entries))
    assert next(entry for entry in entries if entry.name == "a.jpg").changed_at is None
    assert all(entry.path.exists() for entry in entries)


def test_of_a_folder_with_very_many_files_the_first_thousands_are_shown(tmp_path: Path) -> None:
    for number in range(ENTRIES_MAX + 5):
        (tmp_path / f"{number}.jpg").touch()
    seen = look_into(tmp_path)
    assert seen.is_cut
    assert len(seen.entries) == ENTRIES_MAX


@pytest.mark.parametrize("what", ["gone", "a file"])
def test_a_folder_that_cannot_be_read_says_what_to_do(tmp_path: Path, what: str) -> None:
    path = tmp_path / "STICK"
    if what == "a file":
        path.touch()
    with pytest.raises(BadInput, match=r"STICK cannot be read\. Is the stick or the card still in"):
        look_into(path)


def test_a_stick_that_is_in_comes_before_pictures_and_home(tmp_path: Path) -> None:
    stick, pictures, home = tmp_path / "STICK", tmp_path / "Bilder", tmp_path
    for folder in (stick, pictures):
        folder.mkdir()
    found = places([stick, tmp_path / "not in"], pictures, home)
    assert [(place.name, place.path) for place in found] == [
        ("STICK", stick), ("Pictures", pictures), ("Home folder", home),
    ]  # fmt: skip
    assert [place.name for place in places([], tmp_path / "none", home)] == ["Home folder"]
    assert places()
