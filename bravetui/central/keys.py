"""Central's signing key: what makes a receipt a receipt. From the environment, from a file, or made once and kept.

The key never enters the database: whoever reads a backup must not be able to write receipts.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bravetui.auth import signing
from bravetui.auth.locks import RecoveryKey
from bravetui.base.errors import BadInput
from bravetui.wire.messages import SealingKey
from bravetui.wire.receipt import sign

KEY_VARIABLE = "BRAVETUI_CENTRAL_KEY"
"""Environment variable that holds the private key, 64 hexadecimal digits."""

MARK_BYTES = 16


class CentralKeys:
    """Central's Ed25519 key pair (RFC 8032), read once: parsing the key costs as much as a signature."""

    def __init__(self, private: bytes) -> None:
        self.private = private
        self.private_key = Ed25519PrivateKey.from_private_bytes(private)
        self.public = signing.public_key_of(private)
        """base64url, as laptops get it when they enrol."""
        sealing = HKDF(SHA256(), 32, salt=None, info=b"bravetui sealing v1").derive(private)
        sealing_public = X25519PrivateKey.from_private_bytes(sealing).public_key().public_bytes_raw()
        self.recovery = RecoveryKey(sealing_public, sealing)
        """Opens rescue bundles, and the key file on the card of a dead laptop. Derived, so that one secret is to be kept."""
        self._marking = HKDF(SHA256(), 32, salt=None, info=b"bravetui marking v1").derive(private)
        self.sealing_key = sign(SealingKey(key=signing.encode(sealing_public)), self.sign)
        """Its public half, as laptops get it."""

    def __repr__(self) -> str:
        return f"CentralKeys(public={self.public!r})"

    def mark(self, data: bytes) -> str:
        """What only this central can say of `data`, for itself to know again: half of HMAC-SHA256, base64url."""
        return signing.encode(hmac.digest(self._marking, data, "sha256")[:MARK_BYTES])

    def sign(self, data: bytes) -> str:
        """The signature over `data`, base64url."""
        return signing.encode(self.private_key.sign(data))


def make_keys() -> CentralKeys:
    """A new pair."""
    return CentralKeys(signing.new_private_key())


def load_keys(path: Path, environment: Mapping[str, str] | None = None) -> CentralKeys:
    """The key from the environment if it is there, else from the file, which is made (mode 0600) if it is not.

    Raises BadInput when what is there is no key: a new one would make every receipt given so far worthless.
    """
    told = (os.environ if environment is None else environment).get(KEY_VARIABLE)
    if told:
        return _parsed(told, f"the environment variable {KEY_VARIABLE}")
    try:
        if path.exists():
            return _parsed(path.read_text(encoding="ascii"), str(path))
        keys = make_keys()
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w", encoding="ascii") as file:
            file.write(keys.private.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"Central's signing key in {path} cannot be read or written.",
            "Look at the file's rights and the disk.",
        ) from error
    return keys


def _parsed(text: str, place: str) -> CentralKeys:
    try:
        private = bytes.fromhex(text.strip())
        if len(private) == 32:
            return CentralKeys(private)
    except ValueError:
        pass
    raise BadInput(
        f"The signing key in {place} is damaged.",
        "Put back its copy: 64 hexadecimal digits; receipts depend on it.",
    )
