"""A small file kept twice, A and B, so that one damaged copy costs nothing.

Each copy holds a generation and a checksum; the newest whole one counts. A write replaces one copy and then the
other, so at every moment, a crash included, one whole copy is on the disk. Knows nothing of what the bytes mean.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from bravetui.base.errors import Corrupt
from bravetui.base.files import foreign_file_errors, replace_file
from bravetui.base.text import safe_line

_HEAD = struct.Struct(">4sQI")
_CRC = struct.Struct(">I")
_MAGIC = b"BRV2"


@dataclass(frozen=True, slots=True)
class _Copy:
    path: Path
    generation: int
    """0 for one that is absent or damaged."""
    data: bytes | None


class TwoCopies:
    """The two files `<path>.a` and `<path>.b`."""

    def __init__(self, path: Path, todo: str = "Put it back from a backup of this folder.") -> None:
        """`todo`: what to do when both are damaged."""
        self._todo = todo
        self._paths = tuple(path.with_name(f"{path.name}.{letter}") for letter in "ab")
        self._name = path.name

    def exist(self) -> bool:
        """Whether there is any copy, damaged or not."""
        return any(path.exists() for path in self._paths)

    def candidates(self) -> tuple[bytes, ...]:
        """The whole copies, newest first, for a reader with a check of its own. Raises Corrupt if all are
        damaged."""
        copies = sorted(self._read(), key=lambda copy: copy.generation, reverse=True)
        whole = tuple(copy.data for copy in copies if copy.data is not None)
        if not whole and self.exist():
            raise Corrupt(
                f"Both copies of {safe_line(self._name)} are damaged.",
                self._todo,
            )
        return whole

    def write(self, data: bytes) -> None:
        """Durably keep `data` in both copies."""
        copies = self._read()
        generation = max(copy.generation for copy in copies) + 1
        body = _HEAD.pack(_MAGIC, generation, len(data)) + data
        for copy in copies:
            replace_file(copy.path, body + _CRC.pack(zlib.crc32(body)))

    def mend(self) -> bool:
        """Write a copy that is damaged or gone again from the other one; returns whether one was. Raises what `write`
        raises, and Corrupt if all are damaged.

        One that a crash left behind is brought up without a word: what it says was meant to be gone.
        """
        copies = self._read()
        damaged = any(copy.data is None for copy in copies)
        behind = len({copy.generation for copy in copies}) > 1
        if not self.exist() or not (damaged or behind):
            return False
        self.write(self.candidates()[0])
        return damaged

    def _read(self) -> list[_Copy]:
        with foreign_file_errors():
            return [_parsed(path, path.read_bytes() if path.exists() else b"") for path in self._paths]


def _parsed(path: Path, raw: bytes) -> _Copy:
    damaged = _Copy(path, 0, None)
    if len(raw) < _HEAD.size + _CRC.size:
        return damaged
    magic, generation, size = _HEAD.unpack_from(raw)
    body, crc = raw[: -_CRC.size], _CRC.unpack(raw[-_CRC.size :])[0]
    if magic != _MAGIC or _HEAD.size + size != len(body) or zlib.crc32(body) != crc:
        return damaged
    return _Copy(path, generation, body[_HEAD.size :])
