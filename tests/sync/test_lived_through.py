"""Failures that people lived through with other field programs, each lived through here on real parts.

`docs/lived-through.md` lists all of them with the test that shows each, here or elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from bravetui.actions.conflicts import decide
from bravetui.actions.queue import send_again
from bravetui.base import fault
from bravetui.base.canonical import Json, canonical_bytes
from bravetui.base.clock import ManualClock
from bravetui.base.errors import Transient
from bravetui.central.database import open_central_engine
from bravetui.central.service import Central, Writing
from bravetui.db import meta
from bravetui.db.device import Base, OutboxState
from bravetui.sync.progress import Sending
from bravetui.sync.worker import SILENCES_MAX
from bravetui.views.conflicts import conflicts
from bravetui.wire.change import Op
from tests.support.central import KEYS, PROJECT, Site
from tests.support.world import Here, World, demote

MOMENTS = (meta.LAST_CONTACT_AT, meta.ALL_HANDED_IN_AT, meta.COMPARED_ALL_AT, meta.CHECKPOINT)

_base = Base.__table__  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _no_fault_stays() -> Iterator[None]:
    yield
    fault.install(None)


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


@contextmanager
def answered_by(world: World, database: str) -> Iterator[None]:
    """Another database of the same central answers: a copy for reading, behind the one that is written to."""
    first, engine = world.site, open_central_engine(database)
    world.app.lead_to(Site(Central(engine, KEYS, world.clock, first.central.ids), world.clock, database))
    try:
        yield
    finally:
        world.app.lead_to(first)
        engine.dispose()


async def test_a_reader_that_lags_behind_never_moves_a_cursor_past_what_it_has_not(world: World) -> None:
    """Nor does it take away what the laptop has seen; and nobody says that the two hold the same."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    for here in (carlos, dana):
        await here.sync()
    for made in range(3):
        with world.backup_of_central() as behind:
            for number in range(4):
                dana.create("violation", {"description": f"made after the copy: {made}.{number}"})
            await dana.sync()
            if made % 2:
                await carlos.sync()
            seen = values_of(carlos)
            with answered_by(world, behind):
                await carlos.sync()
                assert seen.items() <= values_of(carlos).items()
            await carlos.sync()
            await dana.sync()
            assert carlos.records() == dana.records()
    assert await carlos.sync()


def values_of(here: Here) -> dict[tuple[str, str, str], Mapping[str, Json]]:
    """What a person sees of every record; a copy that can write is refilled, and numbers it anew."""
    return {key: one.state.values() for key, one in here.records().items()}


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


@pytest.mark.parametrize("days", [31, 45, 90])
async def test_what_the_office_deleted_stays_deleted_however_late_a_laptop_returns(
    world: World, days: int
) -> None:
    carlos, dana, record = await world.two_that_have({"description": "a slip"})
    with carlos.store.write() as writing:
        writing.delete("violation", PROJECT, record, "a slip of the finger")
    assert await carlos.sync()
    world.clock.advance(days=days)
    dana.create("violation", {"description": "made meanwhile"})
    dana = await world.sign_in(dana)
    assert await dana.sync()
    assert dana.value("violation", record, "deleted") is True
    assert world.central_records()[PROJECT, "violation", record].state.values()["deleted"] is True


async def test_a_laptop_that_may_read_no_more_does_not_say_that_all_is_handed_in(world: World) -> None:
    """Its work is at central, and confirmed; whether both ends are equal nobody has looked."""
    carlos = await world.laptop("a", "carlos")
    assert await carlos.sync()
    world.clock.advance(days=31)
    carlos.create("violation", {"description": "on day 31"})
    assert not await carlos.sync()
    assert not await carlos.sync()
    assert set(carlos.states()) == {OutboxState.CONFIRMED}
    assert await (await world.sign_in(carlos)).sync()


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


