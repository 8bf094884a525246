"""What sync does to a battery, in counts: wake-ups of an idle hour, and for how long the machine is kept awake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bravetui.base.errors import Transient
from bravetui.base.runner import InlineRunner
from bravetui.sync import power as power_module
from bravetui.sync import worker as worker_module
from bravetui.sync.client import CentralClient
from bravetui.sync.exchange import take
from bravetui.sync.power import SystemPower, awake
from bravetui.sync.progress import Sending, SyncEvent
from bravetui.sync.worker import BATTERY_THRIFT, Worker
from tests.support.world import ADDRESS, Here, World


class Battery:
    """A laptop on its battery, or not; counts how often it is kept awake and let go."""

    def __init__(self, *, plugged: bool) -> None:
        self.plugged, self.held, self.let_go = plugged, 0, 0

    def on_battery(self) -> bool:
        return not self.plugged

    def keep_awake(self) -> Callable[[], None]:
        self.held += 1

        def release() -> None:
            self.let_go += 1

        return release


async def idle_hour(world: World, here: Here, power: Battery) -> tuple[int, int]:
    """(wake-ups, contacts) of an hour in which nothing happens."""
    wakes, events = 0, list[SyncEvent]()
    end = world.clock.now() + timedelta(hours=1)

    async def sleep(pause_s: float) -> None:
        nonlocal wakes
        wakes += 1
        world.clock.advance(seconds=pause_s)
        if world.clock.now() >= end:
            worker.stop()
        await asyncio.sleep(0)

    client = CentralClient(ADDRESS, here.laptop.prover(), transport=here.line)
    worker = Worker(here.store, client, events.append, InlineRunner(), sleep=sleep, power=power)
    with suppress(asyncio.CancelledError):
        await worker.watch()
    await worker.close()
    return wakes, sum(isinstance(event, Sending) for event in events)


async def test_an_idle_hour_on_battery_wakes_the_laptop_less_often(world: World) -> None:
    here = await world.laptop("a", "carlos")
    assert await here.sync()
    mains = await idle_hour(world, here, Battery(plugged=True))
    battery = await idle_hour(world, here, Battery(plugged=False))
    assert battery[0] * (BATTERY_THRIFT - 1) < mains[0]
    assert battery[1] * (BATTERY_THRIFT - 1) < mains[1]


async def test_work_does_not_wait_because_of_the_battery(world: World) -> None:
    here = await world.laptop("a", "carlos")
    assert await here.sync()
    here.create("violation", {"description": "fence down"})
    client = CentralClient(ADDRESS, here.laptop.prover(), transport=here.line)
    worker = Worker(here.store, client, lambda event: None, InlineRunner(), power=Battery(plugged=False))
    assert await worker.run_once()
    await worker.close()


async def test_the_machine_is_kept_awake_only_by_what_takes_long_and_only_as_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(power_module, "AWAKE_AFTER_S", 0.05)
    battery = Battery(plugged=True)
    async with awake(battery):
        await asyncio.sleep(0)
    assert (battery.held, battery.let_go) == (0, 0)
    with pytest.raises(RuntimeError, match="cut"):
        async with awake(battery):
            await asyncio.sleep(0.2)
            assert (battery.held, battery.let_go) == (1, 0)
            raise RuntimeError("cut")
    assert (battery.held, battery.let_go) == (1, 1)


async def test_a_laptop_that_syncs_keeps_the_machine_awake_while_bytes_move_and_not_a_moment_longer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not while the answer is written down, not while it waits, and not after a line that broke."""
    monkeypatch.setattr(power_module, "AWAKE_AFTER_S", 0.0)
    here, battery = await world.laptop("a", "carlos"), Battery(plugged=True)
    here.worker._power = battery
    moving, writing = list[int](), list[int]()
    ask = here.line.handle_async_request

    async def slow(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.02)
        moving.append(battery.held - battery.let_go)
        return await ask(request)

    def taking(*told: Any) -> Any:
        writing.append(battery.held - battery.let_go)
        return take(*told)

    monkeypatch.setattr(here.line, "handle_async_request", slow)
    monkeypatch.setattr(worker_module, "take", taking)
    here.create("violation", {"description": "fence down"})
    assert await here.sync()
    assert (set(moving), set(writing)) == ({1}, {0})
    here.line.cut()
    here.create("violation", {"description": "inlet full"})
    with pytest.raises(Transient):
        await here.sync()
    assert battery.held == battery.let_go == len(moving)


async def test_an_idle_hour_keeps_no_machine_awake(world: World) -> None:
    here, battery = await world.laptop("a", "carlos"), Battery(plugged=True)
    assert await here.sync()
    _, contacts = await idle_hour(world, here, battery)
    assert contacts > 0
    assert battery.held == 0


def test_a_machine_that_will_not_be_kept_awake_is_no_error() -> None:
    """As here, most likely: no desktop, no battery."""
    let_go = SystemPower().keep_awake()
    let_go()
    assert SystemPower().on_battery() in (True, False)
