"""Somebody on the line who alters what central answers: he reads all of it, and has no key to sign anything anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from bravetui.wire.codec import JSON_TYPE, media_type_of, unpack_json
from tests.support.world import Here

Told = dict[str, Any]
"""An answer as JSON."""


class Tampered(httpx.AsyncBaseTransport):
    """A line on which every answer to `POST /v1/sync` goes through `alter`; counts what was asked, and is dead after
    `asked_max`."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, alter: Callable[[Told], Told], asked_max: int
    ) -> None:
        self._inner, self._alter, self._asked_max = inner, alter, asked_max
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.asked == self._asked_max:
            raise httpx.ConnectError("no line", request=request)
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


@contextmanager
def altered(here: Here, alter: Callable[[Told], Told], asked_max: int = 1000) -> Iterator[Tampered]:
    """Somebody stands on the laptop's line for a while; then its pauses are over."""
    straight = here.line._inner
    here.line._inner = line = Tampered(straight, alter, asked_max)
    yield line
    here.line._inner = straight
    here.worker.ask_now()
    with here.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE lane_state SET next_attempt_at = NULL")
