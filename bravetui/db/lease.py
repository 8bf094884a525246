"""The right to run sync: one process a laptop, however many windows are open.

A lock of the operating system, which a dead process lets go of by itself; a note beside it says who holds it,
for the message that the second one gets. The note is only read for its words: the lock alone decides.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from bravetui.base.errors import Busy
from bravetui.base.files import foreign_file_errors, make_private_folder, replace_file
from bravetui.base.text import safe_line


@dataclass(frozen=True, slots=True)
class Holder:
    """Who runs sync."""

    process: int
    host: str
    since: datetime


class Lease:
    """A lease held by this process; given back by `release` or at the end of a `with` block."""

    def __init__(self, lock: FileLock, note: Path) -> None:
        self._lock = lock
        self._note = note

    @classmethod
    def take(cls, path: Path, now: datetime) -> Lease:
        """Take the lease without waiting, also from a process that died holding it. Raises Busy, naming the
        holder."""
        assert now.tzinfo is not None
        make_private_folder(path.parent)
        note = path.with_name(path.name + ".holder")
        lock = FileLock(path, timeout=0, mode=0o600, thread_local=False, is_singleton=False)
        with foreign_file_errors():
            try:
                lock.acquire()
            except Timeout:
                raise _held(read_holder(path)) from None
        try:
            holder = {"process": os.getpid(), "host": socket.gethostname(), "since": now.isoformat()}
            replace_file(note, json.dumps(holder).encode())
        except BaseException:
            lock.release()
            raise
        return cls(lock, note)

    @property
    def is_held(self) -> bool:
        """Whether the lease has not been released yet."""
        return bool(self._lock.is_locked)

    def release(self) -> None:
        """Let another process run sync; a second call does nothing."""
        if not self.is_held:
            return
        with contextlib.suppress(OSError):
            self._note.unlink(missing_ok=True)
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def read_holder(path: Path) -> Holder | None:
    """What the note beside the lease says; None when there is none that can be read. It may outlive its
    process."""
    note = path.with_name(path.name + ".holder")
    try:
        said = json.loads(note.read_bytes())
        return Holder(
            int(said["process"]), safe_line(str(said["host"]), 60), datetime.fromisoformat(said["since"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _held(holder: Holder | None) -> Busy:
    todo = "This window shows the same state; close that one to sync from here."
    if holder is None:
        return Busy("Sync already runs in another process of this laptop.", todo)
    since = holder.since.strftime("%Y-%m-%d %H:%M UTC")
    return Busy(f"Sync already runs in process {holder.process} on {holder.host} since {since}.", todo)
