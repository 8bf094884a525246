"""What had only been set aside goes in, and is shown once central has it: nobody here has seen it, it holds no own work."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.db.device import OutboxState
from bravetui.sync.exchange import prepare
from tests.support.central import PROJECT
from tests.support.refusing import refuse_bad
from tests.support.restoring import TOLD, WORDS, begun
from tests.support.world import Here, World, findings, set_member, sync_all
from tests.sync.test_restored_aside import reads_while_typing, reopened, said_apart, set_aside
from tests.sync.test_restored_counts import LOADS, TOO_LONG, loads, there
from tests.sync.test_restored_edges import is_refilling
from tests.sync.test_restored_first import OTHER, both_are_shown
from tests.sync.test_restored_parts import ALL_LANES, READS, exchange

OLDEST = {"location": "lot 1", "trigger": "5.1.9", "immediate_steps": "Nothing yet."}


async def until_queued(here: Here) -> None:
    """Up to where what was set aside is in the queue, and has not gone: the line breaks there."""
    await exchange(here, READS)
    assert is_refilling(here)
    for _ in range(12):
        if is_refilling(here):
            await exchange(here, ALL_LANES)
    assert not is_refilling(here)


async def counted_apart(world: World, carlos: Here, dana: Here, record: str, **more: Json) -> None:
    """Carlos counts two more, which Dana reads while her hundred have not gone."""
    carlos.edit_paths("submission", record, {LOADS: 12})
    assert await carlos.sync()
    dana.edit_paths("submission", record, {LOADS: 110, **more})
    await reads_while_typing(dana, record)


@pytest.mark.parametrize("put_back", [False, True], ids=["as it is", "from the journal"])
async def test_an_own_step_outlives_the_next_restore(world: World, put_back: bool) -> None:
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup, world.backup_of_central() as again:
        await counted_apart(world, carlos, dana, record)
        with world.restored(backup):
            if put_back:
                dana = reopened(world, dana)
                image = (dana.folder / "site.db").read_bytes()
                await until_queued(dana)
                dana = reopened(world, dana, image)
            else:
                await until_queued(dana)
            with world.restored(again):
                await sync_all([dana, third])
                assert third.value("submission", record, LOADS) == 112
                await sync_all([carlos, dana, third])
                totals = {here.value("submission", record, LOADS) for here in (carlos, dana, third)}
                assert totals == {112}


async def test_an_own_step_stays_on_the_screen(world: World) -> None:
    carlos, dana, _, record = await loads(world)
    with world.backup_of_central() as backup:
        await counted_apart(world, carlos, dana, record)
        with world.restored(backup):
            shown = []
            for _ in range(8):
                shown.append(dana.value("submission", record, LOADS))
                await exchange(dana, ALL_LANES)
            assert {*shown} == {110, 112}


async def test_a_refused_step_stays_on_the_screen_and_counts_once_it_is_put_right(world: World) -> None:
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup:
        await counted_apart(world, carlos, dana, record, **TOO_LONG)
        with world.restored(backup):
            await sync_all([dana])
            assert OutboxState.REFUSED in dana.states()
            assert dana.value("submission", record, LOADS) in (110, 112)
            dana.edit_paths("submission", record, dict.fromkeys(TOO_LONG, "short"))
            await sync_all([dana, third])
            await sync_all([carlos, dana, third])
            assert there(world, record)[LOADS] == 112


@pytest.mark.parametrize("comes_back", [False, True], ids=["gone", "back"])
@pytest.mark.parametrize("path", OLDEST)
async def test_what_is_typed_before_it_is_shown_has_not_seen_it(
    world: World, path: str, comes_back: bool
) -> None:
    """The record was lost as well."""
    kind, word, another = WORDS[path]
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    third = await world.laptop("c", "dana")
    with world.backup_of_central() as backup:
        record = carlos.create(kind, {**TOLD[kind], path: OLDEST[path]})
        await sync_all([carlos, dana, third])
        carlos.edit(kind, record, **{path: word})
        assert await carlos.sync()
        dana.edit(kind, record, **{OTHER[kind]: "more"})
        await reads_while_typing(dana, record)
        with world.restored(backup):
            await until_queued(dana)
            world.clock.advance(hours=1)
            dana.edit(kind, record, **{path: another})
            rest = [dana, third, *([carlos] if comes_back else [])]
            await sync_all(rest)
            assert both_are_shown(world, path, record, rest)


async def test_a_refused_word_stays_on_the_screen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Central heard it with a later one, which it took, and the answer was lost: what it told next seems to cover both."""
    refuse_bad(monkeypatch, "location")
    carlos, dana, _, record = await begun(world, "violation")
    with world.backup_of_central() as backup:
        carlos.edit("violation", record, location="lot 3")
        assert await carlos.sync()
        world.clock.advance(hours=1)
        dana.edit("violation", record, location="bad lot")
        prepare(dana.store, ALL_LANES, 10**6)
        dana.edit("violation", record, description="more")
        dana.line.answers_to_lose = 1
        await dana.worker._exchange(ALL_LANES)
        await reads_while_typing(dana, record)
        with world.restored(backup):
            await sync_all([dana])
            assert OutboxState.REFUSED in dana.states()
            assert dana.value("violation", record, "location") == "bad lot"


async def test_a_part_does_not_pass_for_a_record_whose_making_was_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    with world.backup_of_central() as backup:
        record = dana.create("violation", {"description": "bad silt", "source": "own"})
        await sync_all([dana, carlos])
        carlos.edit("violation", record, location="lot 3")
        assert await carlos.sync()
        dana.edit("violation", record, source="agency")
        await reads_while_typing(dana, record)
        refuse_bad(monkeypatch, "description")
        with world.restored(backup):
            await sync_all([dana])
            assert (PROJECT, "violation", record) not in world.central_records()


@pytest.mark.parametrize("first", [False, True], ids=["before its row came", "after its row came"])
async def test_a_project_that_is_out_of_sight_as_the_refill_ends_is_gone_on_with(
    world: World, first: bool
) -> None:
    carlos, dana, third, record = await begun(world, "violation")
    with world.backup_of_central() as backup:
        await said_apart(carlos, dana, record)
        with world.restored(backup):
            await exchange(dana, READS, *([ALL_LANES] if first else []))
            assert is_refilling(dana)
            set_member(world, "dana", to_date="2026-01-06")
            await sync_all([dana])
            assert not is_refilling(dana)
            set_member(world, "dana", to_date=None)
            for _ in range(2):
                await sync_all([dana, third])
            assert set_aside(dana) == []
            assert third.value("violation", record, "location") == "lot 3"


async def test_a_record_that_does_not_read_back_holds_up_no_other(world: World) -> None:
    carlos, dana, _, record = await begun(world, "violation")
    with world.backup_of_central() as backup:
        await said_apart(carlos, dana, record)
        with dana.store.maintain() as connection:
            connection.exec_driver_sql("UPDATE violation SET version = 'x{' WHERE id = ?", (record,))
        with world.restored(backup):
            dana.create("violation", {"description": "other"})
            await sync_all([dana])
            assert "other" in findings(world)
