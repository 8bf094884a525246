"""Edges of handing in once more: a viewer's questions, and a word that nobody can have said."""

from __future__ import annotations

import pytest

from bravetui.central.quarantine import waiting
from bravetui.db import meta
from bravetui.db.device import OutboxState
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import REFILLED, Said
from tests.support.central import PROJECT
from tests.support.restoring import TOLD, WORDS, asked, begun, office
from tests.support.world import Here, World, demote, forget_kinds, set_member, sync_all
from tests.sync.test_refilled_questions import disagreed


def is_refilling(here: Here) -> bool:
    with here.store.read() as connection:
        return meta.is_refilling(connection)


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


@pytest.mark.parametrize("path", ["location", "trigger", "immediate_steps"])
async def test_what_was_said_while_a_project_was_not_seen_does_not_give_way_to_an_older_word(
    world: World, path: str
) -> None:
    """The word was lost with its author's laptop. Who holds it could not read the project while the office said another."""
    kind, word, another = WORDS[path]
    carlos, dana, third, record = await begun(world, kind)
    with world.backup_of_central() as backup:
        world.clock.advance(hours=1)
        dana.edit(kind, record, **{path: word})
        for here in (dana, carlos):
            assert await here.sync()
        with world.restored(backup):
            set_member(world, "carlos", to_date="2026-01-06")
            await sync_all([carlos])
            office(world, kind, record, {path: another})
            set_member(world, "carlos", to_date=None)
            await sync_all([carlos, third])
            shown = {here.value(kind, record, path) for here in (carlos, third)}
            if path == "location":
                assert (shown, asked(world)) == ({another}, [])  # the later stands
            else:
                assert asked(world) == [([path], "review")]


async def delivered(world: World) -> tuple[Here, Here, Here, str]:
    """Olga, Carlos and Dana, and a delivery of Olga's, which the others have not yet."""
    people = (("o", "olga"), ("a", "carlos"), ("b", "dana"))
    olga, carlos, dana = [await world.laptop(folder, user) for folder, user in people]
    await sync_all([olga, carlos, dana])
    delivery = olga.create("delivery", {"supplier": "Acme"})
    assert await olga.sync()
    return olga, carlos, dana, delivery


@pytest.mark.parametrize("lives", [1, 2])
async def test_what_an_older_laptop_keeps_of_a_lost_central_is_compared_once_it_is_updated(
    world: World, monkeypatch: pytest.MonkeyPatch, lives: int
) -> None:
    """The restored one has an older word of it, which does not take its place."""
    olga, carlos, dana, delivery = await delivered(world)
    with world.backup_of_central() as backup, world.backup_of_central() as again:
        olga.edit("delivery", delivery, supplier="Best")
        assert await olga.sync()
        with monkeypatch.context() as before_the_update:
            forget_kinds(before_the_update, "delivery")
            assert await carlos.sync()
            for life in (backup, again)[:lives]:
                with world.restored(life):
                    await sync_all([carlos])
                    if life == (backup, again)[lives - 1]:
                        before_the_update.undo()
                        await sync_all([carlos, dana])
                        shown = {here.value("delivery", delivery, "supplier") for here in (carlos, dana)}
                        assert shown == {"Best"}
                        assert asked(world) == []


async def test_what_an_older_laptop_kept_is_compared_also_if_it_was_updated_just_before_the_restore(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga, carlos, dana, delivery = await delivered(world)
    with world.backup_of_central() as backup:
        olga.edit("delivery", delivery, supplier="Best")
        assert await olga.sync()
        with monkeypatch.context() as before_the_update:
            forget_kinds(before_the_update, "delivery")
            assert await carlos.sync()
        with world.restored(backup):
            await sync_all([carlos, dana])
            assert {here.value("delivery", delivery, "supplier") for here in (carlos, dana)} == {"Best"}
