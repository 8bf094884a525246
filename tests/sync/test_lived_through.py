"""Failures that people lived through with other field programs, each lived through here on real parts.

`docs/lived-through.md` lists all of them with the test that shows each, here or elsewhere.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import permutations

import httpx
import pytest
from sqlalchemy import select

from bravetui import wiring
from bravetui.actions import forms
from bravetui.base.canonical import Json, canonical_bytes
from bravetui.base.clock import ManualClock
from bravetui.base.errors import Transient
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.db.kinds import KINDS
from bravetui.forms import library
from bravetui.sync.progress import Sending
from bravetui.sync.worker import SILENCES_MAX
from bravetui.views.forms import form
from bravetui.wire.change import Op
from tests.support.central import ORGANIZATION, PROJECT
from tests.support.world import Here, World

NASTY = {
    "nul": "a\x00b",
    "lone surrogate": "a\ud800b",
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "right to left": "\u202egnp.exe",
    "a megabyte": "x" * 1_000_000,
    "combining": "e\u0301" * 2_000,
}


async def test_edit_refresh_edit_again_pull_keeps_both_edits_on_screen_and_in_the_outbox(
    world: World,
) -> None:
    here = await world.laptop("a", "carlos")
    record = here.create("violation", {"description": "fence down"})
    assert await here.sync()
    here.edit("violation", record, description="fence down at gate 2")
    here.edit("violation", record, location="gate 2")
    here.line.cut()
    with pytest.raises(Transient):
        await here.sync()
    here.line.restore()
    await here.sync()
    assert here.value("violation", record, "description") == "fence down at gate 2"
    assert here.value("violation", record, "location") == "gate 2"
    (edit,) = [change for change in world.ledger() if change.record_id == record and change.op is Op.EDIT]
    assert set(edit.after) == {"description", "location"}


async def test_every_edit_is_in_exactly_one_change(world: World) -> None:
    """As many values in the ledger as were entered, whatever was sent in between."""
    here = await world.laptop("a", "carlos")
    record = here.create("daily_log", {"narrative": "begun"})
    entered: list[tuple[str, Json]] = []
    for number in range(12):
        entered.append(("stormwater_note" if number % 2 else "narrative", f"entry {number}"))
        here.edit_paths("daily_log", record, dict(entered[-1:]))
        if number % 3 == 2:
            assert await here.sync()
    told = [
        (path, value)
        for change in world.ledger()
        if change.record_id == record
        for path, value in change.after.items()
    ]
    last_of_each_stretch = {
        pair for start in range(0, 12, 3) for pair in dict(entered[start : start + 3]).items()
    }
    assert last_of_each_stretch <= set(told)
    assert len(told) == len(set(told)), "nothing twice"


async def test_a_sync_cancelled_in_mid_exchange_acknowledges_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody closes the window while central is answering; it has everything, and the laptop does not know."""
    here = await world.laptop("a", "carlos")
    await here.sync()
    here.create("violation", {"description": "cancelled on the way"})
    answered = asyncio.Event()
    ask = here.line.handle_async_request

    async def answer_that_hangs(request: httpx.Request) -> httpx.Response:
        await ask(request)
        answered.set()
        await asyncio.sleep(3600)
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr(here.line, "handle_async_request", answer_that_hangs)
        running = asyncio.ensure_future(here.sync())
        await asyncio.wait_for(answered.wait(), 30)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert here.outbox(OutboxState.APPLIED, OutboxState.CONFIRMED) == []
    assert await here.sync()
    assert len([change for change in world.ledger() if change.kind == "violation"]) == 1


async def test_a_poison_change_in_front_holds_up_neither_records_nor_an_alert(world: World) -> None:
    here = await world.laptop("a", "carlos")
    await here.sync()
    poison = here.create("violation", {"description": "refused"})
    (change,) = here.outbox(OutboxState.PENDING)
    foreign = change.model_copy(update={"author_id": "nobody"})
    with here.store.maintain() as connection:
        body = canonical_bytes(foreign.to_json()).decode()
        connection.exec_driver_sql("UPDATE outbox SET body = ?, hash = ?", (body, foreign.hash))
    good = here.create("violation", {"description": "goes through"})
    alert: dict[str, Json] = {"level": "warning", "title": "Lightning", "issued_by": "olga"}
    world.site.central.publish(PROJECT, [Writing("safety_alert", "alert", alert)], "olga")
    await here.sync()
    held = world.central_records()
    assert (PROJECT, "violation", good) in held
    assert (PROJECT, "violation", poison) not in held
    assert here.value("safety_alert", "alert", "title") == "Lightning"


