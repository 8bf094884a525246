"""`bravetui doctor`: says in words how a laptop is, mends what can be mended, and never touches the queue."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from sqlalchemy import update

from bravetui import wiring
from bravetui.base.clock import SystemClock
from bravetui.cli import doctor
from bravetui.db.device import Outbox, OutboxState
from bravetui.db.kinds import KINDS
from bravetui.db.lease import Lease
from bravetui.db.store import Store
from bravetui.sync.agreement import begin_anew
from bravetui.wiring import checkup
from bravetui.wiring.checkup import Finding, Health, check_up
from bravetui.wiring.comparing import compare_with_central
from tests.support.world import PASSPHRASE, Here, World

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_violations = KINDS["violation"].table


async def at_work(world: World) -> tuple[Here, list[str]]:
    """A laptop with three records at central and one that waits."""
    here = await world.laptop("a", "carlos")
    records = [here.create("violation", {"description": f"finding {number}"}) for number in range(3)]
    assert await here.sync()
    here.edit("violation", records[0], location="typed and not sent")
    return here, records


def health(here: Here) -> dict[str, str]:
    return {finding.part: finding.health.value for finding in check_up(here.store)}


async def test_a_sound_laptop_is_sound_in_every_part(world: World) -> None:
    here, _ = await at_work(world)
    assert set(health(here).values()) == {"sound"}


async def test_a_record_that_cannot_be_read_is_set_aside_and_fetched_from_central(world: World) -> None:
    here, records = await at_work(world)
    with here.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE violation SET stamps = '{torn' WHERE id = ?", (records[1],))
    assert health(here)["records"] == "mended"
    assert (here.folder / "set-aside" / f"violation-{records[1]}.json").exists()
    found = await compare_with_central(here.laptop, here.line)
    assert found.health is Health.MENDED, found
    assert here.value("violation", records[1], "description") == "finding 1"


TORN = {"stamps": "{torn", "version": "[1, 2]", "extra": "null", "identified_at": "soon"}


@pytest.mark.parametrize("column", TORN)
async def test_a_record_that_cannot_be_read_and_holds_unsent_work_is_said_and_its_work_is_handed_in(
    world: World, column: str
) -> None:
    """The work is whole in the queue; once it is at central, the record comes back from there."""
    here, records = await at_work(world)
    with here.store.maintain() as connection:
        torn = (TORN[column], records[0])
        connection.exec_driver_sql(f"UPDATE violation SET {column} = ? WHERE id = ?", torn)
        begin_anew(connection, here.store.clock.now())
    here.laptop.close()
    world.laptops.remove(here)
    here = world.open(here.folder)
    told = {finding.part: finding for finding in check_up(here.store)}
    assert (told["records"].health, told["queue"].health) == (Health.LOOK, Health.SOUND)
    assert told["records"].words.startswith("1 of ")
    found = await compare_with_central(here.laptop, here.line)
    assert found.health in (Health.SOUND, Health.MENDED), found
    assert await here.sync()
    assert here.value("violation", records[0], "location") == "typed and not sent"
    assert here.records() == {key: world.central_records()[key] for key in here.records()}
    assert set(health(here).values()) == {"sound"}


async def test_no_part_keeps_the_others_from_being_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a damaged table makes a look end in."""
    here, _ = await at_work(world)
    parts = dict(checkup._PARTS)

    def dies(store: Store) -> Finding:
        raise RecursionError

    for part in parts:
        with monkeypatch.context() as patched:
            patched.setitem(checkup._PARTS, part, dies)
            assert health(here) == {**dict.fromkeys(parts, "sound"), part: "unknown"}


async def test_a_value_that_changed_by_itself_is_mended_and_said(world: World) -> None:
    here, records = await at_work(world)
    with here.store.maintain() as connection:
        connection.execute(
            update(_violations).where(_violations.c.id == records[2]).values(description="findung 2")
        )
    found = await compare_with_central(here.laptop, here.line)
    assert (found.health, found.words) == (
        Health.MENDED,
        "not as central had them, and mended: 1 record",
    )
    assert here.value("violation", records[0], "location") == "typed and not sent"


async def test_a_queue_that_does_not_add_up_is_said_and_left_as_it_is(world: World) -> None:
    here, _ = await at_work(world)
    with here.store.maintain() as connection:
        connection.execute(
            update(_outbox).where(_outbox.c.state == OutboxState.PENDING).values(hash="0" * 64)
        )
    waiting = here.outbox(OutboxState.PENDING)
    told = {finding.part: finding for finding in check_up(here.store)}
    assert (told["queue"].health, "rescue" in told["queue"].todo) == (Health.LOOK, True)
    assert here.outbox(OutboxState.PENDING) == waiting


async def test_a_journal_that_lacks_a_change_is_said(world: World) -> None:
    here, _ = await at_work(world)
    here.store.journal.rewrite([])
    assert health(here)["journal"] == "look"


async def test_without_a_line_it_says_that_it_could_not_compare(world: World) -> None:
    here, _ = await at_work(world)
    here.line.cut()
    found = await compare_with_central(here.laptop, here.line)
    assert (found.health, "not compared" in found.words) == (Health.UNKNOWN, True)


async def test_while_another_window_syncs_it_says_so(world: World) -> None:
    here, _ = await at_work(world)
    with Lease.take(here.folder / wiring.LEASE, here.store.clock.now()):
        found = await compare_with_central(here.laptop, here.line)
    assert (found.health, "another window" in found.words) == (Health.UNKNOWN, True)


async def test_the_command_tells_a_program_the_same(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.clock.set(SystemClock().now())  # the command has the machine's own clock, by which a sign-in ends
    here, _ = await at_work(world)
    folder = here.folder
    here.close()
    world.laptops.remove(here)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE)
    monkeypatch.setenv(wiring.PASSPHRASE_FILE_VARIABLE, str(passphrase))
    code = doctor.run(argparse.Namespace(folder=folder, offline=True, json=True))
    told = json.loads(capsys.readouterr().out)
    parts = {finding["part"]: finding["health"] for finding in told["findings"]}
    assert (code, told["healthy"], parts["queue"]) == (0, True, "sound")
    assert doctor.run(argparse.Namespace(folder=folder, offline=True, json=False)) == 0
    assert "This laptop is in order." in capsys.readouterr().out
