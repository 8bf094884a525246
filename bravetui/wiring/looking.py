"""Looks at a laptop whose disk cannot be written: opened is a copy of its files, sealed as they are, in a temporary folder.

Opening mends, notes and makes room, and SQLite shares its log by a file of its own: none of that goes on a read-only disk.
A copy may have all of it, and is thrown away. Only for looking: what was saved there would be lost.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bravetui.base.files import foreign_file_errors
from bravetui.wiring.folder import DATABASE, JOURNAL, KEYS, MARK, TIME

_FILES = (
    DATABASE,
    f"{DATABASE}-wal",
    JOURNAL,
    *(f"{name}.{copy}" for name in (KEYS, MARK, TIME) for copy in "ab"),
)
"""Not where the black box is: a copy must not write to the card."""

ONLY_LOOKED_AT = (
    "This disk is read-only. What it holds is shown from a copy; nothing on it was changed or mended."
)


def is_read_only(folder: Path) -> bool:
    """Whether the disk of a folder takes no writing from anybody."""
    if not hasattr(os, "statvfs"):
        return False
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A copy of a laptop's folder for the length of the block. Raises StorageFull, Unusable."""
    with tempfile.TemporaryDirectory(prefix="bravetui-look-") as name:
        copy = Path(name)
        with foreign_file_errors():
            for file in _FILES:
                if (folder / file).is_file():
                    shutil.copyfile(folder / file, copy / file)
        yield copy
