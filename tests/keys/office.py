"""The office, for laptops that have lost their keys: the private half of a recovery key, and what it does with a request."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bravetui.auth.locks import RecoveryKey
from bravetui.auth.sealed_file import SealedFile
from bravetui.auth.unlocking import read_request
from bravetui.base.copies import TwoCopies


class Office:
    """Holds the key."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
        self.public = self._private.public_key().public_bytes_raw()
        self.lock = RecoveryKey(self.public, self._private.private_bytes_raw())

    def answer(self, data: bytes) -> bytes:
        """What it sends back."""
        request = read_request(data)
        with tempfile.TemporaryDirectory() as name:
            TwoCopies(Path(name) / "keys").write(request.keys)
            return request.answer(SealedFile(Path(name) / "keys", [self.lock]).content_key(self.lock))


OFFICE = Office()
