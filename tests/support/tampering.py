"""Somebody on the line who alters what central answers: he reads all of it, and has no key to sign anything anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

from bravetui.wire.codec import JSON_TYPE, media_type_of, unpack_json

Told = dict[str, Any]
"""An answer as JSON."""


class Tampered(httpx.AsyncBaseTransport):
    """A line on which every answer to `POST /v1/sync` goes through `alter`; counts what was asked."""

    def __init__(self, inner: httpx.AsyncBaseTransport, alter: Callable[[Told], Told]) -> None:
        self._inner, self._alter = inner, alter
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        body = b"".join([part async for part in response.aiter_raw()])
        if request.url.path != "/v1/sync" or response.status_code != httpx.codes.OK:
            return httpx.Response(response.status_code, headers=response.headers, content=body)
        self.asked += 1
        form = media_type_of(response.headers["content-type"])
        told = json.loads(unpack_json(body, response.headers.get("content-encoding", ""), form))
        return httpx.Response(
            200, headers={"Content-Type": JSON_TYPE}, content=json.dumps(self._alter(told)).encode()
        )
