"""A laptop that listens: news arrive by themselves, nobody misses a stream that fails, a network that returns is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.errors import Transient
from bravetui.base.runner import InlineRunner
from bravetui.central.app import make_app
from bravetui.central.serve import serving
from bravetui.central.service import Writing
from bravetui.db.kinds import KINDS
from bravetui.db.records import load
from bravetui.sync import worker as worker_module
from bravetui.sync.client import CentralClient
from bravetui.sync.network import way_out
from bravetui.sync.news import LINE_BYTES_MAX, Events, Listener, News
from bravetui.sync.progress import Exchanged, SyncEvent, Waiting
from bravetui.sync.worker import Worker
from bravetui.wire.lanes import Lane
from tests.support.central import PROJECT
from tests.support.world import ADDRESS, Here, World

SOON_S = 15.0
STREAM = b': \n\nevent: news\ndata: {"scope_id":"site","seq":7}\n\nevent: news\r\ndata: {"scope_id":"org","seq":2}\r\n\r\n'


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not holds():  # noqa: ASYNC110 -- what is waited for is in tables
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watching(worker: Worker) -> AsyncIterator[None]:
    task = asyncio.ensure_future(worker.watch())
    try:
        yield
    finally:
        await worker.close()
        await task


@pytest.fixture
def address(world: World) -> Iterator[str]:
    site = world.site
    with serving(make_app(site.engine, site.central.keys, site.clock, site.central.ids)) as where:
        yield where


def listening(here: Here, address: str, events: list[SyncEvent]) -> Worker:
    """Time stands still for it: no poll falls due, so what it fetches it was told of."""
    client = CentralClient(address, here.laptop.prover())
    return Worker(here.store, client, events.append, InlineRunner(), listens=True)


def contacts(events: list[SyncEvent]) -> int:
    return sum(isinstance(event, Exchanged) for event in events)


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=8))
def test_a_stream_cut_anywhere_says_the_same(cuts: list[int]) -> None:
    reader, found, last = Events(), [], 0
    for cut in [*sorted(cuts), len(STREAM)]:
        found += reader.feed(STREAM[last:cut])
        last = cut
    assert found == [None, News("site", 7), News("org", 2)]


@pytest.mark.parametrize(
    "body", [b"data: rubbish\n", b'data: {"scope_id":1}\n', b"data: 7\n", b"x" * (LINE_BYTES_MAX + 1)]
)
def test_what_is_no_stream_of_news_is_refused_and_not_kept(body: bytes) -> None:
    with pytest.raises(Transient):
        Events().feed(body)


async def test_a_colleague_s_change_is_here_in_a_moment_though_no_poll_is_due(
    world: World, address: str
) -> None:
    carlos, events = await world.laptop("one", "carlos"), list[SyncEvent]()
    await carlos.sync()
    worker = listening(carlos, address, events)
    async with watching(worker):
        await until(lambda: worker.is_listening)
        world.site.central.publish(PROJECT, [Writing("inspection", "i1", {"note": "flooded"})])

        def is_here() -> bool:
            with carlos.store.read() as connection:
                return load(connection, KINDS["inspection"], PROJECT, "i1") is not None

        await until(is_here)


async def test_one_s_own_changes_are_no_news(world: World, address: str) -> None:
    carlos, events = await world.laptop("one", "carlos"), list[SyncEvent]()
    await carlos.sync()
    worker = listening(carlos, address, events)
    async with watching(worker):
        await until(lambda: worker.is_listening)
        await asyncio.sleep(0.5)
        before = contacts(events)
        carlos.create("inspection", {"note": "x"})
        worker.nudge()
        await until(lambda: contacts(events) > before)
        await asyncio.sleep(1.5)
        assert contacts(events) == before + 1


async def test_a_proxy_that_eats_the_stream_costs_nothing_but_the_stream(world: World) -> None:
    carlos = await world.laptop("one", "carlos")

    class Eating(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/v1/news":
                await asyncio.sleep(3600)
            return await world.app.handle_async_request(request)

    client, events = (
        CentralClient(ADDRESS, carlos.laptop.prover(), transport=Eating()),
        list[SyncEvent](),
    )
    worker = Worker(carlos.store, client, events.append, InlineRunner(), listens=True)
    async with watching(worker):
        await until(lambda: contacts(events) >= 1)
        carlos.create("inspection", {"note": "x"})
        before = contacts(events)
        worker.nudge()
        await until(lambda: contacts(events) > before)
        assert not worker.is_listening


async def test_a_stream_that_fails_is_tried_again_after_growing_pauses_and_only_while_the_line_is_up() -> (
    None
):
    tries, slept = [], list[float]()

    class Broken:
        async def news(self) -> AsyncIterator[News | None]:
            tries.append(1)
            raise Transient("No stream.")
            yield None

    async def sleep(pause_s: float) -> None:
        slept.append(pause_s)
        await asyncio.sleep(0)

    listener = Listener(Broken(), lambda news: None, lambda: None, sleep)
    task = asyncio.ensure_future(listener.listen())
    await asyncio.sleep(0.01)
    assert not tries
    listener.line(up=True)
    await until(lambda: len(tries) > 200)
    listener.line(up=False)
    await asyncio.sleep(0.01)
    settled = len(tries)
    await asyncio.sleep(0.01)
    assert len(tries) == settled
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert max(slept[:3]) <= 8.0
    assert sum(slept[100:]) / len(slept[100:]) > 60.0


def test_asking_for_the_way_out_needs_no_network_and_says_addresses() -> None:
    assert all("." in address or ":" in address for address in way_out())


def paused(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, every failure is followed by an hour's pause."""
    monkeypatch.setattr(worker_module, "wait_s", lambda *told: 3600.0)


