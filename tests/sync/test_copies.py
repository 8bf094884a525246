"""Copied laptops, clocks gone back, and a central restored from a backup: who had seen what stays true, nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from bravetui.base.canonical import Json
from bravetui.base.clock import ManualClock
from bravetui.base.errors import Transient
from bravetui.central.quarantine import release
from bravetui.central.service import Writing
from bravetui.db import meta
from bravetui.db.device import OutboxState
from bravetui.sync.step import Exchange
from bravetui.sync.twin import renumber
from bravetui.sync.worker import SILENCES_MAX
from bravetui.wire.lanes import Lane
from tests.support.central import PROJECT
from tests.support.world import World, demote, findings

BY_OFFICE: dict[str, Json] = {"description": "fence down", "severity": "minor"}


class _HandsOverTwice(httpx.AsyncBaseTransport):
    """A proxy by which central takes a request unheard, is handed it again and wants a new proof; then the line is gone."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner, self.asked = inner, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked > 1:
            raise httpx.ConnectError("no line", request=request)
        await (await self._inner.handle_async_request(request)).aread()
        return httpx.Response(401, headers={"DPoP-Nonce": "another"})


async def test_a_laptop_is_not_called_a_copy_for_what_a_proxy_handed_over_twice(world: World) -> None:
    """Found by simulate in month 1454: central had taken the change; the second proof never left, so nothing was thought to
    have left, and further typing folded into a change that central knew already."""
    carlos = await world.laptop("a", "carlos")
    assert await carlos.sync()
    record, device = carlos.create("violation", {"description": "fence"}), carlos.device
    straight = carlos.line._inner
    carlos.line._inner = twice = _HandsOverTwice(straight)
    with pytest.raises(Transient):
        await carlos.sync()
    assert (twice.asked, findings(world)) == (2, {"fence": 1})
    carlos.line._inner = straight
    carlos.edit("violation", record, description="fence down")
    carlos.worker.ask_now()
    with carlos.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE lane_state SET next_attempt_at = NULL")
    assert await carlos.sync()
    assert (carlos.device, findings(world)) == (device, {"fence down": 1})


async def test_work_that_a_copy_shares_with_its_original_is_taken_once(world: World) -> None:
    """Unsent at the moment of copying: both hand it in under one dot, whoever is told first to be a copy."""
    original = await world.laptop("a", "carlos")
    await original.sync()
    original.create("violation", {"description": "unsent when the disk was copied"})
    original, copy = world.copy(original, "b")
    original.create("violation", {"description": "made by the original"})
    copy.create("violation", {"description": "made by the copy"})
    assert await copy.sync()
    assert await original.sync()
    told = sorted(str(change.after["description"]) for change in world.ledger() if change.kind == "violation")
    assert told == ["made by the copy", "made by the original", "unsent when the disk was copied"]


async def test_a_laptop_never_mints_a_dot_that_it_has_seen_in_its_own_name(world: World) -> None:
    """A copy that fetches what its original did since must not go on counting below that."""
    original = await world.laptop("a", "carlos")
    await original.sync()
    original, copy = world.copy(original, "b")
    record = original.create("violation", {"description": "fence down"})
    for lot in ("A", "B", "C"):
        original.edit("violation", record, location=f"lot {lot}")
        assert await original.sync()
    await copy.sync()
    copy.edit("violation", record, location="lot D")
    (change,) = copy.outbox(OutboxState.PENDING)
    assert not change.context.covers([change.dot])
    assert await copy.sync()


