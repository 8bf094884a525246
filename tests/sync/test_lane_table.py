"""The table of lanes decides: whoever changes a line of it changes what sync does, and nothing else has to be changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bravetui.central import feed
from bravetui.db import kinds
from bravetui.db.kinds import KINDS
from bravetui.merge.rules import Rule
from bravetui.sync import ahead, batch, client, exchange, step
from bravetui.sync.policy import wait_s
from bravetui.sync.progress import Exchanged, Sending
from bravetui.wire.codec import encode
from bravetui.wire.lanes import POLICY, Direction, Lane, LanePolicy
from bravetui.wire.messages import SyncRequest
from tests.support.world import Here, World
from tests.sync.test_power import Battery

READERS = (ahead, batch, client, exchange, feed, kinds, step)
"""Whatever asks the table."""


def change(patch: pytest.MonkeyPatch, lane: Lane, **line: Any) -> dict[Lane, LanePolicy]:
    """Another table, in which one lane's line says something else."""
    table = {**POLICY, lane: replace(POLICY[lane], **line)}
    for module in READERS:
        patch.setattr(module, "POLICY", table)
    patch.setattr(exchange, "LANES", tuple(table.values()))
    return table


def requests(here: Here, patch: pytest.MonkeyPatch) -> list[SyncRequest]:
    """What the laptop asks from now on."""
    asked: list[SyncRequest] = []
    sync = here.worker._client.sync

    async def asking(request: SyncRequest) -> client.Answered:
        asked.append(request)
        return await sync(request)

    patch.setattr(here.worker._client, "sync", asking)
    return asked


async def test_a_lane_that_only_goes_up_is_asked_for_by_nobody_and_given_to_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch, Lane.PHOTOS, direction=Direction.UPLOAD)
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    photo = carlos.create("photo", {"caption": "silt at outfall 3"})
    asked = requests(carlos, monkeypatch)
    assert await carlos.sync()
    assert Lane.PHOTOS not in {ask.lane for request in asked for ask in request.pull}
    change(monkeypatch, Lane.PHOTOS, direction=Direction.BOTH)
    patch_central_back(monkeypatch)
    assert await dana.sync()
    assert not [key for key in dana.records() if key[2] == photo]


def patch_central_back(patch: pytest.MonkeyPatch) -> None:
    """Central alone still has the table in which photos only go up."""
    patch.setattr(
        feed, "POLICY", {**POLICY, Lane.PHOTOS: replace(POLICY[Lane.PHOTOS], direction=Direction.UPLOAD)}
    )


@pytest.mark.parametrize(
    ("direction", "before_the_last"), [(Direction.UPLOAD_FIRST, False), (Direction.BOTH, True)]
)
async def test_upload_first_fetches_nothing_while_more_waits_to_go_up_than_one_request_carries(
    world: World, monkeypatch: pytest.MonkeyPatch, direction: Direction, before_the_last: bool
) -> None:
    change(monkeypatch, Lane.FORMS, direction=direction)
    here = await world.laptop("a", "carlos")
    await here.sync()
    for number in range(40):
        here.create("daily_log", {"narrative": f"{number} " + "mud " * 200})
    here.worker._budget_bytes = batch.BUDGET_BYTES_MIN
    monkeypatch.setattr("bravetui.sync.worker.next_budget", lambda *_: batch.BUDGET_BYTES_MIN)
    asked = requests(here, monkeypatch)
    assert await here.sync()
    handing_in = [request for request in asked if request.push]
    fetching = [any(ask.lane is Lane.FORMS for ask in request.pull) for request in handing_in]
    assert len(fetching) > 2
    assert set(fetching[:-1]) == {before_the_last}
    assert fetching[-1]
    assert all(any(ask.lane is Lane.CRITICAL for ask in request.pull) for request in asked)


