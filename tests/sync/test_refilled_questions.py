"""A restored central gets back the questions that it had asked: the side that lost stands nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bravetui.actions import conflicts as actions
from bravetui.central.rescue import take_bundle
from bravetui.db.device import OutboxState
from bravetui.views import conflicts
from tests.support.central import PROJECT
from tests.support.restoring import asked, begun, exported
from tests.support.world import Here, World, sync_all

OURS, THEIRS = {"trigger": "5.1.1"}, {"trigger": "5.1.2"}


async def disagreed(world: World) -> tuple[Here, Here, Here, str]:
    """Carlos and Dana have set one field apart, and a third laptop has seen the question; the record's id."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    third = await world.laptop("c", "dana")
    record = carlos.create("corrective_action", {"condition": "silt at the outlet"})
    for here in (carlos, dana):
        await here.sync()
    for here, values in ((carlos, OURS), (dana, THEIRS)):
        here.edit("corrective_action", record, **values)
        await here.sync()
    await third.sync()
    return carlos, dana, third, record


def told(here: Here) -> list[tuple[str, set[object]]]:
    """The conflicts on a laptop: how each stands, and what its sides say."""
    rows = [
        conflicts.conflict(here.store, PROJECT, row.id) for row in conflicts.conflicts(here.store, PROJECT)
    ]
    return [(row.status, {row.fields[0].local.raw, row.fields[0].remote.raw}) for row in rows]


async def test_a_question_comes_back_from_a_laptop_of_neither_side_and_is_decided(world: World) -> None:
    """Found by simulate in month 308: central asked only what it could work out itself, from authors who had gone too."""
    with world.backup_of_central() as backup:
        _, _, third, record = await disagreed(world)
        asked = told(third)
        with world.restored(backup):
            for _ in range(3):
                await third.sync()
            assert asked == told(third) == [("open", {"5.1.1", "5.1.2"})]
            (row,) = conflicts.conflicts(third.store, PROJECT)
            assert "Dana" in conflicts.conflict(third.store, PROJECT, row.id).handed_in
            assert third.outbox(OutboxState.REFUSED, OutboxState.PARKED) == []
            later = await world.laptop("later", "carlos")
            await later.sync()
            assert told(later) == asked
            actions.decide(later.store, PROJECT, row.id, {"trigger": "5.1.2"})
            for here in (later, third):
                await here.sync()
                assert told(here)[0][0] == "resolved"
                assert here.value("corrective_action", record, "trigger") == "5.1.2"


async def test_a_question_that_several_laptops_hand_in_is_open_until_a_person_decides_it_once(
    world: World,
) -> None:
    """Not by the next laptop that still shows the value that stands, and hands that in."""
    with world.backup_of_central() as backup:
        carlos, dana, third, record = await disagreed(world)
        later = await world.laptop("later", "dana")
        await later.sync()
        everybody = (third, later, carlos, dana)
        with world.restored(backup):
            for here in (*everybody, *everybody):
                await here.sync()
            assert [told(here) for here in everybody] == [told(third)] * 4
            assert all(here.records() == third.records() for here in everybody)
            assert ("open", {"5.1.1", "5.1.2"}) in told(third)
            (first, *_) = [row for row in conflicts.conflicts(later.store, PROJECT) if row.status == "open"]
            actions.decide(later.store, PROJECT, first.id, {"trigger": "5.1.2"})
            for here in (*everybody, *everybody):
                await here.sync()
            assert {status for status, _ in told(dana)} == {"resolved"}
            assert dana.value("corrective_action", record, "trigger") == "5.1.2"


async def test_what_was_decided_comes_back_as_decided(world: World) -> None:
    with world.backup_of_central() as backup:
        _, dana, third, _ = await disagreed(world)
        (row,) = conflicts.conflicts(third.store, PROJECT)
        await dana.sync()
        actions.decide(dana.store, PROJECT, row.id, {"trigger": "5.1.2"})
        for here in (dana, third):
            await here.sync()
        assert told(third) == [("resolved", {"5.1.1", "5.1.2"})]
        with world.restored(backup):
            for _ in range(3):
                await third.sync()
            at_central = world.central_records()[PROJECT, "conflict", row.id].state.values()
            assert (at_central["status"], at_central["resolved_by"]) == ("resolved", "dana")
            assert told(third) == [("resolved", {"5.1.1", "5.1.2"})]


async def test_a_question_open_in_the_backup_and_decided_since_is_not_open_again(world: World) -> None:
    """The laptop that decided is gone; the third shows what was decided, and that it was."""
    carlos, dana, third, record = await begun(world, "corrective_action")
    for here, value in ((carlos, "5.1.1"), (dana, "5.1.2")):
        here.edit("corrective_action", record, trigger=value)
        await here.sync()
    await dana.sync()
    with world.backup_of_central() as backup:
        (row,) = conflicts.conflicts(dana.store, PROJECT)
        actions.decide(dana.store, PROJECT, row.id, {"trigger": "5.1.2"})
        for here in (dana, third):
            assert await here.sync()
        with world.restored(backup):
            await sync_all([third, carlos])
            assert third.value("corrective_action", record, "trigger") == "5.1.2"
            assert asked(world) == []


async def test_two_that_were_kept_as_two_are_not_asked_about_again_by_a_restored_central(
    world: World,
) -> None:
    """The laptop that decided is gone; both others show that it was decided."""
    carlos, dana, third, _ = await begun(world, "violation")
    with world.backup_of_central() as backup:
        for here in (carlos, dana):
            here.create("delivery", {"supplier": "Rio Ready-Mix", "ticket_number": "T-1207"})
        for here in (carlos, dana, carlos, third):
            await here.sync()
        (row,) = conflicts.conflicts(third.store, PROJECT)
        actions.keep_both(third.store, PROJECT, row.id, "two trucks, one ticket")
        for here in (third, carlos, dana):
            await here.sync()
        with world.restored(backup):
            await sync_all([carlos, dana])
            assert asked(world) == []


@pytest.mark.parametrize("answers", [actions.keep_both, actions.join], ids=["kept apart", "joined"])
async def test_of_two_that_come_back_the_other_way_round_it_stands_as_it_was_decided(
    world: World, tmp_path: Path, answers: Callable[..., object]
) -> None:
    """Found by simulate in month 773: the question named one record twice, and no later central would take it back."""
    carlos, dana, third, _ = await begun(world, "violation")
    ticket = {"supplier": "Rio Ready-Mix", "ticket_number": "T-1207"}
    with world.backup_of_central() as backup:
        first, second = carlos.create("delivery", ticket), dana.create("delivery", ticket)
        await carlos.sync()
        take_bundle(
            world.site.central, exported(world, dana, tmp_path)
        )  # neither of them has heard of the other's
        await third.sync()
        (row,) = conflicts.conflicts(third.store, PROJECT)
        answers(third.store, PROJECT, row.id)
        assert await third.sync()
        decided = world.central_records()[PROJECT, "conflict", row.id].state.values()
        with world.restored(backup):
            await dana.sync()
            await carlos.sync()
            assert asked(world) == [(["deleted"], "duplicate")]
            await sync_all([third, carlos, dana])
            question = world.central_records()[PROJECT, "conflict", row.id].state.values()
            told = dict(question["resolution"])  # type: ignore[arg-type]
            assert {question["record_id"], told["same_as"]} == {first, second}
            assert question["record_id"] == decided["record_id"]
            assert third.outbox(OutboxState.REFUSED) == []
            assert asked(world) == []
