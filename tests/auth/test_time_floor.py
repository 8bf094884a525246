"""Time that has certainly passed stays passed: what turning the clock, or giving back old files, gains and does not gain."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bravetui.auth.grant import LIVES
from bravetui.auth.time_floor import TRUST_MAX, WRITTEN_EVERY, TimeFloor
from bravetui.base.clock import ManualClock
from bravetui.base.errors import StorageFull

KEY = bytes(range(32))
GRANTED = datetime(2026, 8, 3, 13, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WORKED_A_DAY = 8 * HOUR


@dataclass
class Truck:
    """A laptop without a line: days of work, nights, and a hand on the clock and on the files."""

    folder: Path
    true: datetime = GRANTED
    clock: ManualClock = field(default_factory=lambda: ManualClock(GRANTED))
    noted: str = ""
    """What the database has of the floor."""
    floor: TimeFloor = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.floor = TimeFloor.open(self.folder / "time", KEY, self.clock, GRANTED, self.noted)
        self.floor.see()

    def works(self, span: timedelta = WORKED_A_DAY) -> None:
        """Saves every half hour."""
        for _ in range(int(span / timedelta(minutes=30))):
            self.clock.advance(minutes=30)
            self.true += timedelta(minutes=30)
            self.noted = self.floor.note
            self.floor.see()

    def is_off(self, span: timedelta) -> None:
        """The program is closed; the clock of the machine goes on."""
        self.floor.settle()
        self.clock.set(self.clock.now() + span)
        self.true += span

    def days(self, count: int, each_morning: Callable[[Truck], None] = lambda truck: None) -> None:
        for _ in range(count):
            each_morning(self)
            self.start()
            self.works()
            self.is_off(DAY - WORKED_A_DAY)

    def turns(self, span: timedelta) -> None:
        self.clock.set(self.clock.now() + span)

    def forget_floor(self) -> None:
        for letter in "ab":
            (self.folder / f"time.{letter}").unlink()

    @property
    def has_expired(self) -> bool:
        return self.floor.now() >= GRANTED + LIVES


@pytest.fixture
def truck(tmp_path: Path) -> Truck:
    return Truck(tmp_path)


# ------------------------------------------------------------------ who tries to stretch a month


def test_an_honest_month_ends_after_thirty_days_and_not_before(truck: Truck) -> None:
    truck.days(29)
    assert not truck.has_expired
    truck.days(2)
    assert truck.has_expired
    assert truck.floor.behind == timedelta()


def test_back_to_the_day_of_the_grant_once_it_has_ended(truck: Truck) -> None:
    """What every foreman would try first."""
    truck.days(31)
    truck.clock.set(GRANTED)
    truck.start()
    assert truck.has_expired
    assert truck.floor.behind > 29 * DAY


def test_back_to_before_the_grant(truck: Truck) -> None:
    truck.days(31)
    truck.clock.set(GRANTED - 365 * DAY)
    truck.start()
    assert truck.has_expired


def test_back_an_hour_a_day_gains_those_hours_and_no_more(truck: Truck) -> None:
    """Time in which the program is closed has no witness but the clock; it cannot gain more than that."""
    truck.days(31, lambda here: here.turns(-HOUR))
    assert not truck.has_expired
    truck.days(2, lambda here: here.turns(-HOUR))
    assert truck.has_expired


def test_frozen_at_each_start_is_told_from_the_hours_worked(truck: Truck) -> None:
    """Ninety days of eight hours are thirty days, whatever the clock says each morning."""
    truck.days(45, lambda here: here.clock.set(GRANTED))
    assert truck.floor.behind > 10 * DAY
    truck.days(46, lambda here: here.clock.set(GRANTED))
    assert truck.has_expired


def test_the_floor_deleted_and_the_clock_set_back(truck: Truck) -> None:
    """It begins anew at what the database has of it."""
    truck.days(31)
    truck.forget_floor()
    truck.clock.set(GRANTED)
    truck.start()
    assert truck.has_expired


def test_the_database_restored_and_the_clock_set_back(truck: Truck) -> None:
    """The floor is not in it."""
    truck.days(31)
    truck.noted = ""
    truck.clock.set(GRANTED)
    truck.start()
    assert truck.has_expired


def test_an_old_key_folder_put_back_and_the_clock_with_it(truck: Truck) -> None:
    """The database knows better."""
    truck.days(10)
    kept = {letter: (truck.folder / f"time.{letter}").read_bytes() for letter in "ab"}
    truck.days(21)
    for letter, content in kept.items():
        (truck.folder / f"time.{letter}").write_bytes(content)
    truck.clock.set(GRANTED + 10 * DAY)
    truck.start()
    assert truck.has_expired


def test_database_and_floor_both_put_back_is_seen_by_central_alone(truck: Truck, tmp_path: Path) -> None:
    """A whole disk of day ten, on day thirty-one: nothing on it knows. Central sees the fork at the next contact."""
    truck.days(10)
    disk = tmp_path / "disk"
    disk.mkdir()
    for letter in "ab":
        shutil.copy(truck.folder / f"time.{letter}", disk)
    noted = truck.noted
    truck.days(21)
    restored = Truck(disk, truck.true, ManualClock(GRANTED + 10 * DAY), noted)
    assert not restored.has_expired
    restored.days(21)
    assert restored.has_expired


# ------------------------------------------------------------------ who has a bad clock


@pytest.mark.parametrize("span", [HOUR, 365 * DAY])
def test_forward_for_an_hour_of_work_and_then_right_again(truck: Truck, span: timedelta) -> None:
    """While it is ahead it counts. Set right, it costs no more than the trust that was given, and that is caught up with."""
    truck.days(5)
    truck.turns(span)
    truck.start()
    truck.works(HOUR)
    assert truck.has_expired == (span > 30 * DAY)
    truck.turns(-span)
    truck.start()
    assert not truck.has_expired
    assert truck.floor.now() - truck.clock.now() <= min(span, TRUST_MAX + DAY) + HOUR
    truck.days(8)
    assert not truck.has_expired
    assert truck.floor.behind == timedelta()


def test_starting_again_and_again_with_a_wrong_clock_spends_trust_once(truck: Truck) -> None:
    truck.turns(365 * DAY)
    for _ in range(50):
        truck.start()
    truck.turns(-365 * DAY)
    truck.start()
    assert truck.floor.now() - truck.clock.now() <= TRUST_MAX


def test_central_says_what_time_it_is_downward_too(truck: Truck) -> None:
    truck.turns(365 * DAY)
    truck.start()
    truck.works(40 * HOUR)
    truck.turns(-365 * DAY)
    truck.start()
    assert truck.floor.behind > 30 * DAY
    truck.floor.told(truck.true)
    truck.start()
    assert (truck.floor.now(), truck.floor.behind) == (truck.true, timedelta())


def test_an_older_word_of_central_s_turns_nothing_back(truck: Truck) -> None:
    truck.days(5)
    truck.floor.told(truck.true)
    truck.floor.told(GRANTED + HOUR)
    assert truck.floor.now() == truck.true


def test_a_clock_that_is_ahead_of_central_is_known_by_how_much(truck: Truck) -> None:
    """With a line nobody is locked out by his clock: a new grant is judged by central's time until the clock is set."""
    truck.works(HOUR)
    truck.turns(400 * DAY)
    truck.floor.told(truck.true)
    truck.start()
    assert (truck.floor.ahead, truck.floor.now()) == (400 * DAY, truck.true)
    truck.days(20)
    assert truck.floor.now() == truck.true
    truck.turns(-400 * DAY)
    truck.start()
    assert (truck.floor.ahead, truck.floor.behind, truck.floor.now()) == (
        timedelta(),
        timedelta(),
        truck.true,
    )
    truck.turns(365 * DAY)
    assert truck.has_expired, "what was taken off once is not taken off again"


