"""A rescue bundle is made: what central has not confirmed, as the very requests that a line would have carried, in one file;
and behind it, in bundles of their own, the photos that central has not signed for.

Never overwrites, and says "done" only after the file was flushed and read back. Central takes the requests by the same
path as any push, so it does not matter how often, or by how many roads, they arrive.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bravetui.auth.bundle import SUFFIX, bundles_of, read_bundle, seal_bundle
from bravetui.auth.locks import Lock
from bravetui.auth.signing import public_key_of
from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import BadInput, Corrupt, FailingDisk, StorageFull
from bravetui.base.files import flush_file, flush_folder, foreign_file_errors, free_name, write_all
from bravetui.base.text import safe_line
from bravetui.db.kinds import KINDS
from bravetui.db.photos_leaving import LeavingBlob, in_bundles
from bravetui.db.requests import requests_of
from bravetui.db.unconfirmed import Unconfirmed
from bravetui.wire.change import Change
from bravetui.wire.codec import encode
from bravetui.wire.photo_pieces import HOLDS_PHOTOS


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in a file, for the person who carries it."""

    path: Path
    size_bytes: int
    changes: int
    records: int
    by_kind: tuple[tuple[str, int], ...]
    """Changes by the foreman's word for the kind, most first."""
    oldest_at: datetime | None
    """When the oldest change was made; None where only photos leave."""
    opens_by: tuple[str, ...]
    photos: int = 0
    """Photos of which bytes are in it, in whatever size."""
    photo_bytes: int = 0
    photos_unreadable: int = 0
    """Photos of which a file is here that does not read."""


Progress = Callable[[int, int], None]
"""Hears how many bytes are done, and of how many."""

Reads = Callable[[Sequence[LeavingBlob]], Iterable[tuple[LeavingBlob, bytes | None]]]
"""Reads the pieces of one bundle with photos."""


class _Row:
    """Makes the bundles of a file, one at a time, and remembers what is in them."""

    def __init__(
        self, found: Unconfirmed, device: int, device_key: bytes, locks: Sequence[Lock], now: datetime
    ) -> None:
        self.digests: list[str] = []
        self.inside: dict[LeavingBlob, int] = {}
        self.unreadable: set[str] = set()
        self._found, self._groups, self._now = found, in_bundles(found.photos), now
        self._device, self._device_key, self._locks = device, device_key, locks

    def bundles(self, read: Reads, told: Progress) -> Iterator[bytes]:
        """First the changes, as if nothing else were there; then the photos."""
        found, done, total = self._found, 0, sum(one.size_bytes for one in self._found.photos)
        leaving = (*found.beneath, *found.changes)
        yield self._sealed(
            [encode(request) for request in requests_of(leaving, self._now, found.taken_before)], 1
        )
        for number, group in enumerate(self._groups, 2):
            pieces = []
            for one, piece in read(group):
                if piece is None:
                    self.unreadable.add(one.blob.photo)
                else:
                    pieces.append(piece)
                    self.inside[one] = len(piece)
            yield self._sealed(pieces, number, HOLDS_PHOTOS)
            done += sum(one.size_bytes for one in group)
            told(done, total)

    def _sealed(self, pieces: Sequence[bytes], number: int, holds: str = "") -> bytes:
        place = (number, 1 + len(self._groups))
        data = seal_bundle(
            pieces, self._device, self._device_key, self._now, self._locks, holds=holds, place=place
        )
        self.digests.append(sha256_hex(data))
        return data


def _label_of(change: Change) -> str:
    return KINDS[change.kind].label if change.kind in KINDS else safe_line(change.kind)


def export(
    found: Unconfirmed,
    device: int,
    device_key: bytes,
    locks: Sequence[Lock],
    into: Path,
    now: datetime,
    read: Reads,
    told: Progress,
) -> Exported:
    """Seal and sign what was found into a new file in the folder `into`, no more than one bundle in memory at a time.
    Raises StorageFull, BadInput, Corrupt; then, and where a person breaks it off, nothing of it stays there."""
    assert found.changes or found.photos
    row = _Row(found, device, device_key, locks, now)
    path = write_new(into / f"rescue-{device}-{now:%Y%m%dT%H%M%S}{SUFFIX}", row.bundles(read, told))
    _check(path, row.digests, public_key_of(device_key))
    kinds = Counter(_label_of(change) for change in found.changes)
    records = {(change.scope_id, change.kind, change.record_id) for change in found.changes}
    return Exported(
        path, path.stat().st_size, len(found.changes), len(records), tuple(kinds.most_common()), found.oldest_at,
        tuple(sorted(lock.name for lock in locks)), len({one.blob.photo for one in row.inside}),
        sum(one.size_bytes for one in row.inside), len(row.unreadable),
    )  # fmt: skip


def write_new(path: Path, parts: Iterable[bytes]) -> Path:
    """Durably write a file that was not there; returns its path, which differs if the name was taken.

    It appears under its name whole or not at all. Raises StorageFull or BadInput, leaving nothing behind, as where it is
    broken off.
    """
    if not path.parent.is_dir():
        raise BadInput(
            f"There is no folder {path.parent.name or str(path.parent)!r} to write to.",
            "Put the stick in, and name a folder on it.",
        )
    beside = free_name(path.with_name(free_name(path).name + ".part"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    with foreign_file_errors():
        try:
            descriptor = os.open(beside, flags, 0o600)
            try:
                for part in parts:
                    write_all(descriptor, part)
                flush_file(descriptor)
                _forget_cached(descriptor)
            finally:
                os.close(descriptor)
            path = free_name(path)
            beside.rename(path)
        except BaseException as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            if isinstance(error, FileExistsError):
                raise BadInput("The name was taken meanwhile.", "Run the same command again.") from error
            raise
        with contextlib.suppress(OSError):  # some file systems of sticks cannot flush a folder
            flush_folder(path.parent)
    return path


def no_room(into: Path, error: StorageFull) -> StorageFull:
    """The same error, naming the disk that is full: it is the stick's and not the laptop's."""
    where = into.name or str(into)
    full = StorageFull(
        f"There is no room for the bundle in {where}; nothing was written there.",
        "Free some room on it, or name a folder on another stick.",
    )
    full.__cause__ = error
    return full


def _check(path: Path, digests: Sequence[str], public_key: str) -> None:
    """Read the file back: the bundles that were written, each whole and with the laptop's signature. One that is not, or
    whose reading is broken off, does not stay."""
    try:
        found = []
        for bundle in bundles_of(path):
            found.append(sha256_hex(bundle))
            read_bundle(bundle).check_signature(public_key)
        if found == list(digests):
            return
    except (BadInput, FailingDisk):
        pass
    except BaseException:
        _remove(path)
        raise
    _remove(path)
    raise Corrupt(
        f"{path.name} does not read back as it was written: the stick is failing.", "Export to another stick."
    )


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _forget_cached(descriptor: int) -> None:
    """Let the next reading come from the stick itself, where the system can be asked for that."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
