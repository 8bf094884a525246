"""The folders of this machine, for whoever chooses a picture: what lies in one, and where pictures are likely to be."""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
"""Endings of the files that can be taken in."""
ENTRIES_MAX = 2000
"""Looked at in one folder: a card that holds more is kept in several."""
NAME_MAX = 120


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder, or a picture's file."""

    path: Path
    name: str
    """Safe to show."""
    is_folder: bool
    size_bytes: int = 0
    changed_at: datetime | None = None
    """None where the card tells none that can be."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What lies in one folder: folders by name, then pictures, the newest first."""

    path: Path
    entries: tuple[Entry, ...]
    others: int
    """Files that are no picture that can be taken in."""
    is_cut: bool
    """Whether it holds more than were looked at."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where pictures are likely to be."""

    path: Path
    name: str
    """Safe to show."""


def look_into(path: Path) -> Folder:
    """What lies there but what is hidden by a dot. Raises BadInput for a folder that cannot be read, such as that of a stick
    that was pulled out."""
    entries: list[Entry] = []
    others = seen = 0
    try:
        with os.scandir(path) as found:
            for one in found:
                seen += 1
                if seen > ENTRIES_MAX:
                    break
                entry = _entry(one)
                others += entry is None and not one.name.startswith(".")
                if entry is not None:
                    entries.append(entry)
    except OSError as error:
        raise BadInput(
            f"The folder {safe_line(path.name or str(path), NAME_MAX)} cannot be read.",
            "Is the stick or the card still in? Choose another place.",
        ) from error
    return Folder(path, tuple(sorted(entries, key=_order)), others, seen > ENTRIES_MAX)


def places(
    removable: Iterable[Path] | None = None, pictures: Path | None = None, home: Path | None = None
) -> tuple[Place, ...]:
    """Sticks and cards that are in, then this person's pictures, then his home; each that there is."""
    import platformdirs

    home = home or Path.home()
    pictures = pictures or platformdirs.user_pictures_path()
    drives = [path for path in (_removable() if removable is None else removable) if _is_folder(path)]
    found = [
        Place(path, safe_line(path.name or str(path), NAME_MAX)) for path in sorted(drives, key=os.fspath)
    ]
    if pictures != home and _is_folder(pictures):
        found.append(Place(pictures, "Pictures"))
    return (*found, Place(home, "Home folder"))


def _entry(one: os.DirEntry[str]) -> Entry | None:
    """None for what cannot be taken in."""
    try:
        path, is_folder = Path(one.path), one.is_dir()
        if one.name.startswith(".") or not (is_folder or path.suffix.lower() in PICTURES):
            return None
        told = one.stat()
    except OSError:
        return None
    return Entry(path, safe_line(one.name, NAME_MAX), is_folder, told.st_size, _moment(told.st_mtime))


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OSError, OverflowError, ValueError):
        return None


def _order(entry: Entry) -> tuple[bool, float, str]:
    age = 0.0 if entry.is_folder or entry.changed_at is None else -entry.changed_at.timestamp()
    return not entry.is_folder, age, entry.name.lower()


def _removable() -> list[Path]:
    if sys.platform == "win32":
        return [Path(f"{letter}:\\") for letter in string.ascii_uppercase[3:]]
    if sys.platform == "darwin":
        return _below(Path("/Volumes"))
    user = Path.home().name
    return [path for root in ("/media", "/run/media") for path in _below(Path(root, user))]


def _below(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
