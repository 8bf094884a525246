"""The reserve is real, is given up at once, and comes back only when there is room to spare."""

import sys
from pathlib import Path

import pytest

from bravetui.base.errors import StorageFull
from bravetui.db.ballast import Ballast

SIZE = 3 * 1024 * 1024 + 17


def ballast_in(folder: Path, room_bytes: int = 0) -> Ballast:
    return Ballast(folder / "ballast", SIZE, room_bytes)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say how many blocks a file has")
def test_the_reserve_takes_real_room_on_the_disk(tmp_path: Path) -> None:
    ballast = ballast_in(tmp_path)
    ballast.reserve()
    assert ballast.path.stat().st_blocks * 512 >= SIZE


def test_reserving_twice_changes_nothing(tmp_path: Path) -> None:
    ballast = ballast_in(tmp_path)
    ballast.reserve()
    before = ballast.path.read_bytes()
    ballast.reserve()
    assert ballast.path.read_bytes() == before


def test_a_reserve_cut_short_is_laid_down_whole(tmp_path: Path) -> None:
    ballast = ballast_in(tmp_path)
    ballast.path.write_bytes(b"short")
    assert not ballast.is_reserved
    ballast.reserve()
    assert ballast.path.stat().st_size == SIZE


def test_giving_up_says_whether_there_was_anything_to_give(tmp_path: Path) -> None:
    ballast = ballast_in(tmp_path)
    ballast.reserve()
    assert [ballast.give_up(), ballast.give_up()] == [True, False]
    assert not ballast.path.exists()


def test_the_reserve_comes_back_when_there_is_room(tmp_path: Path) -> None:
    ballast = ballast_in(tmp_path)
    assert ballast.restore_if_room()
    assert ballast.is_reserved


def test_the_reserve_stays_away_while_the_disk_is_nearly_full(tmp_path: Path) -> None:
    ballast = ballast_in(tmp_path, room_bytes=1 << 60)
    assert not ballast.restore_if_room()
    assert not ballast.path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are a POSIX thing")
def test_without_room_for_the_reserve_no_part_of_it_is_left_in_the_way(tmp_path: Path) -> None:
    import resource

    ballast = ballast_in(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, limits[1]))
    try:
        with pytest.raises(StorageFull, match="disk is full"):
            ballast.reserve()
        assert not ballast.restore_if_room()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not ballast.path.exists()
