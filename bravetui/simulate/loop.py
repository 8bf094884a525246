"""An event loop in which time costs nothing: when nothing is ready, the clock leaps to what is due next."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
"""When every simulated month begins: a Monday morning, six days before daylight saving does."""


class Stalled(Exception):
    """Nothing is ready and nothing is due, for ever."""


class _Leaping(selectors.DefaultSelector):
    """Waits for nobody: passes the time that a real selector would have slept."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stalled("Everybody waits and nobody will ever wake.")
        self.passed_s += max(0.0, timeout)
        return list(super().select(0))


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop of its own time, which begins at 0."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        """Seconds since the beginning of the story."""
        return self._leaping.passed_s


def live(story: Coroutine[Any, Any, T]) -> T:
    """Run a story to its end in virtual time. One that breaks off is cleaned up after, as far as its tasks let it."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(story)
    finally:
        with suppress(Stalled):
            loop.run_until_complete(_ended(asyncio.all_tasks(loop)))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in (left := list(tasks)):
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


class SkewedClock:
    """One machine's clock: the story's time, and however wrong this machine is."""

    def __init__(self) -> None:
        self.skew = timedelta()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic_s()) + self.skew

    def monotonic_s(self) -> float:
        return asyncio.get_running_loop().time()
