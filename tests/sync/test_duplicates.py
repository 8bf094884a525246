"""One thing logged twice, on two laptops without a line: asked about once, joined into one, or kept as two."""

from __future__ import annotations

import pytest

from bravetui.actions import conflicts as actions
from bravetui.actions import site
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.views import conflicts
from tests.support.central import PROJECT
from tests.support.world import Here, World

TICKET: dict[str, Json] = {"supplier": "Rio Ready-Mix", "ticket_number": "T-1207"}


async def logged_twice(
    world: World, kind: str, first: dict[str, Json], second: dict[str, Json]
) -> tuple[Here, Here, str, str]:
    """Carlos and Dana log it, neither having seen the other's."""
    carlos, dana = await world.laptop("carlos-1", "carlos"), await world.laptop("dana-1", "dana")
    for here in (carlos, dana):
        await here.sync()
    older, newer = carlos.create(kind, first), dana.create(kind, second)
    for here in (carlos, dana, carlos):
        await here.sync()
    return carlos, dana, older, newer


async def test_one_delivery_ticket_logged_on_two_laptops_is_asked_about_once_and_joined(world: World) -> None:
    carlos, dana, older, newer = await logged_twice(
        world, "delivery",
        {**TICKET, "hazardous": "no", "condition": "accepted"},
        {**TICKET, "ticket_number": "t-1207 ", "hazardous": "yes", "condition": "damaged", "note": "two bags torn"},
    )  # fmt: skip
    (row,) = conflicts.conflicts(carlos.store, PROJECT)
    assert (row.status, row.what) == ("open", "Logged twice?")
    view = conflicts.conflict(carlos.store, PROJECT, row.id)
    differ = [field.path for field in view.fields if field.local.text != field.remote.text]
    assert view.is_duplicate
    assert differ == ["condition", "hazardous", "note", "ticket_number"]
    done = actions.join(carlos.store, PROJECT, row.id)
    assert done.apart == {"condition": "damaged", "hazardous": "no", "ticket_number": "t-1207 "}
    for here in (carlos, dana):
        await here.sync()
        assert here.value("delivery", older, "hazardous") == "yes"
        assert here.value("delivery", older, "note") == "two bags torn"
        assert here.value("delivery", older, "condition") == "accepted"
        assert here.value("delivery", newer, "deleted") is True
        assert here.value("delivery", newer, "condition") == "damaged"
        assert [one.status for one in conflicts.conflicts(here.store, PROJECT)] == ["resolved"]
    with pytest.raises(BadInput, match="decided this already"):
        actions.join(carlos.store, PROJECT, row.id)


async def test_two_that_are_kept_as_two_are_not_asked_about_again(world: World) -> None:
    carlos, dana, _, newer = await logged_twice(world, "delivery", TICKET, TICKET)
    (row,) = conflicts.conflicts(dana.store, PROJECT)
    actions.keep_both(dana.store, PROJECT, row.id, "two trucks, one ticket")
    await dana.sync()
    dana.edit("delivery", newer, ticket_number="T-1207")
    dana.edit("delivery", newer, supplier="Rio Ready-Mix")
    for here in (dana, carlos):
        await here.sync()
        assert [one.status for one in conflicts.conflicts(here.store, PROJECT)] == ["resolved"]
        assert here.value("delivery", newer, "deleted") is False


async def test_one_storm_logged_at_two_hours_is_one_storm_with_one_inspection(world: World) -> None:
    carlos, dana = await world.laptop("carlos-1", "carlos"), await world.laptop("dana-1", "dana")
    for here in (carlos, dana):
        await here.sync()
    now = world.clock.now()
    site.log_rain(carlos.store, PROJECT, 30, now.replace(hour=6, minute=0))
    site.log_rain(dana.store, PROJECT, 42, now.replace(hour=8, minute=0))
    for here in (carlos, dana, carlos):
        await here.sync()
    (storm,) = [
        row for row in conflicts.conflicts(carlos.store, PROJECT) if row.record_kind == "weather_event"
    ]
    actions.join(carlos.store, PROJECT, storm.id)
    for here in (carlos, dana, carlos):
        await here.sync()
    (walk,) = [row for row in conflicts.conflicts(dana.store, PROJECT) if row.status == "open"]
    assert walk.record_kind == "inspection"
    actions.join(dana.store, PROJECT, walk.id)
    for here in (dana, carlos):
        await here.sync()
        due = [
            key
            for key, one in here.records().items()
            if key[1] == "inspection" and not one.state.values().get("deleted")
        ]
        assert len(due) == 1
    assert carlos.records() == dana.records()


@pytest.mark.parametrize(
    "second",
    [
        {"supplier": "Rio Ready-Mix"},
        {"supplier": "Rio Ready-Mix", "ticket_number": "T-1208"},
        {"ticket_number": "T-1207"},
    ],
)
async def test_what_differs_in_its_key_or_has_none_is_two_things(
    world: World, second: dict[str, Json]
) -> None:
    carlos, dana, _, _ = await logged_twice(world, "delivery", TICKET, second)
    for here in (carlos, dana):
        assert not conflicts.conflicts(here.store, PROJECT)
