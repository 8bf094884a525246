"""What central refused goes again, and is typed on in: no word is lost, none comes back, nobody's later one is beaten."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.central.quarantine import release, waiting
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.sync.exchange import prepare
from bravetui.wire.lanes import LANES
from tests.support.central import PROJECT, TEMPLATE
from tests.support.world import Here, World, demote, older_central


async def refused_and_taken(
    here: Here, record: str, first: dict[str, Json], then: dict[str, Json], kind: str = "violation"
) -> None:
    """Two changes in one request, of which central refuses the first and takes the second."""
    here.edit_paths(kind, record, first)
    prepare(here.store, [policy.lane for policy in LANES], 10**6)
    here.edit_paths(kind, record, then)
    await here.sync()
    assert here.states()[-2:] == [OutboxState.REFUSED, OutboxState.CONFIRMED]


async def test_what_was_refused_is_shown_and_kept_though_a_later_change_of_the_same_request_was_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, record = await world.two_that_have({"description": "Fence down."})
    with monkeypatch.context() as older:
        older_central(older, "violation.rule_code")
        first: dict[str, Json] = {"description": "Fence down. Lot 2.", "rule_code": "5.1"}
        await refused_and_taken(carlos, record, first, {"location": "lot 3"})
        world.clock.advance(hours=1)
        dana.edit("violation", record, description="Called the office. Fence down.")
        assert await dana.sync()
        await carlos.sync()
        shown = carlos.value("violation", record, "description")
        carlos.edit("violation", record, description=f"{shown} Mended.")
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        said = here.value("violation", record, "description")
        assert said == "Called the office. Fence down. Lot 2. Mended."


async def test_what_somebody_wrote_over_one_s_own_taken_word_is_shown_though_another_was_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, record = await world.two_that_have({"condition": "mud"}, "corrective_action")
    with monkeypatch.context() as older:
        older_central(older, "corrective_action.trigger")
        await refused_and_taken(
            carlos, record, {"trigger": "5.1.1"}, {"swppp_change": "yes"}, "corrective_action"
        )
        await dana.sync()
        dana.edit("corrective_action", record, swppp_change="no")
        assert await dana.sync()
        await carlos.sync()
        assert carlos.value("corrective_action", record, "swppp_change") == "no"


async def test_what_was_outdone_and_taken_does_not_take_the_place_of_what_was_typed_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, record = await world.two_that_have({"description": "silt fence down", "location": "gate 1"})
    with monkeypatch.context() as older:
        older_central(older, "violation.rule_code")
        carlos.edit("violation", record, location="lot 2", rule_code="5.1")
        await carlos.sync()
        world.clock.advance(hours=1)
        dana.edit("violation", record, location="lot 3")
        assert await dana.sync()
        await carlos.sync()
        world.clock.advance(hours=1)
        carlos.edit("violation", record, location="lot 4")
        await carlos.sync()
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert here.value("violation", record, "location") == "lot 4"


@pytest.mark.parametrize("first", [0, 1])
async def test_in_whatever_order_the_office_releases_a_laptop_s_words_the_last_of_them_stands(
    world: World, first: int
) -> None:
    carlos, dana, record = await world.two_that_have({"description": "silt fence down", "location": "gate 1"})
    demote(world, "carlos", "viewer")
    carlos.edit("violation", record, location="lot 2")
    await carlos.sync()
    world.clock.advance(hours=1)
    dana.edit("violation", record, location="lot 3")
    assert await dana.sync()
    await carlos.sync()
    world.clock.advance(hours=1)
    carlos.edit("violation", record, location="lot 4")
    await carlos.sync()
    kept = [one.change for one in waiting(world.site.central)]
    assert [dict(one.after) for one in kept] == [{"location": "lot 2"}, {"location": "lot 4"}]
    for change in (kept[first], kept[1 - first]):
        release(world.site.central, change.dot, "olga")
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert here.value("violation", record, "location") == "lot 4"


async def test_mending_an_edit_of_a_record_that_a_restored_central_has_lost_still_makes_the_record(
    world: World,
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    assert await carlos.sync()
    with world.backup_of_central() as backup:
        values: dict[str, Json] = {"description": "fence down", "severity": "minor"}
        world.site.central.publish(PROJECT, [Writing("violation", "made-by-office", values)])
        await carlos.sync()
        carlos.edit("violation", "made-by-office", location="lot A")
        assert await carlos.sync()
        with world.restored(backup):
            demote(world, "carlos", "viewer")
            await carlos.sync()
            assert OutboxState.REFUSED in carlos.states()
            carlos.edit("violation", "made-by-office", location="lot B")
            demote(world, "carlos", "foreman")
            assert await carlos.sync()
            held = world.central_records()[PROJECT, "violation", "made-by-office"].state.values()
    assert {path: held[path] for path in ("location", *values)} == {"location": "lot B", **values}


async def test_a_mended_change_goes_though_the_database_is_from_before_the_mending(world: World) -> None:
    """Killed between journal and commit, or put back: what was taken off the queue is in it again, and holds up the rest."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", {"title": "Daily"})
    await carlos.sync()
    assert carlos.states() == [OutboxState.REFUSED]
    carlos.close()
    world.laptops.remove(carlos)
    before = (carlos.folder / "site.db").read_bytes()
    carlos = world.open(carlos.folder)
    carlos.edit("submission", record, template_id=TEMPLATE)
    carlos.close()
    world.laptops.remove(carlos)
    (carlos.folder / "site.db").write_bytes(before)
    carlos = world.open(carlos.folder)
    assert carlos.value("submission", record, "template_id") == TEMPLATE
    await carlos.sync()
    carlos.edit("submission", record, title="Daily, Monday")
    assert await carlos.sync()
    assert (PROJECT, "submission", record) in world.central_records()


