"""Where an unexpected fault goes: a file for support. Frames and types only; values may hold answers or names.

Written where other accounts read and lay nothing: a new file with a name of its own, open to this account alone. Never
raises: a fault that cannot be written down is still said.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CAUSES_MAX = 10


class WithoutValues(logging.Formatter):
    """Lines of a log in which an error is its type and its places, as in a report: its words may quote what it stumbled
    over."""

    def formatException(self, ei: tuple[Any, ...]) -> str:  # noqa: N802 -- logging's own name
        """The error without any value."""
        return crash_text(ei[1]).rstrip("\n") if isinstance(ei[1], BaseException) else ""


def crash_text(error: BaseException) -> str:
    """The error's type and the places it passed, and those of the errors that led to it, without any value."""
    said, seen = list[str](), set[int]()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen and len(seen) < CAUSES_MAX:
        seen.add(id(cause))
        said.append(f"{'came of ' * bool(said)}{type(cause).__module__}.{type(cause).__qualname__}")
        frames = traceback.extract_tb(cause.__traceback__)
        said += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        cause = cause.__cause__ or cause.__context__
    return "\n".join([*said, ""])


def write_crash_report(error: BaseException, *folders: Path) -> Path | None:
    """Write the report into the first of `folders` that takes it, else among the temporary files; None where none does."""
    text = crash_text(error).encode("utf-8", "replace")
    for folder in _places(folders):
        try:
            descriptor, name = tempfile.mkstemp(".txt", "bravetui-crash-", folder)
        except OSError:
            continue
        path = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
        else:
            return path
    return None


def crash_words(error: BaseException, *folders: Path) -> str:
    """Write the report, and say in a sentence where it is, or what it would have said."""
    path = write_crash_report(error, *folders)
    if path is not None:
        return f"Details for support, without answers or names, are in {path}."
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"Details could not be written anywhere; tell support: {type(error).__name__}{place}."


def _places(folders: tuple[Path, ...]) -> Iterator[Path]:
    yield from folders
    with contextlib.suppress(OSError):
        yield Path(tempfile.gettempdir())
