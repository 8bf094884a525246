"""The time that has certainly passed, kept outside the database and beside the key: a clock set back brings no day again.

A laptop away from central judges how long its sign-in lasts by the later of its clock and this floor. What raises the floor,
and what lowers it:

- Time that this program runs counts in full, by the monotonic clock: setting the clock back at each start gains nothing but
  the hours in which nobody worked.
- A wall clock ahead of the floor raises it, but by no more than the trust that is left. Trust is `TRUST_MAX` at most, and
  every hour of work earns a day of it. So nights and weekends are believed at once, and a clock that is years ahead for
  an hour takes some days of reading, not the year: once it is right again, time catches up with the floor.
- Central's signed time is the truth: the floor becomes it, upward or downward, and trust is whole again. An older word of
  central's than the last one heard changes nothing, so a recorded answer does not turn time back. By how much the clock was
  ahead of it is taken off the clock from then on, until somebody sets it.

Sealed with a MAC, so that a floor edited by hand is not believed. What was written is also noted in the database (`note`),
so that giving back one of the two, or taking it away, brings nothing back. Written at most every few minutes, and never a
reason for a save to fail. Knows nothing of grants.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import struct
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bravetui.base.clock import Clock
from bravetui.base.copies import TwoCopies
from bravetui.base.errors import BravetuiError, Corrupt
from bravetui.base.files import make_private_folder

BEHIND_MAX = timedelta(minutes=5)
"""A clock further behind the floor, or ahead of central's time, is wrong, and a person is told."""
TRUST_MAX = timedelta(days=4)
"""A long weekend, by which a wall clock may be ahead of the floor and be believed at once."""
TRUST_EARNED = 24
"""Trust that watched time earns, as a multiple of it."""
WRITTEN_EVERY = timedelta(minutes=5)
SETTLED_FROM = timedelta(minutes=1)
"""At a close what rose by less is not written."""

_STATE = struct.Struct(">qqqq")
_MAC_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class _State:
    """All of it in milliseconds; moments since 1970 (UTC)."""

    floor: int
    central: int
    """Central's last signed time."""
    trust: int
    ahead: int
    """By how much the wall clock was ahead of central's time when that was heard; negative where it was behind."""


