"""The highest counter used is known outside the database, whatever happens to one copy of it."""

from pathlib import Path

import pytest

from bravetui.auth.high_water import HighWater
from bravetui.base.errors import Corrupt

KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "counter"


def reserved(path: Path) -> int:
    return HighWater.open(path, KEY).reserved


def test_a_new_laptop_has_used_nothing(path: Path) -> None:
    assert reserved(path) == 0


def test_what_was_reserved_is_there_after_opening_again(path: Path) -> None:
    mark = HighWater.open(path, KEY)
    mark.reserve(64)
    mark.reserve(128)
    assert (mark.reserved, reserved(path)) == (128, 128)


def test_reserving_never_lowers_the_mark_not_even_one_raised_by_another_process(path: Path) -> None:
    one, other = HighWater.open(path, KEY), HighWater.open(path, KEY)
    one.reserve(500)
    one.reserve(100)
    other.reserve(64)
    assert (one.reserved, other.reserved, reserved(path)) == (500, 500, 500)


def test_a_clean_close_gives_back_what_was_not_used(path: Path) -> None:
    mark = HighWater.open(path, KEY)
    mark.reserve(64)
    mark.settle(3)
    assert reserved(path) == 3


def test_nothing_is_given_back_where_another_process_has_reserved_more(path: Path) -> None:
    one, other = HighWater.open(path, KEY), HighWater.open(path, KEY)
    one.reserve(64)
    other.reserve(128)
    one.settle(3)
    assert reserved(path) == 128


@pytest.mark.parametrize("letter", ["a", "b"])
def test_any_flipped_bit_in_one_copy_costs_nothing(path: Path, letter: str) -> None:
    mark = HighWater.open(path, KEY)
    mark.reserve(64)
    mark.reserve(128)
    copy = path.with_name(f"counter.{letter}")
    sound = copy.read_bytes()
    for bit in range(len(sound) * 8):
        flipped = bytearray(sound)
        flipped[bit // 8] ^= 1 << bit % 8
        copy.write_bytes(flipped)
        assert reserved(path) == 128, bit


@pytest.mark.parametrize("size", [0, 1, 15, 30, 59])
def test_a_copy_cut_short_or_gone_costs_nothing(path: Path, size: int) -> None:
    HighWater.open(path, KEY).reserve(64)
    copy = path.with_name("counter.b")
    copy.write_bytes(copy.read_bytes()[:size])
    assert reserved(path) == 64
    copy.unlink()
    assert reserved(path) == 64


def test_both_copies_damaged_is_said_and_never_read_as_nothing_used(path: Path) -> None:
    HighWater.open(path, KEY).reserve(64)
    for letter in "ab":
        path.with_name(f"counter.{letter}").write_bytes(b"")
    with pytest.raises(Corrupt, match="Both copies"):
        reserved(path)


def test_a_mark_made_with_another_key_is_not_believed(path: Path) -> None:
    HighWater.open(path, bytes(32)).reserve(9999)
    with pytest.raises(Corrupt, match="not written with this laptop's key"):
        reserved(path)
