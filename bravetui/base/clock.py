"""Time and ids, the two things that pure code must be handed. Nothing else reads a clock or a random source.

`Clock` and `IdSource` are ports; `SystemClock` and `SystemIds` are the world, `ManualClock` and `SeededIds` stand in
for it in tests, the demo's story and simulations.
"""

from __future__ import annotations

import random
import secrets
import time
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, tzinfo
from typing import Protocol
from uuid import UUID

_FIRST, _LAST = datetime(MINYEAR + 1, 1, 1, tzinfo=UTC), datetime(MAXYEAR - 1, 12, 31, tzinfo=UTC)
"""Days of years that every zone has whole."""


def local_time(moment: datetime, zone: tzinfo) -> datetime:
    """An aware moment by the clock of a zone. For one at an end of the calendar that the zone has no date for, the nearer of
    those two days stands: what one record says stops no screen, and nobody's sync."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return (_FIRST if moment.year == MINYEAR else _LAST).astimezone(zone)


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Wall time, aware, in UTC. May step backwards: never used to order edits by itself."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that only go forward, for waits and durations."""
        ...


class IdSource(Protocol):
    """Where the ids of new records come from."""

    def new_id(self) -> str:
        """A UUIDv7 (RFC 9562 section 5.7): unique without asking anyone, and sorting by time of making."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock moved by hand; both of its times advance together, `set` moves the wall alone."""

    def __init__(self, start: datetime) -> None:
        assert start.tzinfo is not None
        self._now = start.astimezone(UTC)
        self._monotonic_s = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, **spans: float) -> None:
        """Let time pass, e.g. `clock.advance(hours=2)`."""
        step = timedelta(**spans)
        self._now += step
        self._monotonic_s += step.total_seconds()

    def set(self, now: datetime) -> None:
        """Step the wall clock, as a dead battery or a time server does."""
        assert now.tzinfo is not None
        self._now = now.astimezone(UTC)


def uuid7(unix_ms: int, random_bits: int) -> str:
    """Lay out a UUIDv7: 48 bits of milliseconds, then 74 random bits around version and variant."""
    value = (unix_ms & (1 << 48) - 1) << 80 | 0x7 << 76
    value |= (random_bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | random_bits & (1 << 62) - 1
    return str(UUID(int=value))


class SystemIds:
    """Ids from the clock and the system's random source."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new_id(self) -> str:
        return uuid7(int(self._clock.now().timestamp() * 1000), secrets.randbits(74))


class SeededIds:
    """The same ids in the same order for the same seed."""

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        self._random = random.Random(seed)

    def new_id(self) -> str:
        return uuid7(int(self._clock.now().timestamp() * 1000), self._random.getrandbits(74))
