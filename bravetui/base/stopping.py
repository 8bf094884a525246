"""SIGTERM as Ctrl-C: what runs unwinds in order, so that every part it started is stopped too."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stoppable(words: str = "") -> Iterator[None]:
    """For the length of the block SIGTERM raises KeyboardInterrupt in the main thread, as Ctrl-C does. Where that takes a
    while, `words` say so at once, and a second one changes nothing.

    Libraries that call back into Python from C turn whatever is raised there into errors of their own; what comes out of the
    block after a signal is KeyboardInterrupt all the same.
    """
    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if words:
            if asked:
                return
            os.write(
                sys.stderr.fileno(), f"{words}\n".encode()
            )  # amid a print the stream cannot be printed on
        asked = True
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Exception as error:
        if asked:
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, former in before.items():
            signal.signal(number, former)