class TimeFloor:
    """The floor of one laptop; made by `TimeFloor.open`. Safe to use from several threads."""

    def __init__(self, copies: TwoCopies, mac_key: bytes, clock: Clock, state: _State) -> None:
        self._copies, self._mac_key, self._clock = copies, mac_key, clock
        self._state = self._written = state
        self._watched_s = clock.monotonic_s()
        self._kept_s = self._watched_s
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls, path: Path, key: bytes, clock: Clock, signed: datetime | None, noted: str = ""
    ) -> TimeFloor:
        """Read the floor. `signed` is the newest time signed by central that is kept elsewhere, `noted` what the database
        has of it; where there is no floor yet, or it was deleted or cannot be believed, it begins at those, and at the clock
        where central has never signed anything."""
        make_private_folder(path.parent)
        mac_key, copies = _mac_key(key), TwoCopies(path)
        told = _ms(signed) if signed else 0
        begun = _State(told or _ms(clock.now()), told, _span(TRUST_MAX), 0)
        known, kept = _joined(begun, _noted(noted)), None
        with contextlib.suppress(BravetuiError):  # a disk that refuses it must not keep anybody from his work
            kept = _read(copies, mac_key)
        floor = cls(copies, mac_key, clock, known if kept is None else _joined(kept, known))
        floor._watch()
        floor._keep(WRITTEN_EVERY)
        return floor

    @property
    def note(self) -> str:
        """What the database is to have of it. Changes only when the floor is written."""
        return f"{self._written.floor} {self._written.central}"

    def now(self) -> datetime:
        """The later of clock and floor: the time by which a sign-in is judged."""
        with self._lock:
            self._watch()
            return max(self._clock.now() - self._off, _moment(self._state.floor))

    @property
    def behind(self) -> timedelta:
        """By how much the clock is behind time that has certainly passed; zero within `BEHIND_MAX`."""
        with self._lock:
            self._watch()
            span = _moment(self._state.floor) - self._clock.now()
        return span if span > BEHIND_MAX else timedelta()

    @property
    def ahead(self) -> timedelta:
        """By how much the clock is ahead of central's, as far as that is known; zero within `BEHIND_MAX`."""
        with self._lock:
            self._watch()
            return self._off if self._off > BEHIND_MAX else timedelta()

    @property
    def _off(self) -> timedelta:
        return timedelta(milliseconds=max(0, self._state.ahead))

    def see(self) -> None:
        """Something was saved: time has passed. Writes now and then, and never raises."""
        with self._lock:
            self._watch()
            if self._clock.monotonic_s() - self._kept_s >= WRITTEN_EVERY.total_seconds():
                self._keep(WRITTEN_EVERY)

    def told(self, at: datetime) -> None:
        """Central has signed that it is `at`. An older word than the last changes nothing. Never raises."""
        with self._lock:
            self._watch()
            if _ms(at) <= self._state.central:
                return
            ahead = _ms(self._clock.now()) - _ms(at)
            self._state = _State(_ms(at), _ms(at), _span(TRUST_MAX), ahead)
            self._keep(WRITTEN_EVERY)

    def settle(self) -> None:
        """The program ends: keep what it has watched. Never raises."""
        with self._lock:
            self._watch()
            self._keep(SETTLED_FROM)

    def _watch(self) -> None:
        """Let the floor rise by what has passed since it was last looked at, and to the wall clock as far as trust goes."""
        here_s, old = self._clock.monotonic_s(), self._state
        passed = max(0, int((here_s - self._watched_s) * 1000))
        self._watched_s += passed / 1000
        floor, trust = old.floor + passed, min(_span(TRUST_MAX), old.trust + passed * TRUST_EARNED)
        leads = _ms(self._clock.now()) - floor
        ahead = old.ahead if leads >= old.ahead - _span(BEHIND_MAX) else 0  # somebody has set the clock
        step = min(max(0, leads - max(0, ahead)), trust)
        self._state = replace(old, floor=floor + step, trust=trust - step, ahead=ahead)

    def _keep(self, span: timedelta) -> None:
        """Take in what another process has kept meanwhile, and write where the floor then differs from it by `span`."""
        kept: _State | None = None
        with contextlib.suppress(BravetuiError):
            kept = _read(self._copies, self._mac_key)
        self._state, self._kept_s = _joined(self._state, kept), self._clock.monotonic_s()
        if kept is not None:
            moved = max(abs(self._state.floor - kept.floor), self._state.central - kept.central)
            if moved < _span(span) and abs(self._state.ahead - kept.ahead) < _span(BEHIND_MAX):
                return
        told = self._state
        plain = _STATE.pack(told.floor, told.central, told.trust, told.ahead)
        with contextlib.suppress(BravetuiError):  # a full disk keeps the old one
            self._copies.write(plain + hmac.digest(self._mac_key, plain, "sha256"))
        self._written = told


def _joined(here: _State, kept: _State | None) -> _State:
    """Of two processes the one that heard from central last is right; of two that heard the same, the later floor."""
    if kept is None or kept.central < here.central:
        return here
    if kept.central > here.central:
        return kept
    return replace(here, floor=max(here.floor, kept.floor), trust=min(here.trust, kept.trust))


def _noted(text: str) -> _State | None:
    parts = text.split()
    if len(parts) != 2 or not all(part.isascii() and part.isdecimal() for part in parts):
        return None
    return _State(int(parts[0]), int(parts[1]), _span(TRUST_MAX), 0)


def _read(copies: TwoCopies, mac_key: bytes) -> _State | None:
    candidates = copies.candidates()
    for data in candidates:
        plain, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
        if hmac.compare_digest(hmac.digest(mac_key, plain, "sha256"), mac):
            return _State(*_STATE.unpack(plain))
    if not candidates:
        return None
    raise Corrupt(
        "The time that this laptop has seen was not written with this laptop's key.",
        "Start the program: it begins anew from central's last signed time.",
    )


def _mac_key(key: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"bravetui time floor v1").derive(key)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _span(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
