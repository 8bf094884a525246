"""Wrong PINs cost time, never data: counted before they are tried, whatever happens to program, clock or disk."""

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bravetui.auth import tries
from bravetui.auth.tries import FREE, Tries
from bravetui.base.clock import ManualClock
from bravetui.base.errors import StorageFull, WrongKey

START = datetime(2026, 8, 3, 16, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pin.tries"


def use_up(path: Path, clock: ManualClock, count: int = FREE) -> Tries:
    """Type that many wrong ones, each in a process of its own."""
    for _ in range(count):
        Tries(path, clock).take()
    return Tries(path, clock)


def wait_s(path: Path, clock: ManualClock) -> int:
    """How long the next try has to wait, in whole steps of ten seconds."""
    waited = 0
    while True:
        try:
            Tries(path, clock).take()
        except WrongKey:
            clock.advance(seconds=10)
            waited += 10
        else:
            return waited


def test_five_are_free_and_the_sixth_waits(path: Path, clock: ManualClock) -> None:
    told = use_up(path, clock)
    with pytest.raises(WrongKey, match="next try is possible in 30 seconds"):
        told.take()


def test_each_wait_is_twice_the_last_up_to_a_quarter_of_an_hour(path: Path, clock: ManualClock) -> None:
    use_up(path, clock)
    assert [wait_s(path, clock) for _ in range(8)] == [30, 60, 120, 240, 480, 900, 900, 900]


def test_the_right_one_makes_all_tries_free_again(path: Path, clock: ManualClock) -> None:
    use_up(path, clock, FREE - 1).forgive()
    use_up(path, clock)


def test_a_clock_turned_forward_does_not_shorten_the_wait(path: Path, clock: ManualClock) -> None:
    told = use_up(path, clock)
    clock.set(datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(WrongKey):
        told.take()


def test_a_clock_turned_back_neither_shortens_the_wait_nor_makes_it_last(
    path: Path, clock: ManualClock
) -> None:
    use_up(path, clock)
    clock.set(datetime(2020, 1, 1, tzinfo=UTC))
    assert wait_s(path, clock) == 30


def test_a_machine_started_anew_begins_to_wait_anew_at_most(path: Path, clock: ManualClock) -> None:
    clock.advance(hours=5)
    use_up(path, clock)
    anew = ManualClock(clock.now())  # its own time begins at 0
    with pytest.raises(WrongKey):
        Tries(path, anew).take()
    assert wait_s(path, anew) == 30


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"failed": -9, "at": "x", "monotonic_s": 0}'])
def test_a_file_that_makes_no_sense_gives_no_free_try(path: Path, clock: ManualClock, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(WrongKey):
        Tries(path, clock).take()
    assert wait_s(path, clock) == 30


def test_on_a_full_disk_tries_are_counted_in_place(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_up(path, clock, 1)

    def full(path: Path, data: bytes) -> None:
        raise StorageFull("The disk is full.")

    monkeypatch.setattr(tries, "replace_file", full)
    told = use_up(path, clock, FREE - 1)
    with pytest.raises(WrongKey, match="next try"):
        told.take()


def test_where_nothing_can_be_counted_nothing_is_tried(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, data: bytes) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(tries, "replace_file", refused)
    with pytest.raises(WrongKey, match="cannot be tried"):
        Tries(path, clock).take()


def test_whoever_typed_a_wrong_one_hears_what_is_left(path: Path, clock: ManualClock) -> None:
    assert use_up(path, clock, 1).words() == "4 more tries before a wait."
    assert use_up(path, clock, 3).words() == "1 more try before a wait."
    assert use_up(path, clock, 1).words() == "The next try is possible in 30 seconds."
