"""No answer keeps a laptop asking for ever: whoever is on the line, or a broken central, is asked so often, and then only
after a pause; nothing is lost, and an honest answer puts all right."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress

import pytest

from bravetui.sync import credible
from bravetui.sync.credible import Incredible
from bravetui.sync.progress import Waiting
from bravetui.wire.messages import Outcome, Verdict
from bravetui.wire.receipt import sign
from tests.support.central import KEYS
from tests.support.tampering import Told, altered
from tests.support.world import Here, World, findings

HUGE = 2**62
_turns = itertools.count(1)
IN_A_ROW = 20
"""As many answers in a row as are taken in these tests; no honest contact of theirs has half as many."""
ASKED_MAX = 2 * IN_A_ROW
"""With the contacts that come behind the row."""
WATCHED_MAX = 600
"""In half an hour: some thirty rows, where each pause is a minute at most; there were thousands of requests a minute."""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credible, "IN_A_ROW_MAX", IN_A_ROW)


def pages(told: Told, **values: object) -> Told:
    return {**told, "pages": [{**page, **values} for page in told.get("pages", ())]}


def never_forward(told: Told) -> Told:
    return pages(told, after=0, before=None, more=True)


def behind_the_news(told: Told) -> Told:
    return pages(told, before=HUGE, more=True)


def a_little_forward_each_time(told: Told) -> Told:
    turn = next(_turns)
    return pages(told, after=10**6 + turn, before=None, more=True)


def a_little_back_each_time(told: Told) -> Told:
    turn = next(_turns)
    return pages(told, after=HUGE, before=HUGE - turn, more=True)


def history_without_more(told: Told) -> Told:
    turn = next(_turns)
    return pages(told, after=HUGE, before=HUGE - turn, more=False)


def another_sum(told: Told) -> Told:
    return pages(told, sum="0" * 16)


def has_none_of_it(told: Told) -> Told:
    return pages(told, sum="0" * 16, strange=list(range(256)), digests={})


ENDLESS: list[Callable[[Told], Told]] = [
    never_forward, behind_the_news, a_little_forward_each_time, a_little_back_each_time, history_without_more,
    another_sum, has_none_of_it,
]  # fmt: skip


async def two(world: World) -> Here:
    """Carlos' laptop, with something to fetch and something to hand in."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    dana.create("violation", {"description": "by dana"})
    assert await dana.sync()
    carlos.create("violation", {"description": "by carlos"})
    return carlos


async def puts_right(world: World, here: Here) -> None:
    """An honest central, once all is compared again: what was written is there once, and both ends hold the same."""
    world.clock.advance(days=8)
    await here.sync()
    here.worker.ask_now()
    assert await here.sync()
    assert findings(world) == {"by dana": 1, "by carlos": 1}
    assert all(one.state == world.central_records()[key].state for key, one in here.records().items())


@pytest.mark.parametrize("alter", ENDLESS)
async def test_one_contact_comes_to_an_end(world: World, alter: Callable[[Told], Told]) -> None:
    carlos = await two(world)
    with altered(carlos, alter, asked_max=ASKED_MAX) as line, suppress(Incredible):
        await carlos.sync()
    pauses = [event for event in carlos.events if isinstance(event, Waiting)]
    assert all("cannot be true" in one.why and one.until > world.clock.now() for one in pauses)
    assert line.asked < ASKED_MAX
    await puts_right(world, carlos)


@pytest.mark.parametrize("alter", [never_forward, a_little_forward_each_time])
async def test_a_laptop_that_watches_pauses_ever_longer(world: World, alter: Callable[[Told], Told]) -> None:
    """Each row is of so many; of rows there are fewer the longer it lasts."""
    carlos = await two(world)
    ends = world.clock.now().timestamp() + 1800

    async def sleep(wait_s: float) -> None:
        world.clock.advance(seconds=wait_s + 0.001)
        if world.clock.now().timestamp() >= ends:
            carlos.worker.stop()
        await asyncio.sleep(0)

    carlos.worker._sleep = sleep
    with altered(carlos, alter, asked_max=WATCHED_MAX) as line:
        await asyncio.wait_for(carlos.worker.watch(), 120)
    assert line.asked < WATCHED_MAX
    carlos.worker._stopping = False
    await puts_right(world, carlos)


async def test_a_central_that_calls_everything_a_twins_is_asked_so_often_and_no_more(world: World) -> None:
    """It is broken, and signs it; the laptop would number its work anew for ever."""
    carlos = await two(world)
    assert await carlos.sync()
    carlos.create("violation", {"description": "another"})

    def twin(told: Told) -> Told:
        found = []
        for one in told.get("verdicts", ()):
            said = Verdict.model_validate({**one, "outcome": Outcome.TWIN, "seq": 0, "signature": ""})
            sent = {change.dot: change.hash for change in carlos.outbox()}
            said = sign(said.model_copy(update={"hash": sent[said.dot]}), KEYS.sign)
            found.append(said.model_dump(mode="json", exclude_defaults=True))
        return {**told, "verdicts": found, "new_device": carlos.device}

    with altered(carlos, twin, asked_max=ASKED_MAX) as line, pytest.raises(Incredible, match="to no end"):
        await carlos.sync()
    assert line.asked < ASKED_MAX
    world.clock.advance(hours=2)
    await carlos.sync()
    assert "another" in findings(world)
