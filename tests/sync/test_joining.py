"""Two records that are made one: nothing that either said is lost, whoever wrote them and whatever became of one of them."""

from __future__ import annotations

import pytest

from bravetui.actions import conflicts as actions
from bravetui.actions.forms import _inspection_of
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.db.tables.conflict import SET_ASIDE
from bravetui.views import conflicts
from tests.support.central import PROJECT
from tests.support.world import Here, World
from tests.sync.test_duplicates import logged_twice

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


async def test_what_is_joined_into_one_that_was_joined_itself_goes_where_that_went(world: World) -> None:
    """Before central has heard of the first joining, and after."""
    for is_told in (False, True):
        carlos, first, second, third = await a_chain(world, f"carlos-{is_told}")
        actions.join(carlos.store, PROJECT, asked(carlos)[second])
        if is_told:
            await carlos.sync()
        actions.join(carlos.store, PROJECT, asked(carlos)[third])
        await carlos.sync()
        assert not asked(carlos)
        assert carlos.value("delivery", first, "note") == "third"
        assert carlos.value("delivery", first, "deleted") is False


async def test_two_that_were_joined_the_other_way_round_are_not_joined_again(world: World) -> None:
    carlos, first, second, third = await a_chain(world, "carlos-1")
    for record_id in (third, first):
        carlos.edit("delivery", record_id, ticket_number="T-3")
        await carlos.sync()
    questions = asked(carlos)
    actions.join(carlos.store, PROJECT, questions[second])
    actions.join(carlos.store, PROJECT, questions[third])
    with pytest.raises(BadInput, match="one already"):
        actions.join(carlos.store, PROJECT, questions[first])
    actions.keep_both(carlos.store, PROJECT, questions[first])
    await carlos.sync()
    assert not asked(carlos)
    assert carlos.value("delivery", first, "deleted") is False


async def test_nothing_is_joined_into_one_that_somebody_removed(world: World) -> None:
    carlos, older, newer = await both_by_carlos(
        world, "delivery", TICKET, {**TICKET, "note": "two bags torn"}
    )
    remove(carlos, older)
    with pytest.raises(BadInput, match="removed") as told:
        actions.join(carlos.store, PROJECT, asked(carlos)[newer])
    assert "Keep both" in told.value.todo
    actions.keep_both(carlos.store, PROJECT, asked(carlos)[newer])
    await carlos.sync()
    assert carlos.value("delivery", newer, "deleted") is False
    assert carlos.value("delivery", newer, "note") == "two bags torn"


@pytest.mark.parametrize("remover_is_first", [True, False])
@pytest.mark.parametrize("again", [False, True], ids=["never asked about", "kept once before"])
async def test_one_that_is_removed_while_another_is_joined_into_it_is_asked_about(
    world: World, remover_is_first: bool, again: bool
) -> None:
    """Also where the other one adds nothing to it: else both would be gone, though each of the two people kept one."""
    carlos, older, newer = await both_by_carlos(world, "delivery", TICKET, TICKET)
    if again:
        carlos.edit("delivery", older, deleted=False)
    dana = await world.laptop("dana-1", "dana")
    for here in (carlos, dana):
        await here.sync()
    remove(dana, older)
    actions.join(carlos.store, PROJECT, asked(carlos)[newer])
    for here in (dana, carlos, dana) if remover_is_first else (carlos, dana, carlos):
        await here.sync()
    for here in (carlos, dana):
        assert list(asked(here)) == [older]


