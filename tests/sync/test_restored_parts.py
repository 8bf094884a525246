"""A restored central is read while one's own work still goes to it: rows are set aside, and of a record parts come before
its whole. What central has lost passes neither for known nor for seen."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from bravetui.central import feed
from bravetui.db.device import OutboxState
from bravetui.sync import pages
from bravetui.sync.progress import Exchanged
from bravetui.sync.taken import Taken
from bravetui.wire.lanes import LANES, Lane
from tests.support.refusing import refuse_bad, typed_meanwhile
from tests.support.restoring import TOLD, WORDS, asked, begun, office
from tests.support.world import Here, World, sync_all
from tests.sync.test_restored_counts import FORM, LOADS, loads, two

ALL_LANES = tuple(policy.lane for policy in LANES)
READS: tuple[Lane, ...] = ()
"""For an exchange that hands in nothing."""
ONE = 1
"""Bytes of a request that carries one change, whatever its size."""
PAGE_BYTES = 1500


async def exchange(here: Here, *ways: tuple[Lane, ...], budget_bytes: int = 10**6) -> None:
    """One exchange for each of the ways: the lanes that may go."""
    for lanes in ways:
        here.worker._budget_bytes = budget_bytes
        assert await here.worker._exchange(lanes) is None


async def with_a_long_history(world: World) -> tuple[Here, Here]:
    """Carlos and Dana, and a dozen records of hers, which fill several small pages."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    for number in range(12):
        dana.create("violation", {"description": f"filler {number} " + "x" * 200})
    assert await dana.sync()
    return carlos, dana


@pytest.mark.parametrize("path", WORDS)
async def test_an_author_who_could_read_before_he_could_write_still_hands_in_what_was_said_in_his_record(
    world: World, path: str
) -> None:
    """He had fetched all that the restored central has; of his record, that he then hands in, only its number comes back."""
    kind, older, later = WORDS[path]
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    with world.backup_of_central() as backup:
        record = carlos.create(kind, TOLD[kind])
        assert await carlos.sync()
        office(world, kind, record, {path: older})
        for here in (carlos, dana):
            assert await here.sync()
        world.clock.advance(hours=1)
        dana.edit(kind, record, **{path: later})
        assert await dana.sync()
        with world.restored(backup):
            await exchange(carlos, READS, READS, ALL_LANES)
            for here in (dana, carlos):
                await here.sync()
            await sync_all([carlos, dana])
            assert {here.value(kind, record, path) for here in (carlos, dana)} == {later}
            assert asked(world) == []


@pytest.mark.parametrize("path", WORDS)
async def test_a_word_said_while_a_refill_was_under_way_is_not_taken_for_lost(
    world: World, path: str
) -> None:
    """The record had come while the word waited to go: what comes back of it afterwards is only its number."""
    kind, older, later = WORDS[path]
    carlos, dana, _, record = await begun(world, kind)
    office(world, kind, record, {path: older})
    for here in (carlos, dana):
        assert await here.sync()
    with world.backup_of_central() as backup, world.restored(backup):
        await exchange(dana, READS)
        dana.edit(kind, record, **{path: later})
        await exchange(dana, READS, ALL_LANES)
        assert not [change for change in world.ledger() if change.said]
        await sync_all([dana, carlos])
        assert {here.value(kind, record, path) for here in (carlos, dana)} == {later}
        assert asked(world) == []
        assert not [change for change in world.ledger() if change.said]


