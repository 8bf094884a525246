"""A file of no use but its size: given up first when the disk is full, so that saving and pruning go on.

A full disk stops even DELETE in SQLite's WAL mode, which is when pruning is needed. The bytes are random, so
that neither a compressing nor a sparse file system can promise room that is not there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from bravetui.base.errors import StorageFull
from bravetui.base.files import (
    flush_file,
    flush_folder,
    foreign_file_errors,
    make_private_folder,
    open_private,
    write_all,
)

BALLAST_BYTES = 32 * 1024 * 1024
ROOM_BYTES = 4 * BALLAST_BYTES
"""Free space above which the ballast is laid down again, so that it is not laid down and given up in
turns."""
_PIECE_BYTES = 1024 * 1024


class Ballast:
    """The reserve of one laptop."""

    def __init__(self, path: Path, size_bytes: int = BALLAST_BYTES, room_bytes: int = ROOM_BYTES) -> None:
        self.path = path
        self._size_bytes = size_bytes
        self._room_bytes = room_bytes

    @property
    def is_reserved(self) -> bool:
        """Whether the whole reserve is there."""
        return self.path.exists() and self.path.stat().st_size >= self._size_bytes

    def reserve(self) -> None:
        """Lay the ballast down if it is not there. Raises StorageFull, leaving no part of it behind."""
        if self.is_reserved:
            return
        make_private_folder(self.path.parent)
        with foreign_file_errors():
            try:
                self._fill()
            except OSError:
                self.path.unlink(missing_ok=True)
                raise
            flush_folder(self.path.parent)

    def give_up(self) -> bool:
        """Free the reserve; returns whether there was any to free."""
        with foreign_file_errors():
            if not self.path.exists():
                return False
            self.path.unlink()
            flush_folder(self.path.parent)
        return True

    def restore_if_room(self) -> bool:
        """Lay the ballast down again once the disk has room to spare; returns whether it is there now."""
        with foreign_file_errors():
            if not self.is_reserved and shutil.disk_usage(self.path.parent).free < self._room_bytes:
                return False
        with contextlib.suppress(StorageFull):
            self.reserve()
        return self.is_reserved

    def _fill(self) -> None:
        descriptor = open_private(self.path)
        try:
            for start in range(0, self._size_bytes, _PIECE_BYTES):
                write_all(descriptor, os.urandom(min(_PIECE_BYTES, self._size_bytes - start)))
            flush_file(descriptor)
        finally:
            os.close(descriptor)
