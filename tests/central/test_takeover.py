"""A real PostgreSQL behind real HTTP, killed under load, and a stale copy of it that takes over under its address: after
the next syncs nothing is missing of what was typed, confirmed or not, and nothing is doubled."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bravetui.base import fault
from bravetui.base.errors import BravetuiError, Transient
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from tests.support.central import PROJECT
from tests.support.postgres import TestServer
from tests.support.world import Here, World, a_world, findings, sync_all

LAPTOPS = (("a", "carlos"), ("b", "dana"), ("c", "carlos"), ("d", "olga"))
KILLED_AFTER_S = (0.05, 0.15, 0.4)


@pytest.fixture
async def world(durable: TestServer, tmp_path: Path) -> AsyncIterator[World]:
    """On a server that may be killed, and served over HTTP."""
    with a_world(durable, tmp_path) as made:
        async with made.served():
            yield made


@contextmanager
def installed(hook: Callable[[str], None]) -> Iterator[None]:
    """With that at the fault points."""
    fault.install(hook)
    try:
        yield
    finally:
        fault.install(None)


def type_some(here: Here, count: int, typed: list[str]) -> None:
    for _ in range(count):
        words = f"finding {len(typed)} of {here.folder.name}"
        here.create("violation", {"description": words})
        typed.append(words)


async def sync_while_it_dies(world: World, laptops: Iterable[Here], after_s: float) -> None:
    """All push at once until PostgreSQL is gone."""
    killer = threading.Timer(after_s, world.server.kill)
    killer.start()
    said = await asyncio.gather(*(here.sync() for here in laptops), return_exceptions=True)
    killer.join()
    assert all(isinstance(one, bool | BravetuiError) for one in said), said


@pytest.mark.parametrize("after_s", KILLED_AFTER_S)
async def test_killed_under_load_and_a_stale_copy_takes_over_and_nothing_is_missing(
    world: World, after_s: float
) -> None:
    """Who stayed away syncs with the copy first and gives the lost numbers to other work; who only read knows more; whose
    work it is comes last."""
    carlos, dana, second, olga = [await world.laptop(name, user_id) for name, user_id in LAPTOPS]
    typed: list[str] = []
    for here in world.laptops:
        type_some(here, 5, typed)
    await sync_all(world.laptops)
    with world.server.base_backup() as stale:
        for here in (carlos, second):
            type_some(here, 15, typed)
            assert await here.sync()
        shared = next(record_id for _, kind, record_id in dana.records() if kind == "violation")
        carlos.edit("violation", shared, location="lot 7")
        assert await carlos.sync()
        world.site.central.publish(PROJECT, [Writing("violation", shared, {"severity": "major"})], "olga")
        await olga.sync()
        for here in (carlos, second, olga):
            type_some(here, 40, typed)
        type_some(dana, 60, typed)
        before = world.epoch()
        await sync_while_it_dies(world, (carlos, second, olga), after_s)
        world.server.fail_over(stale)
        await sync_all([dana])
        assert world.epoch() == before, "what she knows is all there"
        await sync_all([olga, second, carlos, dana])
        await sync_all(world.laptops)
        assert world.epoch() != before
        assert findings(world) == Counter(typed)
        told = world.central_records()[PROJECT, "violation", shared].state.values()
        assert (told["location"], told["severity"]) == ("lot 7", "major")
        assert all(set(here.states()) == {OutboxState.CONFIRMED} for here in world.laptops)
        held = [here.records() for here in world.laptops]
        assert held[0] == held[1] == held[2]
        assert held[0].items() <= held[3].items(), "the office sees more projects"


async def test_killed_again_and_again_and_started_again_nothing_is_missing_or_doubled(world: World) -> None:
    """No failover here: PostgreSQL recovers what it had acknowledged, and no epoch begins."""
    carlos, dana = [await world.laptop(name, user_id) for name, user_id in LAPTOPS[:2]]
    typed: list[str] = []
    await sync_all(world.laptops)
    before = world.epoch()
    for after_s in KILLED_AFTER_S[:2]:
        for here in (carlos, dana):
            type_some(here, 40, typed)
        await sync_while_it_dies(world, (carlos, dana), after_s)
        world.server.start_again()
    await sync_all(world.laptops)
    assert findings(world) == Counter(typed)
    assert world.epoch() == before
    assert carlos.records() == dana.records()


async def test_an_exchange_that_began_on_another_server_is_asked_again(world: World) -> None:
    """Its word was held against the ledger of that one; an answer from this one would take the word away."""
    carlos = await world.laptop("a", "carlos")
    assert await carlos.sync()
    carlos.create("violation", {"description": "fence down"})

    def restarted(point: str) -> None:
        if point == "central_after_commit":
            fault.install(None)
            world.server.kill()
            world.server.start_again()

    with installed(restarted), pytest.raises(Transient, match="503"):
        await carlos.sync()
    await sync_all([carlos])
    assert findings(world) == Counter(["fence down"])
    assert set(carlos.states()) == {OutboxState.CONFIRMED}
