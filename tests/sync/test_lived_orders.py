"""Lived through with other programs: what comes out of order is dropped, and what was undone happens all the same."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import pytest

from bravetui.base.canonical import Json
from bravetui.central import feed
from bravetui.central.auditing import verify_ledger
from bravetui.db.device import OutboxState
from bravetui.views.conflicts import conflicts
from bravetui.wire.change import Op
from tests.support.central import PROJECT, TEMPLATE
from tests.support.world import Here, World

FAMILIES: Mapping[
    str, tuple[tuple[str, dict[str, Json]], tuple[str, str, dict[str, Json]], dict[str, Json]]
] = {
    "critical": (
        ("violation", {"description": "fence down"}),
        ("corrective_action", "violation_id", {"condition": "torn"}),
        {"action_taken": "tied up"},
    ),
    "forms": (
        ("submission", {"template_id": TEMPLATE}),
        ("signature", "submission_id", {"signer_name": "Carlos"}),
        {"signer_title": "Foreman"},
    ),
    "photos": (
        ("submission", {"template_id": TEMPLATE}),
        ("photo", "owner_id", {"sha256": "0" * 64}),
        {"caption": "silt at outfall 3"},
    ),
}
"""By lane: a parent, a child that names it, and an edit of the child."""


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("lane", FAMILIES)
async def test_parent_child_and_edit_end_the_same_in_whatever_order_they_come(
    world: World, lane: str, order: tuple[int, ...]
) -> None:
    """A report after its photo, an edit before what it edits: each change travels alone, in the order of the case."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    (parent_kind, told), (kind, column, more), edit = FAMILIES[lane]
    parent = carlos.create(parent_kind, told)
    with carlos.store.write() as writing:  # for a reason, or the edit would be folded into it
        child = writing.create(kind, PROJECT, {column: parent, **more}, reason="seen on the walk")
    carlos.edit_paths(kind, child, edit)
    changes = carlos.outbox(OutboxState.PENDING)
    assert [change.op for change in changes] == [Op.CREATE, Op.CREATE, Op.EDIT]
    for index in order:
        _only(carlos, changes[index].dot.counter)
        await carlos.sync()
        _all(carlos)
    assert await carlos.sync()
    assert set(carlos.states()) == {OutboxState.CONFIRMED}
    await dana.sync()
    for path, value in {column: parent, **more, **edit}.items():
        assert dana.value(kind, child, path) == value
    assert not conflicts(dana.store, PROJECT)
    assert carlos.records() == dana.records()


async def test_counts_of_use_come_in_whatever_order(world: World) -> None:
    """The fourth lane has no parents; an edit still comes before what it edits."""
    here = await world.laptop("a", "carlos")
    with here.store.write() as writing:
        count = writing.create("usage_day", PROJECT, {"metric": "forms", "count": 1}, reason="day 1")
    here.edit("usage_day", count, count=4)
    first, then = here.outbox(OutboxState.PENDING)
    for change in (then, first):
        _only(here, change.dot.counter)
        await here.sync()
        _all(here)
    assert await here.sync()
    assert set(here.states()) == {OutboxState.CONFIRMED}
    with world.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count FROM usage_day").scalar_one() == 4


def _only(here: Here, counter: int) -> None:
    with here.store.maintain() as connection:
        connection.exec_driver_sql(
            "UPDATE outbox SET state = 'held-' || state WHERE counter <> ? AND state IN ('pending', 'sent')",
            (counter,),
        )


def _all(here: Here) -> None:
    with here.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = substr(state, 6) WHERE state LIKE 'held-%'")


@pytest.mark.parametrize("known", [True, False], ids=["known to all", "never sent"])
async def test_a_delete_that_is_taken_back_before_it_went_leaves_the_record_as_it_was_and_a_trail(
    world: World, known: bool
) -> None:
    """Nothing is gone for anybody, nothing is asked, what a colleague wrote meanwhile stands, and the ledger tells it."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    record = carlos.create("violation", {"description": "fence down"})
    if known:
        for here in (carlos, dana):
            await here.sync()
        dana.edit("violation", record, location="lot 3")
        await dana.sync()
    with carlos.store.write() as writing:
        writing.delete("violation", PROJECT, record, "by mistake")
    carlos.edit_paths("violation", record, {"deleted": False})
    for here in (carlos, dana, carlos):
        await here.sync()
    for here in (carlos, dana):
        assert here.value("violation", record, "description") == "fence down"
        assert here.value("violation", record, "deleted") is False
        assert not [row for row in conflicts(here.store, PROJECT) if row.status == "open"]
    if known:
        assert carlos.value("violation", record, "location") == "lot 3"
    assert carlos.records() == dana.records()
    told = [
        change for change in world.ledger() if change.record_id == record and change.author_id == "carlos"
    ]
    assert (told[-1].op, told[-1].reason, told[-1].after) == (Op.EDIT, "by mistake", {"deleted": False})
    assert Op.DELETE not in {change.op for change in told}
    assert all(scope.broken_at is None for scope in verify_ledger(world.site.central))


async def test_however_many_changes_were_on_hold_the_word_on_each_comes_before_the_cursor_has_passed_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A central put back had lost Dana's records; Carlos' edits waited for them, and of many he was told of some."""
    monkeypatch.setattr(feed, "EARLY_MAX", 3)
    dana, carlos = await world.laptop("dana-1", "dana"), await world.laptop("carlos-1", "carlos")
    assert await dana.sync()
    assert await carlos.sync()
    with world.backup_of_central() as backup:
        records = [dana.create("violation", {"description": f"finding {number}"}) for number in range(12)]
        for here in (dana, carlos):
            await here.sync()
            await here.sync()
        for record in records:
            carlos.edit("violation", record, location="lot 3")
        await carlos.sync()
        with world.restored(backup):
            for _ in range(3):
                await carlos.sync()
                await dana.sync()
                world.clock.advance(days=1)
            assert set(carlos.states()) == {OutboxState.CONFIRMED}
