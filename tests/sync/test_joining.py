"""Two records that are made one: nothing that either said is lost, whoever wrote them and whatever became of one of them."""

from __future__ import annotations

from bravetui.actions import conflicts as actions
from bravetui.base.canonical import Json
from bravetui.views import conflicts
from tests.support.central import PROJECT
from tests.support.world import Here, World

TICKET: dict[str, Json] = {"supplier": "Rio Ready-Mix", "ticket_number": "T-1207"}
FENCE, ROCK = (f"01980000-0000-7000-8000-00000000000{number}" for number in (1, 2))


def asked(here: Here) -> dict[str, str]:
    """What is open here: the question's id by the record that it is about."""
    rows = conflicts.conflicts(here.store, PROJECT)
    return {row.record_id: row.id for row in rows if row.status == "open"}


async def both_by_carlos(
    world: World, kind: str, first: dict[str, Json], second: dict[str, Json]
) -> tuple[Here, str, str]:
    """Carlos logs it, and once more after it has been handed in; the second one goes on until it says all of `second`."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    older = carlos.create(kind, first)
    await carlos.sync()
    newer = carlos.create(kind, second)
    await carlos.sync()
    await carlos.sync()
    return carlos, older, newer


async def test_of_two_records_that_one_laptop_wrote_nothing_is_overwritten(world: World) -> None:
    """He had seen his first one when he wrote the second; that is no reason to drop what it says."""
    carlos, older, newer = await both_by_carlos(
        world, "delivery",
        {**TICKET, "hazardous": "yes", "note": "two bags torn", "occurred_at": "2026-08-03T06:00:00Z",
         f"items/{FENCE}": 0, f"items/{FENCE}/material": "fence"},
        {**TICKET, "hazardous": "no", "note": "left by the gate", "occurred_at": "2026-08-03T08:00:00Z",
         f"items/{ROCK}": 0, f"items/{ROCK}/material": "rock"},
    )  # fmt: skip
    actions.join(carlos.store, PROJECT, asked(carlos)[newer])
    await carlos.sync()
    note = str(carlos.value("delivery", older, "note"))
    assert "two bags torn" in note
    assert "left by the gate" in note
    assert carlos.value("delivery", older, "hazardous") == "yes"
    assert carlos.value("delivery", older, "occurred_at") == "2026-08-03T06:00:00Z"
    assert {carlos.value("delivery", older, f"items/{row}/material") for row in (FENCE, ROCK)} == {
        "fence",
        "rock",
    }


async def test_what_one_record_left_empty_the_other_one_says(world: World) -> None:
    """To have emptied a field of the one, or to have left it so, takes nothing from the other."""
    carlos, older, newer = await both_by_carlos(
        world, "delivery",
        {**TICKET, "po_number": "PO-9", "received_by": None},
        {**TICKET, "po_number": None, "received_by": "dana"},
    )  # fmt: skip
    actions.join(carlos.store, PROJECT, asked(carlos)[newer])
    assert carlos.value("delivery", older, "po_number") == "PO-9"
    assert carlos.value("delivery", older, "received_by") == "dana"


async def test_a_reading_that_is_joined_is_one_that_somebody_made(world: World) -> None:
    """The amount of the one never goes with the station of the other."""
    storm: dict[str, Json] = {"kind": "rain", "threshold_reached_at": "2026-08-03T06:00:00Z"}
    carlos, older, newer = await both_by_carlos(
        world, "weather_event",
        {**storm, "rain_hundredths": 30},
        {**storm, "rain_hundredths": 42, "source": "station", "station": "KABQ"},
    )  # fmt: skip
    actions.join(carlos.store, PROJECT, asked(carlos)[newer])
    cells = carlos.records()[PROJECT, "weather_event", older].state.values()
    assert (cells["rain_hundredths"], cells.get("source"), cells.get("station")) == (30, None, None)
