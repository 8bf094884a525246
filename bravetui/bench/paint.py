"""First paint, and the time from a key to its effect on the screen, of the real app on a real terminal while it syncs.

Needs a pseudo-terminal, which Windows does not offer to Python; there it says so.
"""

from __future__ import annotations

import contextlib
import os
import select
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_WAIT_S = 30.0


class Unmeasurable(Exception):
    """This system has no pseudo-terminal for a program to hold."""


@dataclass(frozen=True, slots=True)
class Paint:
    """What was seen, in seconds."""

    first_s: float
    key_median_s: float
    key_worst_s: float
    keys: int


def measure(folder: Path, passphrase_file: Path, keys: int = 12) -> Paint:
    """Start the app on `folder` and press keys. Raises Unmeasurable, or TimeoutError when the screen never came."""
    if sys.platform == "win32":
        raise Unmeasurable("not measured: this system offers no pseudo-terminal.")
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "BRAVETUI_PASSPHRASE_FILE": str(passphrase_file)}
    command = [sys.executable, "-m", "bravetui", "--folder", str(folder), "run"]
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    try:
        first = _until(master, b"Home", began)
        times = []
        for number in range(keys):
            key, seen = (b"\x1bOS", b"Waiting") if number % 2 == 0 else (b"\x1bOQ", b"DRAFTS")
            pressed = time.monotonic()
            os.write(master, key)
            times.append(_until(master, seen, pressed))
        return Paint(first, statistics.median(times), max(times), keys)
    finally:
        process.terminate()
        with contextlib.suppress(OSError):
            while process.poll() is None and os.read(master, 65536):
                pass
        process.wait(timeout=10)
        os.close(master)


def _until(master: int, wanted: bytes, since: float) -> float:
    """Seconds from `since` until the terminal has been sent `wanted`."""
    seen = b""
    while wanted not in seen:
        left = since + _WAIT_S - time.monotonic()
        ready, _, _ = select.select([master], [], [], max(0.0, left))
        if not ready:
            raise TimeoutError(f"not measured: {wanted.decode()!r} did not appear within {_WAIT_S:.0f} s.")
        seen = seen[-2000:] + os.read(master, 65536)
    return time.monotonic() - since