async def test_a_central_that_says_nothing_of_what_was_sent_is_asked_again_after_a_pause_and_not_in_a_race(
    world: World,
) -> None:
    """Its verdict bears another hash, and so is none of ours. The rest of the answer counts."""
    here = await world.laptop("a", "carlos")
    await here.sync()
    here.create("violation", {"description": "never acknowledged"})
    with here.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET hash = ?", ("0" * 64,))
    alert: dict[str, Json] = {"level": "warning", "title": "Lightning", "issued_by": "olga"}
    world.site.central.publish(PROJECT, [Writing("safety_alert", "alert", alert)], "olga")
    here.events.clear()
    with pytest.raises(Transient, match="said nothing"):
        await here.sync()
    assert sum(isinstance(event, Sending) for event in here.events) == SILENCES_MAX
    assert here.value("safety_alert", "alert", "title") == "Lightning"
    with here.store.read() as connection:
        pauses = connection.exec_driver_sql(
            "SELECT why FROM lane_state WHERE next_attempt_at IS NOT NULL"
        ).scalars()
        assert ["said nothing" in why for why in pauses] == [True]


@pytest.mark.parametrize("named", NASTY)
async def test_whatever_is_typed_reaches_central_and_everybody_as_harmless_text(
    world: World, named: str
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    record = carlos.create("daily_log", {"narrative": NASTY[named]})
    assert await carlos.sync()
    await dana.sync()
    kept = str(dana.value("daily_log", record, "narrative"))
    assert kept == carlos.value("daily_log", record, "narrative")
    assert "\x00" not in kept
    kept.encode("utf-8")


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_parent_child_and_grandchild_end_the_same_in_whatever_order_they_come(
    world: World, order: tuple[int, ...]
) -> None:
    """Each from another laptop, so that nothing but central puts them in order."""
    first = await world.laptop("a", "carlos")
    violation = first.create("violation", {"description": "fence down"})
    action = first.create("corrective_action", {"violation_id": violation, "condition": "torn"})
    first.edit("corrective_action", action, action_taken="tied up")
    changes = first.outbox(OutboxState.PENDING)
    assert len(changes) in (2, 3)
    # The laptop's own batches keep their order; here each change goes alone, in the order of the case.
    for index in order:
        if index < len(changes):
            _only(first, changes[index].dot.counter)
            await first.sync()
            _all(first)
    assert await first.sync()
    held = world.central_records()[PROJECT, "corrective_action", action].state.values()
    assert (held["violation_id"], held["action_taken"]) == (violation, "tied up")


def _only(here: Here, counter: int) -> None:
    with here.store.maintain() as connection:
        connection.exec_driver_sql(
            "UPDATE outbox SET state = 'held-' || state WHERE counter <> ? AND state IN ('pending', 'sent')",
            (counter,),
        )


def _all(here: Here) -> None:
    with here.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = substr(state, 6) WHERE state LIKE 'held-%'")


async def test_a_delete_that_is_taken_back_before_it_went_leaves_the_record_as_it_was(world: World) -> None:
    here = await world.laptop("a", "carlos")
    record = here.create("violation", {"description": "fence down"})
    assert await here.sync()
    with here.store.write() as writing:
        writing.delete("violation", PROJECT, record, "by mistake")
    here.edit_paths("violation", record, {"deleted": False})
    assert await here.sync()
    held = world.central_records()[PROJECT, "violation", record].state.values()
    assert (held["description"], bool(held.get("deleted"))) == ("fence down", False)


@pytest.mark.parametrize("days", [31, 45, 90])
async def test_what_the_office_deleted_stays_deleted_however_late_a_laptop_returns(
    world: World, days: int
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    record = carlos.create("violation", {"description": "a slip"})
    assert await carlos.sync()
    await dana.sync()
    with carlos.store.write() as writing:
        writing.delete("violation", PROJECT, record, "a slip of the finger")
    assert await carlos.sync()
    world.clock.advance(days=days)
    dana.create("violation", {"description": "made meanwhile"})
    assert await dana.sync()
    assert dana.value("violation", record, "deleted") is True
    assert world.central_records()[PROJECT, "violation", record].state.values()["deleted"] is True


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(days=-365), timedelta(days=365)])
async def test_a_wrong_clock_never_keeps_a_laptop_from_handing_in(world: World, off: timedelta) -> None:
    here = await world.laptop("a", "carlos")
    await here.sync()
    wrong = ManualClock(world.clock.now() + off)
    here.store.clock = wrong
    here.worker._clock = wrong
    record = here.create("violation", {"description": "by a wrong clock"})
    assert await here.sync()
    wrong.set(world.clock.now())
    here.edit("violation", record, description="by a clock set right")
    assert await here.sync()
    held = world.central_records()[PROJECT, "violation", record].state.values()
    assert held["description"] == "by a clock set right"


