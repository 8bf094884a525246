"""A laptop that is newer than central: what central does not understand yet is kept, and goes by itself after its update."""

from __future__ import annotations

import pytest

from bravetui.central.quarantine import waiting
from bravetui.db.device import OutboxState
from bravetui.sync.progress import Sending
from tests.support.world import Here, World, older_central

NEWER = {
    "violation.location": ("violation", {"location": "lot 3"}),
    "delivery": ("delivery", {"note": "two bags torn"}),
}


def sent(here: Here) -> int:
    """How many changes have been handed in, those of earlier contacts again included."""
    return sum(sum(event.changes.values()) for event in here.events if isinstance(event, Sending))


@pytest.mark.parametrize("unknown", NEWER)
async def test_a_change_that_central_is_too_old_for_goes_by_itself_after_its_update(
    world: World, monkeypatch: pytest.MonkeyPatch, unknown: str
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    assert await carlos.sync()
    kind, values = NEWER[unknown]
    with monkeypatch.context() as before_the_update:
        older_central(before_the_update, unknown)
        record = carlos.create(kind, values)
        note = carlos.create("daily_log", {"narrative": "goes at once"})
        for _ in range(3):
            await carlos.sync()
        assert sorted(carlos.states()) == [OutboxState.CONFIRMED, OutboxState.REFUSED]
        assert sent(carlos) == 2, "it is not sent again to a central that says no more than before"
        assert len(waiting(world.site.central)) == 1
    assert await carlos.sync(), "and nobody touched anything"
    assert set(carlos.states()) == {OutboxState.CONFIRMED}
    assert not waiting(world.site.central)
    await dana.sync()
    assert dana.value(kind, record, next(iter(values))) == next(iter(values.values()))
    assert dana.value("daily_log", note, "narrative") == "goes at once"
    with carlos.store.read() as connection:
        said = connection.exec_driver_sql("SELECT words FROM sync_log WHERE event = 'again'").scalars().all()
    assert said == ["Central knows by now what it was too old for: 1 refused before are sent again"]
