"""Lived through with other programs: an upgrade loses the queue, or what a newer server had sent meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from bravetui import wiring
from bravetui.db.device import OutboxState, Parked
from bravetui.db.engine import open_laptop_engine
from bravetui.db.kinds import KINDS
from bravetui.db.migrate import migrations, version_of
from tests.support.central import PROJECT
from tests.support.world import Here, World, forget_kinds, ring_of

QUEUED = 2_000
NEWEST = migrations()[-1].number

BACK = {
    5: ("DROP TABLE blob", "DROP INDEX ix_photo_scope_id_sha256"),
    4: ("DROP TABLE device_seen",),
    3: ("ALTER TABLE cursor DROP COLUMN agreed", "ALTER TABLE cursor DROP COLUMN differs"),
    2: ("DROP TABLE receipt",),
}
"""What undoes each step, and so makes the database one that an older program has left."""

_parked = Parked.__table__  # type: ignore[attr-defined]


def put_back(folder: Path, steps: int) -> None:
    """The laptop's database as a program so many schemas ago would have left it."""
    engine = open_laptop_engine(folder / wiring.DATABASE, ring_of(folder).load().database_key)
    with engine.begin() as connection:
        for number in range(NEWEST, NEWEST - steps, -1):
            for statement in BACK[number]:
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"PRAGMA user_version={NEWEST - steps}")
        assert version_of(connection) == NEWEST - steps
    engine.dispose()


def schema(here: Here) -> int:
    with here.store.read() as connection:
        return version_of(connection)


@pytest.mark.parametrize("steps", [1, 3])
async def test_an_upgrade_with_two_thousand_changes_queued_loses_none_and_uses_what_a_newer_central_had_sent(
    world: World, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    olga, carlos = await world.laptop("o", "olga"), await world.laptop("a", "carlos")
    assert await carlos.sync()
    with monkeypatch.context() as before_the_upgrade:
        forget_kinds(before_the_upgrade, "delivery", "violation.location")
        delivery = olga.create("delivery", {"supplier": "Acme"})
        finding = olga.create("violation", {"description": "fence down", "location": "lot 3"})
        await olga.sync()
        await carlos.sync()
        with carlos.store.read() as connection:
            assert connection.execute(select(_parked.c.kind)).scalars().all() == ["delivery"]
            table = KINDS["violation"].table
            row = connection.execute(select(table.c.location, table.c.extra)).one()
            assert tuple(row) == (None, {"location": "lot 3"}), "kept, though no column was there for it"
    with carlos.store.write() as writing:
        for number in range(QUEUED):
            writing.create("violation", PROJECT, {"description": f"finding {number}"})
    queued = [change.hash for change in carlos.outbox(OutboxState.PENDING)]
    assert len(queued) == QUEUED
    carlos.close()
    world.laptops.remove(carlos)
    put_back(carlos.folder, steps)

    carlos = world.open(carlos.folder)
    assert schema(carlos) == NEWEST
    assert [change.hash for change in carlos.outbox(OutboxState.PENDING)] == queued
    assert carlos.value("violation", finding, "location") == "lot 3"
    olga.edit("violation", finding, severity="major")
    await olga.sync()
    assert await carlos.sync()
    assert {change.hash for change in world.ledger()} >= set(queued)
    assert carlos.value("delivery", delivery, "supplier") == "Acme"
    central = world.central_records()
    assert carlos.records() == {key: central[key] for key in carlos.records()}
