"""What a power cut leaves: nothing that was flushed is gone, and of the rest any part may be."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.simulate.disk import cut_power, folder, image_of, put_back

LOG = f"{wiring.DATABASE}-wal"


def cut(tmp_path: Path, before: dict[str, bytes], after: dict[str, bytes], seed: int) -> dict[str, bytes]:
    place = tmp_path / str(seed)
    place.mkdir()
    for name, content in after.items():
        (place / name).write_bytes(content)
    cut_power(place, before, random.Random(seed))
    return dict(image_of(place))


def test_what_was_there_before_stays_and_what_was_appended_is_there_in_part(tmp_path: Path) -> None:
    before = {wiring.JOURNAL: b"old", LOG: b"o" * 100, wiring.DATABASE: b"pages"}
    after = {wiring.JOURNAL: b"old and new", LOG: b"o" * 100 + b"n" * 2000, wiring.DATABASE: b"pages"}
    left = [cut(tmp_path, before, after, seed) for seed in range(200)]
    assert all(one[wiring.JOURNAL].startswith(b"old") and one[LOG].startswith(b"o" * 100) for one in left)
    assert all(set(one[LOG][100:]) <= set(b"n\0") for one in left)
    assert {len(one[wiring.JOURNAL]) for one in left} == set(range(3, 12)), "cut at any byte"
    assert any(b"\0n" in one[LOG] for one in left), "a sector that came while an earlier one did not"


def test_a_file_put_in_another_s_place_is_one_or_the_other(tmp_path: Path) -> None:
    left = [
        cut(tmp_path, {"mark.a": b"1", "mark.b": b"1"}, {"mark.a": b"2", "new": b"3"}, s) for s in range(60)
    ]
    assert {one["mark.a"] for one in left} == {b"1", b"2"}
    assert {one.get("new") for one in left} == {None, b"3"}
    assert {one.get("mark.b") for one in left} == {None, b"1"}


def test_a_log_that_was_folded_in_was_flushed_first(tmp_path: Path) -> None:
    before, after = {wiring.DATABASE: b"a", LOG: b"x" * 600}, {wiring.DATABASE: b"b", LOG: b""}
    assert all(cut(tmp_path, before, after, seed) == after for seed in range(20))


def test_what_was_written_after_the_last_moment_is_gone(tmp_path: Path) -> None:
    (tmp_path / wiring.JOURNAL).write_bytes(b"one")
    (tmp_path / wiring.BALLAST).write_bytes(b"room")
    then = image_of(tmp_path)
    (tmp_path / wiring.JOURNAL).write_bytes(b"one and two")
    (tmp_path / f"{wiring.DATABASE}-shm").write_bytes(b"of a process that is gone")
    (tmp_path / "new").write_bytes(b"new")
    put_back(tmp_path, then)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        wiring.JOURNAL: b"one",
        wiring.BALLAST: b"room",
    }


def test_a_folder_lasts_as_long_as_its_story() -> None:
    with folder() as place:
        (place / "laptop").mkdir()
    assert not place.exists()


@pytest.mark.parametrize("name", [wiring.BALLAST, f"{wiring.DATABASE}-shm"])
def test_what_is_made_anew_at_every_start_is_no_part_of_an_image(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert not image_of(tmp_path)
