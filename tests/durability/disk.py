"""A disk that loses power: takes the calls of a recorded run, and says what may be left of the folder at any moment.

What was flushed is there. What was not may be there, or not, or in part: each write since the last flush of its file by
itself, torn at sectors, and each new, changed or removed name since the last flush of the folder. `Leaves` says how much of
that freedom the disk takes: a journalling file system (ext4) loses names from the end only and none that is older than a
flush, the strict model loses any.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from random import Random

SECTOR_BYTES = 512
_HEAD = struct.Struct("<iiqq")
O_TRUNC = 0o1000


@dataclass(frozen=True)
class Call:
    """One recorded call: `what` is O(pen) W(rite) T(runcate) S(ync) C(lose) R(ename from) N(to) U(nlink)
    M(ade folder) or A(word)."""

    what: str
    file: int
    at: int
    data: bytes


class Leaves(Enum):
    """What becomes of writes that were not flushed."""

    NOTHING = "nothing"
    ALL = "all"
    FIRST = "first"
    """Those up to one of them: they reached the disk in order."""
    SOME = "some"
    """Any of them."""
    TORN = "torn"
    """Any of their sectors."""


@dataclass
class _File:
    """One file, whatever its name is."""

    flushed: bytearray = field(default_factory=bytearray)
    waiting: list[Call] = field(default_factory=list)


@dataclass(frozen=True)
class _Naming:
    """A name given, moved or removed, and not flushed yet."""

    name: str
    file: _File | None
    """None: the name is gone, or of a folder."""
    moved_from: str | None = None
    is_folder: bool = False


def calls_of(record: bytes) -> Iterator[Call]:
    """Read what the shim wrote."""
    at = 0
    while at < len(record):
        what, file, where, size = _HEAD.unpack_from(record, at)
        at += _HEAD.size + size
        yield Call(chr(what), file, where, record[at - size : at])


class Disk:
    """The folder's files as the calls made so far have left them, on the disk and in memory."""

    def __init__(self, folder: Path) -> None:
        self._prefix = f"{folder}/"
        inside = sorted(folder.rglob("*"))
        files = {path.relative_to(folder).as_posix(): path for path in inside if path.is_file()}
        self._flushed_names = {name: _File(bytearray(path.read_bytes())) for name, path in files.items()}
        self._names = dict(self._flushed_names)
        self._folders = {path.relative_to(folder).as_posix() for path in inside if path.is_dir()} | {"."}
        """Those that there are; a folder whose own name is not flushed takes what is in it with it."""
        self._namings: list[_Naming] = []
        self._open: dict[int, _File | str] = {}
        """A file, or a folder's name."""
        self._renamed = ""

    def take(self, call: Call) -> None:
        """One more call."""
        done = {"O": self._opened, "S": self._synced, "R": self._rename_from, "N": self._rename_to}
        if call.what in done:
            done[call.what](call)
        elif call.what == "U":
            self._name(_Naming(self._local(call), None))
        elif call.what == "M":
            self._folders.add(self._local(call))
            self._namings.append(_Naming(self._local(call), None, is_folder=True))
        elif call.what in "WT":
            file = self._open.get(call.file)
            if isinstance(file, _File):
                file.waiting.append(call)

    def left(self, chance: Random, leaves: Leaves, strict: bool) -> dict[str, bytes]:
        """What the folder may hold after a power cut now."""
        names = self._names_left(chance, leaves, strict)
        return {
            name: _content(file, chance, leaves) for name, file in names.items() if not name.endswith("-shm")
        }

    def _local(self, call: Call) -> str:
        return call.data.decode().removeprefix(self._prefix.rstrip("/")).strip("/") or "."

    def _opened(self, call: Call) -> None:
        name = self._local(call)
        if name in self._folders:
            self._open[call.file] = name
            return
        if name not in self._names:
            self._name(_Naming(name, _File()))
        file = self._names[name]
        if call.at & O_TRUNC:
            file.waiting.append(Call("T", call.file, 0, b""))
        self._open[call.file] = file

    def _synced(self, call: Call) -> None:
        if call.file not in self._open:
            return
        file = self._open[call.file]
        if isinstance(file, str):
            for naming in (one for one in self._namings if _folder_of(one.name) == file):
                _rename(self._flushed_names, naming)
            self._namings = [one for one in self._namings if _folder_of(one.name) != file]
            return
        for waiting in file.waiting:
            _do(file.flushed, waiting)
        file.waiting = []

    def _rename_from(self, call: Call) -> None:
        self._renamed = self._local(call)

    def _rename_to(self, call: Call) -> None:
        self._name(_Naming(self._local(call), self._names[self._renamed], self._renamed))

    def _name(self, naming: _Naming) -> None:
        self._namings.append(naming)
        _rename(self._names, naming)

    def _names_left(self, chance: Random, leaves: Leaves, strict: bool) -> dict[str, _File]:
        names = dict(self._flushed_names)
        kept = self._namings
        if leaves is Leaves.NOTHING:
            kept = []
        elif leaves is not Leaves.ALL:
            if strict:
                kept = [naming for naming in kept if chance.random() < 0.5]
            else:
                kept = kept[: chance.randint(0, len(kept))]
        for naming in kept:
            _rename(names, naming)
        lost = {one.name for one in self._namings if one.is_folder} - {one.name for one in kept}
        return {name: file for name, file in names.items() if not lost & set(_above(name))}


def _folder_of(name: str) -> str:
    return name.rpartition("/")[0] or "."


def _above(name: str) -> Iterator[str]:
    while (name := _folder_of(name)) != ".":
        yield name


def _rename(names: dict[str, _File], naming: _Naming) -> None:
    if naming.is_folder:
        return
    if naming.file is None:
        names.pop(naming.name, None)
        return
    if naming.moved_from is not None and names.get(naming.moved_from) is naming.file:
        del names[naming.moved_from]
    names[naming.name] = naming.file


def _content(file: _File, chance: Random, leaves: Leaves) -> bytes:
    if leaves is Leaves.NOTHING or not file.waiting:
        return bytes(file.flushed)
    content, waiting = bytearray(file.flushed), file.waiting
    if leaves is Leaves.FIRST:
        waiting = waiting[: chance.randint(0, len(waiting))]
    for call in waiting:
        if leaves is Leaves.TORN and call.what == "W":
            _do_in_part(content, call, chance)
        elif leaves in (Leaves.ALL, Leaves.FIRST) or chance.random() < 0.5:
            _do(content, call)
    return bytes(content)


def _do(content: bytearray, call: Call) -> None:
    if call.what == "T":
        del content[call.at :]
        content.extend(bytes(call.at - len(content)))
        return
    content.extend(bytes(max(0, call.at - len(content))))
    content[call.at : call.at + len(call.data)] = call.data


def _do_in_part(content: bytearray, call: Call, chance: Random) -> None:
    """Sector by sector, as the disk counts them; the file's length may have grown without them."""
    start, end = call.at, call.at + len(call.data)
    if chance.random() < 0.5:
        content.extend(bytes(max(0, end - len(content))))
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if chance.random() < 0.5:
            part = call.data[start - call.at : stop - call.at]
            _do(content, Call("W", call.file, start, part))
        start = stop
