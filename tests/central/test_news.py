"""News over real HTTP: who hears what, when a stream ends, and that central stops with streams open."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from bravetui.central import news
from bravetui.central.app import make_app
from bravetui.central.serve import serving
from bravetui.central.service import Writing, revoke
from tests.support.central import ORGANIZATION, OTHER_PROJECT, PROJECT, STRANGE_PROJECT, Laptop, Site

SOON_S = 15.0
"""Far longer than any event takes here."""


@pytest.fixture
def app(site: Site, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(news, "KEEPALIVE_S", 0.3)
    return make_app(site.engine, site.central.keys, site.clock, site.central.ids)


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    with serving(app) as where:
        yield where


class Heard:
    """A stream as a laptop reads it."""

    def __init__(self, response: httpx.Response) -> None:
        self.response, self._lines = response, response.aiter_lines()

    async def event(self) -> tuple[str, int]:
        """The next event's scope and number."""
        async with asyncio.timeout(SOON_S):
            async for line in self._lines:
                if line.startswith("data: "):
                    told = json.loads(line.removeprefix("data: "))
                    return told["scope_id"], told["seq"]
        raise EOFError

    async def until(self, scope_id: str) -> int:
        """The next number of that scope."""
        while True:
            scope, seq = await self.event()
            if scope == scope_id:
                return seq

    async def comment(self) -> None:
        async with asyncio.timeout(SOON_S):
            async for line in self._lines:
                if line.startswith(":"):
                    return


@asynccontextmanager
async def listening(address: str, laptop: Laptop) -> AsyncIterator[Heard]:
    """A stream, its first events read."""
    headers = laptop.headers("/v1/news", "GET", address)
    async with (
        httpx.AsyncClient(base_url=address, headers=headers, timeout=SOON_S) as client,
        client.stream("GET", "/v1/news") as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Heard(response)


def publish(site: Site, scope_id: str, record_id: str) -> int:
    (verdict,) = site.central.publish(scope_id, [Writing("inspection", record_id, {"note": "x"})])
    return verdict.seq


async def test_a_change_is_heard_of_at_once_by_who_may_see_it(site: Site, address: str) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    async with listening(address, dana) as heard:
        assert {(await heard.event())[0] for _ in range(2)} == {ORGANIZATION, PROJECT}
        began = time.monotonic()
        (verdict,) = carlos.sync(carlos.change("i1", {"note": "flooded"})).verdicts
        assert await heard.until(PROJECT) == verdict.seq
        assert time.monotonic() - began < 5


async def test_nobody_hears_of_a_scope_that_is_not_his(site: Site, address: str) -> None:
    carlos = site.laptop("carlos")
    async with listening(address, carlos) as heard:
        assert {(await heard.event())[0] for _ in range(2)} == {ORGANIZATION, PROJECT}
        publish(site, OTHER_PROJECT, "i1")
        publish(site, STRANGE_PROJECT, "i2")
        publish(site, PROJECT, "i3")
        assert (await heard.event())[0] == PROJECT


async def test_a_permission_taken_away_is_gone_from_the_stream_too(site: Site, address: str) -> None:
    carlos = site.laptop("carlos")
    async with listening(address, carlos) as heard:
        for _ in range(2):
            await heard.event()
        with site.engine.begin() as connection:
            connection.execute(text("UPDATE project_member SET deleted = true WHERE user_id = 'carlos'"))
        publish(site, PROJECT, "i1")
        site.central.publish(ORGANIZATION, [Writing("crew", "c1", {"name": "Night"})])
        assert (await heard.event())[0] == ORGANIZATION


async def test_the_stream_of_a_revoked_laptop_ends(site: Site, address: str) -> None:
    carlos = site.laptop("carlos")
    async with listening(address, carlos) as heard:
        revoke(site.engine, carlos.device, site.clock.now())
        with pytest.raises(EOFError):
            await heard.until("never")


async def test_what_is_rolled_back_is_never_news(site: Site, address: str) -> None:
    carlos = site.laptop("carlos")
    async with listening(address, carlos) as heard:
        for _ in range(2):
            await heard.event()
        with pytest.raises(Exception, match="unknown"):
            site.central.publish(
                PROJECT, [Writing("inspection", "i1", {"note": "x"}), Writing("inspection", "i2", {"unknown": 1})]
            )  # fmt: skip
        seq = publish(site, PROJECT, "i3")
        assert await heard.until(PROJECT) == seq


async def test_a_silent_stream_shows_that_it_lives(site: Site, address: str) -> None:
    async with listening(address, site.laptop("carlos")) as heard:
        await heard.comment()
        await heard.comment()


async def test_a_newer_stream_of_a_laptop_ends_the_one_before(site: Site, app: FastAPI, address: str) -> None:
    carlos = site.laptop("carlos")
    async with listening(address, carlos) as old, listening(address, carlos) as new:
        with pytest.raises(EOFError):
            await old.until("never")
        await new.comment()
        assert app.state.newsroom.count == 1


async def test_streams_are_counted_and_the_one_too_many_is_told_to_come_back(
    site: Site, app: FastAPI, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "STREAMS_MAX", 1)
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    headers = dana.headers("/v1/news", "GET", address)
    async with listening(address, carlos), httpx.AsyncClient(base_url=address, headers=headers) as client:
        refused = await client.get("/v1/news")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
    async with asyncio.timeout(SOON_S):
        while app.state.newsroom.count:  # noqa: ASYNC110 -- the server has no event for it
            await asyncio.sleep(0.05)
    async with listening(address, dana) as heard:
        await heard.event()


async def test_a_database_that_goes_away_ends_the_streams(site: Site, address: str) -> None:
    async with listening(address, site.laptop("carlos")) as heard:
        await heard.event()
        with site.engine.begin() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                     "WHERE application_name = 'bravetui-news' AND datname = current_database()")
            )  # fmt: skip
        with pytest.raises(EOFError):
            await heard.until("never")
    async with listening(address, site.laptop("carlos")) as heard:
        await heard.event()


async def test_central_stops_at_once_with_streams_open(site: Site, app: FastAPI) -> None:
    running = serving(app)
    where = running.__enter__()
    async with listening(where, site.laptop("carlos")) as heard:
        await heard.event()
        began = time.monotonic()
        await asyncio.to_thread(running.__exit__, None, None, None)
        assert time.monotonic() - began < 5
        with pytest.raises(EOFError):
            await heard.until("never")
