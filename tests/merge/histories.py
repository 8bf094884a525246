"""Random but realistic histories: three laptops and central, edits, pushes and pulls in any order.

Contexts are always what the author had really seen. Central merges one change at a time from what the author touched;
a laptop merges what it pulls, whole or only the cells changed since, or replays its unsent changes upon it.
`World.trace` keeps every merge for the laws.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.merge.hlc import Hlc, observe, tick
from bravetui.merge.record import Merged, merge
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import DELETED, Cell, RecordState, edited, row_of
from bravetui.merge.version import Dot

RULES = Rules(
    {
        "status": FieldRule(Rule.SERVER_WINS),
        "where": FieldRule(Rule.LAST_WRITE_WINS),
        "due": FieldRule(Rule.DERIVED),
        "answers/inspector": FieldRule(Rule.REVIEW),
        "answers/rain_in": FieldRule(Rule.REVIEW, ("higher",)),
        "answers/found": FieldRule(Rule.EARLIEST),
        "answers/keep_until": FieldRule(Rule.LATEST),
        "answers/pollution": FieldRule(Rule.STRICTER, ("no", "yes")),
        "answers/crew": FieldRule(Rule.MAX),
        "answers/freeboard": FieldRule(Rule.MIN),
        "answers/signs": FieldRule(Rule.UNION),
        "answers/loads": FieldRule(Rule.SUM),
        "answers/summary": FieldRule(Rule.TEXT),
        "answers/start": FieldRule(Rule.REVIEW, group="shift"),
        "answers/end": FieldRule(Rule.REVIEW, group="shift"),
        "latitude": FieldRule(Rule.LAST_WRITE_WINS, group="place"),
        "longitude": FieldRule(Rule.LAST_WRITE_WINS, group="place"),
        "answers/controls": FieldRule(Rule.UNION),
        "answers/controls/need": FieldRule(Rule.STRICTER, ("none", "repair", "replace"), group="need"),
        "answers/controls/by": FieldRule(Rule.EARLIEST, group="need"),
        "answers/controls/note": FieldRule(Rule.LAST_WRITE_WINS),
        DELETED: FieldRule(Rule.REVIEW),
    }
)

_DATES: list[Json] = [None, "2025-06-01", "2025-06-02T08:00:00-06:00", "2025-06-02T14:00:00", "2025-06-03"]
_WORDS: list[Json] = [None, "", "a", "b", "c"]
_TEXTS: list[Json] = [
    None, "", "Rain.", "Fence torn.", "Fence torn. Crew called.", "Silt fence torn.", "Fence mended. Crew called.",
    "Fence torn.\nRain.",
]  # fmt: skip
_NUMBERS: list[Json] = [None, 0, 1, "0.5", "0.50", "0.42", 12, 9, "9", "10", "many", True, "1e99999999999"]

VALUES: dict[str, list[Json]] = {
    "status": _WORDS,
    "where": _WORDS,
    "due": _DATES,
    "unknown_field": [*_WORDS, {"k": 1}, {"k": True}, [1], [True]],
    "answers/inspector": [*_WORDS, True, 1, False, 0],
    "answers/rain_in": _NUMBERS,
    "answers/found": [*_DATES, "last Tuesday"],
    "answers/keep_until": _DATES,
    "answers/pollution": [None, "no", "yes", "perhaps"],
    "answers/crew": _NUMBERS,
    "answers/freeboard": _NUMBERS,
    "answers/signs": [None, [], ["dust"], ["noise", "dust"], ["spill"], ["dust", "spill"]],
    "answers/loads": [0, 1, 2, 5, 9],
    "answers/summary": _TEXTS,
    "answers/start": _WORDS,
    "answers/end": _WORDS,
    "latitude": _WORDS,
    "longitude": _WORDS,
    DELETED: [True, True, False],
}
for _row in ("answers/controls/r1", "answers/controls/r12"):
    VALUES |= {
        _row: [None, None, 0, 9, 10],
        f"{_row}/need": ["none", "repair", "replace"],
        f"{_row}/by": _DATES,
        f"{_row}/note": _WORDS,
    }

TOPICS = [
    [path for path in VALUES if path.startswith("answers/controls/")],
    ["answers/controls/r1", "answers/controls/r1/need", "answers/controls/r1/by", DELETED],
    ["where", "answers/inspector", DELETED],
    ["answers/summary"],
    ["answers/start", "answers/end"],
    ["latitude", "longitude", "status"],
    [path for path in VALUES if RULES.of(path).group is None and "/r" not in path],
    list(VALUES),
]
"""What a history is about. Small topics, so that people really meet: rows, removals, groups, plain fields, anything."""

DEVICES = (1, 2, 3)
Where = Literal["laptop", "central"]


@dataclass(frozen=True)
class Edit:
    """Somebody at a laptop sets some values; the laptop's wall clock shows `wall_ms`."""

    device: int
    values: Mapping[str, Json]
    wall_ms: int


@dataclass(frozen=True)
class Push:
    """A laptop hands in its oldest change."""

    device: int


@dataclass(frozen=True)
class Pull:
    """A laptop fetches the record: all of it, or the cells changed since it last did."""

    device: int
    whole: bool = False
    replay: bool = False
    """Whether it takes central's record and replays its unsent changes upon it, as central is going to."""


