"""A rescue bundle is made: what central has not confirmed, as the very requests that a line would have carried, in one file.

Never overwrites, and says "done" only after the file was flushed and read back. Central takes the requests by the same
path as any push, so it does not matter how often, or by how many roads, they arrive.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bravetui.auth.bundle import SUFFIX, read_bundle, seal_bundle
from bravetui.auth.locks import Lock
from bravetui.auth.signing import public_key_of, signed_by
from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import BadInput, Corrupt, StorageFull, Transient
from bravetui.base.files import flush_file, flush_folder, foreign_file_errors, free_name, write_all
from bravetui.base.text import safe_line
from bravetui.db.kinds import KINDS
from bravetui.db.requests import requests_of
from bravetui.db.unconfirmed import Unconfirmed
from bravetui.wire.change import Change
from bravetui.wire.codec import encode
from bravetui.wire.messages import BUNDLE_BYTES_MAX, Delivered
from bravetui.wire.receipt import is_genuine


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in a bundle, for the person who carries it."""

    path: Path
    size_bytes: int
    changes: int
    records: int
    by_kind: tuple[tuple[str, int], ...]
    """Changes by the foreman's word for the kind, most first."""
    oldest_at: datetime
    opens_by: tuple[str, ...]


def _label_of(change: Change) -> str:
    return KINDS[change.kind].label if change.kind in KINDS else safe_line(change.kind)


def export(
    found: Unconfirmed, device: int, device_key: bytes, locks: Sequence[Lock], into: Path, now: datetime
) -> Exported:
    """Seal and sign what was found into a new file in the folder `into`. Raises StorageFull, BadInput, Corrupt."""
    assert found.changes
    leaving = (*found.beneath, *found.changes)
    pieces = [encode(request) for request in requests_of(leaving, now, found.taken_before)]
    data = seal_bundle(pieces, device, device_key, now, locks)
    path = write_new(into / f"rescue-{device}-{now:%Y%m%dT%H%M%S}{SUFFIX}", data)
    _check(path, data, public_key_of(device_key))
    kinds = Counter(_label_of(change) for change in found.changes)
    records = {(change.scope_id, change.kind, change.record_id) for change in found.changes}
    oldest = found.oldest_at
    assert oldest is not None
    return Exported(
        path, len(data), len(found.changes), len(records), tuple(kinds.most_common()), oldest,
        tuple(sorted(lock.name for lock in locks)),
    )  # fmt: skip


def write_new(path: Path, data: bytes) -> Path:
    """Durably write a file that was not there; returns its path, which differs if the name was taken.

    It appears under its name whole or not at all. Raises StorageFull or BadInput, leaving nothing behind.
    """
    if not path.parent.is_dir():
        raise BadInput(
            f"There is no folder {path.parent.name or str(path.parent)!r} to write to.",
            "Put the stick in, and name a folder on it.",
        )
    path = free_name(path)
    beside = free_name(path.with_name(path.name + ".part"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    with foreign_file_errors():
        try:
            descriptor = os.open(beside, flags, 0o600)
            try:
                write_all(descriptor, data)
                flush_file(descriptor)
                _forget_cached(descriptor)
            finally:
                os.close(descriptor)
            path = free_name(path)
            beside.rename(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            if isinstance(error, FileExistsError):
                raise BadInput("The name was taken meanwhile.", "Run the same command again.") from error
            raise
        with contextlib.suppress(OSError):  # some file systems of sticks cannot flush a folder
            flush_folder(path.parent)
    return path


def read_file(path: Path) -> bytes:
    """The bytes of a whole bundle. Raises BadInput for a file that cannot be read, is none, or is too large to send."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= BUNDLE_BYTES_MAX else b""
    except OSError as error:
        raise BadInput(
            f"The file {safe_line(str(path), 400)} cannot be read.", "Name the bundle on the stick."
        ) from error
    if size > BUNDLE_BYTES_MAX:
        raise BadInput(
            f"The file is larger than the {BUNDLE_BYTES_MAX // 2**20} MB that travel over a line.",
            "Take the stick to the office: bravetui central import FILE.",
        )
    read_bundle(data)
    return data


def accepted(told: Delivered, bundle: bytes, central_key: str) -> Delivered:
    """Central's word on the bundle, once it is proven to be central's and about this file. Raises Transient."""
    if told.bundle != sha256_hex(bundle) or not is_genuine(told, signed_by(central_key)):
        raise Transient("What answered is not this laptop's central.", "Keep the stick and try again later.")
    return told


def no_room(into: Path, error: StorageFull) -> StorageFull:
    """The same error, naming the disk that is full: it is the stick's and not the laptop's."""
    where = into.name or str(into)
    full = StorageFull(
        f"There is no room for the bundle in {where}; nothing was written there.",
        "Free some room on it, or name a folder on another stick.",
    )
    full.__cause__ = error
    return full


def _check(path: Path, data: bytes, public_key: str) -> None:
    """Read the file back: the bytes written, a whole bundle, the laptop's signature."""
    with foreign_file_errors():
        found = path.read_bytes()
    if found == data:
        read_bundle(found).check_signature(public_key)
        return
    with contextlib.suppress(OSError):
        path.unlink()
    raise Corrupt(
        f"{path.name} does not read back as it was written: the stick is failing.", "Export to another stick."
    )


def _forget_cached(descriptor: int) -> None:
    """Let the next reading come from the stick itself, where the system can be asked for that."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
