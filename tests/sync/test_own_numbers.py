"""No answer makes a laptop go on from a number that it cannot have used: it could write nothing more that central takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from bravetui.db import meta
from bravetui.sync.credible import Incredible
from bravetui.sync.progress import Waiting
from bravetui.wire.messages import Checkpoint
from bravetui.wire.receipt import sign
from tests.support.central import KEYS
from tests.support.tampering import Told, altered
from tests.support.world import Here, World, findings

FAR = 10**17
"""A number that the wire can carry and no laptop ever comes to."""


def number(here: Here) -> int:
    with here.store.read() as connection:
        return meta.get_counter(connection)


async def goes_on(world: World, here: Here, record: str) -> None:
    """What is written next, in a record that came and in a new one, is taken by an honest central."""
    here.edit("violation", record, description="mended")
    here.create("violation", {"description": "another"})
    assert await here.sync()
    assert findings(world) == {"mended": 1, "another": 1}


def in_versions(told: Told, device: int) -> Told:
    for page in told.get("pages", ()):
        for row in page["rows"]:
            row["version"][str(device)] = FAR
    return told


def in_stamps(told: Told, device: int) -> Told:
    for page in told["pages"]:
        for row in page["rows"]:
            for group in row["stamps"]:
                group["dots"].append(f"{device}.{FAR}")
    return told


def in_what_was_wanted(told: Told, device: int) -> Told:
    for page in told["pages"]:
        page["mended"] = [{**row, "version": {**row["version"], str(device): FAR}} for row in page["rows"]]
    return told


def in_an_unsigned_checkpoint(told: Told, device: int) -> Told:
    told["checkpoint"]["held"] = [[1, FAR]]
    return told


def in_earlier(told: Told, device: int) -> Told:
    told["earlier"] = [{**told["checkpoint"], "held": [[1, FAR]]}]
    return told


def in_centrals_own_word(told: Told, device: int) -> Told:
    """Central itself is broken, and signs it."""
    claimed = Checkpoint.model_validate({**told["checkpoint"], "held": ((1, FAR),), "signature": ""})
    told["checkpoint"] = sign(claimed, KEYS.sign).model_dump(mode="json", exclude_defaults=True)
    return told


@pytest.mark.parametrize(
    "where",
    [in_versions, in_stamps, in_what_was_wanted, in_an_unsigned_checkpoint, in_earlier, in_centrals_own_word],
)
async def test_a_number_that_no_laptop_has_used_is_not_gone_on_from(
    world: World, where: Callable[[Told, int], Told]
) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    assert await carlos.sync()
    record = dana.create("violation", {"description": "fence down"})
    assert await dana.sync()
    with altered(carlos, lambda told: where(told, carlos.device)) as line, suppress(Incredible):
        await carlos.sync()
    assert (line.asked < 20, number(carlos)) == (True, 0)
    assert await carlos.sync()
    await goes_on(world, carlos, record)


async def test_an_answer_that_cannot_be_true_is_said_and_logged_and_waited_upon(world: World) -> None:
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    dana.create("violation", {"description": "fence down"})
    assert await dana.sync()
    with (
        altered(carlos, lambda told: in_versions(told, carlos.device)),
        pytest.raises(Incredible, match="nothing of it was taken"),
    ):
        await carlos.sync()
    (pause,) = [event for event in carlos.events if isinstance(event, Waiting)]
    assert pause.until > world.clock.now()
    with carlos.store.read() as connection:
        logged = connection.exec_driver_sql("SELECT event FROM sync_log").scalars().all()
    assert logged == ["contact", "not credible"]
    assert (carlos.records(), await carlos.sync(), len(carlos.records()) > 0) == ({}, True, True)
