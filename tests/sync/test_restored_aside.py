"""A colleague's word that had only been set aside when central was restored: nobody else may have it any more."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bravetui.db.device import Parked
from tests.support.central import PROJECT
from tests.support.restoring import TOLD, WORDS, asked, begun
from tests.support.world import Here, World, sync_all
from tests.sync.test_restored_counts import FORM, LOADS, loads, two
from tests.sync.test_restored_first import OTHER, both_are_shown
from tests.sync.test_restored_parts import READS, exchange

_parked = Parked.__table__  # type: ignore[attr-defined]


def set_aside(here: Here) -> list[str]:
    """The ids of the records of which rows are."""
    with here.store.read() as connection:
        return list(connection.execute(select(_parked.c.record_id)).scalars())


async def reads_while_typing(here: Here, record: str) -> None:
    """What came is set aside, since his own work has not gone."""
    await exchange(here, READS)
    assert set_aside(here) == [record]


async def said_apart(carlos: Here, dana: Here, record: str) -> None:
    """Carlos says where, which Dana reads while what she has typed has not gone."""
    carlos.edit("violation", record, location="lot 3")
    assert await carlos.sync()
    dana.edit("violation", record, description="more")
    await reads_while_typing(dana, record)


def reopened(world: World, here: Here, image: bytes | None = None) -> Here:
    """Shut and opened again, with an older database put back if one is given."""
    here.close()
    world.laptops.remove(here)
    if image is not None:
        for name in ("site.db-wal", "site.db-shm"):
            (here.folder / name).unlink(missing_ok=True)
        (here.folder / "site.db").write_bytes(image)
    return world.open(here.folder)


@pytest.mark.parametrize("comes_back", [False, True], ids=["gone", "back"])
@pytest.mark.parametrize("how", ["restored", "failed_over"])
@pytest.mark.parametrize("is_new", [False, True], ids=["a record of before", "a record that is lost"])
@pytest.mark.parametrize("path", WORDS)
async def test_a_word_that_was_only_set_aside_is_handed_in(
    world: World, path: str, is_new: bool, how: str, comes_back: bool
) -> None:
    kind, word, _ = WORDS[path]
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    third = await world.laptop("c", "dana")
    with world.backup_of_central() as before:
        record = carlos.create(kind, TOLD[kind])
        await sync_all([carlos, dana, third])
        with world.backup_of_central() as after:
            carlos.edit(kind, record, **{path: word})
            assert await carlos.sync()
            dana.edit(kind, record, **{OTHER[kind]: "more"})
            await reads_while_typing(dana, record)
            with getattr(world, how)(before if is_new else after):
                rest = [dana, third, *([carlos] if comes_back else [])]
                await sync_all(rest)
                assert {(here.value(kind, record, path), here.value(kind, record, OTHER[kind])) for here in rest} == {
                    (word, "more")
                }  # fmt: skip
                assert asked(world) == []
                assert set_aside(dana) == []


@pytest.mark.parametrize("path", WORDS)
async def test_a_word_that_was_only_set_aside_meets_what_is_typed_beside_it(world: World, path: str) -> None:
    """Neither had seen the other."""
    carlos, dana, third, record = await begun(world, WORDS[path][0])
    kind, word, another = WORDS[path]
    with world.backup_of_central() as backup:
        carlos.edit(kind, record, **{path: word})
        assert await carlos.sync()
        world.clock.advance(hours=1)
        dana.edit(kind, record, **{path: another})
        await reads_while_typing(dana, record)
        with world.restored(backup):
            await sync_all([dana, third])
            assert both_are_shown(world, path, record, [dana, third])
            shown = third.value(kind, record, path), asked(world)
            await sync_all([carlos, dana, third])
            assert both_are_shown(world, path, record, [carlos, dana, third])
            assert (third.value(kind, record, path), asked(world)) == shown


@pytest.mark.parametrize("comes_back", [False, True], ids=["gone", "back"])
@pytest.mark.parametrize("is_new", [False, True], ids=["a record of before", "a record that is lost"])
@pytest.mark.parametrize("meanwhile", [0, 1000], ids=["alone", "a colleague counts on"])
async def test_a_step_that_was_only_set_aside_counts_once(
    world: World, is_new: bool, meanwhile: int, comes_back: bool
) -> None:
    carlos, dana = await two(world)
    third = await world.laptop("c", "dana")
    with world.backup_of_central() as before:
        record = carlos.create("submission", FORM)
        await sync_all([carlos, dana, third])
        with world.backup_of_central() as after:
            carlos.edit_paths("submission", record, {LOADS: 12})
            assert await carlos.sync()
            dana.edit_paths("submission", record, {LOADS: 110})
            await reads_while_typing(dana, record)
            with world.restored(before if is_new else after):
                if meanwhile:
                    third.edit_paths("submission", record, {LOADS: 10 + meanwhile})
                rest = [third, dana, *([carlos] if comes_back else [])]
                await sync_all(rest)
                totals = {here.value("submission", record, LOADS) for here in rest}
                assert totals == {112 + meanwhile}


async def test_what_is_set_aside_outlives_two_restores(world: World) -> None:
    """Her own work goes only in the second life."""
    carlos, dana, third, record = await begun(world, "violation")
    with world.backup_of_central() as backup, world.backup_of_central() as again:
        await said_apart(carlos, dana, record)
        with world.restored(backup):
            third.edit("violation", record, source="agency")
            assert await third.sync()
            await exchange(dana, READS)  # learns that central was restored
            await reads_while_typing(dana, record)
            with world.restored(again):
                await sync_all([dana])
                told = {
                    path: dana.value("violation", record, path)
                    for path in ("location", "source", "description")
                }
                assert told == {"location": "lot 3", "source": "agency", "description": "more"}
                await sync_all([third, carlos, dana])
                for here in (third, carlos):
                    assert {path: here.value("violation", record, path) for path in told} == told


async def test_two_steps_that_were_only_set_aside_count_once_each_when_all_are_back(world: World) -> None:
    """One of each life, whose centrals had not seen the other. Of two such counts central takes one; the other step comes
    with who counted it."""
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup, world.backup_of_central() as again:
        carlos.edit_paths("submission", record, {LOADS: 12})
        assert await carlos.sync()
        dana.edit_paths("submission", record, {LOADS: 110})
        await reads_while_typing(dana, record)
        with world.restored(backup):
            third.edit_paths("submission", record, {LOADS: 1010})
            assert await third.sync()
            await exchange(dana, READS)  # learns that central was restored
            await reads_while_typing(dana, record)
            with world.restored(again):
                await sync_all([dana])
                await sync_all([carlos, third, dana])
                totals = {here.value("submission", record, LOADS) for here in (carlos, dana, third)}
                assert totals == {1112}


async def test_a_record_of_which_only_an_edit_is_here_is_handed_in_as_it_was_set_aside(world: World) -> None:
    """Her database was put back to before the record, and her edit came back from the journal."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    await sync_all([carlos, dana])
    with world.backup_of_central() as backup:
        dana = reopened(world, dana)
        image = (dana.folder / "site.db").read_bytes()
        record = carlos.create("violation", {"description": "silt fence down", "location": "lot 3"})
        for here in (carlos, dana):
            assert await here.sync()
        dana.edit("violation", record, source="agency")
        dana = reopened(world, dana, image)
        assert "location" not in dana.records()[PROJECT, "violation", record].state.cells
        await reads_while_typing(dana, record)
        with world.restored(backup):
            third = await world.laptop("c", "dana")
            await sync_all([dana, third])
            told = {
                path: third.value("violation", record, path) for path in ("description", "location", "source")
            }
            assert told == {"description": "silt fence down", "location": "lot 3", "source": "agency"}
            await sync_all([carlos, third])
            assert {path: carlos.value("violation", record, path) for path in told} == told
