"""A new form that central refused and its author discards leaves the queue; released after all, it is not back by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.actions.forms import discard_draft
from bravetui.base import fault
from bravetui.base.canonical import Json
from bravetui.central.quarantine import release, waiting
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.db.quarantine import TAKEN_OFF
from bravetui.db.recover import compact
from bravetui.merge.state import DELETED
from bravetui.sync.exchange import prepare
from bravetui.views.forms import submissions
from bravetui.views.outline import queue_outline
from bravetui.views.queue import queue
from bravetui.views.status import sync_summary
from bravetui.wire.change import Change, Op
from bravetui.wire.lanes import LANES
from tests.support.central import PROJECT, TEMPLATE
from tests.support.refusing import refuse_bad
from tests.support.restoring import asked
from tests.support.world import Here, World, demote, ring_of

FORM: dict[str, Json] = {"title": "bad", "template_id": TEMPLATE, "author_id": "carlos", "status": "draft"}


@pytest.fixture(autouse=True)
def _refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_bad(monkeypatch, "title")


async def refused(world: World) -> tuple[Here, str]:
    """Carlos' laptop, and a form of his that central refused."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", FORM)
    await carlos.sync()
    assert carlos.states() == [OutboxState.REFUSED]
    return carlos, record


def discard(here: Here, record: str) -> None:
    discard_draft(here.store, PROJECT, record, "begun by mistake")


def released(world: World) -> None:
    (kept,) = [one for one in waiting(world.site.central) if one.change.op is Op.CREATE]
    world.clock.advance(hours=1)
    release(world.site.central, kept.change.dot, "olga")


def is_gone(world: World, record: str) -> bool:
    """Whether the form is at central, and removed there."""
    return world.central_records()[PROJECT, "submission", record].state.values().get(DELETED) is True


def counted(here: Here) -> tuple[int, int, int, int]:
    """What the screens and support count: in the queue, waiting, refused, not confirmed."""
    shown, told = sync_summary(here.store), queue(here.store)
    assert len(told.items) == told.total == queue_outline(here.store, 9).total
    return told.total, shown.waiting, shown.refused, shown.unconfirmed


def journal(here: Here) -> list[Change]:
    return [Change.model_validate_json(frame) for frame in here.store.journal.frames()]


def reopened(world: World, here: Here, database: Path | None = None, *, lost: bool = False) -> Here:
    """After a start: with the database as it is, as it was, or with none."""
    here.close()
    world.laptops.remove(here)
    if lost or database is not None:
        for left in here.folder.glob("site.db*"):
            left.unlink()
    if database is not None:
        shutil.copy(database, here.folder / "site.db")
    return world.open(here.folder)


