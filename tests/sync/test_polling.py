"""When an idle laptop asks for news: never all at once, and by the time that it has shown."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

import httpx
import pytest
from sqlalchemy import Connection

from bravetui.base.errors import StorageFull
from bravetui.base.runner import InlineRunner
from bravetui.sync.client import CentralClient
from bravetui.sync.policy import LISTENING_POLLS, POLL_JITTER, poll_in_s, stream_wait_s
from bravetui.sync.progress import Sending, SyncEvent, Waiting
from bravetui.sync.worker import POLL_S, Worker
from bravetui.views.status import log, sync_summary
from tests.support.world import ADDRESS, World


def test_a_poll_comes_up_to_a_fifth_sooner_or_later_than_its_pause() -> None:
    for listening, pause_s in ((False, POLL_S), (True, POLL_S * LISTENING_POLLS)):
        drawn = [poll_in_s(POLL_S, listening=listening) / pause_s for _ in range(2_000)]
        assert 1 - POLL_JITTER <= min(drawn) < 1 - 0.9 * POLL_JITTER
        assert 1 + 0.9 * POLL_JITTER < max(drawn) <= 1 + POLL_JITTER
        assert 0.98 < sum(drawn) / len(drawn) < 1.02


def test_a_hundred_laptops_that_come_in_one_second_are_spread_out_after_a_few_polls() -> None:
    """Nor do those whose stream of news a restart of central has ended."""
    polls = [list(accumulate(poll_in_s(POLL_S, listening=False) for _ in range(10))) for _ in range(100)]
    in_one_second = [max(Counter(int(each[number]) for each in polls).values()) for number in (0, 9)]
    assert in_one_second[0] < 40
    assert in_one_second[1] < 20
    streams = Counter(int(stream_wait_s(6)) for _ in range(100))
    assert max(streams.values()) < 20


async def test_an_idle_laptop_s_contacts_are_never_the_same_time_apart(world: World) -> None:
    here = await world.laptop("a", "carlos")
    assert await here.sync()
    contacts: list[datetime] = []
    end = world.clock.now() + timedelta(minutes=20)

    def told(event: SyncEvent) -> None:
        if isinstance(event, Sending):
            contacts.append(event.at)

    async def sleep(pause_s: float) -> None:
        world.clock.advance(seconds=pause_s)
        if world.clock.now() >= end:
            worker.stop()
        await asyncio.sleep(0)

    client = CentralClient(ADDRESS, here.laptop.prover(), transport=here.line)
    worker = Worker(here.store, client, told, InlineRunner(), sleep=sleep)
    with suppress(asyncio.CancelledError):
        await worker.watch()
    await worker.close()
    apart = [(then - now).total_seconds() for now, then in pairwise(contacts)]
    assert len(apart) > 25
    assert len(set(apart)) == len(apart)
    assert all((1 - POLL_JITTER) * POLL_S <= one <= (1 + POLL_JITTER) * POLL_S + 1 for one in apart)


async def test_after_a_full_disk_it_asks_again_by_the_time_that_is_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause that could not be written down is not kept in memory alone, longer than is shown."""
    here = await world.laptop("a", "carlos")
    assert await here.sync()
    events: list[SyncEvent] = []
    right = here.store.maintain

    @contextmanager
    def maintain() -> Iterator[Connection]:
        with right() as connection:
            yield connection
            if not any(isinstance(event, Waiting) for event in events):
                raise StorageFull("The disk is full.", "Free some room on this disk.")

    async def sleep(pause_s: float) -> None:
        world.clock.advance(seconds=pause_s)
        if any(isinstance(event, Sending) for event in events):
            worker.stop()
        await asyncio.sleep(0)

    monkeypatch.setattr(here.store, "maintain", maintain)
    client = CentralClient(ADDRESS, here.laptop.prover(), transport=here.line)
    worker = Worker(here.store, client, events.append, InlineRunner(), sleep=sleep)
    await worker.watch()
    await worker.close()
    shown = next(event.until for event in events if isinstance(event, Waiting))
    tried = next(event.at for event in events if isinstance(event, Sending))
    assert shown <= tried < shown + timedelta(seconds=1)


async def test_a_moment_of_full_disk_is_waited_out_for_a_minute_and_is_not_the_line_s_fault(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reserve has made room, so the pause itself is written down: every window says the disk, and when it is tried."""
    here = await world.laptop("a", "carlos")
    assert await here.sync()
    here.create("violation", {"description": "fence"})
    events: list[SyncEvent] = []
    right, full = here.store.maintain, [True]

    @contextmanager
    def maintain() -> Iterator[Connection]:
        with right() as connection:
            yield connection
            if full[0]:
                full[0] = False
                raise StorageFull("The disk is full.", "Free some room on this disk.")

    monkeypatch.setattr(here.store, "maintain", maintain)
    client = CentralClient(ADDRESS, here.laptop.prover(), transport=here.line)
    worker = Worker(here.store, client, events.append, InlineRunner())
    with pytest.raises(StorageFull):
        await worker.run_once()
    await worker.close()
    (waiting,) = (event for event in events if isinstance(event, Waiting))
    assert waiting.until - waiting.at <= timedelta(minutes=1)
    summary = sync_summary(here.store)
    assert summary.line == "up"
    assert (summary.why or "").startswith("The disk is full")
    assert log(here.store)[0].words == "No room on this laptop's disk"


async def test_a_clock_set_back_amid_an_attempt_delays_the_next_one_by_nothing(world: World) -> None:
    """What was due when it was tried is due still, whatever a clock that was ahead had written down about it."""
    here = await world.laptop("a", "carlos")
    assert await here.sync()
    events: list[SyncEvent] = []
    clock = world.clock

    class Setting(httpx.AsyncBaseTransport):
        """No line; and somebody sets the clock right."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if not any(isinstance(event, Waiting) for event in events):
                clock.set(clock.now() - timedelta(minutes=20))
            raise httpx.ConnectError("no line")

    async def sleep(pause_s: float) -> None:
        clock.advance(seconds=pause_s)
        if sum(isinstance(event, Waiting) for event in events) > 1:
            worker.stop()
        await asyncio.sleep(0)

    client = CentralClient(ADDRESS, here.laptop.prover(), transport=Setting())
    worker = Worker(here.store, client, events.append, InlineRunner(), sleep=sleep)
    worker._poll_at = clock.now()  # as the contact before has left it
    await worker.watch()
    await worker.close()
    first, second = (event for event in events[:4] if isinstance(event, Waiting))
    assert first.until <= second.at < first.until + timedelta(seconds=1)
