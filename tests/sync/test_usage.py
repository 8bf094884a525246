"""What is counted is counted by day: a thousand times a day is one record, one change, a few bytes."""

from __future__ import annotations

from bravetui.actions import usage
from bravetui.wire.lanes import LANES
from tests.support.central import PROJECT
from tests.support.world import World


async def test_a_day_of_counting_is_one_change(world: World) -> None:
    carlos = await world.laptop("one", "carlos")
    await carlos.sync()
    for _ in range(20):
        usage.count(carlos.store, PROJECT, "forms saved", took_ms=7)
    usage.count(carlos.store, PROJECT, "photos taken")
    assert [change.kind for change in carlos.outbox()] == ["usage_day", "usage_day"]
    await carlos.sync()
    usage.count(carlos.store, PROJECT, "forms saved")
    world.clock.advance(days=1)
    usage.count(carlos.store, PROJECT, "forms saved")
    await carlos.sync()
    counted = {
        (change.record_id): change.after["count"] for change in world.ledger() if change.kind == "usage_day"
    }
    assert sorted(counted.values(), key=str) == [1, 1, 21]


def test_only_the_lane_that_says_so_is_added_up_by_day() -> None:
    assert [policy.lane for policy in LANES if policy.by_day] == [LANES[-1].lane]
