"""PostgreSQL killed under load, then failed over to a stale copy: nothing that anybody typed is missing, or doubled."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bravetui.base.errors import BravetuiError
from bravetui.db.device import OutboxState
from tests.support.postgres import DURABLE, TestServer
from tests.support.world import Here, World, a_world

LAPTOPS = (("a", "carlos"), ("b", "dana"))
KILLED_AFTER_S = (0.03, 0.12)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """On a server of its own, whose commits are durable."""
    with TestServer.running(DURABLE) as server, a_world(server, tmp_path) as made:
        yield made


def type_some(here: Here, count: int, typed: list[str]) -> None:
    for _ in range(count):
        words = f"finding {len(typed)} of {here.folder.name}"
        here.create("violation", {"description": words})
        typed.append(words)


async def sync_while_it_dies(world: World, here: Here, after_s: float) -> None:
    """Push until PostgreSQL is gone, then bring it back."""
    killer = threading.Timer(after_s, world.server.kill)
    killer.start()
    with suppress(BravetuiError):  # what it says is tested elsewhere; here counts what is there afterwards
        await here.sync()
    killer.join()
    world.server.start_again()


async def sync_all(laptops: list[Here]) -> None:
    for _ in range(2):
        for here in laptops:
            here.worker.ask_now()
            with here.store.maintain() as connection:
                connection.exec_driver_sql("UPDATE lane_state SET next_attempt_at = NULL")
            await here.sync()


def held(world: World) -> Counter[str]:
    """What central's records say, each once for each record that says it."""
    records = world.central_records().items()
    return Counter(
        str(one.state.values()["description"]) for (_, kind, _), one in records if kind == "violation"
    )


async def test_killed_under_load_and_failed_over_to_a_stale_copy_nothing_is_missing(world: World) -> None:
    laptops = [await world.laptop(name, user) for name, user in LAPTOPS]
    typed: list[str] = []
    await sync_all(laptops)
    for here in laptops:
        type_some(here, 10, typed)
    await sync_all(laptops)
    with world.backup_of_central() as stale:
        for after_s in KILLED_AFTER_S:
            for here in laptops:
                type_some(here, 40, typed)
                await sync_while_it_dies(world, here, after_s)
        await sync_all(laptops)
        assert held(world) == Counter(typed)
        assert all(not here.outbox(OutboxState.PENDING, OutboxState.SENT) for here in laptops)
        type_some(laptops[0], 5, typed)
        await sync_while_it_dies(world, laptops[0], KILLED_AFTER_S[0])
        type_some(laptops[1], 5, typed)
        with world.restored(stale):
            await sync_all(laptops)
            assert held(world) == Counter(typed)
            assert laptops[0].records() == laptops[1].records()