@pytest.mark.parametrize("joiner_is_first", [True, False])
async def test_one_that_is_joined_away_while_another_is_joined_into_it_is_asked_about(
    world: World, joiner_is_first: bool
) -> None:
    carlos, _, second, third = await a_chain(world, "carlos-1")
    dana = await world.laptop("dana-1", "dana")
    await dana.sync()
    actions.join(carlos.store, PROJECT, asked(carlos)[second])
    actions.join(dana.store, PROJECT, asked(dana)[third])
    for here in (carlos, dana, carlos) if joiner_is_first else (dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert second in asked(here)
        assert here.value("delivery", second, "note") == "third"


async def test_whether_one_is_a_third_stays_open_while_another_is_joined_into_it(world: World) -> None:
    """To say of a record that it stays is no answer to that."""
    carlos, _, second, third = await a_chain(world, "carlos-1")
    actions.join(carlos.store, PROJECT, asked(carlos)[third])
    await carlos.sync()
    assert list(asked(carlos)) == [second]


@pytest.mark.parametrize("is_older", [True, False])
async def test_while_a_field_of_one_is_in_dispute_the_two_are_not_joined(
    world: World, is_older: bool
) -> None:
    """What stands in it until then nobody has decided."""
    carlos, dana, older, newer = await logged_twice(world, "delivery", TICKET, TICKET)
    disputed = older if is_older else newer
    question = asked(carlos)[newer]
    for here, condition in ((carlos, "damaged"), (dana, "rejected")):
        here.edit("delivery", disputed, condition=condition)
    for here in (carlos, dana, carlos):
        await here.sync()
    with pytest.raises(BadInput, match=f"{'first' if is_older else 'second'} of the two"):
        actions.join(carlos.store, PROJECT, question)
    rows = conflicts.conflicts(carlos.store, PROJECT)
    (other,) = (row.id for row in rows if row.id != question)
    actions.decide(carlos.store, PROJECT, other, {"condition": "rejected"})
    actions.join(carlos.store, PROJECT, question)
    await carlos.sync()
    assert not asked(carlos)
    assert carlos.value("delivery", older, "condition") == "rejected"


async def test_what_joining_set_aside_of_the_first_is_told_in_the_question(world: World) -> None:
    """On every laptop: the later place of storage stands, the earlier one is named."""
    carlos, dana, older, newer = await logged_twice(
        world, "delivery", {**TICKET, "storage_location": "[b]yard A"}, {**TICKET, "condition": "damaged"}
    )
    dana.edit("delivery", newer, storage_location="yard B", ticket_number="t-1207")
    for here in (dana, carlos):
        await here.sync()
    done = actions.join(carlos.store, PROJECT, asked(carlos)[newer], "one truck")
    assert done.apart == {"storage_location": "[b]yard A", "ticket_number": "t-1207"}
    for here in (carlos, dana):
        await here.sync()
        (row,) = conflicts.conflicts(here.store, PROJECT)
        view = conflicts.conflict(here.store, PROJECT, row.id)
        assert here.value("delivery", older, "storage_location") == "yard B"
        assert view.reason == "one truck. Set aside of the first: Storage location: [b]yard A."


async def test_a_reason_that_passes_for_what_was_set_aside_is_shown_as_far_as_it_can_be(world: World) -> None:
    """Somebody's own words, or another client's: nobody's list of conflicts breaks off over them."""
    carlos, _, _, newer = await logged_twice(world, "delivery", TICKET, TICKET)
    reason = f"two trucks{SET_ASIDE}{'[' * 100_000}"
    actions.keep_both(carlos.store, PROJECT, asked(carlos)[newer], reason)
    await carlos.sync()
    await carlos.sync()
    (row,) = conflicts.conflicts(carlos.store, PROJECT)
    assert conflicts.conflict(carlos.store, PROJECT, row.id).reason == "two trucks"


async def test_of_two_inspections_the_one_that_has_a_report_stands(world: World) -> None:
    """The other's form was discarded: it was not walked, though it came first."""
    carlos, walks, forms = await two_inspections(world)
    with carlos.store.write() as writing:
        writing.delete("submission", PROJECT, forms[0])
    actions.join(carlos.store, PROJECT, asked(carlos)[walks[1]])
    await carlos.sync()
    assert carlos.value("inspection", walks[0], "status") == "submitted"
    assert carlos.value("inspection", walks[0], "submission_id") == forms[1]
    assert carlos.value("inspection", walks[0], "inspector_id") == "dana"
    assert _inspection_of_form(carlos, forms[1]) == walks[0]


async def test_two_inspections_with_a_form_each_are_not_joined(world: World) -> None:
    """One of the reports would belong to no inspection any more."""
    carlos, walks, _ = await two_inspections(world)
    with pytest.raises(BadInput, match="form of its own"):
        actions.join(carlos.store, PROJECT, asked(carlos)[walks[1]])


async def two_inspections(world: World) -> tuple[Here, tuple[str, str], tuple[str, str]]:
    """Of one storm: Carlos began the first, Dana handed in the second."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    event = carlos.create("weather_event", {"kind": "melt"})
    first, second = (carlos.create("submission", {"title": "Site inspection"}) for _ in "12")
    walk: dict[str, Json] = {"kind": "storm", "weather_event_id": event}
    ids = tuple(
        carlos.create("inspection", {**walk, "submission_id": form, "status": status, "inspector_id": who})
        for form, status, who in ((first, "in_progress", "carlos"), (second, "submitted", "dana"))
    )
    await carlos.sync()
    await carlos.sync()
    return carlos, (ids[0], ids[1]), (first, second)


def _inspection_of_form(here: Here, form: str) -> str | None:
    with here.store.read() as connection:
        return _inspection_of(connection, PROJECT, form)


async def a_chain(world: World, name: str) -> tuple[Here, str, str, str]:
    """Three deliveries: whether the third is the second is asked, and whether that is the first."""
    carlos = await world.laptop(name, "carlos")
    await carlos.sync()
    first, second, third = (
        carlos.create("delivery", {"supplier": name, "ticket_number": ticket, **said})
        for ticket, said in (("T-1", {}), ("T-2", {}), ("T-2", {"note": "third"}))
    )
    await carlos.sync()
    carlos.edit("delivery", second, ticket_number="T-1")
    await carlos.sync()
    await carlos.sync()
    assert asked(carlos).keys() == {second, third}
    return carlos, first, second, third


def remove(here: Here, record_id: str) -> None:
    with here.store.write() as writing:
        writing.delete("delivery", PROJECT, record_id)
