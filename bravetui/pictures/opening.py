"""Opens a picture by asking a process of its own, which gets only its bytes, and is gone when this returns or raises.

No decoder runs here: a file from a phone is anybody's bytes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from bravetui.base.errors import BadInput
from bravetui.pictures.picture import ANSWER_BYTES_MAX, INPUT_BYTES_MAX, WAIT_S, Picture, Refusal, unpack

# -P: a folder one happens to stand in must not be able to bring a package of its own.
COMMAND = (sys.executable, "-P", "-W", "ignore", "-m", "bravetui.pictures.picture_process")


def open_picture(data: bytes, *, command: Sequence[str] = COMMAND, wait_s: float = WAIT_S) -> Picture:
    """What a picture's file holds, and its renditions. Raises BadInput with what to do next, whatever is wrong with it.

    Takes half a second for a phone's photo and up to `wait_s` seconds at worst, so never on a screen's loop.
    """
    if not data:
        raise _error(Refusal.EMPTY)
    if len(data) > INPUT_BYTES_MAX:
        raise _error(Refusal.TOO_LARGE)
    try:
        opened = _asked(data, command, wait_s)
    except OSError:
        opened = Refusal.STOPPED
    if isinstance(opened, Refusal):
        raise _error(opened)
    return opened


def _error(refusal: Refusal) -> BadInput:
    return BadInput(*refusal.value)


def _asked(data: bytes, command: Sequence[str], wait_s: float) -> Picture | Refusal:
    late = threading.Event()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that what it may have started ends with it
    ) as process:
        timer = threading.Timer(wait_s, _give_up, (process, late))
        feeding = threading.Thread(target=_feed, args=(process, data), daemon=True)
        timer.start()
        feeding.start()
        try:
            assert process.stdout is not None
            said = process.stdout.read(ANSWER_BYTES_MAX + 1)
        finally:
            timer.cancel()
            timer.join()
            _kill(process)
            feeding.join()
    opened = unpack(said)
    return Refusal.LATE if opened is Refusal.STOPPED and late.is_set() else opened


def _give_up(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it and all of its session. It was not waited for yet, so its number is still its own."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    with suppress(OSError), process.stdin:  # it may be gone before it has read all, and says so in no answer
        process.stdin.write(data)
