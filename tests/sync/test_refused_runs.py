"""A refused change and what waits behind it: nothing stands in the way for ever, nothing that was typed is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.sync.exchange import prepare
from bravetui.views import conflicts
from bravetui.wire.lanes import LANES
from tests.support.central import PROJECT, TEMPLATE
from tests.support.refusing import refuse_bad, typed_meanwhile
from tests.support.world import World, ring_of


async def test_a_sentence_is_not_lost_with_what_was_typed_on_while_its_change_was_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, record = await world.two_that_have({"description": "Fence down."})
    refuse_bad(monkeypatch)
    carlos.edit("violation", record, description="Fence down. Lot 2.", location="bad")
    await typed_meanwhile(
        carlos, lambda: carlos.edit("violation", record, description="Fence down. Lot 2. North of it.")
    )
    assert carlos.states()[-2:] == [OutboxState.REFUSED, OutboxState.PENDING]
    dana.edit("violation", record, description="Fence down. Called the office.")
    assert await dana.sync()
    world.clock.advance(hours=1)
    carlos.edit("violation", record, location="lot 5")
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        text = str(here.value("violation", record, "description"))
        assert "Lot 2." in text, text


async def test_what_was_ticked_is_not_lost_with_what_was_ticked_on_while_its_change_was_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, record = await world.two_that_have({"tags": []}, "photo")
    refuse_bad(monkeypatch, "caption")
    carlos.edit("photo", record, tags=["fence"], caption="bad")
    await typed_meanwhile(carlos, lambda: carlos.edit("photo", record, tags=["fence", "mud"]))
    assert carlos.states()[-2:] == [OutboxState.REFUSED, OutboxState.PENDING]
    dana.edit("photo", record, tags=["spill"])
    assert await dana.sync()
    world.clock.advance(hours=1)
    carlos.edit("photo", record, caption="fence")
    for here in (carlos, dana, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        assert set(here.value("photo", record, "tags")) == {"fence", "mud", "spill"}  # type: ignore[arg-type]


async def test_a_new_record_is_made_at_central_though_all_of_it_was_typed_anew_while_it_was_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    refuse_bad(monkeypatch)
    record = carlos.create("violation", {"location": "bad"})
    await typed_meanwhile(carlos, lambda: carlos.edit("violation", record, location="bad lot"))
    assert carlos.states() == [OutboxState.REFUSED, OutboxState.PENDING]
    carlos.edit("violation", record, location="lot 5")
    await carlos.sync()
    await carlos.sync()
    queue = [(one.op, dict(one.after), s) for one, s in zip(carlos.outbox(), carlos.states(), strict=True)]
    assert (PROJECT, "violation", record) in world.central_records(), queue


async def test_what_was_too_large_and_typed_on_goes_once_it_is_shortened(world: World) -> None:
    carlos, _, record = await world.two_that_have({"description": "Fence down."})
    large = "word " * 220_000
    carlos.edit("violation", record, description=large)
    await typed_meanwhile(carlos, lambda: carlos.edit("violation", record, description=large + "more"))
    assert carlos.states()[-2:] == [OutboxState.REFUSED, OutboxState.PENDING]
    carlos.edit("violation", record, description="Fence down. Lot 2.")
    await carlos.sync()
    carlos.edit("violation", record, description="Fence down. Lot 3.")
    assert await carlos.sync(), [one.after for one in carlos.outbox(OutboxState.REFUSED)]


async def test_a_refused_change_can_be_mended_though_what_waits_behind_it_has_left_in_a_bundle(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, _, record = await world.two_that_have({"description": "Fence down."})
    refuse_bad(monkeypatch)
    carlos.edit("violation", record, location="bad")
    await typed_meanwhile(carlos, lambda: carlos.edit("violation", record, rule_code="5.1"))
    assert carlos.states()[-2:] == [OutboxState.REFUSED, OutboxState.PENDING]
    stick = tmp_path / "stick"
    stick.mkdir()
    _, made = wiring.rescue(carlos.folder, ring_of(carlos.folder), stick, clock=world.clock)
    assert made is not None
    carlos.edit("violation", record, location="lot 5")
    await carlos.sync()
    carlos.edit("violation", record, location="lot 6")
    await carlos.sync()
    assert carlos.states()[-1] == OutboxState.CONFIRMED, carlos.states()
    assert world.central_records()[PROJECT, "violation", record].state.values()["location"] == "lot 6"


@pytest.mark.parametrize("behind", [False, True], ids=["nothing", "something"])
async def test_a_restored_central_is_refilled_though_something_waits_behind_a_refused_change(
    world: World, monkeypatch: pytest.MonkeyPatch, behind: bool
) -> None:
    carlos, _, record = await world.two_that_have({"description": "Fence down."})
    refuse_bad(monkeypatch)
    carlos.edit("violation", record, location="bad")
    if behind:
        await typed_meanwhile(carlos, lambda: carlos.edit("violation", record, rule_code="5.1"))
        assert carlos.states()[-2:] == [OutboxState.REFUSED, OutboxState.PENDING]
    with world.backup_of_central() as backup:
        world.site.central.publish(PROJECT, [Writing("violation", "v1", {"description": "mud"})])
        await carlos.sync()
        assert carlos.value("violation", "v1", "description") == "mud"
        with world.restored(backup):
            for _ in range(4):
                await carlos.sync()
            assert (PROJECT, "violation", "v1") in world.central_records()


async def test_a_restored_central_gets_again_what_it_had_taken_after_a_refused_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, _, record = await world.two_that_have({"description": "Fence down."})
    refuse_bad(monkeypatch)
    with world.backup_of_central() as backup:
        carlos.edit("violation", record, location="bad")
        prepare(carlos.store, [policy.lane for policy in LANES], 10**6)
        carlos.edit("violation", record, rule_code="5.1")
        await carlos.sync()
        assert carlos.states()[-2:] == [OutboxState.REFUSED, OutboxState.CONFIRMED]
        with world.restored(backup):
            for _ in range(4):
                await carlos.sync()
            held = world.central_records()[PROJECT, "violation", record].state.values()
            assert held.get("rule_code") == "5.1", carlos.states()


async def test_a_refused_new_form_is_mended_though_somebody_had_put_it_away_and_took_that_back(
    world: World,
) -> None:
    """The removal is put away until then: nobody but this laptop ever had the form."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", {"title": "Daily"})
    await carlos.sync()
    assert carlos.states() == [OutboxState.REFUSED]
    with carlos.store.write() as writing:
        writing.delete("submission", PROJECT, record, "not needed")
    await carlos.sync()
    assert carlos.states() == [OutboxState.PUT_AWAY]
    carlos.edit("submission", record, deleted=False)
    carlos.edit("submission", record, template_id=TEMPLATE)
    await carlos.sync()
    await carlos.sync()
    assert (PROJECT, "submission", record) in world.central_records(), carlos.states()


