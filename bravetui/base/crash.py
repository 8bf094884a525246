"""Where an unexpected fault goes: a file for support. Frames and types only; values may hold answers or names."""

from __future__ import annotations

import tempfile
import traceback
from pathlib import Path


def crash_text(error: BaseException) -> str:
    """The error's type and the places it passed, without any value."""
    places = [
        f"  {frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    return "\n".join([f"{type(error).__module__}.{type(error).__qualname__}", *places, ""])


def write_crash_report(error: BaseException, folder: Path | None = None) -> Path:
    """Append the report to `bravetui-crash.txt` and say where that is."""
    path = (folder or Path(tempfile.gettempdir())) / "bravetui-crash.txt"
    with path.open("a", encoding="utf-8") as file:
        file.write(crash_text(error))
    return path
