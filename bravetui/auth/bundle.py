"""The rescue bundle: work in one file, sealed so that only central reads it, signed so that only its laptop can have made
it.

Whoever carries or finds the file sees a device number, a date and sizes. The signature covers the head, the head the hash
of every sealed piece, so a changed, cut or joined file is found before anything of it is read. What the pieces mean is the
caller's. Bytes in, bytes out; only `bundles_of` opens a file.

A file is one bundle, or a row of them, one behind the other, each of which travels and is read by itself: the first with
the changes, the others with photos, so that no more than one has to be in memory.

    bundle magic 8 | size of the head 4 | head | signature of the head 86 | sealed pieces, one after the other
    head   canonical JSON: version, id, device, made_at, locks, pieces (size and SHA-256 of each as sealed); in a row its
           place [number, count]; what it holds, where that is not changes (version 2)
    piece  AES-256-GCM under the content key that each lock wraps; nonce: its number; beside it: id, device, number, count
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bravetui.auth.locks import CONTENT_KEY_BYTES, Lock
from bravetui.auth.signing import sign, verify
from bravetui.base.canonical import Json, canonical_bytes, sha256_hex
from bravetui.base.errors import BadInput, BravetuiError, Corrupt, WrongKey
from bravetui.base.text import safe_line

VERSION_PLAIN = 1
"""Of a bundle that holds changes, which the first programs read too."""
VERSION = 2
"""The highest that this program understands: of a bundle that says what it holds."""
PASSPHRASE_VARIABLE = "BRAVETUI_RESCUE_PASSPHRASE_FILE"
"""Environment variable that names a file with the passphrase of a bundle that is sealed by one."""
SUFFIX = ".bravetui"
_MAGIC = b"BRVRESC\x01"
_SIZE = struct.Struct(">I")
_SIGNATURE_BYTES = 86
_HEAD_BYTES_MAX = 16 * 1024 * 1024
_SIGNED = b"bravetui-rescue-1\n"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A file whose pieces are all there and unchanged; who made it is not yet proven, and nothing of it is opened."""

    device: int
    """Number of the laptop that says it made it."""
    made_at: datetime
    digest: str
    """SHA-256 of the bundle."""
    holds: str
    """What the pieces are; empty for requests with changes."""
    is_one_of_many: bool
    """Whether others stand in the same file."""
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
    pieces: Sequence[bytes],
    device: int,
    device_key: bytes,
    made_at: datetime,
    locks: Sequence[Lock],
    *,
    holds: str = "",
    place: tuple[int, int] = (1, 1),
) -> bytes:
    """The bundle. Any one of the locks opens it; `device_key` is the laptop's private signing key. `place`: which of how
    many in its file."""
    assert locks
    content_key, made_id = os.urandom(CONTENT_KEY_BYTES), os.urandom(16).hex()
    key = AESGCM(content_key)
    sealed = [
        key.encrypt(_nonce(number), piece, _beside(made_id, device, number, len(pieces)))
        for number, piece in enumerate(pieces)
    ]
    told: dict[str, Json] = {
        "version": VERSION if holds else VERSION_PLAIN,
        "id": made_id,
        "device": device,
        "made_at": made_at.isoformat(),
        "locks": {lock.name: dict(lock.wrap(content_key)) for lock in locks},
        "pieces": [{"size": len(piece), "sha256": sha256_hex(piece)} for piece in sealed],
        **({"holds": holds} if holds else {}),
        **({"place": list(place)} if place[1] > 1 else {}),
    }
    head = canonical_bytes(told)
    signature = sign(device_key, _SIGNED + head).encode()
    return b"".join((_MAGIC, _SIZE.pack(len(head)), head, signature, *sealed))


def read_bundle(data: bytes) -> Bundle:
    """The one bundle that the bytes are. Raises BadInput for another kind of file, a newer one, and one that was cut or
    changed."""
    start = len(_MAGIC) + _SIZE.size
    if not data.startswith(_MAGIC) or len(data) < start:
        raise _no_bundle()
    (size,) = _SIZE.unpack_from(data, len(_MAGIC))
    head, body = data[start : start + size], start + size + _SIGNATURE_BYTES
    try:
        told = json.loads(head)
        if int(told["version"]) > VERSION:
            raise BadInput("This bundle was made by a newer bravetui.", "Update the program and try again.")
        pieces = tuple(_pieces(data, body, told["pieces"]))
        return Bundle(
            int(told["device"]), datetime.fromisoformat(told["made_at"]), sha256_hex(data), str(told.get("holds", "")),
            "place" in told, str(told["id"]),
            {str(name): dict(wrap) for name, wrap in told["locks"].items()},
            head, data[body - _SIGNATURE_BYTES : body].decode("ascii"), pieces,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _damaged() from None


def bundles_of(path: Path) -> Iterator[bytes]:
    """The bundles of a file, one at a time; none is looked into. Raises BadInput for a file that cannot be read, and as
    `bundles_in`."""
    try:
        with path.open("rb") as file:
            for start, size in bundles_in(file):
                file.seek(start)
                yield file.read(size)
    except OSError as error:
        raise BadInput(
            f"The file {safe_line(str(path), 400)} cannot be read.", "Name the bundle on the stick."
        ) from error


def bundles_in(file: BinaryIO) -> list[tuple[int, int]]:
    """Where each bundle of a file begins, and how many bytes it has, by the heads alone. Raises BadInput as `read_bundle`,
    and where not all are there, each in its place."""
    end, start = file.seek(0, os.SEEK_END), 0
    found: list[tuple[int, int]] = []
    places: list[tuple[int, int]] = []
    while start < end or not found:
        size, place = _measured(file, start)
        if start + size > end:
            raise _damaged()
        found.append((start, size))
        places.append(place)
        start += size
    if places != [(number, len(found)) for number in range(1, len(found) + 1)]:
        raise _damaged()
    return found


def _measured(file: BinaryIO, start: int) -> tuple[int, tuple[int, int]]:
    """How long the bundle is that begins there, and its place in the file."""
    file.seek(start)
    front = file.read(len(_MAGIC) + _SIZE.size)
    if not front.startswith(_MAGIC) or len(front) < len(_MAGIC) + _SIZE.size:
        raise _damaged() if start else _no_bundle()
    (size,) = _SIZE.unpack_from(front, len(_MAGIC))
    try:
        if size > _HEAD_BYTES_MAX:
            raise ValueError(size)
        told = json.loads(file.read(size))
        number, count = told.get("place", (1, 1))
        sizes = [int(one["size"]) for one in told["pieces"]]
        if any(one < 0 for one in sizes):
            raise ValueError(sizes)
        return len(front) + size + _SIGNATURE_BYTES + sum(sizes), (int(number), int(count))
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


def _no_bundle() -> BadInput:
    return BadInput(
        "This file is not a rescue bundle.",
        f"Name the {SUFFIX} file that `bravetui rescue export` wrote.",
    )


def _damaged() -> BadInput:
    return BadInput(
        "This rescue bundle is damaged: it was cut short or changed on its way.",
        "Copy it again, or export it again; nothing of it was used.",
    )


def _nonce(number: int) -> bytes:
    return number.to_bytes(12)


def _beside(made_id: str, device: int, number: int, count: int) -> bytes:
    return f"bravetui rescue v1\n{made_id}\n{device}\n{number}\n{count}".encode()
