"""The highest dot counter that this laptop may have used, kept outside the database and beside the key.

A database restored from a backup would mint the same dots again for other changes; its counter then lies
below this mark, which gives the restoring away. Counters are reserved in blocks, so that this costs a write
now and then and not one a save. Sealed with a MAC, so that a mark edited by hand is not believed. Knows
nothing of changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bravetui.base.copies import TwoCopies
from bravetui.base.errors import Corrupt, StorageFull
from bravetui.base.files import make_private_folder

_COUNTER_BYTES = 8
_MAC_BYTES = hashlib.sha256().digest_size


class HighWater:
    """The mark of one laptop; made by `HighWater.open`."""

    def __init__(self, copies: TwoCopies, mac_key: bytes, reserved: int) -> None:
        self._copies = copies
        self._mac_key = mac_key
        self.reserved = reserved
        """Counters up to this one may have been used; 0 before the first."""

    @classmethod
    def open(cls, path: Path, key: bytes) -> HighWater:
        """Read the mark; 0 where there is none yet. Raises Corrupt when no copy is whole and genuine."""
        make_private_folder(path.parent)
        mac_key, copies = _mac_key(key), TwoCopies(path)
        return cls(copies, mac_key, _read(copies, mac_key))

    @classmethod
    def begin_anew(cls, path: Path, key: bytes, up_to: int) -> HighWater:
        """A mark in place of one that cannot be read; `up_to` is no lower than any counter that may have been used.

        Where the disk has no room it counts for this start, and the next one begins it anew again.
        """
        mark = cls(TwoCopies(path), _mac_key(key), up_to)
        with contextlib.suppress(StorageFull):
            mark._write(up_to)
        return mark

    @classmethod
    def seal_anew(cls, path: Path, old: bytes, new: bytes) -> None:
        """Both copies under the new key, with the highest that either key vouches for; nothing where there is no mark.

        May be repeated after a crash. Raises Corrupt when neither key vouches for any copy, and as writing does.
        """
        copies = TwoCopies(path)
        if copies.exist():
            told = [_told(copies.candidates(), _mac_key(key)) for key in (old, new)]
            known = [mark for mark in told if mark is not None]
            if not known:
                raise _foreign()
            copies.write(_sealed(_mac_key(new), max(known)))

    def reserve(self, up_to: int) -> None:
        """Durably raise the mark, before any counter above the old one is used. Never lowers it."""
        if up_to > self.reserved:
            self._write(max(up_to, _read(self._copies, self._mac_key)))

    def settle(self, used: int) -> None:
        """At a clean close, give back what was reserved and not used, so that the next start sees no gap.

        Only for the last process of this laptop: where another has raised the mark meanwhile, nothing is
        given back.
        """
        if used != self.reserved and _read(self._copies, self._mac_key) == self.reserved:
            self._write(used)

    def _write(self, mark: int) -> None:
        self._copies.write(_sealed(self._mac_key, mark))
        self.reserved = mark


def _mac_key(key: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"bravetui high water v1").derive(key)


def _sealed(mac_key: bytes, mark: int) -> bytes:
    counter = mark.to_bytes(_COUNTER_BYTES)
    return counter + hmac.digest(mac_key, counter, "sha256")


def _read(copies: TwoCopies, mac_key: bytes) -> int:
    candidates = copies.candidates()
    mark = _told(candidates, mac_key) if candidates else 0
    if mark is None:
        raise _foreign()
    return mark


def _told(candidates: Sequence[bytes], mac_key: bytes) -> int | None:
    """The mark in the newest copy that is genuine under this key."""
    for data in candidates:
        counter, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
        if hmac.compare_digest(hmac.digest(mac_key, counter, "sha256"), mac):
            return int.from_bytes(counter)
    return None


def _foreign() -> Corrupt:
    return Corrupt(
        "The mark of the last number this laptop used was not written with this laptop's key.",
        "Start the program: it begins the mark anew from the database and the journal.",
    )
