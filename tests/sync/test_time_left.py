"""How long each lane will still take, at the pace of the last exchanges, read from tables by whoever asks."""

from __future__ import annotations

from bravetui.sync.exchange import prepare, take
from bravetui.views.status import sync_summary
from bravetui.views.words import left_for_words
from bravetui.wire.lanes import Lane
from tests.support.world import World


async def test_a_lane_s_time_left_counts_what_goes_before_it_at_the_pace_seen(world: World) -> None:
    here = await world.laptop("carlos-1", "carlos")
    await here.sync()
    for number in range(50):
        here.create("violation", {"description": f"fence {number}"})
    assert all(lane.eta_s is None for lane in sync_summary(here.store).lanes)
    prepared = prepare(here.store, list(Lane), 1 << 20)
    answered = await here.worker._client.sync(prepared.request)
    take(here.store, prepared, answered.answer, took_s=5.0)
    for number in range(20):
        here.create("violation", {"description": f"inlet {number}"})
    for number in range(10):
        here.create("daily_log", {"log_date": f"2026-07-{number + 1:02d}"})
    etas = {lane.lane: lane.eta_s for lane in sync_summary(here.store).lanes}
    assert etas == {"critical": 2.0, "forms": 3.0, "photos": None, "analytics": None}


def test_time_left_is_said_in_rounded_words() -> None:
    assert [left_for_words(s) for s in (0.2, 42.4, 200.0, 7500.0)] == [
        "about 1 s left",
        "about 42 s left",
        "about 3 min left",
        "about 2 h 5 min left",
    ]
