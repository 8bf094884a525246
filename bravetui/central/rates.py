"""How often who may ask: a bucket for every address and every key, filled by the clock, emptied by requests (CWE-770).

Sized so that no laptop that works ever meets them, nor an office of fifty behind one address. What is remembered is
bounded: of more askers than that, the one longest quiet is forgotten, whose bucket is the fullest.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass

from bravetui.base.errors import Transient

ASKERS_MAX = 20_000
"""Addresses, and keys, remembered at a time."""


class TooOften(Transient):
    """More requests than one asker may make; `wait_s` until the next."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("Too many requests come from here.", "Wait; it goes on by itself.", wait_s=wait_s)


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests at once, and how many come back in a second."""

    burst: float
    per_s: float


BY_ADDRESS = Rate(burst=3000, per_s=100)
BY_KEY = Rate(burst=600, per_s=10)
"""A laptop that drains a month asks a few times in a second, and waits for each answer."""


class Buckets:
    """One bucket an asker. Safe to use from several threads."""

    def __init__(self, rate: Rate, askers_max: int = ASKERS_MAX) -> None:
        self._rate, self._most = rate, askers_max
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, asker: str, now_s: float) -> None:
        """One request of an asker, at a monotonic time in seconds. Raises TooOften."""
        with self._lock:
            left, at = self._left.get(asker, (self._rate.burst, now_s))
            left = min(self._rate.burst, left + max(0.0, now_s - at) * self._rate.per_s)
            if left < 1:
                raise TooOften((1 - left) / self._rate.per_s)
            self._left[asker] = (left - 1, now_s)
            self._left.move_to_end(asker)
            if len(self._left) > self._most:
                self._left.popitem(last=False)

    def __len__(self) -> int:
        return len(self._left)


def asker_at(address: str) -> str:
    """Who asks from an address: of IPv6 its network of 64 bits, since one host has all of that.

    >>> asker_at("2001:db8::1") == asker_at("2001:db8::2"), asker_at("192.0.2.7"), asker_at("no address")
    (True, '192.0.2.7', 'no address')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
