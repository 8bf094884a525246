"""The sync log: readable by anyone, short, bounded, and with nothing in it that is anybody's business."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bravetui import wiring
from bravetui.base.canonical import canonical_bytes
from bravetui.base.errors import BadInput, Transient
from bravetui.cli import log as log_command
from bravetui.db.device import OutboxState, SyncLog
from bravetui.sync.log import KEPT, LINES_MAX, write_log
from bravetui.views.status import log
from tests.support.world import PASSPHRASE, Here, World

TYPED = "Carlos saw oil at the Hendersons' fence"


async def busy_laptop(world: World) -> Here:
    """Things taken, refused and failed."""
    here = await world.laptop("a", "carlos")
    here.create("violation", {"description": TYPED})
    await here.sync()
    here.create("violation", {"description": TYPED})
    (change,) = here.outbox(OutboxState.PENDING)
    foreign = change.model_copy(update={"author_id": TYPED[:20]})
    with here.store.maintain() as connection:
        body = canonical_bytes(foreign.to_json()).decode()
        connection.exec_driver_sql(
            "UPDATE outbox SET body = ?, hash = ? WHERE state = 'pending'", (body, foreign.hash)
        )
    await here.sync()
    here.line.cut()
    with pytest.raises(Transient):
        await here.sync()
    here.line.restore()
    await here.sync()
    return here


def events(here: Here) -> list[str]:
    return [line.event for line in reversed(log(here.store))]


async def test_nothing_in_the_log_tells_what_was_typed_by_whom_or_with_which_key(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await busy_laptop(world)
    assert {"exchange", "refused", "no line"} <= set(events(here))
    secrets = [
        TYPED,
        "Hendersons",
        "carlos",
        "Carlos",
        here.store.identity.grant,
        here.store.identity.central_key,
        PASSPHRASE,
    ]
    folder = here.folder
    here.close()
    world.laptops.remove(here)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE)
    monkeypatch.setenv(wiring.PASSPHRASE_FILE_VARIABLE, str(passphrase))
    for as_json in (False, True):
        out = tmp_path / f"log-{as_json}"
        told = argparse.Namespace(folder=folder, days=9000, limit=5, json=as_json, export=out)
        assert log_command.run(told) == 0
        text = out.read_text()
        assert "no line" in text
        assert [secret for secret in secrets if secret in text] == []
    with pytest.raises(BadInput, match="there already"):
        log_command.run(told)


async def test_an_idle_day_and_a_day_without_a_line_are_one_line_each(world: World) -> None:
    here = await world.laptop("a", "carlos")
    await here.sync()
    before = len(events(here))
    for _ in range(20):
        await here.sync()
    assert events(here)[before:] in ([], ["contact"])
    here.line.cut()
    for _ in range(10):
        with pytest.raises(Transient):
            await here.sync()
    assert events(here)[-1] == "no line"
    assert events(here).count("no line") == 1
    here.line.restore()
    await here.sync()
    assert events(here)[-1] == "contact"


async def test_the_log_lets_go_of_what_is_old_and_of_what_is_too_much(world: World) -> None:
    here = await world.laptop("a", "carlos")
    start = here.store.clock.now()
    with here.store.maintain() as connection:
        for number in range(LINES_MAX // 10):
            write_log(connection, start - KEPT * 2, "exchange", f"old {number}")
        for number in range(200):
            write_log(connection, start, "exchange", f"new {number}")
        lines = connection.execute(select(func.count()).select_from(SyncLog)).scalar_one()
    assert lines == 200