async def test_a_laptop_whose_clock_is_a_year_behind_still_writes_later_than_what_it_has_read(
    world: World,
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    record = carlos.create("violation", {"description": "fence down"})
    assert await carlos.sync()
    slow = ManualClock(world.clock.now() - timedelta(days=400))
    dana.store.clock = slow
    await dana.sync()
    dana.edit("violation", record, description="fence is up again")
    (change,) = dana.outbox(OutboxState.PENDING)
    assert change.hlc > world.ledger()[-1].hlc


async def test_a_central_restored_from_a_backup_gets_back_what_was_confirmed_and_what_only_laptops_still_show(
    world: World,
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    await carlos.sync()
    await dana.sync()
    with world.backup_of_central() as backup:
        record = carlos.create("violation", {"description": "confirmed, then lost at central"})
        assert await carlos.sync()
        world.site.central.publish(
            PROJECT, [Writing("violation", "by-office", {"description": "office"})], "olga"
        )
        await dana.sync()
        with world.restored(backup):
            assert await carlos.sync()
            assert await dana.sync()
            await dana.sync()
            await carlos.sync()
            held = world.central_records()
            assert (
                held[PROJECT, "violation", record].state.values()["description"]
                == "confirmed, then lost at central"
            )
            assert held[PROJECT, "violation", "by-office"].state.values()["description"] == "office"
            (refilled,) = [c for c in world.ledger() if c.record_id == "by-office"]
            assert (refilled.author_id, "backup" in str(refilled.reason)) == ("dana", True)
            assert carlos.records() == dana.records()
            assert all(one.state == held[key].state for key, one in carlos.records().items())


async def test_what_a_slow_laptop_offers_to_a_restored_central_is_stamped_after_what_it_has_seen_there(
    world: World,
) -> None:
    """Found by simulate in month 31: the offer had seen the rows of the same page, and was stamped before them."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    record = dana.create("violation", {"description": "fence down"})
    assert await dana.sync()
    with world.backup_of_central() as backup:
        by_office = [Writing("violation", record, {"description": "fence down", "location": "lot C"})]
        world.site.central.publish(PROJECT, by_office, "olga")
        await carlos.sync()
        with world.restored(backup):
            world.clock.advance(hours=1)
            dana.edit("violation", record, description="fence down again")
            assert await dana.sync()
            carlos.store.clock = ManualClock(world.clock.now() - timedelta(days=10))
            assert await carlos.sync()
            ledger = {change.dot: change for change in world.ledger()}
            offers = [c for c in ledger.values() if c.after.get("location") == "lot C"]
            seen = [
                (c, s)
                for c in offers
                for s in ledger.values()
                if s.dot != c.dot and c.context.covers([s.dot])
            ]
    assert seen
    assert all(change.hlc > older.hlc for change, older in seen)


async def test_what_is_handed_in_to_a_restored_central_is_no_later_word_than_it_was(world: World) -> None:
    """Carlos still has what Dana said first, and hands it in; what she said next only she has."""
    carlos, dana, record = await world.two_that_have({"description": "silt fence down", "location": "gate 1"})
    with world.backup_of_central() as backup:
        for lot, readers in (("lot 3", [dana, carlos]), ("lot 5", [dana])):
            world.clock.advance(hours=1)
            dana.edit("violation", record, location=lot)
            for here in readers:
                assert await here.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            for here in (carlos, dana, carlos, dana):
                await here.sync()
            for here in (carlos, dana):
                assert here.value("violation", record, "location") == "lot 5"


@pytest.mark.parametrize(
    "edit",
    [{"severity": "major"}, {"severity": "major", "description": "both fences down"}],
    ids=["of a part", "of all that is in it"],
)
async def test_an_edit_of_a_record_that_a_restored_central_has_lost_waits_only_for_the_record(
    world: World, edit: dict[str, Json]
) -> None:
    """The office made it, central lost it; the laptop's own edit of it came first and waits, its record comes behind."""
    carlos = await world.laptop("a", "carlos")
    assert await carlos.sync()
    with world.backup_of_central() as backup:
        world.site.central.publish(PROJECT, [Writing("violation", "made-by-office", BY_OFFICE)])
        await carlos.sync()
        carlos.edit_paths("violation", "made-by-office", edit)
        assert await carlos.sync()
        with world.restored(backup):
            assert await carlos.sync()
            held = world.central_records()[PROJECT, "violation", "made-by-office"].state.values()
    assert {path: held[path] for path in BY_OFFICE} == BY_OFFICE | edit


async def test_an_edit_that_a_restored_central_refused_and_then_took_finds_its_record_there(
    world: World,
) -> None:
    """Found by simulate in month 685: central had lost the record, and the laptop, whose edit was refused for a lost right,
    did not hand the record in. Released, the edit waited at central for ever."""
    carlos = await world.laptop("a", "carlos")
    assert await carlos.sync()
    with world.backup_of_central() as backup:
        world.site.central.publish(PROJECT, [Writing("violation", "made-by-office", BY_OFFICE)])
        await carlos.sync()
        carlos.edit("violation", "made-by-office", location="lot A")
        assert await carlos.sync()
        with world.restored(backup):
            demote(world, "carlos", "viewer")
            await carlos.sync()
            assert OutboxState.REFUSED in carlos.states()
            demote(world, "carlos", "foreman")
            assert await carlos.sync()
            held = world.central_records()[PROJECT, "violation", "made-by-office"].state.values()
    assert {path: held[path] for path in ("location", *BY_OFFICE)} == {"location": "lot A", **BY_OFFICE}


async def test_two_lives_of_central_from_one_backup_never_give_out_the_same_number(world: World) -> None:
    """The second restore knows nothing of the first one's life, in which a copy got a number of its own."""
    original = await world.laptop("a", "carlos")
    assert await original.sync()
    with world.backup_of_central() as backup, world.server.database(str(world.engine.url.database)) as other:
        with world.restored(backup):
            assert await original.sync()
            original, copy = world.copy(original, "b")
            for here in (original, copy):
                here.create("violation", {"description": f"made by {here.folder.name}"})
            assert await original.sync()
            assert await copy.sync()
        world.clock.advance(hours=1)
        with world.restored(other):
            fresh = await world.laptop("c", "dana")
            assert fresh.device not in (original.device, copy.device)
            assert await copy.sync()
            assert await original.sync()
            told = {str(c.after["description"]) for c in world.ledger() if c.kind == "violation"}
    assert told == {"made by a", "made by b"}


async def test_an_older_row_that_had_to_wait_does_not_hide_what_was_typed_since(world: World) -> None:
    """The row of the record's creation waits for the edit's verdict, and then must not undo the edit on screen."""
    carlos = await world.laptop("a", "carlos")
    await carlos.sync()
    record = carlos.create("violation", {"description": "fence down"})
    carlos.line.answers_to_lose = 1
    with pytest.raises(Transient):
        await carlos.sync()
    carlos.edit("violation", record, location="lot C")
    assert await carlos.worker._exchange(()) is None  # news alone: what is to be sent keeps its pause
    assert await carlos.sync()
    assert carlos.value("violation", record, "location") == "lot C"
    key = (PROJECT, "violation", record)
    assert carlos.records()[key].state == world.central_records()[key].state


async def test_a_copy_s_change_in_a_restored_central_confirms_nothing_of_the_original_s(world: World) -> None:
    """Found by simulate in month 39: the restored central held the copy's change under the number of the original's, which
    the central of before had taken. The first answer of the new one then confirmed it, and nobody handed it in again."""
    original = await world.laptop("a", "carlos")
    await original.sync()
    original, copy = world.copy(original, "b")
    with world.backup_of_central() as backup:
        original.create("violation", {"description": "by the original"})
        original.line.cut_after_next = True
        with pytest.raises(Transient):
            await original.sync()
        assert original.states() == [OutboxState.APPLIED]
        with world.restored(backup):
            copy.create("violation", {"description": "by the copy"})
            assert await copy.sync()
            assert copy.outbox()[0].dot == original.outbox()[0].dot
            original.line.restore()
            assert await original.sync()
            taken = [change for change in world.ledger() if change.kind == "violation"]
            assert {change.after["description"] for change in taken} == {"by the original", "by the copy"}
            assert {change.reason for change in taken} == {None}, (
                "handed in by its author, not put together again"
            )


async def test_a_copy_is_told_so_also_where_its_original_s_change_of_the_same_number_had_to_wait(
    world: World,
) -> None:
    """Found by simulate in month 210: central's late word on the original's change, which had waited, took the place of its
    word on the copy's, and no end was in sight: what was to go next held up the very lane of that late word."""
    original = await world.laptop("a", "carlos")
    await original.sync()
    original, copy = world.copy(original, "b")
    with world.backup_of_central() as backup:
        world.site.central.publish(PROJECT, [Writing("delivery", "load", {"supplier": "Granite"})], "olga")
        await original.sync()
        original.edit("delivery", "load", note="three bags torn")
        copy.create("violation", {"description": "by the copy"})
        assert await copy.sync()
        with world.restored(backup):
            assert await original.sync()
            assert (copy.outbox()[0].dot, "delivery") in [(c.dot, c.kind) for c in world.ledger()]
            copy.create("violation", {"description": "by the copy, later"})
            copy.create("delivery", {"supplier": "Quarry"})
            contacts = 0
            while contacts < 9 and isinstance(step := await copy.worker._next(), Exchange):
                await copy.worker._exchange(step.lanes)
                contacts += 1
            assert contacts < 9, "it goes in circles"
            assert await copy.sync()
            said = {str(c.after.get("description", c.after.get("supplier"))) for c in world.ledger()}
    assert {"by the copy", "by the copy, later", "Quarry"} <= said


async def test_a_copy_that_is_told_so_about_nothing_of_its_own_asks_again_after_a_pause(world: World) -> None:
    """The answer gives a number, and no word on what was sent: nothing came of it."""
    original = await world.laptop("a", "carlos")
    await original.sync()
    original, copy = world.copy(original, "b")
    for here in (original, copy):
        here.create("violation", {"description": f"by {here.folder.name}"})
    assert await original.sync()
    with copy.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET hash = ?", ("0" * 64,))
    told = [await copy.worker._exchange((Lane.CRITICAL,)) for _ in range(SILENCES_MAX)]
    assert [error is not None for error in told] == [False, False, True]


async def test_a_copy_of_a_copy_that_was_refused_and_renumbered_is_compared_with_central(
    world: World,
) -> None:
    """Found by simulate in month 3026: what it had seen of the original's change, which bore its own old number, went with
    that number; central gave the record no new one, and so it was never compared."""
    original = await world.laptop("a", "carlos")
    record = original.create("violation", {"description": "fence down"})
    assert await original.sync()
    original, copy = world.copy(original, "b")
    original.edit("violation", record, location="lot A")
    copy.edit("violation", record, location="lot B", severity="major")
    demote(world, "carlos", "viewer")
    await copy.sync()
    assert OutboxState.REFUSED in copy.states()
    copy, second = world.copy(copy, "c")
    demote(world, "carlos", "foreman")
    assert await original.sync()
    second.line.cut_after_next = True
    with pytest.raises(Transient):
        await second.sync()
    assert await copy.sync()
    second.line.restore()
    second.worker.ask_now()
    for here in (second, copy):
        await here.sync()
    assert copy.device == second.device != original.device, "told so before either had handed in under it"
    key = (PROJECT, "violation", record)
    assert copy.records()[key].state.version == world.central_records()[key].state.version


async def test_a_copy_that_is_given_another_copys_number_counts_on_from_what_it_has_seen_of_that_one(
    world: World,
) -> None:
    """Found by simulate in month 1125: copies that share a change were given one number for it. What one had seen of the
    other under it was higher than its own new numbers, so that its changes claimed to have seen themselves."""
    carlos, dana, record = await world.two_that_have({"description": "fence down"})
    with dana.store.maintain() as connection:
        meta.put(connection, meta.COUNTER, "5000")
    dana.edit("violation", record, location="lot A")
    assert await dana.sync()
    await carlos.sync()
    carlos.edit("violation", record, severity="major")
    (mine,) = carlos.outbox(OutboxState.PENDING)
    renumber(carlos.store, dana.device, mine.dot)
    (change,) = carlos.outbox(OutboxState.PENDING)
    assert change.dot.device == dana.device
    assert change.dot.counter > change.context[dana.device] > 0


async def test_a_copys_change_does_not_settle_what_the_original_was_refused_under_the_same_number(
    world: World,
) -> None:
    """Found by simulate in month 1292: the original's disk was gone, and central alone had its change."""
    original = await world.laptop("a", "carlos")
    assert await original.sync()
    original, copy = world.copy(original, "b")
    original.create("violation", {"description": "refused, by the original"})
    (refused,) = original.outbox(OutboxState.PENDING)
    demote(world, "carlos", "viewer")
    await original.sync()
    demote(world, "carlos", "foreman")
    copy.create("violation", {"description": "by the copy"})
    (taken,) = copy.outbox(OutboxState.PENDING)
    assert taken.dot == refused.dot
    assert await copy.sync()
    release(world.site.central, refused.dot, "olga")
    assert findings(world) == {"refused, by the original": 1, "by the copy": 1}
