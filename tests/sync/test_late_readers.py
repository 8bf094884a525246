"""What a late laptop hands in to a restored central has not seen what was written there since: nothing of that is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bravetui.base.canonical import Json
from bravetui.db.device import OutboxState
from bravetui.db.kinds import KINDS
from bravetui.merge.state import DELETED
from tests.support.central import PROJECT
from tests.support.restoring import WORDS, asked, begun, is_deleted, office
from tests.support.world import World, sync_all


@pytest.mark.parametrize("path", ["location"])
async def test_a_late_reader_of_a_lost_word_does_not_undo_what_was_said_upon_it(
    world: World, path: str
) -> None:
    """The office said the older word, Dana had read it and said another; Carlos has read only the office's."""
    kind, older, later = WORDS[path]
    carlos, dana, third, record = await begun(world, kind)
    with world.backup_of_central() as backup:
        office(world, kind, record, {path: older})
        for here in (carlos, dana):
            await here.sync()
        world.clock.advance(hours=1)
        dana.edit(kind, record, **{path: later})
        assert await dana.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            for here in (dana, carlos):
                await here.sync()
            await sync_all([dana, carlos, third])
            assert {here.value(kind, record, path) for here in (carlos, dana, third)} == {later}
            assert asked(world) == []


@pytest.mark.parametrize("path", ["location", "trigger"])
async def test_a_late_reader_does_not_undo_what_was_typed_since_the_restore(world: World, path: str) -> None:
    """By Dana, who knew nothing of the office's lost word: hers is the later one; where no rule says so, it is asked."""
    kind, older, later = WORDS[path]
    carlos, dana, third, record = await begun(world, kind)
    with world.backup_of_central() as backup:
        office(world, kind, record, {path: older})
        await carlos.sync()
        with world.restored(backup):
            await dana.sync()
            world.clock.advance(hours=1)
            dana.edit(kind, record, **{path: later})
            assert await dana.sync()
            await sync_all([carlos, dana, third])
            if path == "location":
                assert dana.value(kind, record, path) == later
            else:
                assert asked(world) == [([path], "review")]


async def test_a_lost_delete_handed_in_late_buries_no_work_of_since(world: World) -> None:
    carlos, dana, third, record = await begun(world, "violation")
    with world.backup_of_central() as backup:
        office(world, "violation", record, {DELETED: True})
        await carlos.sync()
        assert is_deleted(carlos, record)
        with world.restored(backup):
            await dana.sync()
            world.clock.advance(hours=1)
            dana.edit("violation", record, description="silt fence down over 30 feet")
            assert await dana.sync()
            await sync_all([carlos, dana, third])
            assert not is_deleted(dana, record) or asked(world)


async def test_a_lost_removal_of_a_row_buries_no_work_of_since(world: World) -> None:
    carlos, dana, third, _ = await begun(world, "violation")
    row = "items/01989e2a-7c00-7a10-8b1e-3f60c4d2a9e1"
    record = carlos.create("delivery", {"supplier": "Quarry", row: 0, f"{row}/material": "rock"})
    for here in (carlos, dana, third):
        assert await here.sync()
    with world.backup_of_central() as backup:
        office(world, "delivery", record, {row: None})
        await carlos.sync()
        with world.restored(backup):
            await dana.sync()
            world.clock.advance(hours=1)
            dana.edit_paths("delivery", record, {f"{row}/material": "rip-rap, 2 tons"})
            assert await dana.sync()
            await sync_all([carlos, dana, third])
            assert dana.value("delivery", record, row) is not None or asked(world)


async def test_a_late_reader_does_not_split_a_group_that_was_entered_since(world: World) -> None:
    carlos, dana, third, record = await begun(world, "violation")
    with world.backup_of_central() as backup:
        office(world, "violation", record, {"severity": "critical"})
        await carlos.sync()
        with world.restored(backup):
            await dana.sync()
            world.clock.advance(hours=1)
            own: dict[str, Json] = {"severity": "minor", "required_action": "Rake the gravel."}
            dana.edit_paths("violation", record, own)
            assert await dana.sync()
            await sync_all([carlos, dana, third])
            said = {path: dana.value("violation", record, path) for path in own}
            assert said in (own, {"severity": "critical", "required_action": None}) or asked(world), said


