"""Copies of one laptop that share what was not sent: each goes on by itself, and what they share is taken once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bravetui.base.errors import Transient
from bravetui.central.rescue import take_bundle
from bravetui.db.device import OutboxState
from bravetui.sync.exchange import prepare
from bravetui.wire.lanes import LANES
from tests.support.central import PROJECT, TEMPLATE
from tests.support.restoring import asked, exported
from tests.support.world import Here, World


async def test_a_copys_bundle_has_seen_its_own_word_on_hold_though_it_mended_an_earlier_one(
    world: World, tmp_path: Path
) -> None:
    """By line it held (`twin._shared`); by bundle its own later word was outdone by its own earlier one."""
    carlos = await world.laptop("a", "carlos")
    assert await carlos.sync()
    record = carlos.create("submission", {"title": "Daily"})  # names no form: refused
    prepare(carlos.store, [policy.lane for policy in LANES], 10**6)
    carlos.edit_paths("submission", record, {"answers/x": "second"})
    await carlos.sync()
    assert carlos.states()[-2:] == [OutboxState.REFUSED, OutboxState.PARKED]
    original, copy = world.copy(carlos, "copy")
    original.create("violation", {"description": "by the original"})
    await original.sync()
    world.clock.advance(hours=1)
    copy.edit_paths("submission", record, {"template_id": TEMPLATE, "answers/x": "third"})
    take_bundle(world.site.central, exported(world, copy, tmp_path / "stick"))
    later = await world.laptop("later", "dana")
    await later.sync()
    assert (later.value("submission", record, "answers/x"), asked(world)) == ("third", [])


async def test_two_copies_that_share_a_change_do_not_pass_for_having_seen_each_other(world: World) -> None:
    """They were given one number, and the higher counter under it counted as having seen the lower."""
    original = await world.laptop("a", "carlos")
    record = original.create("corrective_action", {"condition": "mud"})
    assert await original.sync()
    original, first = world.copy(original, "b")
    first.create("violation", {"description": "unsent when the second copy was made"})
    first, second = world.copy(first, "c")
    original.create("violation", {"description": "by the original"})
    assert await original.sync()
    first.edit("corrective_action", record, trigger="5.1.1")
    for number in range(3):
        second.create("violation", {"description": f"by the second {number}"})
    second.edit("corrective_action", record, trigger="5.1.2")
    for here in (first, first, second, second, first):
        await here.sync()
    assert asked(world) == [(["trigger"], "review")]


async def test_the_bundle_of_a_copy_that_has_seen_another_under_their_one_number_is_taken(
    world: World, tmp_path: Path
) -> None:
    original = await world.laptop("a", "carlos")
    record = original.create("corrective_action", {"condition": "mud"})
    assert await original.sync()
    original, first = world.copy(original, "b")
    first.create("delivery", {"supplier": "unsent when the second copy was made"})
    first, second = world.copy(first, "c")
    original.create("violation", {"description": "by the original"})
    assert await original.sync()
    first.edit("corrective_action", record, trigger="5.1.1")
    for _ in range(2):
        await first.sync()
    assert await second.worker._exchange(()) is None  # news alone
    assert second.value("corrective_action", record, "trigger") == "5.1.1"
    second.edit("corrective_action", record, trigger="5.1.2")
    took = take_bundle(world.site.central, exported(world, second, tmp_path / "stick"))
    assert not took.delivered.kept, took.delivered.why  # its change claimed to have seen itself
    assert world.central_records()[PROJECT, "corrective_action", record].state.values()["trigger"] == "5.1.2"


async def sharing(world: World) -> tuple[Here, Here, Here, str]:
    """The original and two copies that share a word of which the original knows nothing; it has used its number."""
    original = await world.laptop("a", "carlos")
    record = original.create("corrective_action", {"condition": "mud"})
    assert await original.sync()
    original, first = world.copy(original, "b")
    first.edit("corrective_action", record, trigger="5.1.1")
    prepare(
        first.store, [policy.lane for policy in LANES], 10**6
    )  # what is typed next is a change of its own
    first, second = world.copy(first, "c")
    original.create("violation", {"description": "by the original"})
    assert await original.sync()
    return original, first, second, record


async def test_what_copies_share_is_taken_once_and_each_goes_on_upon_it(world: World) -> None:
    """Under a number of its own, the second has seen what the first had handed in of what they share."""
    original, first, second, record = await sharing(world)
    assert await first.sync()
    second.edit("corrective_action", record, trigger="5.1.2")
    for here in (second, first, original):
        assert await here.sync()
        assert here.value("corrective_action", record, "trigger") == "5.1.2"
    assert asked(world) == []
    assert len({here.device for here in (original, first, second)}) == 3


async def test_a_number_that_two_copies_were_told_before_either_used_it_is_left_to_the_first(
    world: World,
) -> None:
    """The first lost its line as soon as it had been told, and the second asked for the very same; then both went on."""
    _, first, second, record = await sharing(world)
    first.line.cut_after_next = True
    with pytest.raises(Transient):
        await first.sync()
    assert await second.sync()
    assert second.device == first.device
    for here, word in ((first, "5.1.2"), (second, "5.1.3")):
        here.edit("corrective_action", record, trigger=word)
    assert await second.sync()
    first.line.restore()
    first.worker.ask_now()
    for here in (first, second):
        await here.sync()
    assert second.device != first.device
    assert asked(world) == [(["trigger"], "review")]


async def test_a_copys_bundle_changes_nothing_once_all_who_share_it_have_come_back(
    world: World, tmp_path: Path
) -> None:
    original, first, second, record = await sharing(world)
    first.edit("corrective_action", record, trigger="5.1.2")
    bundle = exported(world, first, tmp_path / "stick")
    assert not take_bundle(world.site.central, bundle).delivered.kept
    for here in (second, first, original):
        assert await here.sync()
    taken = world.ledger()
    for _ in range(2):
        assert not take_bundle(world.site.central, bundle).delivered.kept
    assert world.ledger() == taken
    assert (first.value("corrective_action", record, "trigger"), asked(world)) == ("5.1.2", [])