async def test_what_was_outdone_by_one_s_own_later_word_is_not_said_again_once_that_has_left_the_queue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    record = carlos.create("violation", {"description": "Fence down.", "location": "gate 1"})
    assert await carlos.sync()
    with monkeypatch.context() as older:
        older_central(older, "violation.rule_code")
        await refused_and_taken(
            carlos, record, {"location": "lot 2", "rule_code": "5.1"}, {"location": "lot 3"}
        )
        world.clock.advance(days=91)
        carlos = await world.sign_in(carlos)
        await carlos.sync()
        assert carlos.states() == [OutboxState.REFUSED]
        carlos.edit("violation", record, description="Fence down. 20 ft of it.")
    await carlos.sync()
    await carlos.sync()
    assert world.central_records()[PROJECT, "violation", record].state.values()["location"] == "lot 3"


@pytest.mark.parametrize(
    ("kind", "path", "base", "own", "theirs", "last"),
    [
        ("violation", "description", "Fence down.", {"description": "Fence down. Lot 2."},
         "Bob did it. Fence down.", "Fence down. Lot 2."),
        ("violation", "description", "Fence down.", {"description": "Fence down. Lot 2."},
         "Fence down. Called the office.", "Fence down. Lot 2. Called the office. Mended."),
        ("photo", "tags", [], {"tags": ["fence"]}, ["spill"], ["fence"]),
        ("corrective_action", "swppp_change", "no", {"control": "silt fence"}, "yes", "no"),
    ],
    ids=["struck out", "written on", "unticked", "corrected"],
)  # fmt: skip
async def test_who_had_seen_a_colleague_s_word_and_wrote_something_else_meant_it_also_in_mending(
    world: World, kind: str, path: str, base: Json, own: dict[str, Json], theirs: Json, last: Json
) -> None:
    carlos, dana = await world.laptop("carlos-1", "carlos"), await world.laptop("dana-1", "dana")
    record = carlos.create(kind, {path: base})
    assert await carlos.sync()
    await dana.sync()
    demote(world, "carlos", "viewer")
    carlos.edit_paths(kind, record, own)
    await carlos.sync()
    world.clock.advance(hours=1)
    dana.edit_paths(kind, record, {path: theirs})
    assert await dana.sync()
    await carlos.sync()
    world.clock.advance(hours=1)
    carlos.edit_paths(kind, record, {path: last})
    demote(world, "carlos", "foreman")
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert here.value(kind, record, path) == last


async def test_a_refused_text_shows_a_colleague_s_sentence_once_however_often_he_writes(world: World) -> None:
    carlos, dana, record = await world.two_that_have({"description": "Fence down."})
    demote(world, "carlos", "viewer")
    carlos.edit("violation", record, description="Fence down. Lot 2.")
    await carlos.sync()
    world.clock.advance(hours=1)
    for text in ("Fence down. Called the office.", "Fence down. Called the office. Nobody there."):
        dana.edit("violation", record, description=text)
        assert await dana.sync()
        await carlos.sync()
    shown = str(carlos.value("violation", record, "description"))
    assert shown.count("Called the office.") == 1


async def test_the_office_does_not_bring_back_what_its_author_has_written_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, record = await world.two_that_have({"description": "Fence down."})
    with monkeypatch.context() as older:
        older_central(older, "violation.rule_code")
        first: dict[str, Json] = {"description": "Fence down. Bob did it.", "rule_code": "5.1"}
        await refused_and_taken(carlos, record, first, {"description": "Fence down."})
        (kept,) = waiting(world.site.central)
    release(world.site.central, kept.change.dot, "olga", {"severity": "major"})
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert here.value("violation", record, "description") == "Fence down."
        assert here.value("violation", record, "severity") == "major"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_copy_has_seen_its_own_taken_word_though_it_mended_an_earlier_one(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """`before`: renumbered before it mends; `after`: what it mended is renumbered."""
    carlos = await world.laptop("carlos-1", "carlos")
    record = carlos.create("corrective_action", {"condition": "mud"})
    assert await carlos.sync()
    with monkeypatch.context() as older:
        older_central(older, "corrective_action.trigger")
        await refused_and_taken(
            carlos, record, {"trigger": "5.1.1"}, {"swppp_change": "yes"}, "corrective_action"
        )
        original, copy = world.copy(carlos, "copy")
        if when == "before":
            for here in (original, copy):
                here.create("violation", {"description": here.folder.name})
            for here in (original, copy, copy):
                await here.sync()
            assert copy.device != original.device
        else:
            original.edit("corrective_action", record, control="fence")
            copy.edit("corrective_action", record, immediate_steps="swept")
            prepare(copy.store, [policy.lane for policy in LANES], 10**6)
        world.clock.advance(hours=1)
        copy.edit("corrective_action", record, swppp_change="no")
    for here in (original, copy, copy, copy):
        await here.sync()
    assert copy.device != original.device
    assert copy.value("corrective_action", record, "swppp_change") == "no"


async def test_what_was_written_over_does_not_come_back_if_the_office_released_it_meanwhile(
    world: World,
) -> None:
    carlos, dana, record = await world.two_that_have({"description": "Fence down."})
    demote(world, "carlos", "viewer")
    carlos.edit("violation", record, description="Fence down. Bob did it.")
    await carlos.sync()
    dana.edit("violation", record, description="North. Fence down.")
    assert await dana.sync()
    world.clock.advance(hours=1)
    carlos.edit("violation", record, description="Fence down.", location="lot 2")
    (kept,) = waiting(world.site.central)
    release(world.site.central, kept.change.dot, "olga")
    demote(world, "carlos", "foreman")
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert here.value("violation", record, "description") == "North. Fence down."
