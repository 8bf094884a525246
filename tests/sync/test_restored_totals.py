"""Totals at a restored central: what was counted upon a lost count, and what several hand in of one."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from tests.support.world import Here, World, sync_all
from tests.sync.test_restored_counts import LOADS, loads
from tests.sync.test_restored_parts import ALL_LANES, exchange


def count(here: Here, record: str, total: int) -> None:
    here.edit_paths("submission", record, {LOADS: total})


def totals(record: str, *laptops: Here) -> set[object]:
    return {here.value("submission", record, LOADS) for here in laptops}


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("meanwhile", [0, 10], ids=["alone", "a colleague counts on"])
async def test_a_step_upon_a_lost_count_brings_that_along(world: World, steps: int, meanwhile: int) -> None:
    """The step is sent again by itself, and is taken upon what central still has."""
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup:
        count(dana, record, 12)
        for here in (dana, carlos):
            assert await here.sync()
        for step in range(1, steps + 1):
            count(carlos, record, 12 + step)
            assert await carlos.sync()
        with world.restored(backup):
            if meanwhile:
                count(third, record, 10 + meanwhile)
                assert await third.sync()
            await sync_all([carlos, third])
            assert totals(record, carlos, third) == {12 + steps + meanwhile}
            await sync_all([dana, carlos, third])
            assert totals(record, carlos, dana, third) == {12 + steps + meanwhile}


async def test_a_step_upon_a_count_that_was_handed_in_outlives_the_next_restore(world: World) -> None:
    """Who had counted in between is gone in the second life."""
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup, world.backup_of_central() as again:
        count(dana, record, 12)
        for here in (dana, carlos):
            assert await here.sync()
        with world.restored(backup):
            count(third, record, 15)
            assert await third.sync()
            await sync_all([carlos])
            assert totals(record, carlos) == {17}
            count(carlos, record, 18)
            await sync_all([carlos])
        with world.restored(again):
            await sync_all([carlos])
            assert totals(record, carlos) == {18}
            await sync_all([third, dana, carlos])
            assert totals(record, carlos, dana, third) == {18}


@pytest.mark.parametrize("first", ["carlos", "third"])
@pytest.mark.parametrize("comes_back", [False, True], ids=["gone", "back"])
@pytest.mark.parametrize(
    ("typed", "total"),
    [({"answers/note": "typed without a line"}, 13), ({LOADS: 112}, 113)],
    ids=["a note", "a hundred"],
)
async def test_of_two_counts_handed_in_the_later_holds_what_the_other_laptop_did_itself(
    world: World, first: str, comes_back: bool, typed: dict[str, Json], total: int
) -> None:
    """Who hands in the later has seen all that was counted, but for what the other typed without a line: that is sent."""
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup:
        count(dana, record, 12)
        for here in (dana, carlos):
            assert await here.sync()
        carlos.edit_paths("submission", record, typed)
        count(dana, record, 13)
        for here in (dana, third):
            assert await here.sync()
        with world.restored(backup):
            order = [carlos, third] if first == "carlos" else [third, carlos]
            for here in order:
                await here.sync()
            await sync_all(order)
            if comes_back:
                await sync_all([dana, *order])
            assert totals(record, *order) == {total}


async def test_a_step_typed_while_a_count_is_handed_in_claims_nothing_that_is_not_in_it(world: World) -> None:
    """The count is shown as it is held here, and a colleague's step comes to it at central; then that is lost as well."""
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup, world.backup_of_central() as again:
        count(dana, record, 12)
        for here in (dana, carlos, third):
            assert await here.sync()
        count(carlos, record, 13)
        count(third, record, 14)
        await sync_all([carlos, third])
        assert totals(record, carlos, third) == {15}
        with world.restored(backup):
            for here, step in ((carlos, 100), (third, 1000)):
                count(here, record, 15 + step)
                await exchange(here, ALL_LANES, ALL_LANES)
            with world.restored(again):
                await exchange(third, ALL_LANES)
                assert totals(record, third) == {1015}
                count(third, record, 11015)
                await sync_all([carlos, third])
                await sync_all([dana, carlos, third])
                assert totals(record, carlos, dana, third) == {11115}


async def test_a_count_that_was_emptied_is_not_counted_on(world: World) -> None:
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup:
        count(dana, record, 12)
        for here in (dana, carlos, third):
            assert await here.sync()
        carlos.edit_paths("submission", record, {LOADS: None})
        await sync_all([carlos, third])
        with world.restored(backup):
            for back in ([third, carlos], [dana, carlos, third]):
                await sync_all(back)
                assert totals(record, *back) == {None}
