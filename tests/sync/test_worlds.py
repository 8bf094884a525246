"""Laptops and the real central: lines that break, copies of laptops, a restored central, refusals, newer programs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from bravetui.base import fault
from bravetui.base.errors import Transient
from bravetui.central.service import Writing
from bravetui.db.device import Cursor, Outbox, OutboxState, Parked
from bravetui.db.kinds import KINDS
from bravetui.sync import exchange
from bravetui.sync.apply import apply_rows
from bravetui.sync.progress import AllHandedIn, ChangeRefused, ConflictOpened, Renumbered
from bravetui.sync.worker import CLOSING_MAX
from bravetui.wire.lanes import POLICY
from bravetui.wire.messages import Row, stamps_of
from tests.support.central import ORGANIZATION, PROJECT
from tests.support.world import World, forget_kinds

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_parked = Parked.__table__  # type: ignore[attr-defined]
_cursor = Cursor.__table__  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _no_fault_stays() -> Iterator[None]:
    yield
    fault.install(None)


def count_at_central(world: World, kind: str) -> int:
    return sum(1 for _, name, _ in world.central_records() if name == kind)


async def test_what_one_writes_the_other_reads(world: World) -> None:
    carlos, dana, violation = await world.two_that_have({"description": "fence down"})
    assert dana.value("violation", violation, "description") == "fence down"
    assert isinstance(carlos.events[-1], AllHandedIn)


async def test_an_answer_lost_half_way_is_asked_for_again_and_nothing_is_doubled(world: World) -> None:
    carlos = await world.laptop("a", "carlos")
    await carlos.sync()
    for number in range(30):
        carlos.create("violation", {"description": f"fence {number}"})
    carlos.line.answers_to_lose = 1
    with pytest.raises(Transient, match="broke"):
        await carlos.sync()
    assert count_at_central(world, "violation") == 30
    assert set(carlos.states()) == {OutboxState.SENT}
    world.clock.advance(minutes=5)
    assert await carlos.sync()
    assert count_at_central(world, "violation") == 30
    dots = [change.dot for change in world.ledger()]
    assert len(dots) == len(set(dots))
    assert carlos.records() == dict(world.central_records()) or set(carlos.records()) <= set(
        world.central_records()
    )


@pytest.mark.parametrize("point", ["marked_sent", "answer_received", "answer_taken"])
async def test_a_program_that_dies_in_an_exchange_goes_on_where_it_was(world: World, point: str) -> None:
    carlos = await world.laptop("a", "carlos")
    await carlos.sync()
    violation = carlos.create("violation", {"description": "fence down"})

    def die(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    fault.install(die)
    with pytest.raises(KeyboardInterrupt):
        await carlos.sync()
    fault.install(None)
    carlos.close()
    world.laptops.remove(carlos)
    again = world.open(carlos.folder)
    assert again.value("violation", violation, "description") == "fence down"
    assert await again.sync()
    assert count_at_central(world, "violation") == 1
    assert set(again.states()) == {OutboxState.CONFIRMED}


async def test_a_copied_laptop_gets_a_number_of_its_own_and_both_keep_all_their_work(world: World) -> None:
    original = await world.laptop("a", "carlos")
    await original.sync()
    shared = original.create("violation", {"description": "made before the copy"})
    await original.sync()
    number = original.device
    original, copy = world.copy(original, "b")
    own = [original.create("violation", {"description": f"original {n}"}) for n in range(5)]
    others = [copy.create("violation", {"description": f"copy {n}"}) for n in range(5)]
    original.edit("violation", shared, location="by the gate")
    copy.edit("violation", shared, severity="major")
    assert await original.sync()
    assert await copy.sync()
    assert await original.sync()
    assert await copy.sync()
    assert original.device == number != copy.device
    (named,) = [event for event in copy.events if isinstance(event, Renumbered)]
    assert str(copy.device) in named.words()
    for here in (original, copy):
        for ids, words in ((own, "original"), (others, "copy")):
            told = [here.value("violation", one, "description") for one in ids]
            assert told == [f"{words} {n}" for n in range(5)]
        assert here.value("violation", shared, "location") == "by the gate"
        assert here.value("violation", shared, "severity") == "major"
    assert original.records() == copy.records()


async def test_a_copy_keeps_its_new_number_when_it_is_opened_again(world: World) -> None:
    original, copy = world.copy(await world.laptop("a", "carlos"), "b")
    original.create("violation", {"description": "original"})
    copy.create("violation", {"description": "copy"})
    for here in (original, copy, copy):
        await here.sync()
    number = copy.device
    copy.close()
    world.laptops.remove(copy)
    again = world.open(copy.folder)
    assert again.device == number != original.device
    again.create("violation", {"description": "later"})
    assert await again.sync()
    assert count_at_central(world, "violation") == 3


async def test_a_central_restored_from_a_backup_is_healed_by_the_laptops(world: World) -> None:
    """What it had acknowledged after the backup, and lost, is sent again; what it still has is taken once."""
    carlos = await world.laptop("a", "carlos")
    await carlos.sync()
    kept = carlos.create("violation", {"description": "in the backup"})
    await carlos.sync()
    with world.backup_of_central() as backup:
        lost = carlos.create("violation", {"description": "acknowledged, then lost with the disk"})
        carlos.line.cut_after_next = True
        with pytest.raises(Transient):
            await carlos.sync()
        assert carlos.states() == [OutboxState.CONFIRMED, OutboxState.APPLIED]
        carlos.line.restore()
        world.clock.advance(minutes=5)
        with world.restored(backup):
            assert lost not in {key[2] for key in world.central_records()}
            assert await carlos.sync()
            assert {kept, lost} <= {key[2] for key in world.central_records()}
            assert set(carlos.states()) == {OutboxState.CONFIRMED}
            dots = [change.dot for change in world.ledger()]
            assert len(dots) == len(set(dots))
            assert carlos.value("violation", lost, "description") == "acknowledged, then lost with the disk"


async def test_a_refused_change_blocks_only_its_own_record(world: World) -> None:
    carlos = await world.laptop("a", "carlos")
    await carlos.sync()
    other = carlos.create("violation", {"description": "fine"})
    await carlos.sync()
    foreign = "elsewhere"
    refused = carlos.create("violation", {"description": "on a site of others"}, scope_id=foreign)
    carlos.edit("violation", other, location="lot B")
    assert not await carlos.sync()
    carlos.edit("violation", refused, scope_id=foreign, location="lot C")
    later = carlos.create("delivery", {"supplier": "Acme"})
    assert not await carlos.sync()
    states: dict[str, list[str]] = {}
    for change, state in zip(carlos.outbox(), carlos.states(), strict=True):
        states.setdefault(change.record_id, []).append(state)
    assert states[refused] == [OutboxState.REFUSED], (
        "what was written on is in the one change that goes again"
    )
    assert {*states[other], *states[later]} == {OutboxState.CONFIRMED}
    events = [one for one in carlos.events if isinstance(one, ChangeRefused)]
    assert [event.reason[-1] for event in events] == [".", "."]
    assert carlos.value("violation", refused, "description", foreign) == "on a site of others"


async def test_two_people_s_values_are_both_kept_until_someone_decides(world: World) -> None:
    carlos, dana, log = await world.two_that_have({"narrative": "walked the site"}, "daily_log")
    carlos.edit("daily_log", log, log_date="2026-08-02")
    dana.edit("daily_log", log, log_date="2026-08-03")
    await carlos.sync()
    await dana.sync()
    await carlos.sync()
    (conflict,) = [held for (_, kind, _), held in carlos.records().items() if kind == "conflict"]
    values = conflict.state.values()
    sides = {str(values[side]["values"]["log_date"]) for side in ("local", "remote")}  # type: ignore[index,call-overload]
    assert sides == {"2026-08-02", "2026-08-03"}
    assert carlos.records() == dana.records()
    assert [event.count for event in dana.events if isinstance(event, ConflictOpened)] == [1]


async def test_a_page_does_not_touch_a_record_with_work_that_is_not_handed_in(world: World) -> None:
    """It is set aside, and taken when the laptop's own change has its verdict."""
    carlos, dana, violation = await world.two_that_have({"description": "fence down"})
    carlos.edit("violation", violation, location="by carlos")
    await carlos.sync()
    dana.edit("violation", violation, severity="major")
    dana.line.cut()
    others = world.central_records()[PROJECT, "violation", violation]
    row = Row(
        kind="violation", id=violation, seq=others.seq, whole=True, version=others.state.version,
        stamps=stamps_of(others.state),
    )  # fmt: skip
    with dana.store.maintain() as connection:
        apply_rows(connection, PROJECT, [row])
        assert connection.execute(select(_parked.c.record_id)).scalars().all() == [violation]
    assert dana.value("violation", violation, "severity") == "major"
    assert (
        dana.records()[PROJECT, "violation", violation].state.cells.get("location")
        != others.state.cells["location"]
    )
    dana.line.restore()
    assert await dana.sync()
    assert dana.value("violation", violation, "location") == "by carlos"
    assert dana.value("violation", violation, "severity") == "major"
    with dana.store.read() as connection:
        assert connection.execute(select(_parked.c.record_id)).scalars().all() == []
    await carlos.sync()
    assert carlos.records() == dana.records()


