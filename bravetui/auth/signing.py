"""Ed25519 (RFC 8032) over bytes: keys as 32 raw bytes, public keys and signatures as unpadded base64url text
(RFC 4648).

A signature proves who said the bytes and that they are unchanged; what they mean is the caller's. Pure.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bravetui.base.errors import BadInput

PRIVATE_KEY_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64


def new_private_key() -> bytes:
    """A new private key from the system's random source."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key_of(private_key: bytes) -> str:
    """The public key that belongs to a private one, as text."""
    return encode(Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw())


def sign(private_key: bytes, data: bytes) -> str:
    """The signature over `data`, as text. The same key and data always give the same text."""
    return encode(Ed25519PrivateKey.from_private_bytes(private_key).sign(data))


def verify(public_key: str, data: bytes, signature: str) -> None:
    """Return if `signature` is that of the key's owner over exactly `data`. Raises BadInput in every other
    case."""
    key = read_public_key(public_key)
    try:
        key.verify(decode(signature, SIGNATURE_BYTES, "signature"), data)
    except InvalidSignature:
        raise BadInput(
            "The signature does not fit: the content was changed, or somebody else signed it.",
            "Do not rely on it; ask its sender for it again.",
        ) from None


def read_public_key(text: str) -> Ed25519PublicKey:
    """The public key that `text` spells. Raises BadInput."""
    return Ed25519PublicKey.from_public_bytes(decode(text, PUBLIC_KEY_BYTES, "public key"))


def encode(data: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str, size_bytes: int | None, what: str) -> bytes:
    """The bytes that unpadded base64url `text` spells, `size_bytes` of them unless None. Raises BadInput.

    Only the one spelling that `encode` gives counts.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError, TypeError):
        data = None
    if data is None or encode(data) != text or size_bytes not in (None, len(data)):
        size = "" if size_bytes is None else f"{size_bytes} bytes in "
        raise BadInput(
            f"This is not a {what}: it should be {size}base64url.", "Copy it again, whole and unchanged."
        )
    return data


def signed_by(public_key: str) -> Callable[[bytes, str], bool]:
    """The question whether bytes bear a signature of this key, for those who ask and do not want an error."""

    def check(data: bytes, signature: str) -> bool:
        try:
            verify(public_key, data, signature)
        except BadInput:
            return False
        return True

    return check
