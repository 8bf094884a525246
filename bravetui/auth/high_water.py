"""The highest dot counter that this laptop may have used, kept outside the database and beside the key.

A database restored from a backup would mint the same dots again for other changes; its counter then lies below this mark,
which gives the restoring away. Counters are reserved in blocks, so that this costs a write now and then and not one a
save. Sealed with a MAC, so that a mark edited by hand is not believed. Knows nothing of changes.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bravetui.base.copies import TwoCopies
from bravetui.base.errors import Corrupt
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
        """Read the mark; 0 where there is none yet. Raises Corrupt when no copy is whole and genuine.

        With one copy damaged the other may be a block older, so callers must take the database's counter too: the
        greater of both counts.
        """
        make_private_folder(path.parent)
        copies = TwoCopies(path)
        mac_key = HKDF(SHA256(), 32, salt=None, info=b"bravetui high water v1").derive(key)
        candidates = copies.candidates()
        genuine = [mark for mark in (_read(mac_key, data) for data in candidates) if mark is not None]
        if candidates and not genuine:
            raise Corrupt(
                "The mark of the last number this laptop used was not written with this laptop's key.",
                "Sign in again: central then gives this laptop a new number, and nothing is lost.",
            )
        return cls(copies, mac_key, genuine[0] if genuine else 0)

    def reserve(self, up_to: int) -> None:
        """Durably raise the mark, before any counter above the old one is used. Never lowers it."""
        if up_to > self.reserved:
            self._write(up_to)

    def settle(self, used: int) -> None:
        """At a clean close, give back what was reserved and not used, so that the next start sees no gap."""
        assert used <= self.reserved or self.reserved == 0
        if used != self.reserved:
            self._write(used)

    def _write(self, mark: int) -> None:
        counter = mark.to_bytes(_COUNTER_BYTES)
        self._copies.write(counter + hmac.digest(self._mac_key, counter, "sha256"))
        self.reserved = mark


def _read(mac_key: bytes, data: bytes) -> int | None:
    counter, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
    if len(counter) != _COUNTER_BYTES or not hmac.compare_digest(
        hmac.digest(mac_key, counter, "sha256"), mac
    ):
        return None
    return int.from_bytes(counter)
