"""A central that was restored had taken own work, and the answer was lost: what colleagues had said goes in without it.

The work comes by itself: refused, put right, or under another number.
"""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.db.device import OutboxState
from bravetui.sync.exchange import prepare
from tests.support.refusing import refuse_bad
from tests.support.restoring import WORDS, asked, begun
from tests.support.world import Here, World, set_member, sync_all
from tests.sync.test_restored_aside import reads_while_typing
from tests.sync.test_restored_counts import LOADS, loads, there
from tests.sync.test_restored_edges import is_refilling
from tests.sync.test_restored_first import OTHER
from tests.sync.test_restored_parts import ALL_LANES, READS, exchange

FAULTY = "answers/x"


async def hands_in_unheard(here: Here) -> None:
    """Central takes it, and the answer is lost."""
    here.line.answers_to_lose = 1
    await here.worker._exchange(ALL_LANES)


async def refused_and_taken(
    world: World, carlos: Here, dana: Here, record: str, *, is_aside: bool, first: int = 0
) -> None:
    """Carlos counts two. Dana's first change is refused, her next hundred loads are taken, the answer to both is lost; then
    she reads what central has come to."""
    carlos.edit_paths("submission", record, {LOADS: 12})
    assert await carlos.sync()
    counted: dict[str, Json] = {LOADS: 10 + first} if first else {}
    dana.edit_paths("submission", record, {FAULTY: "bad", **counted})
    prepare(dana.store, ALL_LANES, 10**6)  # it was on its way when the line broke
    dana.edit_paths("submission", record, {LOADS: 110 + first})
    await hands_in_unheard(dana)
    assert there(world, record)[LOADS] == 112
    await (reads_while_typing(dana, record) if is_aside else sync_all([dana]))


@pytest.mark.parametrize("comes_back", [False, True], ids=["gone", "back"])
@pytest.mark.parametrize("is_aside", [False, True], ids=["in the tables", "set aside"])
async def test_a_step_behind_a_refused_word_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch, is_aside: bool, comes_back: bool
) -> None:
    refuse_bad(monkeypatch, FAULTY)
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup:
        await refused_and_taken(world, carlos, dana, record, is_aside=is_aside)
        with world.restored(backup):
            rest = [dana, third, *([carlos] if comes_back else [])]
            await sync_all(rest)
            assert OutboxState.REFUSED in dana.states()
            assert {here.value("submission", record, LOADS) for here in rest} == {112}
            dana.edit_paths("submission", record, {FAULTY: "good"})
            await sync_all(rest)
            assert {here.value("submission", record, LOADS) for here in rest} == {112}


@pytest.mark.parametrize("is_aside", [False, True], ids=["in the tables", "set aside"])
async def test_a_step_that_both_refused_takes_nothing_from_a_colleagues(
    world: World, monkeypatch: pytest.MonkeyPatch, is_aside: bool
) -> None:
    """Her five were in the change that central would not have: they are no part of what it told."""
    refuse_bad(monkeypatch, FAULTY)
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup:
        await refused_and_taken(world, carlos, dana, record, is_aside=is_aside, first=5)
        with world.restored(backup):
            await sync_all([dana, third])
            assert OutboxState.REFUSED in dana.states()
            assert there(world, record)[LOADS] == 112
            dana.edit_paths("submission", record, {FAULTY: "good"})
            await sync_all([dana, third])
            assert {here.value("submission", record, LOADS) for here in (dana, third)} == {117}


@pytest.mark.parametrize("comes_back", [False, True], ids=["gone", "back"])
@pytest.mark.parametrize("is_aside", [False, True], ids=["in the tables", "set aside"])
@pytest.mark.parametrize("how", ["an older program", "before her right"])
async def test_a_step_that_was_taken_and_is_refused_now_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str, is_aside: bool, comes_back: bool
) -> None:
    carlos, dana, third, record = await loads(world)
    if how == "before her right":
        set_member(world, "dana", project_role="viewer")
    with world.backup_of_central() as backup:
        set_member(world, "dana", project_role="foreman")
        await sync_all([dana])
        carlos.edit_paths("submission", record, {LOADS: 12})
        assert await carlos.sync()
        dana.edit_paths("submission", record, {LOADS: 110, FAULTY: "bad"})
        await hands_in_unheard(dana)
        assert there(world, record)[LOADS] == 112
        await (reads_while_typing(dana, record) if is_aside else sync_all([dana]))
        with world.restored(backup):
            if how == "an older program":
                refuse_bad(monkeypatch, FAULTY)
            await sync_all([dana])
            assert OutboxState.REFUSED in dana.states()
            assert there(world, record)[LOADS] in (10, 12)
            if how == "an older program":
                dana.edit_paths("submission", record, {FAULTY: "good"})
            set_member(world, "dana", project_role="foreman")
            rest = [dana, third, *([carlos] if comes_back else [])]
            await sync_all([dana, *rest])
            assert OutboxState.REFUSED not in dana.states()
            assert {here.value("submission", record, LOADS) for here in rest} == {112}