async def test_a_refused_change_is_mended_though_a_decision_waits_behind_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana, record = await world.two_that_have(
        {"condition": "mud", "trigger": "5.1.1"}, "corrective_action"
    )
    dana.edit("corrective_action", record, trigger="5.1.2")
    assert await dana.sync()
    carlos.edit("corrective_action", record, trigger="5.1.3")
    await carlos.sync()
    await carlos.sync()
    (asked,) = conflicts.conflicts(carlos.store, PROJECT)
    refuse_bad(monkeypatch, "control")
    carlos.edit("corrective_action", record, control="bad")
    await carlos.sync()
    from bravetui.actions.conflicts import decide

    decide(carlos.store, PROJECT, asked.id, {"trigger": "5.1.3"})
    await carlos.sync()
    carlos.edit("corrective_action", record, control="fence")
    await carlos.sync()
    await carlos.sync()
    held = world.central_records()[PROJECT, "corrective_action", record].state.values()
    queue = [(one.op, dict(one.after), s) for one, s in zip(carlos.outbox(), carlos.states(), strict=True)]
    assert held.get("control") == "fence", queue
    assert [one.status for one in conflicts.conflicts(carlos.store, PROJECT)] == ["resolved"]


async def test_a_copy_mends_what_it_shares_with_its_original_though_more_waits_behind_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, _, record = await world.two_that_have({"description": "Fence down."})
    refuse_bad(monkeypatch)
    carlos.edit("violation", record, location="bad")
    await carlos.sync()
    assert carlos.states()[-1] == OutboxState.REFUSED
    original, copy = world.copy(carlos, "copy")
    for here in (original, copy):
        here.create("violation", {"description": here.folder.name})
    with copy.store.write() as writing:
        writing.delete("violation", PROJECT, record)
    for here in (original, copy, copy):
        await here.sync()
    assert copy.device != original.device
    copy.edit("violation", record, deleted=False)
    for place in ("lot 5", "lot 6"):
        copy.edit("violation", record, location=place)
        for _ in range(3):
            await copy.sync()
    held = world.central_records()[PROJECT, "violation", record].state.values()
    queue = [
        (str(one.dot), dict(one.after), state)
        for one, state in zip(copy.outbox(), copy.states(), strict=True)
    ]
    assert held.get("location") == "lot 6", queue
