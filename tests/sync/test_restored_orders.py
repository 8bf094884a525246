"""A restored central meets the past in any order: whoever had seen a word and said another is not outdone by it, whoever of
them is back first, and whoever hands it in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bravetui.actions import conflicts as actions
from bravetui.base.clock import ManualClock
from bravetui.central.quarantine import waiting
from bravetui.central.rescue import take_bundle
from bravetui.db.device import OutboxState
from bravetui.views import conflicts
from tests.support.central import PROJECT
from tests.support.restoring import WORDS, asked, begun, exported, is_deleted, office
from tests.support.world import World, demote, sync_all


@pytest.mark.parametrize("path", WORDS)
async def test_everybody_is_back_and_the_oldest_word_does_not_stand(world: World, path: str) -> None:
    """Dana said the older word, Carlos had read it and said another; the third had read only Dana's."""
    kind, older, later = WORDS[path]
    carlos, dana, third, record = await begun(world, kind)
    with world.backup_of_central() as backup:
        world.clock.advance(hours=1)
        dana.edit(kind, record, **{path: older})
        for here in (dana, carlos, third):
            await here.sync()
        world.clock.advance(hours=1)
        carlos.edit(kind, record, **{path: later})
        assert await carlos.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            for here in (carlos, third, dana):
                await here.sync()
            await sync_all([carlos, third, dana])
            assert {here.value(kind, record, path) for here in (carlos, dana, third)} == {later}
            assert asked(world) == []


@pytest.mark.parametrize("path", WORDS)
async def test_a_first_reader_does_not_stand_against_the_authors_next_word(world: World, path: str) -> None:
    """As `test_what_is_handed_in_to_a_restored_central_is_no_later_word_than_it_was`, under the other rules."""
    kind, older, later = WORDS[path]
    carlos, dana, third, record = await begun(world, kind)
    with world.backup_of_central() as backup:
        for word, readers in ((older, [dana, carlos]), (later, [dana])):
            world.clock.advance(hours=1)
            dana.edit(kind, record, **{path: word})
            for here in readers:
                assert await here.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            for here in (carlos, dana):
                await here.sync()
            await sync_all([carlos, dana, third])
            assert {here.value(kind, record, path) for here in (carlos, dana, third)} == {later}
            assert asked(world) == []


async def test_a_record_that_its_author_struck_out_does_not_come_back_from_a_reader(world: World) -> None:
    carlos, dana, third, _ = await begun(world, "violation")
    with world.backup_of_central() as backup:
        record = dana.create("violation", {"description": "logged by mistake"})
        for here in (dana, carlos):
            await here.sync()
        with dana.store.write() as writing:
            writing.delete("violation", PROJECT, record)
        assert await dana.sync()
        with world.restored(backup):
            for here in (carlos, dana):
                await here.sync()
            await sync_all([carlos, dana, third])
            assert (is_deleted(dana, record), asked(world)) == (True, [])


@pytest.mark.parametrize("order", ["dana third", "third dana"])
async def test_what_was_decided_stands_whoever_still_shows_the_question_open(
    world: World, order: str
) -> None:
    carlos, dana, third, record = await begun(world, "corrective_action")
    with world.backup_of_central() as backup:
        for here, value in ((carlos, "5.1.1"), (dana, "5.1.2")):
            here.edit("corrective_action", record, trigger=value)
            await here.sync()
        for here in (third, dana):
            await here.sync()
        (row,) = conflicts.conflicts(dana.store, PROJECT)
        world.clock.advance(hours=1)
        actions.decide(dana.store, PROJECT, row.id, {"trigger": "5.1.2"})
        assert await dana.sync()
        world.clock.advance(hours=1)
        back = [{"third": third, "dana": dana, "carlos": carlos}[name] for name in order.split()]
        with world.restored(backup):
            for here in back:
                await here.sync()
            await sync_all(back)
            assert (dana.value("corrective_action", record, "trigger"), asked(world)) == ("5.1.2", [])


async def test_a_refused_offer_that_goes_again_brings_back_nothing_that_was_corrected_since(
    world: World,
) -> None:
    """Carlos could only read for some hours; the third laptop has handed in the same, and Dana has answered that."""
    carlos, dana, third, record = await begun(world, "corrective_action")
    with world.backup_of_central() as backup:
        office(world, "corrective_action", record, {"swppp_change": "yes", "trigger": "5.1.1"})
        for here in (carlos, third):
            await here.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            demote(world, "carlos", "viewer")
            await carlos.sync()
            assert OutboxState.REFUSED in carlos.states()
            for here in (third, dana):
                await here.sync()
            world.clock.advance(hours=1)
            dana.edit("corrective_action", record, swppp_change="no", trigger="5.1.2")
            for here in (dana, third):
                await here.sync()
            demote(world, "carlos", "foreman")
            await sync_all([carlos, dana, third])
            said = [dana.value("corrective_action", record, path) for path in ("swppp_change", "trigger")]
            assert (said, asked(world)) == (["no", "5.1.2"], [])


