"""Receipts: what exactly central signs, so that a laptop can check it offline years later.

The signed bytes are the canonical JSON of all fields but the signature, prefixed by what they are, so that a signature
for one thing can never be passed off as a signature for another. Fields at their default are left out, as they are on
the wire, so that a laptop can check what a newer central signed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bravetui.base.canonical import canonical_bytes
from bravetui.wire.blobs import BlobTaken
from bravetui.wire.messages import Checkpoint, Delivered, SealingKey, Verdict

Sign = Callable[[bytes], str]
"""Bytes to a base64url Ed25519 signature."""

Verify = Callable[[bytes, str], bool]
"""Whether a base64url signature is central's over the bytes."""

MENDED = "mended"
"""Code of the verdict on a refused change that the office mended and wrote in its own name."""

_Signed = TypeVar("_Signed", Verdict, Checkpoint, SealingKey, Delivered, BlobTaken)


def signed_bytes(message: Verdict | Checkpoint | SealingKey | Delivered | BlobTaken) -> bytes:
    """The bytes that the signature covers."""
    label = type(message).__name__.lower().encode()
    body = message.model_dump(mode="json", exclude={"signature"}, exclude_defaults=True)
    return b"bravetui-" + label + b"-1\n" + canonical_bytes(body)


def sign(message: _Signed, with_key: Sign) -> _Signed:
    """The same message, signed."""
    return message.model_copy(update={"signature": with_key(signed_bytes(message))})


def is_genuine(message: Verdict | Checkpoint | SealingKey | Delivered | BlobTaken, verify: Verify) -> bool:
    """Whether the key's owner really said this. A captive portal, a proxy or a rogue server did not."""
    return bool(message.signature) and verify(signed_bytes(message), message.signature)
