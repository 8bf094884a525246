"""Bodies of requests and answers: read with a limit, packed as the client accepts. Knows HTTP headers, no routes."""

from __future__ import annotations

from starlette.requests import Request

from bravetui.wire.codec import TooLarge
from bravetui.wire.messages import BODY_BYTES_MAX

PREFERRED = ("zstd", "gzip")
"""Encodings of answers, best first (RFC 8878, RFC 1952)."""


async def read_body(request: Request, bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """The body as sent. Raises TooLarge as soon as it is longer than any good one."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise TooLarge(f"The body is larger than {bytes_max:,} bytes.", "Send it in smaller batches.")
        parts.append(part)
    return b"".join(parts)


def encoding_of(request: Request) -> str:
    """What the body is packed with (Content-Encoding)."""
    return request.headers.get("content-encoding", "").strip().lower()


def accepted(header: str) -> str:
    """The encoding for the answer, from Accept-Encoding (RFC 9110 section 12.5.3).

    >>> accepted("gzip;q=1.0, zstd;q=0"), accepted("*"), accepted("")
    ('gzip', 'zstd', 'identity')
    """
    wanted: dict[str, float] = {}
    for item in header.lower().split(","):
        name, _, parameter = item.strip().partition(";")
        key, _, weight = parameter.strip().partition("=")
        try:
            wanted[name.strip()] = float(weight) if key.strip() == "q" else 1.0
        except ValueError:
            wanted[name.strip()] = 0.0
    for name in PREFERRED:
        if wanted.get(name, wanted.get("*", 0.0)) > 0:
            return name
    return "identity"