async def test_a_hundred_syncs_with_nothing_to_do_make_no_change_and_no_conflict(world: World) -> None:
    here = await world.laptop("a", "carlos")
    here.create("violation", {"description": "fence down"})
    assert await here.sync()
    before = world.ledger()
    for _ in range(100):
        world.clock.advance(minutes=10)
        assert await here.sync()
    assert world.ledger() == before
    assert here.outbox(OutboxState.PENDING, OutboxState.SENT) == []


async def test_a_template_that_changes_under_an_open_draft_costs_no_answer(world: World) -> None:
    """The office withdraws a question, and a choice that was taken, while the draft is offline."""
    here = await world.laptop("a", "carlos")
    shipped = library.shipped("cgp_site_inspection")
    body: dict[str, Json] = {"key": shipped.key, "title": shipped.title, "body": shipped.to_json()}
    world.site.central.publish(ORGANIZATION, [Writing("form_template", "epa", body)])
    await here.sync()
    draft = forms.start_form(here.store, PROJECT, "epa").submission_id
    forms.answer(here.store, PROJECT, draft, {"summary": "seen on site", "trigger": "storm_rain"})
    shorter = (
        shipped.to_json().replace('"summary"', '"summary_of_visit"').replace("storm_rain", "storm_rainfall")
    )
    world.site.central.publish(ORGANIZATION, [Writing("form_template", "epa", {**body, "body": shorter})])
    assert await here.sync()
    seen = form(here.store, PROJECT, draft)
    assert (seen.answers["summary"], seen.answers["trigger"]) == ("seen on site", "storm_rain")
    with world.engine.connect() as connection:
        table = KINDS["submission"].table
        answers = connection.execute(select(table.c.answers).where(table.c.id == draft)).scalar_one()
    assert (answers["summary"], answers["trigger"]) == ("seen on site", "storm_rain")


async def test_a_conflict_is_still_there_after_a_crash(world: World) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    record = carlos.create("daily_log", {"narrative": "calm"})
    assert await carlos.sync()
    await dana.sync()
    carlos.edit("daily_log", record, narrative="2 loads")
    dana.edit("daily_log", record, narrative="3 trucks")
    await carlos.sync()
    await dana.sync()
    world.laptops.remove(dana)
    dana.store.engine.dispose()  # and nothing else: no orderly end
    dana = world.open(dana.folder)
    questions = [one for (_, kind, _), one in dana.records().items() if kind == "conflict"]
    assert [one.state.values()["status"] for one in questions] == ["open"]


async def test_what_both_last_agreed_on_is_kept_until_the_last_change_of_the_record_is_settled(
    world: World,
) -> None:
    """Through a refusal too: without it a later merge would not know what its author had seen."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    record = carlos.create("daily_log", {"narrative": "calm", "stormwater_note": "none"})
    assert await carlos.sync()
    await dana.sync()
    carlos.line.cut()
    carlos.edit("daily_log", record, narrative="calm till noon")
    dana.edit("daily_log", record, stormwater_note="the inspector")
    await dana.sync()
    carlos.line.restore()
    assert await carlos.sync()
    for here in (carlos, dana):
        await here.sync()
        assert here.value("daily_log", record, "narrative") == "calm till noon"
        assert here.value("daily_log", record, "stormwater_note") == "the inspector"


async def test_a_year_of_work_stays_within_its_room(world: World) -> None:
    """Twelve months of saves on the same few records, handed in every week: counted in bytes a change, not in seconds."""
    here = await world.laptop("a", "carlos")
    records = [here.create("daily_log", {"narrative": f"log {number}"}) for number in range(6)]
    assert await here.sync()
    for week in range(52):
        world.clock.advance(days=7)
        for record in records:
            here.edit("daily_log", record, narrative=f"week {week}", weather="clear")
        assert await here.sync()
    kept = here.outbox()
    assert all(world.clock.now() - change.at < timedelta(days=100) for change in kept), (
        "older ones are let go"
    )
    changes = 53 * len(records)
    database = (here.folder / wiring.DATABASE).stat().st_size + (here.folder / wiring.JOURNAL).stat().st_size
    assert database / changes < 8 * 1024