@pytest.mark.parametrize(
    "moment", ["marked_sent", "answer_received", "central_before_commit", "after_commit"]
)
@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=-365)])
async def test_a_clock_that_jumps_in_the_middle_of_a_batch_costs_nothing(
    world: World, moment: str, jump: timedelta
) -> None:
    here = await world.laptop("a", "carlos")
    await here.sync()
    own = ManualClock(world.clock.now())
    here.store.clock = here.worker._clock = own
    passed = 0

    def jumps(name: str) -> None:
        nonlocal passed
        passed += name == moment
        if name == moment and passed == 3:
            own.advance(seconds=jump.total_seconds())

    fault.install(jumps)
    records = [here.create("violation", {"description": f"fence {number}"}) for number in range(60)]
    assert await here.sync()
    for record in records:
        here.edit("violation", record, location="lot 3")
    assert await here.sync()
    for record in records[:3]:
        here.edit("violation", record, location="lot 4")
    assert await here.sync()
    assert passed >= 3
    stamps = [change.hlc for change in world.ledger() if change.kind == "violation"]
    assert stamps == sorted(stamps), "what was done later sorts later"
    held = world.central_records()
    places = [held[PROJECT, "violation", record].state.values()["location"] for record in records]
    assert places == ["lot 4"] * 3 + ["lot 3"] * 57


async def test_a_batch_that_fails_leaves_the_clock_where_it_was(world: World) -> None:
    here = await world.laptop("a", "carlos")
    await here.sync()
    here.create("violation", {"description": "fence down"})
    with here.store.read() as connection:
        before = meta.get_hlc(connection)
    here.line.answers_to_lose = 1
    with pytest.raises(Transient):
        await here.sync()
    with here.store.read() as connection:
        assert meta.get_hlc(connection) == before
    world.clock.advance(minutes=5)
    assert await here.sync()


async def test_a_hundred_syncs_with_nothing_to_do_leave_all_as_it_was_and_so_would_any_number(
    world: World,
) -> None:
    """A sync has no memory but the tables. Since one leaves every table as it was, a thousand do; a hundred are tried."""
    here = await world.laptop("a", "carlos")
    here.create("violation", {"description": "fence down"})
    assert await here.sync()
    assert await here.sync()
    ledger, tables = world.ledger(), everything(here)
    for _ in range(100):
        world.clock.advance(minutes=10)
        assert await here.sync()
        assert everything(here) == tables
    assert world.ledger() == ledger
    assert not [key for key in world.central_records() if key[1] == "conflict"]


def everything(here: Here) -> dict[str, list[tuple[object, ...]]]:
    """Every table but the log, less the moments at which something was last tried, compared or heard of."""
    skipped = f"WHERE key NOT IN ({', '.join(map(repr, MOMENTS))})"
    found = {}
    with here.store.read() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars()
        for name in sorted(set(names.all()) - {"sync_log", "lane_state"}):
            where = skipped if name == "meta" else ""
            rows = connection.exec_driver_sql(f"SELECT * FROM {name} {where}").all()
            found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found


class Killed(BaseException):
    """The battery fell out."""


async def asked_about(world: World) -> tuple[Here, Here, str]:
    """Two laptops, and a record of which both rewrote the same words; only central knows as yet."""
    carlos, dana, record = await world.two_that_have({"narrative": "calm"}, "daily_log")
    carlos.edit("daily_log", record, narrative="2 loads")
    dana.edit("daily_log", record, narrative="3 trucks")
    await carlos.sync()
    return carlos, dana, record


def killed(world: World, here: Here) -> Here:
    """The laptop as it starts again after nothing was ended in order."""
    fault.install(None)
    world.laptops.remove(here)
    here.store.engine.dispose()
    return world.open(here.folder)


