"""The office mends what was refused: it outdoes nobody's later word, and what it did not touch stays its author's."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.central.quarantine import release, waiting
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.views import conflicts
from tests.support.central import PROJECT
from tests.support.world import Here, World, demote


async def refused_once(world: World, base: dict[str, Json], *said: dict[str, Json]) -> tuple[Here, Here, str]:
    """Carlos' record, of which central has refused these changes, each after the other."""
    carlos, dana = await world.laptop("carlos-1", "carlos"), await world.laptop("dana-1", "dana")
    record = carlos.create("violation", base)
    assert await carlos.sync()
    await dana.sync()
    demote(world, "carlos", "viewer")
    for one in said:
        world.clock.advance(minutes=5)
        carlos.edit_paths("violation", record, one)
        await carlos.sync()
        assert carlos.states()[-1] == OutboxState.REFUSED
    return carlos, dana, record


async def test_a_mend_of_the_office_does_not_outdo_what_the_office_itself_wrote_later(world: World) -> None:
    carlos, dana, record = await refused_once(
        world, {"description": "Fence down.", "location": "gate 1"}, {"location": "lot 2", "rule_code": "5.1"}
    )
    world.clock.advance(hours=1)
    world.site.central.publish(PROJECT, [Writing("violation", record, {"location": "lot 9"})])
    (kept,) = waiting(world.site.central)
    world.clock.advance(hours=1)
    release(world.site.central, kept.change.dot, "olga", {"rule_code": "5.2"})
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert here.value("violation", record, "rule_code") == "5.2"
        assert here.value("violation", record, "location") == "lot 9"


async def test_a_mend_of_the_office_weaves_its_text_with_what_the_office_wrote_meanwhile(
    world: World,
) -> None:
    carlos, dana, record = await refused_once(
        world, {"description": "Fence down."}, {"description": "Fence down. Lot 2.", "rule_code": "5.1"}
    )
    world.clock.advance(hours=1)
    text = "Called the agency. Fence down."
    world.site.central.publish(PROJECT, [Writing("violation", record, {"description": text})])
    (kept,) = waiting(world.site.central)
    release(world.site.central, kept.change.dot, "olga", {"rule_code": "5.2"})
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert here.value("violation", record, "description") == "Called the agency. Fence down. Lot 2."


@pytest.mark.parametrize("first", [0, 1])
async def test_in_whatever_order_the_office_mends_a_laptop_s_words_the_last_of_them_stands(
    world: World, first: int
) -> None:
    carlos, dana, record = await refused_once(world, {"description": "Fence down.", "location": "gate 1"})
    demote(world, "carlos", "viewer")
    carlos.edit("violation", record, location="lot 2")
    await carlos.sync()
    dana.edit("violation", record, description="Fence down. 20 ft.")
    assert await dana.sync()
    await carlos.sync()
    world.clock.advance(hours=1)
    carlos.edit("violation", record, location="lot 4")
    await carlos.sync()
    kept = [one.change for one in waiting(world.site.central)]
    assert [dict(one.after) for one in kept] == [{"location": "lot 2"}, {"location": "lot 4"}]
    for change, code in ((kept[first], "5.1"), (kept[1 - first], "5.2")):
        release(world.site.central, change.dot, "olga", {"rule_code": code})
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert here.value("violation", record, "location") == "lot 4"


async def test_a_mend_made_upon_a_refused_text_loses_none_of_it(world: World) -> None:
    carlos, dana, record = await refused_once(
        world, {"description": "Fence down."}, {"description": "Fence down. Lot 2."}
    )
    dana.edit("violation", record, location="lot 3")  # so that what he types next is a change of its own
    assert await dana.sync()
    await carlos.sync()
    carlos.edit("violation", record, description="Fence down. Lot 2. North of it.", rule_code="5.1")
    await carlos.sync()
    world.clock.advance(hours=1)
    dana.edit("violation", record, description="Fence down. Called the office.")
    assert await dana.sync()
    kept = [one.change for one in waiting(world.site.central)]
    assert len(kept) == 2
    release(world.site.central, kept[1].dot, "olga", {"rule_code": "5.2"})
    await dana.sync()
    text = str(dana.value("violation", record, "description"))
    asked = conflicts.conflicts(dana.store, PROJECT)
    assert asked or "Lot 2." in text, text
