"""Gives a laptop new keys in a process of its own, and kills it at a point or after a time: `rotator FOLDER POINT DELAY_S`.

Ends with 0 when it came through. POINT counts the fault points passed; 0: none. DELAY_S counts from the noting of the key.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from bravetui.base import fault
from bravetui.base.clock import ManualClock
from bravetui.wiring.rotating import Typed, rotate
from tests.durability.foreman import MORNING, ring_of

WORDS = "a truck in the rain"


def main(folder: Path, point: int, delay_s: float) -> None:
    """Rotate, unless killed."""
    passed = 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def hook(name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == point:
            sys.stdout.write(name)
            sys.stdout.flush()
            die()
        if name == "rotation_sure" and delay_s:
            threading.Timer(delay_s, die).start()

    fault.install(hook)
    clock = ManualClock(MORNING)
    clock.advance(hours=5)
    rotate(folder, ring_of(folder), Typed(WORDS), clock)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
