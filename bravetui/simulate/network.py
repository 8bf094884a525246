"""The line between one laptop and central, with everything that lines, proxies and portals do to a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import httpx

from bravetui.simulate.chaos import Chaos
from bravetui.wire.codec import decode, encode, media_type_of
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome, Row, SyncAnswer, SyncRequest, Verdict

LATENCY_S = 0.08
SLOW_BYTES_PER_S = 2000
LATE_S_MAX = 3 * 86_400
"""A request that a proxy kept may arrive once more, up to three days later."""

STRANGE_KIND = "drone_flight"
"""A kind of record that only a newer central knows."""

Headers = Mapping[str, str]
Reply = tuple[int, Headers, bytes]
Deliver = Callable[[str, str, Headers, bytes], Awaitable[Reply]]
"""Brings (method, path, headers, body) to central. Raises ConnectionError when central is down, or dies over it."""


class Strange(NamedTuple):
    """A record of a newer kind, and up to where its page goes."""

    record_id: str
    scope_id: str
    after: int


class FaultyLine(httpx.AsyncBaseTransport):
    """One laptop's way to central."""

    def __init__(self, chaos: Chaos, deliver: Deliver) -> None:
        self._chaos, self._deliver = chaos, deliver
        self.is_up = True
        self.is_calm = False
        """Whether nothing befalls it just now."""
        self.requests = self.bytes = 0
        self.carried = self.carrying = 0
        """Requests about photo bytes that were begun, and that are under way."""
        self.brought: dict[int, Strange] = {}
        """Records of a newer kind by the size of the answer that they came in, which the laptop may take or never hear."""
        self._late: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not is_of_bytes(request.url.path):
            return await self._asked(request)
        self.carried, self.carrying = self.carried + 1, self.carrying + 1
        try:
            return await self._asked(request)
        finally:
            self.carrying -= 1

    async def _asked(self, request: httpx.Request) -> httpx.Response:
        if not self.is_up or self._happens("no line"):
            raise httpx.ConnectError("no line", request=request)
        body = await request.aread()
        self.requests += 1
        # What a bundle's answer is compressed to hangs on random keys, and a story's times on the seed alone.
        slow = self._happens("slow line") and not request.url.path.endswith("/bundles")
        await asyncio.sleep(LATENCY_S + (len(body) / SLOW_BYTES_PER_S if slow else 0))
        if self._happens("request cut"):
            await self._ignored(request, body[: self._somewhere(body)])
            raise httpx.WriteError("the line broke", request=request)
        status, headers, raw = self._instead(request, body) or await self._answered(request, body)
        self.bytes += len(body) + len(raw)
        await asyncio.sleep(LATENCY_S + (len(raw) / SLOW_BYTES_PER_S if slow else 0))
        cut = self._somewhere(raw) if self._happens("answer cut") else None
        if cut is not None:
            self.brought.pop(len(raw), None)  # another answer of the same size would pass for it
        return httpx.Response(status, headers=headers, stream=_Arriving(raw, cut, request))

    def _happens(self, fault: str) -> bool:
        return not self.is_calm and self._chaos.happens(fault)

    def _somewhere(self, sent: bytes) -> int:
        """A place in it; the dice fall as often whatever its length is."""
        return int(self._chaos.dice.random() * len(sent))

    async def aclose(self) -> None:
        """Nothing is held open; what a proxy kept still arrives."""

    def forget(self) -> None:
        """Drop what a proxy still keeps: the story is over."""
        for task in self._late:
            task.cancel()

    async def _answered(self, request: httpx.Request, body: bytes) -> Reply:
        if self._happens("request late again"):
            late = asyncio.create_task(
                self._late_again(request, body, self._chaos.dice.random() * LATE_S_MAX)
            )
            self._late.add(late)
            late.add_done_callback(self._late.discard)
        if self._happens("request doubled"):
            await self._ignored(request, body)
        try:
            status, headers, raw = await self._deliver(
                request.method, request.url.path, request.headers, body
            )
        except ConnectionError as error:
            raise httpx.ReadError("central is gone", request=request) from error
        if status == 200 and request.url.path.endswith("/sync") and self._happens("newer row"):
            raw, brought = with_strange_row(headers, raw)
            if brought is not None:
                self.brought[len(raw)] = brought
            headers = {**headers, "content-length": str(len(raw))}  # or it would pass for one that was cut
        return status, headers, raw

    async def _late_again(self, request: httpx.Request, body: bytes, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self._ignored(request, body)

    async def _ignored(self, request: httpx.Request, body: bytes) -> None:
        """Central hears it, nobody hears the answer."""
        with suppress(ConnectionError):
            await self._deliver(request.method, request.url.path, request.headers, body)

    def _instead(self, request: httpx.Request, body: bytes) -> Reply | None:
        """What answers in central's place, if anything does."""
        if self._happens("central unwell"):
            return 503, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>"
        if self._happens("central busy"):
            return 429, {"retry-after": "40"}, b"later"
        if self._happens("sign-in page"):
            return 200, {"content-type": "text/html"}, b"<html>Welcome to the motel. Sign in.</html>"
        if request.url.path.endswith("/sync") and self._happens("forged answer"):
            return (
                200,
                {"content-type": "application/json"},
                forged(body, request.headers),
            )
        return None


def is_of_bytes(path: str) -> bool:
    """Whether a request is about photo bytes."""
    return path.startswith("/v1/blobs/")


class _Arriving(httpx.AsyncByteStream):
    """An answer, or its beginning."""

    def __init__(self, raw: bytes, cut: int | None, request: httpx.Request) -> None:
        self._raw, self._cut, self._request = raw, cut, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._raw[: self._cut]
        if self._cut is not None:
            raise httpx.ReadError("the line broke", request=self._request)


def forged(body: bytes, headers: Headers) -> bytes:
    """A friendly answer to a request, by somebody who is not central: everything applied, nothing signed."""
    form = media_type_of(headers.get("content-type", ""))
    request = decode(SyncRequest, body, headers["content-encoding"], form)
    verdicts = tuple(
        Verdict(dot=change.dot, hash=change.hash, outcome=Outcome.APPLIED, seq=1, at=request.sent_at, epoch=request.epoch)
        for batch in request.push
        for change in batch.changes
    )  # fmt: skip
    counted = tuple(
        (change.dot.counter, change.dot.counter) for batch in request.push for change in batch.changes
    )
    checkpoint = {"device": request.device, "epoch": request.epoch, "held": counted, "at": request.sent_at}
    answer = SyncAnswer.model_validate(
        {"epoch": request.epoch, "now": request.sent_at, "verdicts": verdicts, "checkpoint": checkpoint}
    )
    return encode(answer, "identity")


def with_strange_row(headers: Headers, raw: bytes) -> tuple[bytes, Strange | None]:
    """Central's answer with a record of a kind that this version does not know, and that record; None where it has no room
    for one."""
    encoding, form = headers.get("content-encoding", ""), media_type_of(headers.get("content-type", ""))
    answer = decode(SyncAnswer, raw, encoding, form)
    pages, brought = list(answer.pages), None
    for place, page in enumerate(pages):
        if page.lane is Lane.CRITICAL and page.after:
            told = {
                "kind": STRANGE_KIND, "id": f"flight-{page.after}", "seq": page.after, "whole": True, "version": {"1": 1},
                "stamps": [{"dots": ["1.1"], "hlc": "000000000000001", "cells": {"height_m": 12}}],
            }  # fmt: skip
            row = Row.model_validate(told)
            brought = Strange(row.id, page.scope_id, page.after)
            pages[place] = page.model_copy(update={"rows": (*page.rows, row)})
            break
    changed = answer.model_copy(update={"pages": tuple(pages)})
    return encode(changed, encoding or "identity", media_type=form), brought
