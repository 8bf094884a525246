"""A month apart, accounted for: every value that was entered stands, is in a conflict, or is superseded in the ledger."""

from __future__ import annotations

import random

from sqlalchemy import delete, func, select

from bravetui.base.canonical import Json
from bravetui.bench.accounting import Account, account
from bravetui.central.tables import LEDGER
from bravetui.db.kinds import KINDS
from tests.support.central import PROJECT
from tests.support.world import World

FIELDS: dict[str, tuple[Json, ...]] = {
    "trigger": ("5.1.1", "5.1.2", "5.1.3"),
    "condition": ("fence undercut", "inlet clogged", "berm gone"),
    "control": ("silt fence", "inlet bag", "berm"),
    "kind": ("routine_maintenance", "corrective"),
    "identified_at": ("2026-08-01T10:00:00Z", "2026-08-02T10:00:00Z"),
    "status": ("open", "done"),
}
"""One of each way to merge: asked about, woven, the later, the stricter, the earlier, the office's."""


def head(world: World) -> int:
    with world.engine.connect() as connection:
        query = select(func.max(LEDGER.c.seq)).where(LEDGER.c.scope_id == PROJECT)
        return int(connection.execute(query).scalar_one())


def counted(world: World, since: int) -> Account:
    with world.engine.connect() as connection:
        return account(connection, PROJECT, since)


async def test_the_three_counts_add_up_to_what_was_entered_and_what_is_gone_is_called_lost(
    world: World,
) -> None:
    people = [await world.laptop("a", "carlos"), await world.laptop("b", "dana")]
    records = [people[0].create("corrective_action", {"condition": f"no. {n}"}) for n in range(8)]
    for here in people:
        await here.sync()
    since, dice = head(world), random.Random(1)
    for _ in range(60):
        here, path = dice.choice(people), dice.choice(tuple(FIELDS))
        here.edit_paths("corrective_action", dice.choice(records), {path: dice.choice(FIELDS[path])})
        world.clock.advance(minutes=1)
    for here in (*people, people[0]):
        await here.sync()
    told = counted(world, since)
    assert told.lost == 0
    assert told.kept + told.in_conflict + told.superseded == told.entered
    assert min(told.kept, told.in_conflict, told.superseded) > 0
    assert told.words.endswith(f"= {told.entered:,} entered")
    table = KINDS["conflict"].table
    with world.engine.begin() as connection:
        connection.execute(delete(table).where(table.c.scope_id == PROJECT))
    broken = counted(world, since)
    assert broken.entered == told.entered
    assert broken.lost > 0
    assert "!=" in broken.words