@pytest.mark.parametrize(
    ("kind", "path", "words", "other"),
    [
        ("corrective_action", "trigger", ("5.1.1", "5.1.2", "5.1.3"), "immediate_steps"),
        ("violation", "location", ("lot 1", "lot 3", "lot 5"), "description"),
    ],
)
async def test_a_record_that_comes_whole_twice_while_it_waits_is_compared_once(
    world: World,
    kind: str,
    path: str,
    words: tuple[str, str, str],
    other: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the backup had it in the first page, and again with his own work: what the office had said upon that is lost."""
    carlos, dana = await with_a_long_history(world)
    first, older, later = words
    record = carlos.create(kind, {**TOLD[kind], path: first})
    for here in (carlos, dana):
        assert await here.sync()
    with world.backup_of_central() as backup:
        carlos.create("violation", {"description": "goes in the first request"})
        for values in ({path: older}, {other: "more"}):
            assert await carlos.sync()
            world.clock.advance(hours=1)
            carlos.edit(kind, record, **values)
        assert await carlos.sync()
        office(world, kind, record, {path: later})
        assert await carlos.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            monkeypatch.setattr(feed, "ANSWER_BYTES_MAX", PAGE_BYTES)
            await exchange(carlos, READS)
            await exchange(carlos, ALL_LANES, budget_bytes=ONE)
            await exchange(carlos, ALL_LANES)
            monkeypatch.setattr(feed, "ANSWER_BYTES_MAX", 10**6)
            await sync_all([carlos, dana])
            assert {here.value(kind, record, path) for here in (carlos, dana)} == {later}
            assert asked(world) == []


async def test_a_lost_word_of_ones_own_that_is_queued_no_more_is_offered_before_anything_is_laid_upon_it(
    world: World,
) -> None:
    """A later change of the same laptop's has come: its number covers the lost one."""
    carlos, dana, third, record = await begun(world, "corrective_action")
    with world.backup_of_central() as backup:
        world.clock.advance(hours=1)
        carlos.edit("corrective_action", record, trigger="5.1.2")
        for _ in range(2):
            await carlos.sync()
        with carlos.store.maintain() as connection:  # as after 90 days
            forgotten = "DELETE FROM outbox WHERE state = 'confirmed' AND body LIKE '%5.1.2%'"
            assert connection.exec_driver_sql(forgotten).rowcount == 1
        carlos.edit("corrective_action", record, immediate_steps="more")
        assert await carlos.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            await dana.sync()
            dana.edit("corrective_action", record, trigger="5.1.3")
            await dana.sync()
            world.clock.advance(hours=1)
            await exchange(carlos, READS, READS, ALL_LANES)
            await sync_all([carlos, dana, third])
            assert asked(world) == [(["trigger"], "review")]


@pytest.mark.parametrize("dana_is_back", [False, True])
async def test_what_was_counted_on_upon_a_lost_count_is_handed_in(world: World, dana_is_back: bool) -> None:
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup:
        dana.edit_paths("submission", record, {LOADS: 12})
        for here in (dana, carlos):
            assert await here.sync()
        with world.restored(backup):
            await exchange(carlos, READS)
            carlos.edit_paths("submission", record, {LOADS: 13})
            await exchange(carlos, READS, ALL_LANES)
            back = [dana, carlos, third] if dana_is_back else [carlos, third]
            await sync_all(back)
            assert {here.value("submission", record, LOADS) for here in back} == {13}


async def test_what_is_handed_in_beside_a_refused_change_has_seen_nothing_that_came_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dana has never seen the office's word, nor the office hers."""
    refuse_bad(monkeypatch, "immediate_steps")
    carlos, dana = await with_a_long_history(world)
    record = carlos.create("corrective_action", {**TOLD["corrective_action"], "trigger": "5.1.1"})
    for here in (carlos, dana):
        assert await here.sync()
    with world.backup_of_central() as backup:
        carlos.create("violation", {"description": "goes in the first request"})
        assert await carlos.sync()
        carlos.edit("corrective_action", record, condition="mine")
        assert await carlos.sync()
        office(world, "corrective_action", record, {"trigger": "5.1.3"})
        await carlos.sync()
        carlos.edit("corrective_action", record, immediate_steps="bad")
        await carlos.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            await dana.sync()
            dana.edit("corrective_action", record, trigger="5.1.2")
            await dana.sync()
            world.clock.advance(hours=1)
            monkeypatch.setattr(feed, "ANSWER_BYTES_MAX", PAGE_BYTES)
            await exchange(carlos, READS)
            await exchange(carlos, ALL_LANES, ALL_LANES, budget_bytes=ONE)
            await exchange(carlos, ALL_LANES)
            monkeypatch.setattr(feed, "ANSWER_BYTES_MAX", 10**6)
            await sync_all([carlos, dana])
            assert asked(world) == [(["trigger"], "review")]


async def test_a_lane_that_is_begun_anew_is_not_read_on_from_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody goes on typing in records whose whole has not come: each of them begins the lane anew, and no page is asked
    for that cannot be used."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    kind = "corrective_action"
    records = [carlos.create(kind, {**TOLD[kind], "trigger": "5.1.1"}) for _ in range(4)]
    assert await carlos.sync()
    for number in range(30):
        dana.create("violation", {"description": f"filler {number} " + "x" * 200})
    for here in (dana, carlos):
        assert await here.sync()
    with world.backup_of_central() as backup:
        for record in records:
            office(world, kind, record, {"trigger": "5.1.3"})
        assert await carlos.sync()
        world.clock.advance(hours=1)
        with world.restored(backup):
            monkeypatch.setattr(feed, "ANSWER_BYTES_MAX", PAGE_BYTES)
            await exchange(carlos, READS)
            began = len(carlos.events)
            for record in records:
                carlos.edit(kind, record, immediate_steps="typed")
                await exchange(carlos, ALL_LANES)
            await carlos.sync()
            answers = [one for one in carlos.events[began:] if isinstance(one, Exchanged)]
            assert sum(not any(one.rows.values()) for one in answers) <= 2, "the last ones, which confirm"
            await sync_all([carlos, dana])
            assert {here.value(kind, record, "trigger") for here in (carlos, dana) for record in records} == {
                "5.1.3"
            }
            assert asked(world) == []


@pytest.mark.parametrize(
    ("kind", "path", "older", "later", "other"),
    [
        ("violation", "location", "lot 3", "lot 5", "source"),
        ("corrective_action", "trigger", "5.1.1", "5.1.2", "immediate_steps"),
    ],
)
async def test_a_word_stays_on_screen_while_its_author_types_on_and_a_refill_is_under_way(
    world: World, kind: str, path: str, older: str, later: str, other: str
) -> None:
    """Central has lost nothing; by the time the rows that were set aside are taken it has confirmed the word."""
    carlos, dana, _, record = await begun(world, kind)
    office(world, kind, record, {path: older})
    for here in (carlos, dana):
        assert await here.sync()
    with world.backup_of_central() as backup, world.restored(backup):
        await exchange(carlos, READS)
        carlos.edit(kind, record, **{path: later})
        await exchange(carlos, READS)
        await typed_meanwhile(carlos, lambda: carlos.edit(kind, record, **{other: "own"}))
        for _ in range(3):
            assert carlos.value(kind, record, path) == later
            await exchange(carlos, ALL_LANES)
        await sync_all([carlos, dana])
        assert {here.value(kind, record, path) for here in (carlos, dana)} == {later}
        assert not [change for change in world.ledger() if change.said]


async def test_a_group_that_is_typed_on_during_a_refill_keeps_what_was_typed_first(world: World) -> None:
    carlos, dana, _, record = await begun(world, "violation")
    office(world, "violation", record, {"severity": "minor", "required_action": "old"})
    await sync_all([carlos, dana])
    with world.backup_of_central() as backup, world.restored(backup):
        await exchange(carlos, READS)
        carlos.edit("violation", record, required_action="new")
        await exchange(carlos, READS)
        await typed_meanwhile(carlos, lambda: carlos.edit("violation", record, location="own"))
        await exchange(carlos, ALL_LANES, ALL_LANES)
        carlos.edit("violation", record, response_due="2026-09-01")
        await sync_all([carlos, dana])
        assert {here.value("violation", record, "required_action") for here in (carlos, dana)} == {"new"}


async def test_new_forms_that_are_typed_on_while_they_go_do_not_begin_a_refill_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana = await two(world)
    for number in range(40):
        dana.create("submission", {"template_id": "form-loads", "answers/x": f"filler {number} " + "x" * 200})
    for here in (dana, carlos):
        assert await here.sync()
    with world.backup_of_central() as backup, world.restored(backup):
        monkeypatch.setattr(feed, "ANSWER_BYTES_MAX", PAGE_BYTES)
        await exchange(carlos, READS)
        begun_anew = list[object]()
        right = pages._fetch_anew

        def noted(connection: Connection, taken: Taken) -> None:
            begun_anew.extend(taken.incomplete)
            right(connection, taken)

        monkeypatch.setattr(pages, "_fetch_anew", noted)
        for _ in range(4):
            record = carlos.create("submission", FORM)
            await typed_meanwhile(carlos, lambda: carlos.edit_paths("submission", record, {LOADS: 13}))  # noqa: B023
            await typed_meanwhile(carlos, lambda: None)
        assert begun_anew == []


async def test_a_count_typed_while_central_is_refilled_is_never_shown_as_it_was_before(
    world: World,
) -> None:
    """Who types it again, since it seems to be gone, would have counted twice."""
    carlos, dana, third, record = await loads(world)
    with world.backup_of_central() as backup, world.restored(backup):
        carlos.create("violation", {"description": "goes in the first request"})
        carlos.edit_paths("submission", record, {LOADS: 12})
        await exchange(carlos, ALL_LANES, READS, budget_bytes=ONE)
        carlos.edit_paths("submission", record, {LOADS: 13})
        for _ in range(4):
            await exchange(carlos, ALL_LANES)
            assert carlos.value("submission", record, LOADS) == 13
        carlos.edit_paths("submission", record, {LOADS: 14})
        await sync_all([carlos, dana, third])
        assert {here.value("submission", record, LOADS) for here in (carlos, dana, third)} == {14}


async def test_what_a_restored_central_lost_is_asked_about_beside_a_refused_word(world: World) -> None:
    """The lost word stands on the screen meanwhile, and is not what it was written upon."""
    kind, lost, anew = WORDS["immediate_steps"]
    carlos, _, _, record = await begun(world, kind)
    with world.backup_of_central() as backup:
        office(world, kind, record, {"immediate_steps": lost})
        assert await carlos.sync()
        carlos.edit_paths(kind, record, {"condition": "word " * 250_000})
        await carlos.sync()
        with world.restored(backup):
            await exchange(carlos, READS, ALL_LANES, READS, budget_bytes=10**7)
            assert OutboxState.REFUSED in carlos.states()
            office(world, kind, record, {"immediate_steps": anew})
            await sync_all([carlos])
            assert carlos.value(kind, record, "immediate_steps") == anew
            assert asked(world) == [(["immediate_steps"], "review")]
