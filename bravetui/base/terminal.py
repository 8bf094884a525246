"""The terminal that a command has: whether there is a screen to draw on, and that it obeys nobody whose text is printed."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

from bravetui.base.text import harmless


def on_terminal() -> bool:
    """Whether all three standard streams are a terminal: the app reads keys from the first and draws on the last."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def make_safe() -> None:
    """From now on a character that the terminal would obey, hide or not know is shown as a sign, or as a question mark."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
        if stream is not None and not isinstance(stream, Harmless):
            setattr(sys, name, cast("TextIO", Harmless(stream)))


class Harmless:
    """A stream that shows what a terminal would obey or hide as signs, whoever wrote it: commands draw nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it, character for character."""
        return self._stream.write(harmless(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
