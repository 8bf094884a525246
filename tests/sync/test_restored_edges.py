"""Edges of handing in once more: a viewer's questions, and a word that nobody can have said."""

from __future__ import annotations

import pytest

from bravetui.central.quarantine import waiting
from bravetui.db.device import OutboxState
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.sync.refill import is_on
from bravetui.wire.change import REFILLED, Said
from tests.support.central import PROJECT
from tests.support.restoring import TOLD, asked, office
from tests.support.world import Here, World, demote, set_member, sync_all
from tests.sync.test_refilled_questions import disagreed


def is_refilling(here: Here) -> bool:
    with here.store.read() as connection:
        return is_on(connection)


async def test_a_forged_word_stops_no_other_laptop(world: World) -> None:
    dana = await world.laptop("b", "dana")
    record = dana.create("violation", {"description": "silt fence down"})
    assert await dana.sync()
    forger = world.site.laptop("carlos")
    last = Dot(dana.device, 10**18 - 1)
    change = forger.change(
        record,
        {"location": "lot 3"},
        kind="violation",
        seen=VersionVector({last.device: last.counter}),
        reason=REFILLED,
    )
    forger.sync(change.model_copy(update={"said": {"location": Said(dots=(last,), hlc=Hlc(1))}}))
    await dana.sync()
    dana.edit("violation", record, source="own")
    await sync_all([dana])
    there = next(one for (_, kind, _), one in world.central_records().items() if kind == "violation")
    assert there.state.values().get("source") == "own"


async def test_a_viewers_laptop_is_not_left_with_a_refused_question(world: World) -> None:
    """As `test_a_viewers_laptop_is_not_left_with_a_refused_offer_once_its_author_has_handed_in`: with a question."""
    with world.backup_of_central() as backup:
        carlos, dana, third, _ = await disagreed(world)
        with world.restored(backup):
            demote(world, "dana", "viewer")
            await third.sync()
            demote(world, "dana", "foreman")
            await sync_all([carlos, dana])
            demote(world, "dana", "viewer")
            await sync_all([third, carlos])
            assert len(asked(world)) == 1
            left = [one.kind for one in third.outbox(OutboxState.REFUSED)]
            before_the_office = [one.change.kind for one in waiting(world.site.central)]
            assert (left, before_the_office) == ([], [])


@pytest.mark.parametrize("when", ["before", "during"])
@pytest.mark.parametrize("made_by", ["office", "dana"])
async def test_a_project_that_was_not_seen_while_central_was_refilled_is_refilled_once_it_is(
    world: World, when: str, made_by: str
) -> None:
    """Nothing of it was compared, and only this laptop has what the office said."""
    dana = await world.laptop("b", "dana")
    record = dana.create("violation", TOLD["violation"]) if made_by == "dana" else "v-1"
    assert await dana.sync()
    with world.backup_of_central() as backup:
        office(world, "violation", record, {**TOLD["violation"], "location": "lot 5"})
        assert await dana.sync()
        with world.restored(backup):
            if when == "during":
                await dana.worker._exchange(())
                assert is_refilling(dana)
            set_member(world, "dana", to_date="2026-01-06")
            await sync_all([dana])
            assert not is_refilling(dana)
            set_member(world, "dana", to_date=None)
            await sync_all([dana])
            there = world.central_records()[PROJECT, "violation", record]
            assert there.state.values()["location"] == "lot 5"
            assert not is_refilling(dana)
