"""Copies of one laptop that share what was not sent: each goes on by itself, and what they share is taken once."""

from __future__ import annotations

from pathlib import Path

from bravetui.central.rescue import take_bundle
from bravetui.db.device import OutboxState
from bravetui.sync.exchange import prepare
from bravetui.wire.lanes import LANES
from tests.support.central import TEMPLATE
from tests.support.restoring import asked, exported
from tests.support.world import World


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
