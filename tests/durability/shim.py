"""The shim, made from `shim.c` where there is a C compiler, and worked from a process that was started under it.

The compiler is `cc`, else the one in the `ziglang` wheel if that is installed; the project itself needs neither.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
RECORD, FAIL, KILL = 1, 2, 3
CHANGES, READS = 1, 2
ABSENT = "the shim needs Linux and a C compiler: `cc`, or `pip install ziglang`"


def compiler() -> list[str] | None:
    """The command that compiles C here, if there is one and what it makes can be used."""
    if sys.platform != "linux":
        return None
    found = shutil.which("cc")
    if found:
        return [found]
    return [sys.executable, "-m", "ziglang", "cc"] if importlib.util.find_spec("ziglang") else None


def built(folder: Path) -> Path | None:
    """The shim, compiled into `folder` unless it is there already; None where it cannot be."""
    command = compiler()
    if command is None:
        return None
    made = folder / f"shim-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]}.so"
    if not made.exists():
        beside = made.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, "-O2", "-shared", "-fPIC", "-o", beside, SOURCE, "-ldl"], check=True)
        beside.replace(made)
    return made


class Shim:
    """The shim that this process runs under."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.shim_disarm.restype = ctypes.c_long

    @staticmethod
    def is_here() -> bool:
        """Whether this process was started under it."""
        return hasattr(ctypes.CDLL(None), "shim_arm")

    def arm(
        self, folder: Path, mode: int, nth: int = 0, *, error: int = 0, for_ever: bool = False,
        kinds: int = CHANGES, log: int = -1,
    ) -> None:  # fmt: skip
        """From now on see calls on files in `folder`; counting begins at 0."""
        self._library.shim_arm(
            os.fsencode(folder), mode, ctypes.c_long(nth), error, int(for_ever), kinds, log
        )

    def disarm(self) -> int:
        """Let all calls pass; returns how many were counted."""
        return int(self._library.shim_disarm())

    def mark(self, words: str) -> None:
        """Put words into the record, between the calls."""
        self._library.shim_mark(words.encode())