@pytest.mark.parametrize("moment", ["marked_sent", "answer_received", "answer_taken"])
async def test_a_conflict_is_still_there_after_a_crash(world: World, moment: str) -> None:
    """Whenever in the exchange that brings it: it is asked about once, and can be decided."""
    carlos, dana, record = await asked_about(world)
    fault.install(dying_at(moment))
    with pytest.raises(Killed):
        await dana.sync()
    dana = killed(world, dana)
    world.clock.advance(minutes=5)
    await dana.sync()
    dana = killed(world, dana)
    (asked,) = conflicts(dana.store, PROJECT)
    decide(dana.store, PROJECT, asked.id, {"narrative": "5 loads"})
    for here in (dana, carlos, dana):
        await here.sync()
        assert here.value("daily_log", record, "narrative") == "5 loads"
        assert [one.status for one in conflicts(here.store, PROJECT)] == ["resolved"]


@pytest.mark.parametrize("moment", ["before_journal", "after_journal_before_commit", "after_commit"])
async def test_a_crash_while_deciding_leaves_the_conflict_open_or_decided_and_never_neither(
    world: World, moment: str
) -> None:
    carlos, dana, record = await asked_about(world)
    await dana.sync()
    (asked,) = conflicts(dana.store, PROJECT)
    fault.install(dying_at(moment))
    with pytest.raises(Killed):
        decide(dana.store, PROJECT, asked.id, {"narrative": "5 loads"})
    dana = killed(world, dana)
    decided = dana.value("daily_log", record, "narrative") == "5 loads"
    assert decided == (moment != "before_journal")
    if not decided:
        (again,) = conflicts(dana.store, PROJECT)
        decide(dana.store, PROJECT, again.id, {"narrative": "5 loads"})
    for here in (dana, carlos, dana):
        await here.sync()
        assert here.value("daily_log", record, "narrative") == "5 loads"
        assert [one.status for one in conflicts(here.store, PROJECT)] == ["resolved"]


def dying_at(moment: str) -> Callable[[str], None]:
    def die(name: str) -> None:
        if name == moment:
            raise Killed

    return die


async def test_what_both_last_agreed_on_is_kept_until_the_last_change_of_the_record_is_settled(
    world: World,
) -> None:
    """After a push without an answer, a refusal, and pruning; with it, two edits of one text still become one text."""
    carlos, dana, record = await world.two_that_have({"narrative": "calm"}, "daily_log")
    assert agreed_on(carlos, record) is None
    carlos.edit("daily_log", record, stormwater_note="none")
    carlos.line.answers_to_lose = 1
    with pytest.raises(Transient):
        await carlos.sync()
    assert agreed_on(carlos, record) == "calm", "sent, and nothing heard"
    carlos.create("violation", {"description": "another record"})
    demote(world, "carlos", "viewer")
    carlos.edit("daily_log", record, narrative="calm, fence torn")
    world.clock.advance(minutes=5)
    await carlos.sync()
    assert OutboxState.REFUSED in carlos.states()
    assert agreed_on(carlos, record) == "calm", "refused"
    dana.edit("daily_log", record, narrative="calm till noon")
    world.clock.advance(days=100)
    dana, carlos = await world.sign_in(dana), await world.sign_in(carlos)
    for here in (dana, carlos):
        await here.sync()
    assert agreed_on(carlos, record) == "calm till noon", "pruned; and the screen holds Dana's word since"
    assert carlos.value("daily_log", record, "narrative") == "calm, fence torn till noon"
    demote(world, "carlos", "foreman")
    for change in carlos.outbox(OutboxState.REFUSED):
        send_again(carlos.store, change.dot)
    assert await carlos.sync()
    assert agreed_on(carlos, record) is None, "settled"
    await dana.sync()
    assert carlos.records() == dana.records()


def agreed_on(here: Here, record: str) -> Json:
    """What the base says of the log's narrative; None where there is no base."""
    with here.store.read() as connection:
        bases = connection.execute(select(_base.c.agreed).where(_base.c.record_id == record)).scalars().all()
    return bases[0]["narrative"] if bases else None
