"""Faults that are known and not mended yet. Whoever mends one is told so by its test, and moves it to where it belongs."""

from __future__ import annotations

import pytest

from bravetui.actions.forms import discard_draft
from bravetui.db.device import OutboxState
from tests.support.central import PROJECT
from tests.support.world import World

QUEUE = pytest.mark.xfail(strict=True, reason="of a refused record nothing is offered or put away")


@QUEUE
async def test_a_refused_new_form_that_was_discarded_leaves_the_queue(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create("submission", {"title": "Daily"})
    await carlos.sync()
    assert carlos.states() == [OutboxState.REFUSED]
    discard_draft(carlos.store, PROJECT, record, "begun by mistake")
    await carlos.sync()
    assert await carlos.sync(), carlos.states()