async def test_a_kind_that_only_a_newer_program_knows_is_kept_and_used_after_the_upgrade(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga, carlos = await world.laptop("o", "olga"), await world.laptop("a", "carlos")
    await carlos.sync()
    delivery = olga.create("delivery", {"supplier": "Acme"})
    await olga.sync()
    with monkeypatch.context() as before_the_upgrade:
        forget_kinds(before_the_upgrade, "delivery")
        assert await carlos.sync()
    with carlos.store.read() as connection:
        assert connection.execute(select(_parked.c.kind)).scalars().all() == ["delivery"]
    alert = olga.create("violation", {"description": "wakes the scope"})
    await olga.sync()
    await carlos.sync()
    assert carlos.value("delivery", delivery, "supplier") == "Acme"
    assert carlos.value("violation", alert, "description") == "wakes the scope"


async def test_a_part_of_a_record_whose_whole_is_not_here_fetches_the_lane_anew(world: World) -> None:
    carlos, dana, violation = await world.two_that_have({"description": "fence down"})
    with dana.store.maintain() as connection:
        connection.exec_driver_sql("DELETE FROM violation")
    carlos.edit("violation", violation, location="lot B")
    await carlos.sync()
    await dana.sync()
    assert dana.value("violation", violation, "description") == "fence down"
    assert dana.records() == carlos.records()


async def test_what_the_office_publishes_arrives_in_pages_newest_first(world: World) -> None:
    rules = [
        Writing("compliance_rule", f"rule-{n:04}", {"code": f"r{n}", "text": "x" * 50}) for n in range(1200)
    ]
    world.site.central.publish(ORGANIZATION, rules)
    carlos = await world.laptop("a", "carlos")
    assert await carlos.sync()
    assert sum(1 for _, kind, _ in carlos.records() if kind == "compliance_rule") == 1200
    assert carlos.worker.progress.rows_left == 0
    with carlos.store.read() as connection:
        assert set(connection.execute(select(_cursor.c.before)).scalars()) == {None}


async def test_held_sync_sends_nothing_until_it_is_released(world: World) -> None:
    carlos = await world.laptop("a", "carlos")
    await carlos.sync()
    carlos.create("violation", {"description": "fence down"})
    carlos.worker.hold(True)
    assert not await carlos.sync()
    assert carlos.states() == [OutboxState.PENDING]
    carlos.worker.hold(False)
    assert await carlos.sync()


async def test_usage_counts_go_up_and_never_come_down(world: World) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    carlos.create(
        "usage_day", {"day": "2026-08-03", "metric": "forms_opened", "device": carlos.device, "count": 3}
    )
    assert await carlos.sync()
    await dana.sync()
    with dana.store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM usage_day").scalar_one() == 0
    assert any(change.kind == "usage_day" for change in world.ledger())


async def test_a_copy_with_work_acknowledged_out_of_order_claims_to_have_seen_no_more_than_it_has(
    world: World,
) -> None:
    """Lanes are acknowledged each in its time: an old dot of one record says nothing about another record."""
    original = await world.laptop("a", "carlos")
    await original.sync()
    refused = original.create("violation", {"description": "never taken"}, scope_id="elsewhere")
    taken = original.create("violation", {"description": "taken"})
    assert not await original.sync()
    original, copy = world.copy(original, "b")
    original.create("violation", {"description": "makes the other a copy"})
    copy.edit("violation", taken, location="lot B")
    copy.edit("violation", taken, location="lot C")
    await original.sync()
    await copy.sync()
    moved = next(
        change for change in copy.outbox() if change.record_id == taken and change.dot.device == copy.device
    )
    before = next(change for change in world.ledger() if change.record_id == taken)
    assert moved.context == before.context.with_dot(before.dot)
    (stuck,) = [change for change in copy.outbox() if change.record_id == refused]
    assert (stuck.dot.device, len(stuck.context)) == (
        original.device,
        0,
    )  # shared: whoever sends it, it is taken once
    assert not [held for (_, kind, _), held in world.central_records().items() if kind == "conflict"]


async def test_however_many_pages_come_down_the_last_contact_confirms_what_went_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by a month's return of two thousand records: news beyond one page waited for the next poll."""
    small = {lane: replace(policy, page_rows=min(policy.page_rows, 2)) for lane, policy in POLICY.items()}
    monkeypatch.setattr(exchange, "POLICY", small)
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    for here in (carlos, dana):
        await here.sync()
    for number in range(2 * (CLOSING_MAX + 3)):
        dana.create("violation", {"description": f"fence {number}"})
    await dana.sync()
    carlos.create("violation", {"description": "inlet"})
    assert await carlos.sync()
    assert set(carlos.states()) == {OutboxState.CONFIRMED}


async def test_a_project_that_is_taken_away_while_its_history_comes_down_keeps_nobody_asking(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    await dana.sync()
    for number in range(20):
        dana.create("violation", {"description": f"fence {number}"})
    await dana.sync()
    small = {lane: replace(policy, page_rows=min(policy.page_rows, 2)) for lane, policy in POLICY.items()}
    monkeypatch.setattr(exchange, "POLICY", small)
    carlos.line.cut_after_next = True
    with pytest.raises(Transient):
        await carlos.sync()
    members = KINDS["project_member"].table
    with world.engine.connect() as connection:
        query = select(members.c.id).where(members.c.user_id == "carlos")
        member_id = connection.execute(query).scalar_one()
    world.site.central.publish(PROJECT, [Writing("project_member", member_id, {"deleted": True})])
    carlos.line.restore()
    await asyncio.wait_for(carlos.sync(), timeout=60)
    before = len(carlos.events)
    await asyncio.wait_for(carlos.sync(), timeout=60)
    assert len(carlos.events) - before < 6
    dana.create("violation", {"description": "made while he was away from it"})
    await dana.sync()
    world.site.central.publish(PROJECT, [Writing("project_member", member_id, {"deleted": False})])
    for here in (carlos, dana):
        await here.sync()
    assert carlos.records() == dana.records()