@pytest.mark.parametrize("counted", [110, 109], ids=["as counted", "counted anew"])
async def test_what_is_put_right_before_a_refill_ends_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch, counted: int
) -> None:
    """Under its new number, and with what it says now."""
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup:
        carlos.edit_paths("submission", record, {LOADS: 12})
        assert await carlos.sync()
        dana.edit_paths("submission", record, {LOADS: 110, FAULTY: "bad"})
        await hands_in_unheard(dana)
        await reads_while_typing(dana, record)
        with world.restored(backup):
            refuse_bad(monkeypatch, FAULTY)
            await exchange(dana, READS, ALL_LANES)
            assert OutboxState.REFUSED in dana.states()
            assert is_refilling(dana)
            dana.edit_paths("submission", record, {FAULTY: "good", LOADS: counted})
            await sync_all([dana, third])
            assert there(world, record)[LOADS] == counted + 2


async def test_a_sentence_that_is_refused_now_is_not_said_twice_once_it_is_put_right(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, third, record = await begun(world, "corrective_action")
    carlos.edit("corrective_action", record, immediate_steps="Pump on.")
    await sync_all([carlos, dana, third])
    with world.backup_of_central() as backup:
        carlos.edit("corrective_action", record, immediate_steps="Sand laid. Pump on.")
        assert await carlos.sync()
        world.clock.advance(minutes=5)
        dana.edit("corrective_action", record, immediate_steps="Pump on. Fence up.", condition="bad")
        await hands_in_unheard(dana)
        await reads_while_typing(dana, record)
        with world.restored(backup):
            refuse_bad(monkeypatch, "condition")
            await sync_all([dana, third])
            assert third.value("corrective_action", record, "immediate_steps") == "Sand laid. Pump on."
            dana.edit("corrective_action", record, condition="good")
            await sync_all([dana, third])
            told = third.value("corrective_action", record, "immediate_steps")
            assert (told, asked(world)) == ("Sand laid. Pump on. Fence up.", [])


@pytest.mark.parametrize("carlos_is", ["not in it", "gone", "back"])
async def test_a_step_counts_once_under_the_number_of_a_copy(world: World, carlos_is: str) -> None:
    """The copy's was taken; the original uses its number at the restored central, and so it gets another."""
    carlos, dana, third, record = await loads(world)
    original, copy = world.copy(dana, "copy")
    with world.backup_of_central() as backup:
        if carlos_is != "not in it":
            carlos.edit_paths("submission", record, {LOADS: 12})
            assert await carlos.sync()
        copy.edit_paths("submission", record, {LOADS: 110})
        await hands_in_unheard(copy)
        await reads_while_typing(copy, record)
        with world.restored(backup):
            original.create("violation", {"description": "by the original"})
            await sync_all([original, copy])
            assert copy.device != original.device
            await sync_all([original, copy, third, *([carlos] if carlos_is == "back" else [])])
            assert there(world, record)[LOADS] == (110 if carlos_is == "not in it" else 112)


@pytest.mark.parametrize(
    ("path", "first", "then"), [("source", "agency", "own"), ("trigger", "5.1.1", "5.1.2")]
)
async def test_a_later_word_of_a_copys_stands_over_its_earlier_one(
    world: World, path: str, first: str, then: str
) -> None:
    """Both get other numbers, and nobody is asked between two words of one's own."""
    kind = WORDS[path][0]
    _, dana, third, record = await begun(world, kind)
    original, copy = world.copy(dana, "copy")
    with world.backup_of_central() as backup:
        copy.create("delivery", {"supplier": "by the copy"})
        copy.edit(kind, record, **{path: first})
        await hands_in_unheard(copy)
        await exchange(copy, READS)
        world.clock.advance(hours=1)
        copy.edit(kind, record, **{path: then})
        with world.restored(backup):
            original.create("delivery", {"supplier": "by the original"})
            await sync_all([original, copy, third])
            assert copy.device != original.device
            assert (third.value(kind, record, path), asked(world)) == (then, [])


@pytest.mark.parametrize("comes_back", [False, True], ids=["gone", "back"])
async def test_a_word_of_the_original_under_the_same_number_is_kept_by_its_copy(
    world: World, comes_back: bool
) -> None:
    _, dana, third, record = await begun(world, "violation")
    original, copy = world.copy(dana, "copy")
    original.create("violation", {"description": "first of the original"})
    assert await original.sync()
    with world.backup_of_central() as backup:
        original.edit("violation", record, location="lot 3")
        assert await original.sync()
        copy.edit("violation", record, **{OTHER["violation"]: "more"})
        await reads_while_typing(copy, record)
        with world.restored(backup):
            await sync_all([copy, third])
            rest = [copy, third, *([original] if comes_back else [])]
            await sync_all(rest)
            for here in rest:
                assert here.value("violation", record, "location") == "lot 3"
                assert here.value("violation", record, OTHER["violation"]) == "more"
