"""What a request costs beside its body: the lines of HTTP/1.1 before it, most of them the grant and the proof."""

from __future__ import annotations

from collections.abc import Iterable

import httpx

_SIGNED = (b"authorization", b"dpop")
_AROUND = len(": \r\n")
"""Bytes of a header line beside name and value (RFC 9112 section 5)."""


class Heads(httpx.AsyncHTTPTransport):
    """The ordinary way to central, which counts both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self.bytes = 0
        """Of all heads, requests' and answers'."""
        self.signed_bytes = 0
        """Of the lines that say who asks."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass it on."""
        response = await super().handle_async_request(request)
        signed = [line for line in request.headers.raw if line[0].lower() in _SIGNED]
        asked = f"{request.method} {request.url.raw_path.decode()} HTTP/1.1\r\n\r\n"
        answered = f"HTTP/1.1 {response.status_code} {response.reason_phrase}\r\n\r\n"
        self.requests += 1
        self.signed_bytes += _size(signed)
        self.bytes += len(asked) + _size(request.headers.raw) + len(answered) + _size(response.headers.raw)
        return response


def _size(lines: Iterable[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + _AROUND for name, value in lines)
