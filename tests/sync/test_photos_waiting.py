"""When photo bytes wait or are kept, until when, and what ends it: an older central, a busy one, a clock that was wrong."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest

from bravetui.base.errors import Transient
from bravetui.sync import carrying
from bravetui.sync.progress import Waiting
from bravetui.sync.step import Carry
from bravetui.views.status import sync_summary
from bravetui.wire.blobs import Blob, Rendition
from tests.support.world import Here, World
from tests.sync.test_photos import answer, left, same_at_another, sent, shot

ELSEWHERE = "http://central.test/v0"


def be_older(here: Here) -> list[int]:
    """Central's program knows nothing of photo bytes until the list is emptied; returns that list."""
    older, inner = [1], here.line._inner

    class Older(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if older and "/v1/blobs/" in request.url.path:
                request.url = httpx.URL(f"{ELSEWHERE}{request.url.path}")
            return await inner.handle_async_request(request)

    here.line._inner = Older()
    return older


async def test_an_older_central_is_asked_seldom_and_gets_the_photos_after_its_update(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    seeds = [*range(10, 210, 10)]
    taken = [shot(carlos, seed, 20_000) for seed in seeds]
    older, requests = be_older(carlos), sent(carlos)
    with suppress(Transient):
        await carlos.sync()
    assert len(requests) <= carrying.BYTES.batch_changes_max, (
        "one step is enough to learn that nobody takes photos there"
    )
    assert left(carlos).photos == len(taken)
    assert set(carlos.states()) <= {"applied", "confirmed"}
    assert "older" in [event.why for event in carlos.events if isinstance(event, Waiting)][-1]
    older.clear()
    world.clock.advance(hours=1)
    assert await carlos.sync()
    await same_at_another(world, taken[0], seeds[0], 20_000)


async def test_a_central_that_asks_for_a_pause_gets_it_for_all_photos(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    for seed in range(10, 210, 10):
        shot(carlos, seed, 20_000)
    busy = httpx.Response(429, headers={"Retry-After": "600"})
    answer(carlos, lambda request: busy if "/v1/blobs/" in request.url.path else None)
    heard: list[httpx.Request] = []
    answer(carlos, lambda request: heard.append(request) if "/v1/blobs/" in request.url.path else None)
    with suppress(Transient):
        await carlos.sync()
    assert len(heard) <= carrying.BYTES.batch_changes_max


@pytest.mark.parametrize("ahead", [timedelta(days=400), timedelta(hours=5)])
async def test_a_photo_that_failed_while_the_clock_was_ahead_does_not_wait_until_then(
    world: World, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    photo = shot(carlos)
    world.clock.advance(seconds=ahead.total_seconds())
    inner = carlos.line._inner
    answer(carlos, lambda request: httpx.Response(500) if "/v1/blobs/" in request.url.path else None)
    with suppress(Transient):
        await carlos.sync()
    assert left(carlos).sick
    carlos.line._inner = inner
    world.clock.advance(seconds=-ahead.total_seconds())
    carlos.worker._poll_at = carlos.worker._pull_not_before = None
    async with asyncio.timeout(20):
        assert await carlos.sync()
    await same_at_another(world, photo)


async def test_a_photo_that_was_taken_in_while_the_clock_was_ahead_goes_at_once(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    world.clock.advance(hours=1)
    photo = shot(carlos)
    world.clock.advance(hours=-1)
    assert await carlos.sync()
    await same_at_another(world, photo)


async def test_a_turn_in_which_no_byte_may_go_is_none(world: World) -> None:
    """What is due and what goes are one question, or the loop goes round for ever with nothing to do."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    shot(carlos)
    carlos.worker._poll_at = None
    for _ in range(40):
        step = await carlos.worker._next()
        if isinstance(step, Carry):
            load = carrying.prepare(carlos.store, 64 * 1024, carrying.ALL)
            assert load.parts or load.unasked or load.damaged
        await carlos.worker._go_on() if not hasattr(step, "until") else world.clock.advance(seconds=30)
    assert sync_summary(carlos.store).photos.photos == 0


async def test_a_laptop_that_was_shut_while_central_was_put_back_asks_before_it_lets_go_of_anything(
    world: World,
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    assert await carlos.sync()
    with world.backup_of_central() as backup:
        photo = shot(carlos)
        assert await carlos.sync()
        carlos.close()
        world.laptops.remove(carlos)
        with world.restored(backup):
            world.clock.advance(days=9)
            again = world.open(carlos.folder)
            for _ in range(3):
                world.clock.advance(minutes=10)
                await again.sync()
            await same_at_another(world, photo)


async def test_a_week_after_central_has_signed_a_contact_makes_room(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    photo = shot(carlos)
    assert await carlos.sync()
    assert len(carlos.store.photos.kept()) == 3
    world.clock.advance(days=8)
    assert await carlos.sync()
    assert [*carlos.store.photos.kept()] == [Blob(photo, Rendition.THUMBNAIL)]