async def test_a_late_readers_text_and_what_was_typed_since_both_stand(world: World) -> None:
    carlos, dana, third, record = await begun(world, "violation")
    with world.backup_of_central() as backup:
        office(world, "violation", record, {"description": "silt fence down. The office called the owner."})
        await carlos.sync()
        with world.restored(backup):
            await dana.sync()
            world.clock.advance(hours=1)
            dana.edit("violation", record, description="silt fence down. Crew is on it.")
            assert await dana.sync()
            await sync_all([carlos, dana, third])
            said = str(dana.value("violation", record, "description"))
            assert ("office" in said and "Crew" in said) or asked(world), said


async def test_an_offered_text_is_not_lost_to_what_was_typed_while_it_was_on_its_way(world: World) -> None:
    _, dana, third, record = await begun(world, "violation")
    with world.backup_of_central() as backup:
        office(world, "violation", record, {"description": "silt fence down. The office called the owner."})
        await third.sync()
        with world.restored(backup):
            for _ in range(3):
                await third.worker._exchange(())
            assert third.states() == [OutboxState.SENT]
            await dana.sync()
            world.clock.advance(hours=1)
            dana.edit("violation", record, description="silt fence down. Crew is on it.")
            assert await dana.sync()
            await sync_all([third, dana])
            said = str(dana.value("violation", record, "description"))
            assert ("office" in said and "Crew" in said) or asked(world), said


async def test_two_that_hand_in_one_record_at_a_time_lose_no_sentence_of_the_later_one(world: World) -> None:
    """Both have looked before either has handed in."""
    _, dana, third, _ = await begun(world, "violation")
    with world.backup_of_central() as backup:
        office(world, "violation", "by-office", {"description": "Fence down."})
        await dana.sync()
        office(world, "violation", "by-office", {"description": "Fence down. Called the owner."})
        await third.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            for _ in range(3):
                for here in (dana, third):
                    await here.worker._exchange(())
            assert dana.states() == third.states() == [OutboxState.SENT]
            for here in (dana, third, dana, third):
                await here.sync()
            assert dana.value("violation", "by-office", "description") == "Fence down. Called the owner."


async def test_a_record_that_could_be_handed_in_can_be_handed_in_again(world: World) -> None:
    """600 KB: what it says travels twice in an offer, and so is too large."""
    carlos, dana, _, _ = await begun(world, "violation")
    with world.backup_of_central() as backup:
        record = dana.create("violation", {"description": "Rain. " * 100_000})
        for here in (dana, carlos):
            assert await here.sync()
        with world.restored(backup):
            await sync_all([carlos])
            assert OutboxState.REFUSED not in carlos.states()
            assert (PROJECT, "violation", record) in world.central_records()


async def test_a_laptop_that_may_not_see_a_project_just_now_offers_nothing_of_it(world: World) -> None:
    """Central has all of it. Given back the right, Carlos hands in what others have corrected meanwhile."""
    carlos, dana, _, record = await begun(world, "corrective_action")
    dana.edit("corrective_action", record, trigger="5.1.1", swppp_change="yes")
    for here in (dana, carlos):
        await here.sync()
    members = KINDS["project_member"].table
    with world.engine.connect() as connection:
        member = connection.execute(select(members.c.id).where(members.c.user_id == "carlos")).scalar_one()
    with world.backup_of_central() as backup, world.restored(backup):
        office(world, "project_member", member, {DELETED: True})
        for _ in range(2):
            await carlos.sync()
        assert OutboxState.REFUSED not in carlos.states()
        world.clock.advance(hours=1)
        dana.edit("corrective_action", record, trigger="5.1.2", swppp_change="no")
        for _ in range(2):
            await dana.sync()
        office(world, "project_member", member, {DELETED: False})
        await sync_all([carlos, dana])
        said = [dana.value("corrective_action", record, path) for path in ("swppp_change", "trigger")]
        assert (said, asked(world)) == (["no", "5.1.2"], [])
