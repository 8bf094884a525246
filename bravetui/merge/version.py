"""Dots and version vectors: who has seen which change (Parker et al. 1983; Almeida et al. 2012 for dots).

A dot names one change for ever. A vector says, device by device, up to which counter a record contains changes. Per
record the changes of one device arrive in order, so the highest counter stands for all before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from bravetui.base.errors import BadInput

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_COUNTER_MAX = 10**18 - 1
"""Eighteen digits fit a signed 64-bit column at both ends."""

SPELLINGS_REMEMBERED = 1 << 16
"""Dots and stamps read once: every cell of a record bears one, and a page of rows has only a few."""


class Dot(NamedTuple):
    """One change: the number of the device that made it, and that device's counter."""

    device: int
    counter: int

    def __str__(self) -> str:
        return f"{self.device}.{self.counter}"

    @staticmethod
    def parse(text: str) -> Dot:
        """Read `3.17`, which has one spelling only. Raises BadInput for anything else."""
        return _dot(text)


@lru_cache(maxsize=SPELLINGS_REMEMBERED)
def _dot(text: str) -> Dot:
    device, _, counter = text.partition(".")
    if not _NUMBER.fullmatch(device) or not _NUMBER.fullmatch(counter) or counter == "0":
        raise BadInput(f"{text[:40]!r} is not a dot (device.counter).")
    return Dot(int(device), int(counter))


@lru_cache(maxsize=SPELLINGS_REMEMBERED)
def _is_device(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


class Order(Enum):
    """How one vector stands to another."""

    EQUAL = "equal"
    BEFORE = "before"
    AFTER = "after"
    CONCURRENT = "concurrent"


class VersionVector:
    """An immutable map from device number to the highest counter seen; absent means none."""

    __slots__ = ("_counters",)

    def __init__(self, counters: Mapping[int, int] | None = None) -> None:
        self._counters: dict[int, int] = {d: c for d, c in (counters or {}).items() if c > 0}

    def __getitem__(self, device: int) -> int:
        return self._counters.get(device, 0)

    def __iter__(self) -> Iterator[Dot]:
        return (Dot(device, counter) for device, counter in sorted(self._counters.items()))

    def __len__(self) -> int:
        return len(self._counters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VersionVector) and self._counters == other._counters

    def __hash__(self) -> int:
        return hash(frozenset(self._counters.items()))

    def __repr__(self) -> str:
        return f"VersionVector({' '.join(map(str, self)) or 'empty'})"

    def covers(self, dots: Iterable[Dot]) -> bool:
        """Whether everyone who has this vector has seen all `dots`."""
        # A plain loop, twice as quick as all(): asked of every cell of every record that arrives.
        for device, counter in dots:  # noqa: SIM110
            if self._counters.get(device, 0) < counter:
                return False
        return True

    def joined(self, other: VersionVector) -> VersionVector:
        """The least vector that covers both."""
        counters = dict(self._counters)
        for device, counter in other._counters.items():
            if counter > counters.get(device, 0):
                counters[device] = counter
        return VersionVector(counters)

    def with_dot(self, dot: Dot) -> VersionVector:
        """This vector, having seen `dot` too."""
        return self.with_dots((dot,))

    def with_dots(self, dots: Iterable[Dot]) -> VersionVector:
        """This vector, having seen all `dots` too."""
        counters = dict(self._counters)
        for device, counter in dots:
            if counter > counters.get(device, 0):
                counters[device] = counter
        return VersionVector(counters)

    def without(self, dots: Iterable[Dot]) -> VersionVector:
        """The greatest vector within this one that covers none of `dots`: it has seen what their devices did before them."""
        counters = dict(self._counters)
        for device, counter in dots:
            counters[device] = min(counters.get(device, 0), counter - 1)
        return VersionVector(counters)

    def order(self, other: VersionVector) -> Order:
        """Compare: did one see all that the other saw?"""
        if self == other:
            return Order.EQUAL
        if other.covers(self):
            return Order.BEFORE
        return Order.AFTER if self.covers(other) else Order.CONCURRENT

    def to_json(self) -> dict[str, int]:
        """`{"3": 17}`: device numbers as strings, since JSON has no other keys."""
        return {str(dot.device): dot.counter for dot in self}

    @staticmethod
    def from_json(value: Mapping[str, int]) -> VersionVector:
        """Read what `to_json` wrote. Raises BadInput for anything else."""
        given: object = value
        if not isinstance(given, Mapping) or not all(map(_is_entry, given.keys(), given.values())):
            raise BadInput("A version vector is damaged.", "Fetch the record again from central.")
        return VersionVector({int(device): counter for device, counter in value.items()})


def _is_entry(device: object, counter: object) -> bool:
    return (
        isinstance(device, str)
        and _is_device(device)
        and type(counter) is int
        and 0 < counter <= _COUNTER_MAX
    )
