"""Stories of a central that was restored from a backup, and of three laptops that come back one after the other."""

from __future__ import annotations

from pathlib import Path

from bravetui import wiring
from bravetui.base.canonical import Json
from bravetui.central.service import Writing
from bravetui.db.tables.conflict import OPEN
from bravetui.merge.state import DELETED
from tests.support.central import PROJECT
from tests.support.world import Here, World, ring_of

WORDS = {  # path: kind, the older word, the later one
    "location": ("violation", "lot 3", "lot 5"),  # the later stands
    "source": ("violation", "agency", "own"),  # the safer
    "severity": ("violation", "critical", "minor"),  # the safer, in a group
    "identified_at": ("violation", "2026-08-01T10:00:00Z", "2026-08-02T10:00:00Z"),  # the earlier
    "trigger": ("corrective_action", "5.1.1", "5.1.2"),  # a person decides
    "immediate_steps": ("corrective_action", "Sand bags laid.", "Nothing was done."),  # text
}
TOLD: dict[str, dict[str, Json]] = {
    "violation": {"description": "silt fence down"}, "corrective_action": {"condition": "silt"},
}  # fmt: skip


async def begun(world: World, kind: str) -> tuple[Here, Here, Here, str]:
    """Three laptops, and a record that all of them have."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    third = await world.laptop("c", "dana")
    record = carlos.create(kind, TOLD[kind])
    for here in (carlos, dana, third):
        assert await here.sync()
    return carlos, dana, third, record


def office(world: World, kind: str, record: str, values: dict[str, Json]) -> None:
    world.clock.advance(hours=1)
    world.site.central.publish(PROJECT, [Writing(kind, record, values)], "olga")


def asked(world: World) -> list[tuple[Json, Json]]:
    """The open questions: fields and rule."""
    found = [
        one.state.values() for (_, kind, _), one in world.central_records().items() if kind == "conflict"
    ]
    return [(one["paths"], one["rule"]) for one in found if one["status"] == OPEN]


def is_deleted(here: Here, record: str) -> bool:
    cell = here.records()[PROJECT, "violation", record].state.cells.get(DELETED)
    return cell is not None and cell.value is True


def exported(world: World, here: Here, stick: Path) -> bytes:
    stick.mkdir(exist_ok=True)
    _, made = wiring.rescue(here.folder, ring_of(here.folder), stick, clock=world.clock)
    assert made is not None
    return made.path.read_bytes()
