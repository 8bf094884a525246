"""News from central as they happen, while the line is up: server-sent events, read with a bound; a contact follows each.

A stream is a comfort and never a need. When it breaks, or a proxy eats it, the laptop polls, and tries for another one after
a pause with full jitter. Nothing else ever waits for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from bravetui.base.errors import BravetuiError, Transient
from bravetui.sync.policy import stream_wait_s

LINE_BYTES_MAX = 4096
"""Longest line of a stream that is central's."""


@dataclass(frozen=True, slots=True)
class News:
    """A scope has moved to this number."""

    scope_id: str
    seq: int


class Events:
    """Splits a stream into events (WHATWG HTML section 9.2): as much as central sends of it. Pure."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[News | None]:
        """What the bytes completed; None for a comment, a sign of life. Raises Transient for what is no stream of news."""
        *lines, self._rest = (self._rest + data).replace(b"\r\n", b"\n").split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            raise _not_news()
        found: list[News | None] = []
        for line in lines:
            if line.startswith(b":"):
                found.append(None)
            elif line.startswith(b"data:"):
                found.append(_news(line[5:]))
        return found


def _news(data: bytes) -> News:
    try:
        told = json.loads(data)
        return News(str(told["scope_id"]), int(told["seq"]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise _not_news() from error


def _not_news() -> Transient:
    return Transient("What answered is not central's stream of news.")


class Source(Protocol):
    """Where streams come from: the client."""

    def news(self) -> AsyncIterator[News | None]: ...


class Listener:
    """Keeps a stream open while contacts succeed, one at a time, for as long as `listen` runs."""

    def __init__(
        self,
        source: Source,
        heard: Callable[[News], None],
        ended: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source, self._heard, self._ended, self._sleep = source, heard, ended, sleep
        self._line_up = asyncio.Event()
        self.is_open = False
        """Whether central has been heard on the stream that there is."""

    def line(self, *, up: bool) -> None:
        """A contact came through, or did not."""
        self._line_up.set() if up else self._line_up.clear()

    async def listen(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            await self._line_up.wait()
            failures = 1 if await self._follow() else failures + 1
            await self._sleep(stream_wait_s(failures))

    async def _follow(self) -> bool:
        """Follow one stream to its end; whether anything was heard on it."""
        was_open = False
        try:
            async for news in self._source.news():
                was_open = self.is_open = True
                if news is not None:
                    self._heard(news)
        except BravetuiError:
            pass  # why is told by the next contact, which is the one that matters
        finally:
            self.is_open = False
        if was_open:
            self._ended()
        return was_open