async def test_a_refused_new_form_that_was_discarded_leaves_the_queue(world: World) -> None:
    """It names no form that it is filled in on, so that no central takes it."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", {"title": "Daily"})
    await carlos.sync()
    assert carlos.states() == [OutboxState.REFUSED]
    discard(carlos, record)
    await carlos.sync()
    assert await carlos.sync(), carlos.states()


async def test_it_is_gone_at_once_from_every_count_and_screen_and_stays_in_the_journal(world: World) -> None:
    carlos, record = await refused(world)
    discard(carlos, record)
    assert counted(carlos) == (0, 0, 0, 0)
    assert [*submissions(carlos.store, PROJECT)] == []
    assert [(one.op, one.after.get("title")) for one in journal(carlos) if one.reason == TAKEN_OFF] == [
        (Op.CREATE, "bad")
    ]
    assert await carlos.sync()
    assert [one.change.record_id for one in waiting(world.site.central)] == [record]
    assert (PROJECT, "submission", record) not in world.central_records()


@pytest.mark.parametrize("at", ["long after", "at that very moment"])
async def test_what_the_office_releases_comes_as_discarded(world: World, at: str) -> None:
    carlos, record = await refused(world)
    if at == "long after":
        discard(carlos, record)
        assert await carlos.sync()
    released(world)
    if at == "at that very moment":
        discard(carlos, record)
    assert not is_gone(world, record)
    assert await carlos.sync()
    assert is_gone(world, record)
    assert carlos.value("submission", record, DELETED) is True
    assert (asked(world), waiting(world.site.central)) == ([], [])
    assert counted(carlos)[1:] == (0, 0, 0)


async def test_what_was_written_in_it_once_it_was_released_is_asked_about(world: World) -> None:
    carlos, record = await refused(world)
    discard(carlos, record)
    assert await carlos.sync()
    released(world)
    world.clock.advance(hours=1)
    world.site.central.publish(PROJECT, [Writing("submission", record, {"title": "Daily of lot 3"})], "olga")
    await carlos.sync()
    assert [paths for paths, _ in asked(world)] == [[DELETED]]
    assert not is_gone(world, record)
    assert carlos.value("submission", record, "title") == "Daily of lot 3"


@pytest.mark.parametrize("how", ["in one request", "while the first was on its way"])
async def test_discarded_before_it_was_refused_it_leaves_the_queue_too(world: World, how: str) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", FORM)
    if how == "while the first was on its way":
        prepare(carlos.store, [policy.lane for policy in LANES], 10**6)
    discard(carlos, record)
    assert len(carlos.states()) == 2
    assert await carlos.sync()
    assert counted(carlos) == (0, 0, 0, 0)
    released(world)
    assert await carlos.sync()
    assert is_gone(world, record)


async def test_discarded_by_somebody_who_may_write_nothing_it_leaves_the_queue_too(world: World) -> None:
    """What removes it is refused as well."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    demote(world, "carlos", "viewer")
    record = carlos.create("submission", {**FORM, "title": "Daily"})
    prepare(carlos.store, [policy.lane for policy in LANES], 10**6)
    discard(carlos, record)
    assert await carlos.sync()
    assert counted(carlos) == (0, 0, 0, 0)
    demote(world, "carlos", "foreman")
    assert await carlos.sync()
    assert (PROJECT, "submission", record) not in world.central_records()


