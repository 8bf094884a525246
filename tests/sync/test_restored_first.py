"""What is handed in first to a restored central: numbers that cover a lost word are not taken before the word."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import httpx
import pytest

from bravetui.base.errors import Transient
from bravetui.central.rescue import take_bundle
from tests.support.restoring import WORDS, begun, exported
from tests.support.world import Here, World, findings, sync_all
from tests.sync.test_restored_parts import ALL_LANES, exchange

OTHER = {"violation": "description", "corrective_action": "condition"}
"""A field of each kind in which nobody says anything else."""


async def says_one_and_types_another(world: World, here: Here, path: str, record: str) -> None:
    """The word is confirmed; what is typed then has not gone."""
    kind, word, _ = WORDS[path]
    world.clock.advance(hours=1)
    here.edit(kind, record, **{path: word})
    for _ in range(2):
        assert await here.sync()
    here.edit(kind, record, **{OTHER[kind]: "more"})


async def says_another(world: World, here: Here, path: str, record: str) -> None:
    """Somebody who reads the restored central, and never saw the lost word."""
    kind, _, another = WORDS[path]
    assert await here.sync()
    world.clock.advance(hours=1)
    here.edit(kind, record, **{path: another})
    assert await here.sync()
    world.clock.advance(hours=1)


def both_are_shown(world: World, path: str, record: str, laptops: list[Here]) -> bool:
    """Each word in the record, or in what was asked or noted."""
    kind, *words = WORDS[path]
    central = world.central_records()
    notes = [one.state.values() for (_, name, _), one in central.items() if name == "conflict"]
    shown = str([*notes, *(here.value(kind, record, path) for here in laptops)])
    return all(word in shown for word in words)


@pytest.mark.parametrize("how", ["restored", "failed_over"])
@pytest.mark.parametrize("path", WORDS)
async def test_a_lost_word_was_not_seen_by_who_read_what_its_author_typed_later(
    world: World, path: str, how: str
) -> None:
    """Her line is up for one exchange only: what she has typed since goes up before what she had handed in comes again."""
    carlos, dana, third, record = await begun(world, WORDS[path][0])
    with world.backup_of_central() as backup:
        await says_one_and_types_another(world, dana, path, record)
        with getattr(world, how)(backup):
            await exchange(dana, ALL_LANES)
            await says_another(world, carlos, path, record)
            await sync_all([dana, carlos, third])
            assert both_are_shown(world, path, record, [carlos, dana, third])


async def test_a_stick_brings_a_lost_word_before_what_was_typed_later(world: World, tmp_path: Path) -> None:
    """The laptop did not know of any loss when it wrote it."""
    carlos, dana, third, record = await begun(world, "violation")
    with world.backup_of_central() as backup:
        await says_one_and_types_another(world, dana, "location", record)
        stick = exported(world, dana, tmp_path / "stick")
        with world.restored(backup):
            take_bundle(world.site.central, stick)
            assert await carlos.sync()
            assert carlos.value("violation", record, "location") == WORDS["location"][1]
            await sync_all([dana, carlos, third])
            assert {here.value("violation", record, "location") for here in (carlos, dana, third)} == {
                WORDS["location"][1]
            }
            assert len(world.ledger()) == len({change.dot for change in world.ledger()})


async def test_two_centrals_that_answer_in_turn_are_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is another than the one that was asked, and takes nothing: once is a restore, again and again is not."""
    carlos = await world.laptop("a", "carlos")
    assert await carlos.sync()
    carlos.create("violation", {"description": "silt fence down"})
    first, answers = world.site, world.app.handle_async_request
    with world.backup_of_central() as backup, world.restored(backup):
        sites = cycle([world.site, first])

        async def in_turn(request: httpx.Request) -> httpx.Response:
            world.app.lead_to(next(sites))
            return await answers(request)

        monkeypatch.setattr(world.app, "handle_async_request", in_turn)
        with pytest.raises(Transient, match="Another central server answers"):
            await carlos.sync()
        monkeypatch.setattr(world.app, "handle_async_request", answers)
        world.site = next(sites)  # the one that did not answer last
        world.app.lead_to(world.site)
        with carlos.store.maintain() as connection:
            connection.exec_driver_sql("UPDATE lane_state SET next_attempt_at = NULL")
        await carlos.sync()  # and is told of no failure more
        assert findings(world) == {"silt fence down": 1}