# ------------------------------------------------------------------ how it is kept


def test_a_save_seldom_writes(truck: Truck) -> None:
    """A save costs no write more than it did; one in some minutes does."""
    written: list[bytes] = []
    truck.floor._copies.write = written.append  # type: ignore[method-assign,assignment]
    for _ in range(600):
        truck.clock.advance(seconds=1)
        truck.floor.see()
    assert len(written) <= 600 / WRITTEN_EVERY.total_seconds()
    truck.floor.told(truck.clock.now())
    assert len(written) <= 600 / WRITTEN_EVERY.total_seconds() + 1


def test_a_full_disk_keeps_the_old_floor_and_nobody_waits(truck: Truck) -> None:
    def full(data: bytes) -> None:
        raise StorageFull("The disk is full.", "Free some room.")

    truck.floor._copies.write = full  # type: ignore[method-assign]
    truck.works(HOUR)
    truck.floor.told(truck.true)
    truck.floor.settle()
    assert truck.floor.now() == truck.true


def test_two_processes_keep_the_later_floor_and_the_last_word(truck: Truck, tmp_path: Path) -> None:
    other = TimeFloor.open(tmp_path / "time", KEY, truck.clock, GRANTED)
    truck.works(HOUR)
    truck.floor.settle()
    other.settle()
    truck.turns(30 * DAY)
    other.see()
    truck.turns(-30 * DAY)
    truck.floor.told(truck.true)
    truck.clock.advance(minutes=6)
    other.see()
    truck.start()
    assert truck.floor.now() == truck.clock.now()


@pytest.mark.parametrize("noted", ["", "x", "1 2 3", "-1 5", "9" * 5])
def test_a_floor_that_cannot_be_believed_begins_anew(tmp_path: Path, noted: str) -> None:
    """Another key's, or damaged: central's last signed time is left, and what the database has of it where that is sound."""
    clock = ManualClock(GRANTED)
    TimeFloor.open(tmp_path / "time", bytes(32), clock, GRANTED + 9 * DAY)
    assert TimeFloor.open(tmp_path / "time", KEY, clock, GRANTED, noted).now() == GRANTED
    for letter in "ab":
        (tmp_path / f"time.{letter}").write_bytes(b"")
    later = f"{int((GRANTED + DAY).timestamp() * 1000)} {int(GRANTED.timestamp() * 1000)}"
    assert TimeFloor.open(tmp_path / "time", KEY, clock, GRANTED, later).now() == GRANTED + DAY
