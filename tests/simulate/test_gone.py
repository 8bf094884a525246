"""What nobody holds any more is told apart from what somebody ought to have handed in."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.base.canonical import Json
from bravetui.central.service import Writing
from bravetui.db.device import OutboxState
from bravetui.simulate.ending import End
from bravetui.simulate.gone import Key, gone
from bravetui.simulate.invariants import nothing_is_lost
from bravetui.simulate.witness import Witness
from tests.support.central import PROJECT
from tests.support.postgres import TestServer
from tests.support.world import Here, Records, World, a_world

LOST = "by-office"


def put_back(here: Here, image: Path) -> None:
    """An older database under the journal as it is."""
    for old in here.folder.glob(f"{wiring.DATABASE}*"):
        old.unlink()
    for kept in image.glob(f"{wiring.DATABASE}*"):
        shutil.copy2(kept, here.folder / kept.name)


def values_of(records: Records, record_id: str) -> dict[str, Json]:
    """A violation as these records have it."""
    return records[PROJECT, "violation", record_id].state.values()


def gone_in(world: World) -> set[Key]:
    """What nobody in this world holds any more."""
    central = {(kind, key): one.state for (_, kind, key), one in world.central_records().items()}
    with ExitStack() as open_now:
        told = [
            (
                {(kind, key): one.state for (_, kind, key), one in here.records().items()},
                open_now.enter_context(here.store.read()),
            )
            for here in world.laptops
        ]
        return set(gone(central, told))


@pytest.mark.parametrize("deletes", [False, True], ids=["edited", "deleted"])
@pytest.mark.parametrize("neighbour", [False, True], ids=["nobody has it", "a neighbour has it"])
async def test_an_edit_waits_for_ever_only_for_a_record_that_nobody_holds(
    postgres: TestServer, tmp_path: Path, neighbour: bool, deletes: bool
) -> None:
    """Found by simulate in month 170: central and the editor's database were both put back to before the office made it."""
    with a_world(postgres, tmp_path) as world:
        carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
        for here in (carlos, dana):
            assert await here.sync()
        image, copy = world.copy(carlos, "image")
        copy.close()
        world.laptops.remove(copy)
        carlos = image
        with world.backup_of_central() as backup:
            writing = Writing("violation", LOST, {"description": "fence down", "severity": "minor"})
            world.site.central.publish(PROJECT, [writing], "olga")
            for here in (carlos, dana) if neighbour else (carlos,):
                await here.sync()
            if deletes:
                with carlos.store.write() as edit:
                    edit.delete("violation", PROJECT, LOST)
            else:
                carlos.edit("violation", LOST, severity="major")
            carlos.close()
            world.laptops.remove(carlos)
            put_back(carlos, copy.folder)
            with world.restored(backup):
                carlos = world.open(carlos.folder)
                for here in (carlos, dana, carlos):
                    await here.sync()
                waits = carlos.states() == [OutboxState.PARKED]
                assert (waits, gone_in(world)) == (
                    (False, set()) if neighbour else (True, {("violation", LOST)})
                )


@pytest.mark.parametrize(
    ("stood", "is_gone", "complains"), [(True, True, False), (True, False, True), (False, True, True)]
)
def test_only_a_value_that_stood_already_in_what_nobody_holds_is_nobodys_loss(
    stood: bool, is_gone: bool, complains: bool
) -> None:
    """Found by simulate in month 254: the office had set it, and the office's record went with every copy of it."""
    witness = Witness()
    witness.note("carlos", 1.0, "violation", LOST, {"severity": "major"}, {"severity"} if stood else ())
    end = End(
        central={}, ledger=[], again=set(), received_ms=[], laptops={}, unsent={}, waiting={}, dropped={}, forged={},
        gone={("violation", LOST): []} if is_gone else {}, chain="", aside=[], witness=witness,
    )  # fmt: skip
    assert bool(nothing_is_lost(end)) is complains


async def test_what_a_later_change_of_the_same_laptop_seems_to_cover_is_handed_in_by_whoever_shows_it(
    postgres: TestServer, tmp_path: Path
) -> None:
    """Found by simulate in month 308: the writer's database and central were put back to before it, and he wrote on. His
    counter had gone on, so that the record's vector covers what neither of them has any more."""
    with a_world(postgres, tmp_path) as world:
        carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
        record = carlos.create("violation", {"description": "fence down", "severity": "minor"})
        for here in (carlos, dana):
            assert await here.sync()
        image, copy = world.copy(carlos, "image")
        copy.close()
        world.laptops.remove(copy)
        with world.backup_of_central() as backup:
            carlos = image
            carlos.edit("violation", record, description="gate down too", location="lot B")
            for here in (carlos, dana, carlos):
                assert await here.sync()
            carlos.close()
            world.laptops.remove(carlos)
            put_back(carlos, copy.folder)
            for lost in carlos.folder.glob(f"{wiring.folder.JOURNAL}*"):
                lost.unlink()
            with world.restored(backup):
                carlos = world.open(carlos.folder)
                assert carlos.states() == [OutboxState.CONFIRMED], "of the edit nothing is here"
                carlos.edit("violation", record, severity="major")
                for here in (carlos, dana, carlos, dana):
                    await here.sync()
                central = values_of(world.central_records(), record)
                assert central == {"description": "gate down too", "severity": "major", "location": "lot B"}
                assert values_of(carlos.records(), record) == values_of(dana.records(), record) == central
