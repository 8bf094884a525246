"""The hybrid logical clock (Kulkarni et al. 2014): orders edits like wall time, and never backwards.

A stamp is the greatest wall time seen so far plus a counter. A laptop whose clock jumps back goes on counting from the
greatest stamp it knows; one whose clock is years ahead cannot drag the others along, since stamps too far ahead of
one's own time are not learnt from (`MAX_DRIFT_MS`), and central clamps them on arrival.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from bravetui.base.errors import BadInput
from bravetui.merge.version import SPELLINGS_REMEMBERED

MAX_DRIFT_MS = 24 * 3600 * 1000
"""Stamps further ahead of one's own wall time than a day are a wrong clock, not the future."""

_LOGICAL_MAX = 0xFFFF

_WALL_MS_MAX = (1 << 44) - 1
"""The year 2527: what eleven hexadecimal digits hold. A clock beyond that is not believed."""


class Hlc(NamedTuple):
    """A stamp: milliseconds since 1970 (UTC), then a counter among stamps of the same millisecond."""

    wall_ms: int
    logical: int = 0

    def __str__(self) -> str:
        return f"{self.wall_ms:011x}{self.logical:04x}"

    @staticmethod
    def parse(text: str) -> Hlc:
        """Read fifteen hexadecimal digits, which sort as the stamps do. Raises BadInput for anything else."""
        return _hlc(text)


OLDEST = Hlc(0)
"""Of a value of which nobody knows any more who said it, or when (`sync.handing_in`): whatever anybody says replaces it."""


@lru_cache(maxsize=SPELLINGS_REMEMBERED)
def _hlc(text: str) -> Hlc:
    if len(text) != 15 or not set(text) <= set("0123456789abcdef"):
        raise BadInput(f"{text[:40]!r} is not a time stamp of this program.")
    return Hlc(int(text[:11], 16), int(text[11:], 16))


def tick(last: Hlc, now_ms: int) -> Hlc:
    """The stamp of a new edit: later than `last`, and at least the wall time (if that can be written at all)."""
    if last.wall_ms < now_ms <= _WALL_MS_MAX:
        return Hlc(now_ms)
    if last.logical < _LOGICAL_MAX:
        return Hlc(last.wall_ms, last.logical + 1)
    return Hlc(last.wall_ms + 1)


def observe(last: Hlc, seen: Hlc, now_ms: int) -> Hlc:
    """What to remember after seeing another's stamp: the greater, unless it is out of all reason."""
    if seen.wall_ms > now_ms + MAX_DRIFT_MS:
        return last
    return max(last, seen)


def clamp(stamp: Hlc, received_ms: int) -> Hlc:
    """The stamp as central stores it: never later than its arrival by more than the drift allowed."""
    return min(stamp, Hlc(received_ms + MAX_DRIFT_MS))
