"""The next page is asked for while this one is taken, and what comes too late changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bravetui.sync import exchange, worker
from bravetui.sync.ahead import continuation
from bravetui.sync.client import Answered
from bravetui.sync.exchange import going_on, prepare, take
from bravetui.wire.lanes import POLICY, Lane
from bravetui.wire.messages import Checkpoint, Page, PullAsk, Row, SyncAnswer, SyncRequest
from tests.support.world import World

NOW = datetime(2026, 8, 3, tzinfo=UTC)
ASK = PullAsk(scope_id="site", lane=Lane.FORMS, after=5, before=None, agreed=5)
ROW = Row.model_validate(
    {"kind": "violation", "id": "v", "seq": 6, "whole": True, "version": {"1": 1}, "stamps": []}
)
PAGE = Page(scope_id="site", lane=Lane.FORMS, rows=(ROW,), after=9, before=None, more=True)


def answer(*pages: Page, **told: Any) -> SyncAnswer:
    checkpoint = Checkpoint(device=1, epoch="e", held=(), at=NOW)
    return SyncAnswer(epoch="e", now=NOW, checkpoint=checkpoint, pages=pages, **told)


def request(*asks: PullAsk, epoch: str = "e") -> SyncRequest:
    return SyncRequest(device=1, epoch=epoch, sent_at=NOW, pull=asks)


def test_it_goes_on_where_a_page_ended_and_only_where_there_is_more() -> None:
    other = PAGE.model_copy(update={"lane": Lane.CRITICAL, "more": False})
    asks = (ASK, ASK.model_copy(update={"lane": Lane.CRITICAL}))
    following = continuation(request(*asks), answer(PAGE, other), NOW)
    assert following is not None
    assert [(ask.lane, ask.after, ask.before, ask.agreed) for ask in following.pull] == [
        (Lane.FORMS, 9, None, 5)
    ]
    assert not following.push


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (request(ASK), answer(PAGE.model_copy(update={"more": False}))),
        (request(ASK), answer(PAGE.model_copy(update={"rows": ()}))),  # nothing moved: the loop decides
        (request(ASK, epoch="before"), answer(PAGE)),  # central was restored: that comes first
        (request(ASK), answer(PAGE, new_device=7)),  # this is a copy: that comes first
        (
            request(ASK.model_copy(update={"sums": "0" * 4096})),
            answer(PAGE),
        ),  # a difference is being narrowed down
        (request(), answer(PAGE)),
    ],
)
def test_it_does_not_go_on_where_something_comes_first(asked: SyncRequest, said: SyncAnswer) -> None:
    assert continuation(asked, said, NOW) is None


class Yielding:
    """Lets others run before it does the work, as a thread beside the loop does."""

    async def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        for _ in range(50):
            await asyncio.sleep(0)
        return function(*args, **kwargs)


async def test_the_next_page_is_under_way_while_this_one_is_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {lane: replace(policy, page_rows=min(policy.page_rows, 3)) for lane, policy in POLICY.items()}
    monkeypatch.setattr(exchange, "POLICY", small)
    office = await world.laptop("office", "dana")
    for number in range(12):
        office.create("violation", {"description": f"v{number}"})
    await office.sync()
    here = await world.laptop("truck", "carlos")
    seen: list[str] = []
    sync, real_take = here.worker._client.sync, exchange.take

    async def asked(wanted: SyncRequest) -> Answered:
        seen.append("ask")
        return await sync(wanted)

    def taking(*args: Any) -> Any:
        seen.append("take")
        return real_take(*args)

    monkeypatch.setattr(here.worker._client, "sync", asked)
    monkeypatch.setattr(worker, "take", taking)
    here.worker._run = Yielding()
    assert await here.sync()
    assert "ask ask take" in " ".join(seen)
    assert here.records() == office.records()


async def test_a_page_that_was_asked_from_elsewhere_changes_nothing(world: World) -> None:
    office, here = await world.laptop("office", "dana"), await world.laptop("truck", "carlos")
    await here.sync()
    office.create("violation", {"description": "new"})
    await office.sync()
    prepared = prepare(here.store, list(Lane), 1 << 20)
    elsewhere = prepared.request.model_copy(
        update={
            "pull": tuple(
                ask.model_copy(update={"after": max(0, ask.after - 1)}) for ask in prepared.request.pull
            )
        }
    )
    answered = await here.worker._client.sync(elsewhere)
    before = here.records()
    taken = take(here.store, going_on(elsewhere), answered.answer)
    assert (here.records(), sum(taken.rows.values())) == (before, 0)
    assert await here.sync()
    assert here.records() == office.records()