def attempts(events: list[SyncEvent]) -> int:
    return sum(isinstance(event, Exchanged | Waiting) for event in events)


async def test_a_network_that_comes_back_is_noticed_without_waiting_for_the_pause(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused(monkeypatch)
    carlos = await world.laptop("one", "carlos")
    carlos.create("inspection", {"note": "x"})
    carlos.line.cut()
    networks, events = list[str](), list[SyncEvent]()
    client = CentralClient(ADDRESS, carlos.laptop.prover(), transport=carlos.line)
    worker = Worker(
        carlos.store, client, events.append, InlineRunner(), way_out=lambda: tuple(networks),
        sleep=lambda pause_s: asyncio.sleep(0.002 if pause_s <= worker_module.LOOK_S else 3600),
    )  # fmt: skip
    async with watching(worker):
        await until(lambda: attempts(events) == 1)
        await asyncio.sleep(0.1)
        assert attempts(events) == 1, "nothing has changed, so nothing is tried"
        networks.append("192.168.1.7")
        await until(lambda: attempts(events) == 2)
        await asyncio.sleep(0.1)
        assert attempts(events) == 2, "tried once a network, not at every look"
        carlos.line.restore()
        networks[:] = ["10.0.0.3"]
        await until(lambda: contacts(events) >= 1)
    assert carlos.states()[0] in ("applied", "confirmed")


async def test_an_alert_is_tried_at_once_in_the_middle_of_a_pause_and_another_save_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused(monkeypatch)
    carlos, events = await world.laptop("one", "carlos"), list[SyncEvent]()
    await carlos.sync()
    carlos.create("inspection", {"note": "waits"})
    carlos.line.cut()
    client = CentralClient(ADDRESS, carlos.laptop.prover(), transport=carlos.line)
    worker = Worker(carlos.store, client, events.append, InlineRunner())
    async with watching(worker):
        await until(lambda: attempts(events) == 1)
        world.clock.advance(seconds=10)
        carlos.create("inspection", {"note": "x"})
        carlos.create("weather_event", {"rain_hundredths": 24})
        worker.nudge()
        await asyncio.sleep(0.2)
        assert attempts(events) == 1
        carlos.create("safety_alert", {"title": "Gas"})
        worker.nudge()
        await until(lambda: attempts(events) == 2)
        worker.nudge()
        await asyncio.sleep(0.2)
        assert attempts(events) == 2
        world.clock.advance(seconds=10)
        carlos.create("weather_event", {"rain_hundredths": 25})
        carlos.line.restore()
        worker.nudge()
        await until(lambda: contacts(events) >= 1)


async def test_rain_and_alerts_queued_last_are_first_in_central_s_ledger(world: World) -> None:
    carlos = await world.laptop("one", "carlos")
    await carlos.sync()
    carlos.create("submission", {"template_id": "form-1"})
    inspections = [carlos.create("inspection", {"note": str(number)}) for number in range(120)]
    drizzle = carlos.create("weather_event", {"rain_hundredths": 10})
    rain = carlos.create("weather_event", {"rain_hundredths": 20})
    carlos.edit("weather_event", rain, rain_hundredths=30)
    storm = carlos.create("inspection", {"weather_event_id": rain, "kind": "storm"})
    alert = carlos.create("safety_alert", {"title": "Gas"})
    await carlos.sync()
    order = [change.record_id for change in world.ledger() if change.dot.device == carlos.device]
    assert order[:3] == [rain, storm, alert]
    assert order[3:-1] == [*inspections, drizzle]
    assert Lane.CRITICAL.value == KINDS["safety_alert"].lane
