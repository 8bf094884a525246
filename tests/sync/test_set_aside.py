"""What a rule decided by itself: its loser is told, on whichever laptop, and one key brings his value back."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bravetui.actions import conflicts as actions
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.views import conflicts, home
from bravetui.views.status import TOLD_FOR
from tests.support.central import PROJECT
from tests.support.world import Here, World


def told(here: Here) -> list[tuple[str, bool]]:
    return [(row.status, row.lost_here) for row in conflicts.conflicts(here.store, PROJECT)]


def set_aside(here: Here) -> int:
    return home.home(here.store, PROJECT).sync.set_aside


async def two_apart(
    world: World, ours: Mapping[str, Json], theirs: Mapping[str, Json], kind: str = "violation"
) -> tuple[Here, Here, str]:
    """Carlos and Dana set fields of one record apart; Carlos is heard first."""
    carlos, dana = await world.laptop("carlos-1", "carlos"), await world.laptop("dana-1", "dana")
    record = carlos.create(kind, {"identified_at": "2026-08-03T08:00:00Z"})
    for here in (carlos, dana):
        await here.sync()
    carlos.edit_paths(kind, record, ours)
    world.clock.advance(minutes=5)
    dana.edit_paths(kind, record, theirs)
    for here in (carlos, dana, carlos):
        await here.sync()
    return carlos, dana, record


EARLY, LATE = "2026-08-01T10:00:00Z", "2026-08-02T10:00:00Z"


async def test_the_loser_is_told_whether_he_was_heard_first_or_last(world: World) -> None:
    carlos, dana, record = await two_apart(world, {"identified_at": LATE}, {"identified_at": EARLY})
    assert (told(carlos), told(dana)) == ([("settled", True)], [("settled", False)])
    assert (set_aside(carlos), set_aside(dana)) == (1, 0)
    dana.edit("violation", record, identified_at="2026-08-01T09:00:00Z")
    await dana.sync()
    await carlos.sync()
    assert told(carlos) == [("resolved", False)]
    assert set_aside(carlos) == 0


async def test_the_loser_s_own_laptop_says_so_when_he_is_heard_last(world: World) -> None:
    carlos, dana, _ = await two_apart(world, {"identified_at": EARLY}, {"identified_at": LATE})
    assert (set_aside(carlos), set_aside(dana)) == (0, 1)
    world.clock.advance(seconds=TOLD_FOR.total_seconds() + 60)
    dana = await world.sign_in(dana)
    assert set_aside(dana) == 0
    assert told(dana) == [("settled", True)]


async def test_what_a_rule_set_aside_comes_back_as_a_new_change_and_everybody_sees_it(world: World) -> None:
    carlos, dana, record = await two_apart(world, {"identified_at": LATE}, {"identified_at": EARLY})
    (row,) = conflicts.conflicts(carlos.store, PROJECT)
    view = conflicts.conflict(carlos.store, PROJECT, row.id)
    assert view.set_aside in ("local", "remote")
    lost = view.fields[0].local if view.set_aside == "local" else view.fields[0].remote
    assert lost.who == "Carlos"
    actions.decide(carlos.store, PROJECT, row.id, {"identified_at": lost.raw})
    assert told(carlos) == [("decided here", True)]
    for here in (carlos, dana):
        await here.sync()
        assert str(here.value("violation", record, "identified_at")).startswith("2026-08-02T10:00:00")
        assert told(here) == [("resolved", False)]
    assert carlos.records() == dana.records()


async def test_two_people_who_decide_one_conflict_apart_are_asked_again_with_both_decisions(
    world: World,
) -> None:
    ours, theirs = {"trigger": "5.1.1"}, {"trigger": "5.1.2"}
    carlos, dana, _ = await two_apart(world, ours, theirs, "corrective_action")
    (first,) = conflicts.conflicts(carlos.store, PROJECT)
    actions.decide(carlos.store, PROJECT, first.id, {"trigger": "5.1.3"})
    actions.decide(dana.store, PROJECT, first.id, {"trigger": "5.1.4"})
    for here in (carlos, dana, carlos):
        await here.sync()
    rows = {row.status: row for row in conflicts.conflicts(carlos.store, PROJECT)}
    assert rows["resolved"].id == first.id
    asked = conflicts.conflict(carlos.store, PROJECT, rows["open"].id).fields[0]
    assert {asked.local.raw, asked.remote.raw} == {"5.1.3", "5.1.4"}
    with pytest.raises(BadInput, match="decided this already"):
        actions.decide(carlos.store, PROJECT, first.id, {"trigger": "5.1.5"})


async def test_two_people_who_decide_the_same_are_not_asked_again(world: World) -> None:
    ours, theirs = {"trigger": "5.1.1"}, {"trigger": "5.1.2"}
    carlos, dana, record = await two_apart(world, ours, theirs, "corrective_action")
    (first,) = conflicts.conflicts(carlos.store, PROJECT)
    assert first.status == "open"
    for here in (carlos, dana):
        actions.decide(here.store, PROJECT, first.id, {"trigger": "5.1.2"})
    for here in (carlos, dana, carlos):
        await here.sync()
    assert [row.status for row in conflicts.conflicts(carlos.store, PROJECT)] == ["resolved"]
    assert carlos.value("corrective_action", record, "trigger") == "5.1.2"
