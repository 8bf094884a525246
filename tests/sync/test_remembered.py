"""The same two values meet again: how it was decided before is offered, and nothing is decided by itself."""

from __future__ import annotations

import pytest

from bravetui.actions import conflicts as actions
from bravetui.views.conflicts import ConflictView, conflict, conflicts
from tests.support.central import PROJECT
from tests.support.world import Here, World

KIND, PATH = "corrective_action", "trigger"


async def met(world: World, carlos: Here, dana: Here, record: str, ours: str, theirs: str) -> ConflictView:
    """Both set the field, neither having seen the other's; the question as Carlos sees it."""
    carlos.edit(KIND, record, **{PATH: ours})
    dana.edit(KIND, record, **{PATH: theirs})
    for here in (carlos, dana, carlos):
        await here.sync()
    (asked,) = [row for row in conflicts(carlos.store, PROJECT) if row.status == "open"]
    return conflict(carlos.store, PROJECT, asked.id)


@pytest.mark.parametrize(
    ("again", "offered"),
    [(("5.1.1", "5.1.2"), True), (("5.1.2", "5.1.1"), True), (("5.1.1", "5.1.4"), False)],
    ids=["same", "sides swapped", "other values"],
)
async def test_what_was_decided_between_the_same_values_is_offered_when_they_meet_again(
    world: World, again: tuple[str, str], offered: bool
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    record = carlos.create(KIND, {PATH: "5.1"})
    for here in (carlos, dana):
        await here.sync()
    first = await met(world, carlos, dana, record, "5.1.1", "5.1.2")
    assert (first.remembered, first.remembered_words) == (None, "")
    actions.decide(dana.store, PROJECT, first.id, {PATH: "5.1.3"}, "as the permit has it")
    for here in (dana, carlos):
        await here.sync()
    world.clock.advance(days=2)
    view = await met(world, carlos, dana, record, *again)
    assert carlos.value(KIND, record, PATH) in again, "nothing is decided by itself"
    assert (view.remembered is not None) is offered
    if view.remembered is not None:
        assert (view.remembered.values, view.remembered.reason) == ({PATH: "5.1.3"}, "as the permit has it")
        assert view.remembered_words == "Decided before, by Dana 2 d ago: 5.1.3"
        actions.decide(carlos.store, PROJECT, view.id, view.remembered.values)
        for here in (carlos, dana):
            await here.sync()
            assert here.value(KIND, record, PATH) == "5.1.3"
            assert not [row for row in conflicts(here.store, PROJECT) if row.status == "open"]
