"""Bodies of requests and answers: read with a limit, packed as the client accepts. Knows HTTP headers, no routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from bravetui.base.errors import BadInput
from bravetui.wire.change import Message
from bravetui.wire.codec import COLUMNS_TYPE, JSON_TYPE, TooLarge, decode, encode_as, media_type_of
from bravetui.wire.dictionary import Dictionary, named
from bravetui.wire.messages import BODY_BYTES_MAX

_M = TypeVar("_M", bound=Message)

PREFERRED = ("zstd", "gzip")
"""Encodings of answers to strangers, best first (RFC 8878, RFC 1952)."""

UNDERSTOOD = "dcz, zstd, gzip"
"""What bodies of requests may be packed with (RFC 9110 section 12.5.3)."""

UNDERSTOOD_TYPES = f"{COLUMNS_TYPE}, {JSON_TYPE}"
"""The forms that bodies of requests may have, told where another came (RFC 9110 section 15.5.16)."""

VARY = "Accept, Accept-Encoding, Available-Dictionary"
"""What an answer's form and packing depend on (RFC 9842 section 6.2)."""

DICTIONARY_LINK = '</v1/dictionary>; rel="compression-dictionary"'
"""Told to clients that do not show that they have it (RFC 9842 section 3)."""


SHORT_BYTES_MAX = 64 * 1024
"""Of what is asked before it is known who asks: a token is a quarter of it."""

SILENT_S = 30.0
"""Longest pause within a body."""
SLOW_FREE_S = 60.0
SLOW_BYTES_PER_S = 250
"""After the free time a body has to come at this rate, a tenth of what the worst line of a phone does: whoever sends a
byte at a time holds a connection for a minute and no longer (CWE-400, slowloris)."""


class TooSlow(BadInput):
    """A body that comes so slowly that it keeps others out; `bravetui` sends smaller ones on a bad line."""


async def read_body(request: Request, bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """The body as sent. Raises TooLarge as soon as it is longer than any good one, TooSlow when it does not come."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > bytes_max:
        raise _too_large(bytes_max)
    parts: list[bytes] = []
    size, loop = 0, asyncio.get_running_loop()
    ends_s = loop.time() + SLOW_FREE_S
    async for part in _in_time(request.stream()):
        size += len(part)
        if size > bytes_max:
            raise _too_large(bytes_max)
        if loop.time() > ends_s:
            raise _too_slow()
        # What came fast buys no more than the free time: the room that it takes is not to be held for hours by a drip.
        ends_s = min(ends_s + len(part) / SLOW_BYTES_PER_S, loop.time() + SLOW_FREE_S)
        parts.append(part)
    return b"".join(parts)


async def read_short(kind: type[_M], request: Request) -> _M:
    """What anybody may say, known or not: little, also once it is unpacked, since it is read where all others wait."""
    body = await read_body(request, SHORT_BYTES_MAX)
    return decode(kind, body, encoding_of(request), limit_bytes=SHORT_BYTES_MAX)


def packed(request: Request, message: Message, media_type: str = JSON_TYPE) -> Response:
    """The answer that a message is, as small as the client takes it."""
    shared = dictionary_for(request)
    encoding = "dcz" if shared else accepted(request.headers.get("accept-encoding", ""))
    headers = {"Vary": VARY, "Cache-Control": "no-store", "Link": DICTIONARY_LINK}
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    if shared:
        del headers["Link"]
    body, media_type = encode_as(message, media_type, encoding, shared)
    return Response(body, 200, headers, media_type=media_type)


async def _in_time(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(SILENT_S):
                part = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _too_slow() from None
        yield part


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"The body is larger than {bytes_max:,} bytes.", "Send it in smaller batches.")


def _too_slow() -> TooSlow:
    return TooSlow("The body came too slowly.", "Send it in smaller batches.")


def encoding_of(request: Request) -> str:
    """What the body is packed with (Content-Encoding)."""
    return request.headers.get("content-encoding", "").strip().lower()


def form_of(request: Request) -> str:
    """The media type that the body is read as."""
    return media_type_of(request.headers.get("content-type", ""))


def accepted_form(header: str) -> str:
    """The media type for the answer, from Accept: columns only for who names them and likes them as well as JSON.

    >>> accepted_form("application/vnd.bravetui.columns, application/json"), accepted_form("*/*")
    ('application/vnd.bravetui.columns', 'application/json')
    """
    wanted = _weights(header)
    weight = wanted.get(COLUMNS_TYPE, 0.0)
    return COLUMNS_TYPE if weight > 0 and weight >= wanted.get(JSON_TYPE, 0.0) else JSON_TYPE


def dictionary_for(request: Request) -> Dictionary | None:
    """The dictionary for the answer: one that the client has, carries here, and accepts (RFC 9842 section 2.2)."""
    if _weights(request.headers.get("accept-encoding", "")).get("dcz", 0.0) <= 0:
        return None
    return named(request.headers.get("available-dictionary", ""))


def accepted(header: str) -> str:
    """The encoding for the answer, from Accept-Encoding (RFC 9110 section 12.5.3).

    >>> accepted("gzip;q=1.0, zstd;q=0"), accepted("*"), accepted("")
    ('gzip', 'zstd', 'identity')
    """
    wanted = _weights(header)
    for name in PREFERRED:
        if wanted.get(name, wanted.get("*", 0.0)) > 0:
            return name
    return "identity"


def _weights(header: str) -> dict[str, float]:
    """How much each encoding or form is wanted; 0 is not at all."""
    wanted: dict[str, float] = {}
    for item in header.lower().split(","):
        name, _, parameter = item.strip().partition(";")
        key, _, weight = parameter.strip().partition("=")
        try:
            wanted[name.strip()] = float(weight) if key.strip() == "q" else 1.0
        except ValueError:
            wanted[name.strip()] = 0.0
    return wanted
