"""A restored central meets a change that it had taken and whose laptop never heard so: what was said upon it stands, whoever
is back first, as long as a neighbour still bears a word of that change."""

from __future__ import annotations

from contextlib import suppress

import pytest

from bravetui.base.errors import Transient
from bravetui.central.quarantine import release, waiting
from bravetui.db.device import OutboxState
from tests.support.central import PROJECT
from tests.support.world import World, demote, sync_all

FIRST = pytest.mark.parametrize("first", ["author", "neighbour"])


@FIRST
@pytest.mark.parametrize("by", ["who answered it", "who only read"])
async def test_an_answer_that_was_lost_brings_no_word_back_that_somebody_had_read_and_set_anew(
    world: World, first: str, by: str
) -> None:
    """Carlos' change sets two fields; of one Dana, who had read it, says something else."""
    carlos, dana, record = await world.two_that_have({"severity": "minor"})
    third = await world.laptop("c", "dana")
    await third.sync()
    with world.backup_of_central() as backup:
        world.clock.advance(minutes=5)
        carlos.edit("violation", record, severity="major", description="undercut")
        carlos.line.answers_to_lose = 1
        with suppress(Transient):
            await carlos.sync()
        assert carlos.states()[-1] == OutboxState.SENT
        world.clock.advance(minutes=5)
        await dana.sync()
        dana.edit("violation", record, severity="minor")
        for here in (dana, third):
            await here.sync()
        with world.restored(backup):
            neighbour = dana if by == "who answered it" else third
            order = [carlos, neighbour] if first == "author" else [neighbour, carlos]
            await sync_all(order)
            await sync_all([carlos, dana, third])
            said = world.central_records()[PROJECT, "violation", record].state.values()
            assert (said["severity"], said["description"]) == ("minor", "undercut")


@FIRST
@pytest.mark.parametrize("is_new", [True, False], ids=["a new record", "an edit"])
async def test_what_the_office_mended_stands_at_a_restored_central_though_its_author_never_heard_of_it(
    world: World, first: str, is_new: bool
) -> None:
    carlos, dana = await world.laptop("carlos-1", "carlos"), await world.laptop("dana-1", "dana")
    record = "" if is_new else carlos.create("violation", {"location": "gate 1"})
    for here in (carlos, dana):
        await here.sync()
    with world.backup_of_central() as backup:
        demote(world, "carlos", "viewer")
        world.clock.advance(minutes=5)
        if is_new:
            record = carlos.create("violation", {"location": "lot 2", "description": "x"})
        else:
            carlos.edit("violation", record, location="lot 2", description="x")
        await carlos.sync()
        (kept,) = waiting(world.site.central)
        demote(world, "carlos", "foreman")
        release(world.site.central, kept.change.dot, "olga", {"location": "lot 3"})
        await dana.sync()
        with world.restored(backup):
            demote(world, "carlos", "foreman")
            await sync_all([carlos, dana] if first == "author" else [dana, carlos])
            await sync_all([carlos, dana])
            assert [here.value("violation", record, "location") for here in (carlos, dana)] == ["lot 3"] * 2
