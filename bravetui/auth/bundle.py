"""The rescue bundle: work in one file, sealed so that only central reads it, signed so that only its laptop can have made
it.

Whoever carries or finds the file sees a device number, a date and sizes. The signature covers the head, the head the hash
of every sealed piece, so a changed, cut or joined file is found before anything of it is read. What the pieces mean is the
caller's. Bytes in, bytes out.

    file   magic 8 | size of the head 4 | head | signature of the head 86 | sealed pieces, one after the other
    head   canonical JSON: version, id, device, made_at, locks, pieces (size and SHA-256 of each as sealed)
    piece  AES-256-GCM under the content key that each lock wraps; nonce: its number; beside it: id, device, number, count
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bravetui.auth.locks import CONTENT_KEY_BYTES, Lock
from bravetui.auth.signing import sign, verify
from bravetui.base.canonical import Json, canonical_bytes, sha256_hex
from bravetui.base.errors import BadInput, BravetuiError, Corrupt, WrongKey

VERSION = 1
PASSPHRASE_VARIABLE = "BRAVETUI_RESCUE_PASSPHRASE_FILE"
"""Environment variable that names a file with the passphrase of a bundle that is sealed by one."""
SUFFIX = ".bravetui"
_MAGIC = b"BRVRESC\x01"
_SIZE = struct.Struct(">I")
_SIGNATURE_BYTES = 86
_SIGNED = b"bravetui-rescue-1\n"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A file whose pieces are all there and unchanged; who made it is not yet proven, and nothing of it is opened."""

    device: int
    """Number of the laptop that says it made it."""
    made_at: datetime
    digest: str
    """SHA-256 of the file."""
    _id: str
    _locks: Mapping[str, Mapping[str, Any]]
    _head: bytes
    _signature: str
    _pieces: tuple[bytes, ...]

    @property
    def lock_names(self) -> tuple[str, ...]:
        """What opens it."""
        return tuple(sorted(self._locks))

    def check_signature(self, public_key: str) -> None:
        """Return if the laptop with this key made it. Raises BadInput in every other case."""
        verify(public_key, _SIGNED + self._head, self._signature)

    def opened(self, locks: Sequence[Lock]) -> tuple[bytes, ...]:
        """The pieces. Raises WrongKey when none of the locks opens it, Corrupt when it was not sealed as it was signed."""
        key, count = AESGCM(self._content_key(locks)), len(self._pieces)
        try:
            return tuple(
                key.decrypt(_nonce(number), piece, _beside(self._id, self.device, number, count))
                for number, piece in enumerate(self._pieces)
            )
        except InvalidTag:
            raise Corrupt(
                "The bundle opens, but its content is not what its head says.", "Export it again."
            ) from None

    def _content_key(self, locks: Sequence[Lock]) -> bytes:
        failure: BravetuiError = WrongKey(
            "This bundle is not sealed to this central.",
            f"It opens by: {', '.join(self.lock_names) or 'nothing'}.",
        )
        for lock in locks:
            if lock.name in self._locks:
                try:
                    return lock.unwrap(self._locks[lock.name])
                except (WrongKey, Corrupt) as error:
                    failure = error
        raise failure


def seal_bundle(
    pieces: Sequence[bytes], device: int, device_key: bytes, made_at: datetime, locks: Sequence[Lock]
) -> bytes:
    """The file. Any one of the locks opens it; `device_key` is the laptop's private signing key."""
    assert locks
    content_key, made_id = os.urandom(CONTENT_KEY_BYTES), os.urandom(16).hex()
    key = AESGCM(content_key)
    sealed = [
        key.encrypt(_nonce(number), piece, _beside(made_id, device, number, len(pieces)))
        for number, piece in enumerate(pieces)
    ]
    told: dict[str, Json] = {
        "version": VERSION,
        "id": made_id,
        "device": device,
        "made_at": made_at.isoformat(),
        "locks": {lock.name: dict(lock.wrap(content_key)) for lock in locks},
        "pieces": [{"size": len(piece), "sha256": sha256_hex(piece)} for piece in sealed],
    }
    head = canonical_bytes(told)
    signature = sign(device_key, _SIGNED + head).encode()
    return b"".join((_MAGIC, _SIZE.pack(len(head)), head, signature, *sealed))


def read_bundle(data: bytes) -> Bundle:
    """The bundle in a file. Raises BadInput for another kind of file, a newer one, and one that was cut or changed."""
    start = len(_MAGIC) + _SIZE.size
    if not data.startswith(_MAGIC) or len(data) < start:
        raise BadInput(
            "This file is not a rescue bundle.",
            f"Name the {SUFFIX} file that `bravetui rescue export` wrote.",
        )
    (size,) = _SIZE.unpack_from(data, len(_MAGIC))
    head, body = data[start : start + size], start + size + _SIGNATURE_BYTES
    try:
        told = json.loads(head)
        if int(told["version"]) > VERSION:
            raise BadInput("This bundle was made by a newer bravetui.", "Update the program and try again.")
        pieces = tuple(_pieces(data, body, told["pieces"]))
        return Bundle(
            int(told["device"]), datetime.fromisoformat(told["made_at"]), sha256_hex(data), str(told["id"]),
            {str(name): dict(wrap) for name, wrap in told["locks"].items()},
            head, data[body - _SIGNATURE_BYTES : body].decode("ascii"), pieces,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _damaged() from None


def _pieces(data: bytes, start: int, told: Sequence[Mapping[str, Any]]) -> list[bytes]:
    found = []
    for one in told:
        size = int(one["size"])
        piece = data[start : start + max(0, size)]
        if len(piece) != size or sha256_hex(piece) != one["sha256"]:
            raise _damaged()
        found.append(piece)
        start += size
    if start != len(data):
        raise _damaged()
    return found


def _damaged() -> BadInput:
    return BadInput(
        "This rescue bundle is damaged: it was cut short or changed on its way.",
        "Copy it again, or export it again; nothing of it was used.",
    )


def _nonce(number: int) -> bytes:
    return number.to_bytes(12)


def _beside(made_id: str, device: int, number: int, count: int) -> bytes:
    return f"bravetui rescue v1\n{made_id}\n{device}\n{number}\n{count}".encode()
