"""The outbox's second copy: a sealed, append-only file beside the database, outside SQLite.

One flipped bit in SQLite's log silently drops every later commit; what has been appended here comes back
regardless. An append returns only when its bytes are on the disk. Holds no open file between calls, so that
it can be replaced on Windows and so that two processes may append in turn: every write must happen under the
database's write lock. Knows nothing of what the payloads mean. The layout is in `frames`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Self

from bravetui.base.errors import WrongKey
from bravetui.base.fault import fault
from bravetui.base.files import (
    flush_file,
    flush_folder,
    foreign_file_errors,
    free_name,
    make_private_folder,
    replace_file,
)
from bravetui.db.frames import (
    FILE_ID_BYTES,
    HEAD_BYTES,
    Damage,
    Scan,
    file_head,
    frame_bytes,
    journal_cipher,
    scan,
)


class Journal:
    """One journal file; made by `Journal.open`."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._cipher = journal_cipher(key)
        self._file_id = b""
        self._head = b""
        self._end = 0
        self._last_number = 0
        self._found: tuple[Damage, ...] = ()
        self._lost: tuple[Damage, ...] = ()
        self._closed = False

    @classmethod
    def open(cls, path: Path, key: bytes) -> Self:
        """Open the journal, or start an empty one; what a crash left half written at its end is cut off.

        Raises WrongKey, BadInput (newer version, permissions), StorageFull. Damage raises nothing: see
        `damage`.
        """
        journal = cls(path, key)
        make_private_folder(path.parent)
        with foreign_file_errors():
            journal._ensure_head()
            with path.open("r+b", buffering=0) as file:
                journal._catch_up(file)
        return journal

    @property
    def damage(self) -> tuple[Damage, ...]:
        """What could not be read when the file was last gone through; empty for a sound one and after `rewrite`."""
        return self._lost + self._found

    @property
    def size_bytes(self) -> int:
        """How much of the disk it takes, to decide when to `rewrite`."""
        return self._end

    def append(self, payloads: Sequence[bytes]) -> None:
        """Keep the payloads, together or not at all; they are on the disk when this returns.

        Raises StorageFull, after which the journal is as before and can be appended to again.
        """
        assert not self._closed, "append to a closed journal"
        if not payloads:
            return
        with foreign_file_errors():
            self._ensure_head()
            with self.path.open("r+b", buffering=0) as file:
                self._catch_up(file)
                self._write(file, frame_bytes(self._cipher, self._file_id, self._last_number + 1, payloads))
        self._last_number += 1

    def frames(self) -> Iterator[bytes]:
        """All payloads that can be read, oldest first, past any damage; then `damage` says what could not."""
        with foreign_file_errors():
            found = (
                scan(self._cipher, self.path.read_bytes()) if self.path.exists() else Scan(None, (), (), 0, 0)
            )
        for frame in found.frames:
            yield from frame.payloads
        self._found = found.damage

    def rewrite(self, keep: Iterable[bytes], stamp: str = "") -> Path | None:
        """Replace the content by `keep`, at once: a crash leaves the old file or the new one.

        A damaged file is copied aside first, never deleted; `stamp` goes into that file's name, which is
        returned.
        """
        assert not self._closed, "rewrite of a closed journal"
        # Taken before anything is replaced: `keep` may well be this journal's own frames.
        kept = list(keep)
        file_id = os.urandom(FILE_ID_BYTES)
        head = file_head(self._cipher, file_id)
        body = b"".join(
            frame_bytes(self._cipher, file_id, number, (payload,))
            for number, payload in enumerate(kept, start=1)
        )
        with foreign_file_errors():
            aside = self._copy_aside(stamp) if self._is_damaged() else None
            replace_file(self.path, head + body)
        self._file_id, self._head = file_id, head
        self._found = self._lost = ()
        self._end, self._last_number = len(head) + len(body), len(kept)
        return aside

    def close(self) -> None:
        """No more appends; a later one is a programmer's mistake."""
        self._closed = True

    def _ensure_head(self) -> None:
        """Start a new file where there is none, or one too short to hold anything; the latter, or one that
        vanished while in use, is damage, since a new file appears with its head or not at all."""
        size = self.path.stat().st_size if self.path.exists() else None
        if size is not None and size >= HEAD_BYTES:
            return
        replace_file(self.path, file_head(self._cipher, os.urandom(FILE_ID_BYTES)))
        if size is not None or self._head:
            self._lost = (Damage(0, size or 0, "the whole file"),)

    def _catch_up(self, file: BinaryIO) -> None:
        """Learn what the file holds if it is not as this process left it, and cut off a torn end."""
        size = os.fstat(file.fileno()).st_size
        head = file.read(HEAD_BYTES)
        if head == self._head and size == self._end:
            return
        found = scan(self._cipher, head + _rest(file))
        self._file_id = found.file_id or self._file_id or os.urandom(FILE_ID_BYTES)
        self._head, self._end, self._last_number = head, found.end, found.last_number
        self._found = found.damage
        if size > found.end:
            file.truncate(found.end)
            flush_file(file.fileno())

    def _write(self, file: BinaryIO, data: bytes) -> None:
        """Write at the end and flush; whatever fails, the file ends where it ended before."""
        descriptor = file.fileno()
        try:
            file.seek(self._end)
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            fault("journal_written")
            flush_file(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(self._end)
                flush_file(descriptor)
            raise
        self._end += len(data)

    def _is_damaged(self) -> bool:
        return self.path.exists() and bool(scan(self._cipher, self.path.read_bytes()).damage)

    def _copy_aside(self, stamp: str) -> Path:
        name = f"{self.path.name}.damaged-{stamp}" if stamp else f"{self.path.name}.damaged"
        aside = free_name(self.path.with_name(name))
        replace_file(aside, self.path.read_bytes())
        flush_folder(self.path.parent)
        return aside


def seal_anew(path: Path, old: bytes, new: bytes) -> None:
    """Everything in the journal under another key, at once: a crash leaves the old file or the new one.

    Returns at once where that is done already, and leaves what neither key opens. A damaged file is copied aside first.
    """
    with foreign_file_errors():
        data = path.read_bytes() if path.exists() else b""
        if not data or _reads(new, data):
            return
        found = scan(journal_cipher(old), data)
        if found.damage:
            replace_file(free_name(path.with_name(f"{path.name}.damaged")), data)
        cipher, file_id = journal_cipher(new), os.urandom(FILE_ID_BYTES)
        body = b"".join(
            frame_bytes(cipher, file_id, number, frame.payloads)
            for number, frame in enumerate(found.frames, start=1)
        )
        replace_file(path, file_head(cipher, file_id) + body)


def _reads(key: bytes, data: bytes) -> bool:
    try:
        return bool(scan(journal_cipher(key), data).file_id)
    except WrongKey:
        return False


def _rest(file: BinaryIO) -> bytes:
    """All bytes from here on; an unbuffered file may give fewer at a time than there are."""
    parts = []
    while part := file.read(1 << 20):
        parts.append(part)
    return b"".join(parts)
