"""Whether there is a screen to draw on."""

from __future__ import annotations

import sys


def on_terminal() -> bool:
    """Whether all three standard streams are a terminal: the app reads keys from the first and draws on the last."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
