"""Lived through with other programs: "All synced", says the screen, and it is not."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

import pytest

from bravetui.actions.queue import send_again
from bravetui.actions.session import sign_out
from bravetui.base.errors import Transient
from bravetui.central.quarantine import release
from bravetui.central.service import revoke
from bravetui.db.device import OutboxState
from bravetui.sync.exchange import prepare, take
from bravetui.views.status import sync_summary
from bravetui.wire.lanes import Lane
from tests.support.world import Here, World, demote

STEPS = 60


def said(here: Here) -> datetime | None:
    """When all was handed in, by the words on every screen; None where they say something else."""
    return sync_summary(here.store).all_handed_in_at


def is_true(world: World, here: Here, at: datetime) -> None:
    """Central has every change of this laptop's; and where it was found just now, both hold the same."""
    there = {(change.dot, change.hash) for change in world.ledger()}
    assert {(change.dot, change.hash) for change in here.outbox()} <= there
    assert set(here.states()) <= {OutboxState.CONFIRMED}
    if at == world.clock.now():
        central = world.central_records()
        assert here.records() == {key: central[key] for key in here.records()}


class Walk:
    """Two foremen and central, of whom anything may happen to either at any step."""

    def __init__(self, world: World, laptops: tuple[Here, Here], seed: int) -> None:
        self.world, self.laptops, self.dice = world, laptops, random.Random(seed)
        self.records: list[str] = []

    async def step(self) -> None:
        """Something happens; a minute passes before it."""
        self.world.clock.advance(minutes=1)
        here = self.dice.choice(self.laptops)
        happens: list[Callable[[Here], None]] = [
            self.writes, self.writes, self.edits, self.edits, self.right_goes, self.right_comes, self.line_goes,
            self.line_comes, self.answer_is_lost, self.asks_again,
        ]  # fmt: skip
        if self.dice.random() < 0.6:
            await self.syncs(here)
        else:
            self.dice.choice(happens)(here)

    async def syncs(self, here: Here) -> None:
        try:
            await here.sync()
        except Transient:
            self.world.clock.advance(minutes=10)

    def writes(self, here: Here) -> None:
        self.records.append(here.create("daily_log", {"narrative": f"{len(self.records)} loads"}))

    def edits(self, here: Here) -> None:
        known = [key[2] for key in here.records() if key[1] == "daily_log"]
        if known:
            here.edit("daily_log", self.dice.choice(known), narrative=f"{self.dice.randint(0, 99)} trucks")

    def right_goes(self, here: Here) -> None:
        demote(self.world, here.store.identity.user_id, "viewer")

    def right_comes(self, here: Here) -> None:
        demote(self.world, here.store.identity.user_id, "foreman")

    def line_goes(self, here: Here) -> None:
        here.line.cut()

    def line_comes(self, here: Here) -> None:
        here.line.restore()

    def answer_is_lost(self, here: Here) -> None:
        here.line.answers_to_lose = 1

    def asks_again(self, here: Here) -> None:
        for change in here.outbox(OutboxState.REFUSED):
            send_again(here.store, change.dot)


@pytest.mark.parametrize("seed", range(4))
async def test_all_handed_in_is_said_in_no_state_in_which_it_is_false(world: World, seed: int) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    walk, seen = Walk(world, (carlos, dana), seed), set()
    for _ in range(STEPS):
        await walk.step()
        for here in (carlos, dana):
            at = said(here)
            seen.add(at is not None)
            if at is not None:
                is_true(world, here, at)
    assert seen == {True, False}, "else nothing has been shown"


async def test_all_handed_in_is_taken_back_when_central_comes_back_without_it(world: World) -> None:
    """Until everything that the restored central has lost is there again."""
    here = await world.laptop("a", "carlos")
    assert await here.sync()
    with world.backup_of_central() as backup:
        here.create("violation", {"description": "after the backup"})
        assert await here.sync()
        assert said(here)
        with world.restored(backup):
            here.line.cut_after_next = True
            with pytest.raises(Transient):
                await here.sync()
            assert said(here) is None
            here.line.restore()
            world.clock.advance(minutes=5)
            assert await here.sync()
            at = said(here)
            assert at is not None
            is_true(world, here, at)


async def test_an_answer_that_is_not_centrals_says_of_nothing_that_it_is_handed_in(world: World) -> None:
    """Found by simulate in month 957: central had failed over to a stale copy, and its word on what it holds was spoiled."""
    here = await world.laptop("a", "carlos")
    assert await here.sync()
    with world.backup_of_central() as stale:
        here.create("violation", {"description": "after the copy"})
        assert await here.sync()
        with world.failed_over(stale):
            prepared = prepare(here.store, list(Lane), 1 << 20)
            answer = (await here.worker._client.sync(prepared.request)).answer
            word = answer.checkpoint.model_copy(update={"signature": "A" * 86})
            spoiled = answer.model_copy(update={"checkpoint": word})
            assert not take(here.store, prepared, spoiled).all_handed_in
            assert await here.sync()
            at = said(here)
            assert at is not None
            is_true(world, here, at)


async def test_a_refused_change_is_not_all_handed_in(world: World) -> None:
    here = await world.laptop("a", "carlos")
    assert await here.sync()
    assert said(here)
    demote(world, "carlos", "viewer")
    here.create("violation", {"description": "refused"})
    await here.sync()
    assert (said(here), sync_summary(here.store).refused) == (None, 1)


@pytest.mark.parametrize("left", ["signed out", "revoked and released"])
async def test_the_time_said_is_never_from_before_the_newest_work(world: World, left: str) -> None:
    """Nothing is compared with a laptop that is shown nothing: its own work is handed in all the same."""
    here = await world.laptop("carlos", "carlos")
    here.create("daily_log", {"narrative": "before"})
    await here.sync()
    assert said(here) is not None
    world.clock.advance(hours=1)
    if left == "signed out":
        sign_out(here.store)
    else:
        revoke(world.engine, here.device, world.clock.now())
    here.create("daily_log", {"narrative": "after"})
    made_at = world.clock.now()
    for _ in range(4):
        world.clock.advance(hours=1)
        here.worker.ask_now()
        await here.sync()
        assert (said(here) or made_at) >= made_at
        for change in here.outbox(OutboxState.REFUSED):
            release(world.site.central, change.dot, "olga")
            send_again(here.store, change.dot)
    assert set(here.states()) == {OutboxState.CONFIRMED}
    assert (said(here) or made_at) > made_at
