"""Files that survive a power cut: written beside, flushed, renamed into place; and the system's file errors
as ours.

Everything a laptop keeps outside its database goes through here. `Durable` means that the bytes and the name
are on the disk when the call returns. Knows nothing of what the bytes mean.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bravetui.base.errors import BravetuiError, Busy, FailingDisk, StorageFull, Unusable
from bravetui.base.fault import fault
from bravetui.base.text import safe_line

if sys.platform == "darwin":
    import fcntl

_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_DAMAGED = frozenset({errno.EIO})
_MISPLACED = {
    errno.EISDIR: "it is a folder, and a file belongs there",
    errno.ENOTDIR: "it is a file, and a folder belongs there",
    errno.EEXIST: "something else has that name",
    errno.ENAMETOOLONG: "the name is too long for this disk",
    errno.ELOOP: "it is a link, or leads round in a circle",
    errno.ENXIO: "it is no file",
    errno.ENODEV: "it is no file",
}
"""Something of another sort stands where the program's own file or folder has to be."""
_BUSY = frozenset({errno.EBUSY, errno.ETXTBSY, errno.EAGAIN})
_WINDOWS_IN_USE = frozenset({32, 33})
"""ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION: a scanner or another window has the file open."""
_WINDOWS_WAITS_S = (0.01, 0.05, 0.1, 0.3)


def storage_full() -> StorageFull:
    """The error for a disk, or a quota, with no room left."""
    return StorageFull(
        "The disk is full, so this was not saved; everything saved before is still here.",
        "Free some room on this disk, then save again.",
    )


def our_file_error(error: OSError) -> BravetuiError | None:
    """The project's error for one of the operating system's; None for those that are a programmer's
    mistake."""
    name = safe_line(Path(str(error.filename)).name) if error.filename else "a file"
    if error.errno in _FULL:
        return storage_full()
    if getattr(error, "winerror", None) in _WINDOWS_IN_USE or error.errno in _BUSY:
        return Busy(f"Another program has {name} open.", "Close other windows of bravetui and try again.")
    if error.errno in _DENIED:
        return Unusable(
            f"This account may not read or write {name}.",
            "Check the folder's permissions, or that the disk is not read-only, and try again.",
        )
    if error.errno in _MISPLACED:
        return Unusable(
            f"{name} cannot be used: {_MISPLACED[error.errno]}.",
            "Look at what is there, and name another place or move it away; nothing was changed.",
        )
    if error.errno in _DAMAGED:
        return FailingDisk(
            f"The disk reported an error while {name} was being read or written.",
            "Hand in what is waiting, or export a rescue bundle, before using this disk any further.",
        )
    return None


@contextlib.contextmanager
def foreign_file_errors() -> Iterator[None]:
    """Turn the operating system's errors inside the block into the project's; others pass unchanged."""
    try:
        yield
    except OSError as error:
        ours = our_file_error(error)
        if ours is None:
            raise
        raise ours from error


def refuse_folder(path: Path) -> None:
    """Raise Unusable where a folder has a file's name; on some file systems it has the size of a damaged file."""
    if path.is_dir():
        with foreign_file_errors():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


def flush_file(descriptor: int) -> None:
    """Return when the file's bytes are on the disk itself; on macOS fsync alone leaves them in the drive's
    cache."""
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def flush_folder(folder: Path) -> None:
    """Return when the folder's names are on the disk. Windows has no such call and journals names by
    itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_folder(folder: Path) -> None:
    """Make the folder, and those above it, open to this account only: durably, as far as this account may flush what it
    makes them in."""
    with foreign_file_errors():
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for one in made:
            with contextlib.suppress(PermissionError):
                flush_folder(one.parent)


def open_private(path: Path) -> int:
    """A descriptor of an empty file that only this account may read. Refuses to follow a link laid in its
    place."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags, 0o600)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte: the system may take fewer at a time, above all when the disk is about to be full."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def replace_file(path: Path, data: bytes) -> None:
    """Durably give the file new content: readers, and a crash at any point, see the old bytes or the new
    ones."""
    beside = path.with_name(path.name + ".new")
    with foreign_file_errors():
        if path.exists() and not path.is_file():  # renaming would quietly take the place of a device, too
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        try:
            descriptor = open_private(beside)
            try:
                write_all(descriptor, data)
                flush_file(descriptor)
            finally:
                os.close(descriptor)
            fault("before_replace")
            _rename(beside, path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)


def _rename(old: Path, new: Path) -> None:
    # A virus scanner on Windows holds a fresh file open for a moment, and renaming it is refused meanwhile.
    for wait_s in _WINDOWS_WAITS_S if os.name == "nt" else ():
        try:
            old.replace(new)
            return
        except PermissionError:
            time.sleep(wait_s)
    old.replace(new)


def free_name(path: Path) -> Path:
    """The path itself, or the first of path-2, path-3... that does not exist yet."""
    count, candidate = 1, path
    while candidate.exists():
        count += 1
        candidate = path.with_name(f"{path.name}-{count}")
    return candidate
