"""Laptops that were started together do not come to central together for ever."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

from bravetui.base.runner import InlineRunner
from bravetui.sync.client import CentralClient
from bravetui.sync.policy import LISTENING_POLLS, POLL_JITTER, poll_in_s, stream_wait_s
from bravetui.sync.progress import Sending, SyncEvent
from bravetui.sync.worker import POLL_S, Worker
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

    client = CentralClient(ADDRESS, here.store.identity.token, transport=here.line)
    worker = Worker(here.store, client, told, InlineRunner(), sleep=sleep)
    with suppress(asyncio.CancelledError):
        await worker.watch()
    await worker.close()
    apart = [(then - now).total_seconds() for now, then in pairwise(contacts)]
    assert len(apart) > 25
    assert len(set(apart)) == len(apart)
    assert all((1 - POLL_JITTER) * POLL_S <= one <= (1 + POLL_JITTER) * POLL_S + 1 for one in apart)
