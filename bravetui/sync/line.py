"""The line as a switch: cut it, restore it, slow it down. A transport around the real one, for the demo and for tests.

A cut line fails as a dead one does, in the middle of an answer too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx


class Line(httpx.AsyncBaseTransport):
    """A line that somebody holds a hand on."""

    def __init__(self, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self._inner = inner or httpx.AsyncHTTPTransport()
        self.is_up = True
        self.bytes_per_s: float | None = None
        """None: as fast as it goes."""

    def cut(self) -> None:
        """No request gets through, and answers under way break off."""
        self.is_up = False

    def restore(self) -> None:
        """As it was."""
        self.is_up = True

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._check(request)
        if self.bytes_per_s:
            await asyncio.sleep(len(await request.aread()) / self.bytes_per_s)
        response = await self._inner.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Passing(self, request, response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _check(self, request: httpx.Request) -> None:
        if not self.is_up:
            raise httpx.ConnectError("the line is cut", request=request)


class _Passing(httpx.AsyncByteStream):
    """An answer on its way over the line."""

    def __init__(self, line: Line, request: httpx.Request, inner: httpx.AsyncByteStream) -> None:
        self._line, self._request, self._inner = line, request, inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._inner:
            if not self._line.is_up:
                raise httpx.ReadError("the line is cut", request=self._request)
            if self._line.bytes_per_s:
                await asyncio.sleep(len(part) / self._line.bytes_per_s)
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()