@pytest.mark.parametrize("size", [3, 8])
async def test_no_batch_is_larger_than_its_lane_says(
    world: World, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    change(monkeypatch, Lane.CRITICAL, batch_changes_max=size)
    here = await world.laptop("a", "carlos")
    for number in range(16):
        here.create("violation", {"description": f"finding {number}"})
    asked = requests(here, monkeypatch)
    assert await here.sync()
    assert [len(one.changes) for request in asked for one in request.push] == [size] * (16 // size) + [
        16 % size
    ][: 16 % size]


@pytest.mark.parametrize(("concurrency", "together"), [(1, False), (2, True)])
async def test_a_lane_of_one_transfer_at_a_time_asks_for_no_page_while_it_takes_one(
    world: World, monkeypatch: pytest.MonkeyPatch, concurrency: int, together: bool
) -> None:
    change(monkeypatch, Lane.CRITICAL, concurrency=concurrency, page_rows=3)
    office = await world.laptop("office", "dana")
    for number in range(12):
        office.create("violation", {"description": f"v{number}"})
    await office.sync()
    here = await world.laptop("truck", "carlos")
    ahead_of = []
    following = here.worker._following

    def looking(*told: Any) -> Any:
        ahead_of.append(following(*told))
        return ahead_of[-1]

    monkeypatch.setattr(here.worker, "_following", looking)
    assert await here.sync()
    assert here.records() == office.records()
    assert any(ahead_of) is together


def test_a_lane_s_pauses_are_those_of_its_line() -> None:
    short = replace(POLICY[Lane.FORMS], wait_first_s=1.0, wait_max_s=1.0)
    assert max(wait_s(short, 9) for _ in range(50)) <= 1.0
    long = replace(short, wait_first_s=1000.0, wait_max_s=1000.0)
    assert max(wait_s(long, 9) for _ in range(50)) > 1.0


@pytest.mark.parametrize("rule", [Rule.REVIEW, Rule.LAST_WRITE_WINS])
def test_what_declares_no_rule_has_that_of_its_lane(monkeypatch: pytest.MonkeyPatch, rule: Rule) -> None:
    change(monkeypatch, Lane.FORMS, conflict_default=rule)
    assert kinds.rules_for(KINDS["daily_log"]).of("invented_by_a_newer_version").rule is rule


@pytest.mark.parametrize("compress", [True, False])
async def test_a_lane_that_says_so_travels_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch, compress: bool
) -> None:
    change(monkeypatch, Lane.FORMS, compress=compress)
    here = await world.laptop("a", "carlos")
    await here.sync()
    here.create("daily_log", {"narrative": "mud " * 500})
    asked = requests(here, monkeypatch)
    here.events.clear()
    assert await here.sync()
    up = next(event.bytes_up for event in here.events if isinstance(event, Exchanged))
    assert (up < len(encode(asked[0], "identity")) / 4) is compress
    assert here.outbox()[0].after["narrative"] == "mud " * 500


@pytest.mark.parametrize(("may_wait", "contacts"), [(True, 0), (False, 1)])
async def test_on_battery_a_lane_that_may_wait_starts_no_contact_and_goes_with_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, may_wait: bool, contacts: int
) -> None:
    change(monkeypatch, Lane.PHOTOS, may_wait=may_wait)
    here = await world.laptop("a", "carlos")
    assert await here.sync()
    here.worker._power = Battery(plugged=False)
    here.create("photo", {"caption": "silt at outfall 3"})
    here.events.clear()
    moved = here.worker._next
    taken = await moved()
    assert isinstance(taken, step.Exchange) is bool(contacts)
    if isinstance(taken, step.Wait):
        assert timedelta() < taken.until - world.clock.now() < timedelta(minutes=5), "an end that is known"
        here.worker._power = Battery(plugged=True)
        assert await moved() == step.Exchange((Lane.PHOTOS,)), "on mains it goes at once"
        here.worker._power = Battery(plugged=False)
        here.create("violation", {"description": "fence down"})
        assert await moved() == step.Exchange((Lane.CRITICAL, Lane.PHOTOS)), "with whatever goes"
    assert await here.sync(), "and when a person asks"
    assert sum(sum(event.changes.values()) for event in here.events if isinstance(event, Sending)) >= 1
