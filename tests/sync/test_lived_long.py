"""Lived through with other programs: what goes well for a week goes wrong after a month or a year."""

from __future__ import annotations

import time
from datetime import timedelta

from bravetui import wiring
from bravetui.merge.passages import LENGTH_MAX
from bravetui.views.conflicts import conflict, conflicts
from tests.support.central import PROJECT
from tests.support.world import Here, World

START_CPU_S = 3.0
"""CPU of a start, of which the passphrase is a part."""

LEDGER_BYTES = 4 * 1024
LAPTOP_BYTES = 8 * 1024
"""Room for one change, all told."""

MERGING_CPU_S = 20.0


async def test_a_year_of_work_stays_within_its_room_and_starts_as_on_the_first_day(world: World) -> None:
    """Twelve months of saves on the same few records, handed in every week: counted in bytes a change and CPU a start."""
    here = await world.laptop("a", "carlos")
    records = [here.create("daily_log", {"narrative": f"log {number}"}) for number in range(6)]
    assert await here.sync()
    here, first_s = started(world, here)
    for week in range(52):
        world.clock.advance(days=7)
        for record in records:
            here.edit("daily_log", record, narrative=f"week {week}", weather="clear")
        assert await here.sync()
    kept = here.outbox()
    assert all(world.clock.now() - change.at < timedelta(days=100) for change in kept), (
        "older ones are let go"
    )
    changes = 53 * len(records)
    paths = [here.folder / name for name in (wiring.DATABASE, wiring.JOURNAL)]
    assert sum(path.stat().st_size for path in paths) / changes < LAPTOP_BYTES
    assert ledger_bytes(world) / changes < LEDGER_BYTES
    here, last_s = started(world, here)
    assert last_s < max(START_CPU_S, 2 * first_s)
    assert here.value("daily_log", records[0], "narrative") == "week 51"


def started(world: World, here: Here) -> tuple[Here, float]:
    """The laptop after a restart, and the CPU seconds that it took."""
    here.close()
    world.laptops.remove(here)
    began = time.process_time()
    again = world.open(here.folder)
    return again, time.process_time() - began


def ledger_bytes(world: World) -> int:
    """Central's ledger with its indexes."""
    with world.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT pg_total_relation_size('ledger')").scalar_one())


async def test_a_month_of_two_people_writing_in_one_narrative_apart_becomes_one_text_with_every_sentence_in_it(
    world: World,
) -> None:
    """A paragraph from each on each of 22 days, 50 kB in the end: Carlos writes under his days, Dana under hers."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    days = [f"{who}, day {day}:\n" for day in range(22) for who in ("Carlos", "Dana")]
    log = carlos.create("daily_log", {"narrative": "".join(days)})
    for here in (carlos, dana):
        await here.sync()
        here.line.cut()
    written = []
    for day in range(22):
        world.clock.advance(days=1)
        for here, who in ((carlos, "Carlos"), (dana, "Dana")):
            said = [f"{who} saw {number} of day {day} at the gate of lot {number}." for number in range(26)]
            written += said
            text = str(here.value("daily_log", log, "narrative"))
            mark = f"{who}, day {day}:\n"
            here.edit("daily_log", log, narrative=text.replace(mark, mark + " ".join(said) + "\n"))
    began = time.process_time()
    for here in (carlos, dana, carlos):
        here.line.restore()
        await here.sync()
    assert time.process_time() - began < MERGING_CPU_S
    text = str(dana.value("daily_log", log, "narrative"))
    assert len(text) > 50_000
    assert all(text.count(sentence) == 1 for sentence in written)
    assert not conflicts(dana.store, PROJECT)
    assert carlos.records() == dana.records()


async def test_two_texts_past_the_cap_are_both_kept_whole_and_a_person_decides(world: World) -> None:
    carlos, dana, log = await world.two_that_have({"narrative": "calm\n"}, "daily_log")
    texts = {who: f"{who} wrote all month. " * (LENGTH_MAX // 20) for who in ("Carlos", "Dana")}
    assert min(map(len, texts.values())) > LENGTH_MAX
    carlos.edit("daily_log", log, narrative=texts["Carlos"])
    dana.edit("daily_log", log, narrative=texts["Dana"])
    for here in (carlos, dana, carlos):
        await here.sync()
    for here in (carlos, dana):
        (asked,) = conflicts(here.store, PROJECT)
        assert asked.status == "open"
        (field,) = conflict(here.store, PROJECT, asked.id).fields
        assert {field.local.raw, field.remote.raw} == set(texts.values())
    assert carlos.records() == dana.records()
