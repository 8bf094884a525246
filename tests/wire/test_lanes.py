"""The table of lanes: complete, in the order of urgency, and within what the mission allows."""

from __future__ import annotations

import pytest

from bravetui.merge.join import JOINS
from bravetui.wire.lanes import LANES, POLICY, PRIORITY, Direction, Lane, LanePolicy
from bravetui.wire.messages import PullAsk


def test_every_lane_stands_in_the_table_once_and_most_urgent_first() -> None:
    assert [policy.lane for policy in LANES] == [Lane.CRITICAL, Lane.FORMS, Lane.PHOTOS, Lane.ANALYTICS]
    assert set(POLICY) == set(Lane)
    assert sorted(PRIORITY, key=PRIORITY.__getitem__) == [policy.lane for policy in LANES]


def test_batches_are_as_the_mission_asks() -> None:
    assert POLICY[Lane.FORMS].batch_changes_max == 50
    assert POLICY[Lane.PHOTOS].batch_changes_max == 10
    assert POLICY[Lane.PHOTOS].concurrency == 3
    assert POLICY[Lane.CRITICAL].direction is Direction.BOTH
    assert POLICY[Lane.ANALYTICS].direction is Direction.UPLOAD


@pytest.mark.parametrize("policy", LANES, ids=[policy.lane.value for policy in LANES])
def test_a_lane_can_move_waits_sensibly_and_falls_back_on_a_known_rule(policy: LanePolicy) -> None:
    assert policy.label
    assert policy.carries
    assert policy.batch_changes_max > 0
    assert policy.concurrency > 0
    assert 0 < policy.wait_first_s < policy.wait_max_s <= 3600
    assert policy.conflict_default in JOINS


@pytest.mark.parametrize("policy", LANES, ids=[policy.lane.value for policy in LANES])
def test_a_lane_that_comes_down_asks_for_no_more_rows_than_central_gives(policy: LanePolicy) -> None:
    if policy.direction is Direction.UPLOAD:
        assert policy.page_rows == 0
    else:
        assert PullAsk(scope_id="s", lane=policy.lane, rows_max=policy.page_rows).rows_max == policy.page_rows


def test_less_urgent_lanes_never_retry_sooner_and_only_they_may_wait() -> None:
    assert [policy.wait_first_s for policy in LANES] == sorted(policy.wait_first_s for policy in LANES)
    assert [policy.wait_max_s for policy in LANES] == sorted(policy.wait_max_s for policy in LANES)
    assert [policy.may_wait for policy in LANES] == [False, False, True, True]
