"""A month without a line: two foremen and the office, more than a thousand changes each way, and nothing is lost."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable

from sqlalchemy import select

from bravetui.base.canonical import Json
from bravetui.base.errors import Transient
from bravetui.central.tables import LEDGER
from bravetui.db.device import OutboxState
from bravetui.db.kinds import KINDS, rules_for
from bravetui.wire.change import Change
from bravetui.wire.messages import Verdict
from tests.support.central import ORGANIZATION, PROJECT
from tests.support.world import Here, Records, World

FIELDS: dict[str, tuple[str, ...]] = {
    "violation": ("description", "location", "severity", "identified_at"),
    "delivery": ("note", "supplier", "condition", "hazardous"),
    "daily_log": ("narrative", "high_f", "rain_hundredths", "crews"),
    "inspection": ("note", "started_at", "inspector_id"),
    "safety_alert": ("body", "level", "title"),
}
"""One field of each merge rule that people write: text, last write, review, stricter, earliest, rows."""

CHOICES: dict[str, tuple[Json, ...]] = {
    "severity": ("minor", "major", "imminent"),
    "condition": ("accepted", "damaged", "rejected"),
    "hazardous": ("no", "yes"),
    "level": ("info", "warning", "stop_work"),
    "inspector_id": ("carlos", "dana"),
}
WORDS = [
    "fence",
    "inlet",
    "arroyo",
    "undercut",
    "repaired",
    "sediment",
    "crew",
    "truck",
    "gravel",
    "pad",
    "rain",
    "clean",
    "before",
    "noon",
]


class Person:
    """Somebody at work; whatever is saved is remembered beside the laptop."""

    def __init__(self, here: Here, seed: int) -> None:
        self.here, self.random = here, random.Random(seed)
        self.created: list[tuple[str, str]] = []

    def work(self, saves: int, shared: Iterable[tuple[str, str]]) -> None:
        """Make so many saves: most are new records, the rest edits, of one's own and of everybody's."""
        everybodys = list(shared)
        for _ in range(saves):
            known = [*everybodys, *self.created[-40:]]
            if not known or self.random.random() < 0.6:
                kind = self.random.choice(list(FIELDS))
                path = FIELDS[kind][0]
                self.created.append((kind, self.here.create(kind, {path: self.value(path)})))
            else:
                kind, record_id = self.random.choice(known)
                path = self.random.choice(FIELDS[kind])
                target = f"crews/row{self.random.randint(1, 3)}/task" if path == "crews" else path
                self.here.edit_paths(kind, record_id, {target: self.value(path)})

    def value(self, path: str) -> Json:
        """Something that the field takes."""
        if path in CHOICES:
            return self.random.choice(CHOICES[path])
        if path in ("high_f", "rain_hundredths"):
            return self.random.randint(0, 110)
        if path.endswith("_at"):
            return f"2026-08-{self.random.randint(1, 3):02}T{self.random.randint(0, 12):02}:00:00Z"
        return " ".join(self.random.choices(WORDS, k=self.random.randint(3, 12)))


async def test_after_a_month_apart_all_are_equal_and_every_value_is_accounted_for(world: World) -> None:
    """Both foremen come back on day 30, on lines that break, while the office has gone on working."""
    carlos, dana, olga = [await world.laptop(name, name) for name in ("carlos", "dana", "olga")]
    people = [Person(here, seed) for seed, here in enumerate((carlos, dana, olga))]
    people[2].work(60, [])
    shared = list(people[2].created)
    for here in (olga, carlos, dana):
        await here.sync()
    for here in (carlos, dana):
        here.line.cut()

    for _ in range(30):
        world.clock.advance(days=1)
        people[0].work(60, shared)
        people[1].work(30, shared)
        people[2].work(20, shared)
        await olga.sync()
    queued = carlos.outbox(OutboxState.PENDING)
    assert len(queued) > 1000
    written = [*queued, *dana.outbox(OutboxState.PENDING)]

    assert not await back_on_the_line(dana), "handed in; to read takes a new sign-in after a month"
    carlos, dana = await world.sign_in(carlos), await world.sign_in(dana)
    carlos.line.answers_to_lose = 1
    await until_handed_in(world, carlos, dana, olga)

    assert_equal(world, carlos, dana, olga)
    assert [here.states().count(OutboxState.CONFIRMED) for here in (carlos, dana)] == [
        len(here.states()) for here in (carlos, dana)
    ]
    assert_nothing_is_lost(world, written)


async def back_on_the_line(here: Here) -> bool:
    """Sync with the grant of a month ago."""
    here.line.restore()
    return await here.sync()


async def until_handed_in(world: World, *all_here: Here) -> None:
    """Everybody syncs, failures and all, until a round in which nothing moved."""
    for _ in range(12):
        done = []
        for here in all_here:
            moved = here.worker.progress
            try:
                handed_in = await here.sync()
            except Transient:
                handed_in = False
                world.clock.advance(minutes=2)
            now = here.worker.progress
            quiet = (now.changes_done, now.rows_done) == (moved.changes_done, moved.rows_done)
            done.append(handed_in and quiet)
        if all(done):
            return
    raise AssertionError("twelve rounds and still something moves")


def assert_equal(world: World, *all_here: Here) -> None:
    """Every record and every cell, with its dots, the same everywhere."""
    at_central = only_ours(world.central_records())
    for here in all_here:
        at_laptop = only_ours(here.records())
        assert at_laptop.keys() == at_central.keys()
        different = {
            key: (at_laptop[key], held) for key, held in at_central.items() if at_laptop[key] != held
        }
        assert different == {}


def only_ours(records: Records) -> Records:
    """What all three may see: the office has other projects too."""
    return {key: held for key, held in records.items() if key[0] in (ORGANIZATION, PROJECT)}


def assert_nothing_is_lost(world: World, written: list[Change]) -> None:
    """Each change stands in the ledger word for word; each value stands, is in a conflict, or was knowingly followed."""
    ledger = world.ledger()
    by_dot = {change.dot: change for change in ledger}
    assert {change.dot for change in written} <= by_dot.keys()
    assert all(by_dot[change.dot] == change for change in written)
    records = world.central_records()
    conflicts = json.dumps(
        [held.state.values() for (_, kind, _), held in records.items() if kind == "conflict"]
    )
    later: dict[tuple[str, str], list[Change]] = {}
    for change in ledger:
        later.setdefault((change.kind, change.record_id), []).append(change)
    verdicts = superseded(world)
    for change in written:
        cells = records[change.scope_id, change.kind, change.record_id].state.cells
        for path, value in change.after.items():
            stands = cells[path].value == value or change.dot in cells[path].dots
            followed = any(
                path in other.after and other.context.covers([change.dot])
                for other in later[change.kind, change.record_id]
            )
            told = (change.dot, path) in verdicts
            disputed = json.dumps(value) in conflicts
            assert stands or followed or told or disputed, f"{change.dot} {path} is nowhere"


def superseded(world: World) -> set[tuple[object, str]]:
    """(dot, path) of every value that central let another stand over, as its receipts say."""
    with world.engine.connect() as connection:
        given = [
            Verdict.model_validate_json(text)
            for text in connection.execute(select(LEDGER.c.verdict)).scalars()
        ]
    return {(verdict.dot, path) for verdict in given for path in verdict.superseded}


def test_the_month_uses_every_kind_of_rule_that_people_meet() -> None:
    """The month would prove little if its fields merged all in one way."""
    met = {str(rules_for(KINDS[kind]).of(path).rule) for kind, paths in FIELDS.items() for path in paths}
    assert {"text", "last_write_wins", "stricter", "earliest", "review"} <= met
