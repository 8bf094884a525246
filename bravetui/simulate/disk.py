"""The simulated machines' disks: folders in memory, and what a power cut leaves of what had not been flushed.

A machine passes named points (`base.fault`). Nothing is promised to anybody between two of them: every save, and everything
that a request says, passes one after its flush. So whatever was written since the last point may be on the disk, or not, or
in part: that is what a power cut leaves.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bravetui import wiring

_IN_MEMORY = Path("/dev/shm")
_PREFIX = "bravetui-simulate-"
_LEFT_OUT = frozenset({wiring.BALLAST, f"{wiring.DATABASE}-shm"})
_SECTOR = 512
_BESIDE = ".new"
"""Ends the name of what is written and not yet put in its place."""

Image = Mapping[str, bytes]
"""A laptop's files at one moment, by name."""


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for the length of a story: in memory where there is some, so that an fsync costs nothing. What it holds
    dies with the story, so it need not outlive a power cut of the host."""
    place = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place) as name:
        yield Path(name)


@contextmanager
def swept(place: Path) -> Iterator[None]:
    """Leave nothing of a folder that is made meanwhile: root's PostgreSQL keeps its data outside of the story's."""
    try:
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)


def image_of(laptop: Path) -> Image:
    """The files as they are now, those in folders under their paths."""
    files = [path for path in laptop.rglob("*") if path.name not in _LEFT_OUT and path.is_file()]
    return {path.relative_to(laptop).as_posix(): path.read_bytes() for path in files}


def put_back(laptop: Path, image: Image) -> None:
    """Make the folder hold these files again, and no others."""
    for name in image_of(laptop).keys() - image.keys():
        (laptop / name).unlink()
    (laptop / f"{wiring.DATABASE}-shm").unlink(missing_ok=True)
    for name, content in image.items():
        _put(laptop / name, content)


def cut_power(laptop: Path, before: Image, dice: random.Random) -> None:
    """Undo a part of what was written into the folder since `before`.

    What was appended, or written beside a file, is there up to some byte, or sector by sector as it happens. A file put in
    another's place is the old one or the new one. Once the log has been folded in, all was flushed, in order: then
    nothing is undone.
    """
    now = image_of(laptop)
    if now.get(wiring.DATABASE) != before.get(wiring.DATABASE):
        return
    for name in sorted(now.keys() | before.keys()):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        appended = name in (wiring.JOURNAL, f"{wiring.DATABASE}-wal") or name.endswith(_BESIDE)
        if new is not None and appended and new.startswith(old or b""):
            (laptop / name).write_bytes((old or b"") + _torn(new[len(old or b"") :], dice))
        elif dice.random() < 0.5:
            _put(laptop / name, old)


def _torn(written: bytes, dice: random.Random) -> bytes:
    kept = written[: int(dice.random() * (len(written) + 1))]
    if dice.random() < 0.5:
        return kept
    sectors = [kept[start : start + _SECTOR] for start in range(0, len(kept), _SECTOR)]
    return b"".join(one if dice.random() < 0.7 else bytes(len(one)) for one in sectors)


def _put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