Step = Edit | Push | Pull


def a_story(seed: int, length: int) -> list[Step]:
    """The first `length` steps of the story that `seed` tells. A shorter story is the beginning of the longer one."""
    chance = Random(seed)
    topic = chance.choice(TOPICS)
    return [_step(chance, topic) for _ in range(length)]


def _step(chance: Random, topic: list[str]) -> Step:
    device, kind = chance.choice(DEVICES), chance.random()
    if kind < 0.25:
        return Push(device)
    if kind < 0.45:
        return Pull(device, chance.random() < 0.3, chance.random() < 0.3)
    touched = chance.sample(topic, min(len(topic), chance.choice((1, 1, 2, 3))))
    return Edit(device, {path: chance.choice(VALUES[path]) for path in touched}, chance.randint(-5, 9))


@dataclass(frozen=True)
class Sent:
    """A change as it travels: what its author touched and what he replaced."""

    dot: Dot
    before: Mapping[str, Json]
    touched: RecordState


@dataclass(frozen=True)
class Moment:
    """One merge that took place."""

    where: Where
    base: Mapping[str, Json]
    local: RecordState
    remote: RecordState
    merged: Merged


@dataclass
class Laptop:
    """One laptop's copy of the record."""

    number: int
    state: RecordState = field(default_factory=RecordState)
    base: dict[str, Json] = field(default_factory=dict)
    pulled: dict[str, Cell] = field(default_factory=dict)
    unsent: list[Sent] = field(default_factory=list)
    counter: int = 0
    hlc: Hlc = field(default_factory=lambda: Hlc(0))


def words(value: Json) -> set[str]:
    """The words of a text; of anything else none."""
    return set(re.findall(r"\w+", value)) if isinstance(value, str) else set()


class World:
    """Three laptops, central, and all that ever happened to one record."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.laptops = {number: Laptop(number) for number in DEVICES}
        self.central = RecordState()
        self.trace: list[Moment] = []
        self.entered: dict[tuple[str, Dot], Json] = {}
        self.struck: set[str] = set()
        """Words that an author took out of a text."""

    def run(self, story: list[Step]) -> World:
        """Live through the story."""
        for step in story:
            if isinstance(step, Edit):
                self.edit(step)
            elif isinstance(step, Push):
                self.push(step.device)
            else:
                self.pull(step)
        return self

    def edit(self, step: Edit) -> None:
        """A change on a laptop; groups travel whole."""
        laptop = self.laptops[step.device]
        laptop.counter += 1
        laptop.hlc = tick(laptop.hlc, step.wall_ms)
        dot, now = Dot(laptop.number, laptop.counter), laptop.state.values()
        values = {**self._whole_groups(now, step.values), **step.values}
        before = {path: now[path] for path in values if path in now}
        laptop.state = edited(laptop.state, values, dot, laptop.hlc)
        own = RecordState({path: laptop.state.cells[path] for path in values}, laptop.state.version)
        laptop.unsent.append(Sent(dot, before, own))
        self.struck |= {word for path in before for word in words(before[path]) - words(values[path])}
        self.entered |= {(path, dot): value for path, value in values.items()}

    def _whole_groups(self, now: Mapping[str, Json], values: Mapping[str, Json]) -> dict[str, Json]:
        groups = {(row_of(path), self.rules.of(path).group) for path in values if self.rules.of(path).group}
        return {p: v for p, v in now.items() if (row_of(p), self.rules.of(p).group) in groups}

    def push(self, device: int) -> None:
        """The oldest unsent change of a laptop arrives at central."""
        laptop = self.laptops[device]
        if laptop.unsent:
            sent = laptop.unsent.pop(0)
            self.central = self._merge("central", sent.before, sent.touched, self.central)

    def pull(self, step: Pull) -> None:
        """A laptop merges what central holds."""
        laptop, row = self.laptops[step.device], self.central
        if step.replay:
            laptop.state = row
            for sent in laptop.unsent:
                laptop.state = self._merge("central", sent.before, sent.touched, laptop.state)
        else:
            if not step.whole:
                cells = {path: cell for path, cell in row.cells.items() if laptop.pulled.get(path) != cell}
                row = RecordState(cells, row.version)
            laptop.state = self._merge("laptop", laptop.base, laptop.state, row)
        laptop.pulled = dict(self.central.cells)
        if not laptop.unsent:
            laptop.base = laptop.state.values()
        for cell in row.cells.values():
            laptop.hlc = observe(laptop.hlc, cell.hlc, laptop.hlc.wall_ms)

    def _merge(
        self, where: Where, base: Mapping[str, Json], local: RecordState, remote: RecordState
    ) -> RecordState:
        merged = merge(base, local, remote, self.rules)
        self.trace.append(Moment(where, base, local, remote, merged))
        return merged.record

    def settle(self, order: tuple[int, ...] = DEVICES) -> World:
        """Everybody hands in everything, in this order, then everybody fetches."""
        for device in order:
            while self.laptops[device].unsent:
                self.push(device)
        for device in order:
            self.pull(Pull(device))
        return self


worlds: st.SearchStrategy[World] = st.builds(
    lambda seed, length: World().run(a_story(seed, length)), st.integers(0, 2**32), st.integers(0, 20)
)
"""Failing ones shrink to the shortest beginning of their story that still fails."""
