"""Where blocking work runs: in one thread beside the event loop, or inline.

Threads sit behind this port so that a simulation can run laptops and central in one thread of virtual time. One thread is
enough and right for a laptop: SQLite has one writer, and work handed over in order is done in order.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Runner(Protocol):
    """Runs a blocking function and awaits its result."""

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...


class InlineRunner:
    """Runs the function at once, on the loop: tests and simulations."""

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return function(*args, **kwargs)


class ThreadRunner:
    """Runs functions in order on threads of its own, so that typing stays smooth while the disk works."""

    def __init__(self, threads: int = 1, name: str = "bravetui-work") -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        call = functools.partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        """Finish what was handed over, then stop."""
        self._pool.shutdown(wait=True)
