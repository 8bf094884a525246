"""The machine's power: whether it runs on its battery, and keeping it awake for as long as bytes move.

Both are favours: where a machine cannot tell or will not be kept awake, sync goes on as it would on mains.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

AWAKE_AFTER_S = 5.0
"""An exchange that takes longer keeps the machine awake; short ones are over before a lid is shut."""


class Power(Protocol):
    """The machine's power."""

    def on_battery(self) -> bool: ...

    def keep_awake(self) -> Callable[[], None]:
        """Returns at once; what it returns lets the machine sleep again."""
        ...


class Mains:
    """A machine that never sleeps: a server, a test."""

    def on_battery(self) -> bool:
        return False

    def keep_awake(self) -> Callable[[], None]:
        return lambda: None


class SystemPower:
    """This machine's, by psutil and wakepy."""

    def on_battery(self) -> bool:
        import psutil

        try:
            battery = psutil.sensors_battery()
        except (AttributeError, OSError, RuntimeError):  # a platform that psutil cannot ask
            return False
        return battery is not None and battery.power_plugged is False

    def keep_awake(self) -> Callable[[], None]:
        """In a thread of its own: a desktop's message bus that hangs holds up nothing but that."""
        over = threading.Event()
        threading.Thread(target=_keep_awake_until, args=(over,), name="keep-awake", daemon=True).start()
        return over.set


def _keep_awake_until(over: threading.Event) -> None:
    from wakepy import keep

    with keep.running(on_fail="pass"):
        over.wait()


@asynccontextmanager
async def awake(power: Power) -> AsyncIterator[None]:
    """Keep the machine from sleeping while the block runs, once that takes long enough to matter."""
    let_go: list[Callable[[], None]] = []
    timer = asyncio.get_running_loop().call_later(AWAKE_AFTER_S, lambda: let_go.append(power.keep_awake()))
    try:
        yield
    finally:
        timer.cancel()
        for each in let_go:
            each()