async def test_an_offer_of_the_first_life_does_not_beat_in_the_second_what_was_said_upon_it(
    world: World,
) -> None:
    carlos, dana, third, record = await begun(world, "corrective_action")
    with world.backup_of_central() as one, world.server.database(str(world.engine.url.database)) as two:
        office(world, "corrective_action", record, {"swppp_change": "yes", "trigger": "5.1.1"})
        await third.sync()
        with world.restored(one):
            for here in (third, dana):
                await here.sync()
            world.clock.advance(hours=1)
            dana.edit("corrective_action", record, swppp_change="no", trigger="5.1.2")
            assert await dana.sync()
        world.clock.advance(hours=1)
        with world.restored(two):
            for here in (dana, third):
                await here.sync()
            await sync_all([dana, third, carlos])
            said = [dana.value("corrective_action", record, path) for path in ("swppp_change", "trigger")]
            assert (said, asked(world)) == (["no", "5.1.2"], [])


@pytest.mark.parametrize("path", WORDS)
async def test_authors_who_hand_in_again_in_another_order_still_have_seen_each_other(
    world: World, path: str
) -> None:
    """Dana said the older word, Carlos had read it and said another; Carlos is back first."""
    kind, older, later = WORDS[path]
    carlos, dana, third, record = await begun(world, kind)
    with world.backup_of_central() as backup:
        world.clock.advance(hours=1)
        dana.edit(kind, record, **{path: older})
        for here in (dana, carlos):
            assert await here.sync()
        world.clock.advance(hours=1)
        carlos.edit(kind, record, **{path: later})
        for here in (carlos, dana):
            assert await here.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            for here in (carlos, dana):
                await here.sync()
            await sync_all([carlos, dana, third])
            assert {here.value(kind, record, path) for here in (carlos, dana, third)} == {later}
            assert asked(world) == []


async def test_a_delete_by_somebody_who_had_seen_the_work_stays_when_the_work_comes_after(
    world: World,
) -> None:
    carlos, dana, third, record = await begun(world, "violation")
    with world.backup_of_central() as backup:
        dana.edit("violation", record, description="silt fence down over 30 feet")
        for here in (dana, carlos):
            await here.sync()
        with carlos.store.write() as writing:
            writing.delete("violation", PROJECT, record)
        for here in (carlos, dana):
            await here.sync()
        with world.restored(backup):
            for here in (carlos, dana):
                await here.sync()
            await sync_all([carlos, dana, third])
            assert (is_deleted(dana, record), asked(world)) == (True, [])


async def test_a_clock_years_ahead_does_not_win_because_central_was_restored(world: World) -> None:
    carlos, dana, third, record = await begun(world, "violation")
    with world.backup_of_central() as backup:
        carlos.store.clock = ManualClock(world.clock.now() + timedelta(days=900))
        carlos.edit("violation", record, location="lot 3")
        for here in (carlos, dana):
            await here.sync()
        world.clock.advance(hours=1)
        dana.edit("violation", record, location="lot 5")
        assert await dana.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            for here in (dana, carlos):
                await here.sync()
            await sync_all([carlos, dana, third])
            assert {here.value("violation", record, "location") for here in (carlos, dana, third)} == {
                "lot 5"
            }


async def test_a_viewers_laptop_is_not_left_with_a_refused_offer_once_its_author_has_handed_in(
    world: World,
) -> None:
    """For ever `refused` on a laptop where nothing was typed, and for ever before the office."""
    carlos, dana, third, record = await begun(world, "violation")
    demote(world, "carlos", "viewer")
    await carlos.sync()
    with world.backup_of_central() as backup:
        dana.edit("violation", record, location="lot 3")
        for here in (dana, carlos):
            await here.sync()
        with world.restored(backup):
            await carlos.sync()
            await sync_all([dana, carlos, third])
            assert (OutboxState.REFUSED in carlos.states(), waiting(world.site.central)) == (False, [])


async def test_a_bundle_brings_the_past_to_a_restored_central_as_a_line_does(
    world: World, tmp_path: Path
) -> None:
    """Dana said the older word, Carlos had read it and said another; hers comes on a stick, after his."""
    kind, older, later = WORDS["trigger"]
    carlos, dana, third, record = await begun(world, kind)
    with world.backup_of_central() as backup:
        dana.edit(kind, record, trigger=older)
        for here in (dana, carlos):
            await here.sync()
        carlos.edit(kind, record, trigger=later)
        assert await carlos.sync()
        with world.restored(backup):
            await carlos.sync()
            assert await dana.worker._exchange(()) is None  # it hears of the loss, and then the line is gone
            take_bundle(world.site.central, exported(world, dana, tmp_path / "stick"))
            await sync_all([carlos, third])
            assert (third.value(kind, record, "trigger"), asked(world)) == (later, [])
