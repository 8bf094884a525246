"""Waiting until an answer that is being typed has reached its screen."""

from __future__ import annotations

import asyncio
import contextlib

from textual.widget import Widget

SETTLED_MAX_S = 1.0
"""Tab waits at most this long for questions to appear or vanish."""


async def settle(focused: Widget | None) -> None:
    """Return when an answer on its way from the focused widget up to its screen has been dealt with.

    For keys only, which the app takes one by one: inside a message of that screen it would wait for itself.
    """
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_settled(focused), SETTLED_MAX_S)


async def _settled(focused: Widget | None) -> None:
    for node in focused.ancestors_with_self if focused is not None else ():
        if isinstance(node, Widget):
            passed = asyncio.Event()
            node.call_later(passed.set)
            await passed.wait()