async def test_a_draft_that_was_never_sent_goes_with_its_removal(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", {**FORM, "title": "Daily"})
    discard(carlos, record)
    assert await carlos.sync()
    assert is_gone(world, record)


async def test_what_was_typed_behind_the_refusal_leaves_with_it(world: World) -> None:
    """One edit waits at central for the form, one has never gone, and it is discarded twice."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", FORM)
    prepare(carlos.store, [policy.lane for policy in LANES], 10**6)
    carlos.edit("submission", record, review_note="7")
    await carlos.sync()
    assert carlos.states() == [OutboxState.REFUSED, OutboxState.PARKED]
    with carlos.store.write() as writing:
        writing.edit("submission", PROJECT, record, {"review_note": "8"}, reason="a correction")
    discard(carlos, record)
    discard(carlos, record)
    assert counted(carlos) == (0, 0, 0, 0)
    assert await carlos.sync()
    released(world)
    for _ in range(2):
        await carlos.sync()
    assert is_gone(world, record)


@pytest.mark.parametrize("how", ["behind the refusal", "in one request with what was refused"])
@pytest.mark.parametrize("office", ["looks on", "has released it meanwhile"])
async def test_whoever_writes_on_in_it_has_it_back_with_all_that_was_in_it(
    world: World, how: str, office: str
) -> None:
    """The removal that went with it waits at central for the form, and does not take it."""
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", {**FORM, "review_note": "kept"})
    if how == "in one request with what was refused":
        prepare(carlos.store, [policy.lane for policy in LANES], 10**6)
    else:
        await carlos.sync()
    discard(carlos, record)
    assert await carlos.sync()
    if office != "looks on":
        released(world)
    carlos.edit("submission", record, title="Daily")
    for _ in range(2):
        await carlos.sync()
    held = world.central_records()[PROJECT, "submission", record].state.values()
    assert (held["title"], held["review_note"], held.get(DELETED, False)) == ("Daily", "kept", False)
    assert await carlos.sync(), carlos.states()
    assert waiting(world.site.central) == []
    assert asked(world) == []


async def test_taken_back_it_is_there_after_a_start_with_no_database(world: World) -> None:
    carlos, record = await refused(world)
    discard(carlos, record)
    carlos.line.cut()
    carlos.edit("submission", record, title="Daily")
    carlos = reopened(world, carlos, lost=True)
    assert carlos.value("submission", record, "title") == "Daily"
    assert await carlos.sync()
    assert not is_gone(world, record)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("since", ["as it was when killed", "gone"])
async def test_killed_between_journal_and_database_it_is_discarded_after_the_next_start(
    world: World, since: str
) -> None:
    carlos, record = await refused(world)

    def hook(name: str) -> None:
        if name == "after_journal_before_commit":
            raise Killed

    fault.install(hook)
    try:
        with pytest.raises(Killed):
            discard(carlos, record)
    finally:
        fault.install(None)
    carlos = reopened(world, carlos, lost=since == "gone")
    assert counted(carlos) == (0, 0, 0, 0)
    assert await carlos.sync()
    assert (PROJECT, "submission", record) not in world.central_records()
    released(world)
    assert await carlos.sync()
    assert is_gone(world, record)


async def test_killed_while_it_is_put_away_after_an_exchange_it_is_put_away_at_the_next_start(
    world: World,
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", FORM)
    discard(carlos, record)

    def hook(name: str) -> None:
        if name == "before_maintained" and any(one.reason == TAKEN_OFF for one in journal(carlos)):
            raise Killed

    fault.install(hook)
    try:
        with pytest.raises(Killed):
            await carlos.sync()
    finally:
        fault.install(None)
    carlos = reopened(world, carlos)
    assert counted(carlos) == (0, 0, 0, 0)
    assert await carlos.sync()


@pytest.mark.parametrize("smaller", [False, True], ids=["", "from a journal that was made smaller"])
@pytest.mark.parametrize("since", ["gone", "from before the discard"])
async def test_a_database_that_is_built_anew_sends_neither_the_form_nor_its_removal(
    world: World, monkeypatch: pytest.MonkeyPatch, since: str, smaller: bool
) -> None:
    carlos, record = await refused(world)
    before = world.folder / "before.db"
    carlos = reopened(world, carlos)
    shutil.copy(carlos.folder / "site.db", before)
    discard(carlos, record)
    if smaller:
        settled = carlos.create("violation", {"description": "long " * 1000})
        assert await carlos.sync()
        monkeypatch.setattr("bravetui.db.recover.JOURNAL_BYTES_MAX", 1)
        assert compact(carlos.store)
        assert settled not in {one.record_id for one in journal(carlos)}
        monkeypatch.undo()
        refuse_bad(monkeypatch, "title")
    carlos = reopened(world, carlos, None if since == "gone" else before, lost=True)
    assert carlos.states() == [OutboxState.PUT_AWAY]
    for _ in range(2):
        assert await carlos.sync()
    assert [one.change.op for one in waiting(world.site.central)] == [Op.CREATE]
    released(world)
    assert await carlos.sync()
    assert is_gone(world, record)


async def test_it_leaves_in_no_bundle(world: World, tmp_path: Path) -> None:
    carlos, record = await refused(world)
    discard(carlos, record)
    (stick := tmp_path / "stick").mkdir()
    assert wiring.rescue(carlos.folder, ring_of(carlos.folder), stick, clock=world.clock)[1] is None


async def test_a_restored_central_is_offered_nothing_of_it(world: World) -> None:
    carlos, record = await refused(world)
    with world.backup_of_central() as backup:
        discard(carlos, record)
        assert await carlos.sync()
        with world.restored(backup):
            for _ in range(3):
                assert await carlos.sync()
            assert (PROJECT, "submission", record) not in world.central_records()
            released(world)
            assert await carlos.sync()
            assert is_gone(world, record)


@pytest.mark.parametrize("first", ["discarded", "something else"])
async def test_on_a_copy_of_the_laptop_it_stays_discarded_under_the_new_number(
    world: World, first: str
) -> None:
    carlos, record = await refused(world)
    carlos, copy = world.copy(carlos, "carlos-2")
    for _ in range(2):
        carlos.create("delivery", {"supplier": "the original's"})
    assert not await carlos.sync()
    if first == "discarded":
        discard(copy, record)
    copy.create("delivery", {"supplier": "the copy's"})
    if first != "discarded":
        discard(copy, record)
    for _ in range(2):
        await copy.sync()
    assert copy.device != carlos.device
    assert await copy.sync(), copy.states()
    released(world)
    assert await copy.sync()
    assert is_gone(world, record)
