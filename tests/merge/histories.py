"""Random but realistic histories: three laptops and central, edits, pushes and pulls in any order.

Contexts are always what the author had really seen. Central merges one change at a time from what the author touched;
a laptop merges what it pulls, whole or only the cells changed since, or replays its unsent changes upon it.
`World.trace` keeps every merge for the laws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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

_dates = st.sampled_from(
    [None, "2025-06-01", "2025-06-02T08:00:00-06:00", "2025-06-02T14:00:00", "2025-06-03"]
)
_words = st.sampled_from([None, "", "a", "b", "c"])
_numbers = st.sampled_from(
    [None, 0, 1, "0.5", "0.50", "0.42", 12, 9, "9", "10", "many", True, "1e99999999999"]
)
_signs = st.none() | st.lists(st.sampled_from(["dust", "noise", "spill"]), unique=True, max_size=3)

_VALUES: dict[str, st.SearchStrategy[Json]] = {
    "status": _words,
    "where": _words,
    "due": _dates,
    "unknown_field": _words | st.sampled_from([{"k": 1}, {"k": True}, [1], [True]]),
    "answers/inspector": _words | st.sampled_from([True, 1, False, 0]),
    "answers/rain_in": _numbers,
    "answers/found": _dates | st.just("last Tuesday"),
    "answers/keep_until": _dates,
    "answers/pollution": st.sampled_from([None, "no", "yes", "perhaps"]),
    "answers/crew": _numbers,
    "answers/freeboard": _numbers,
    "answers/signs": _signs,
    "answers/loads": st.integers(0, 9),
    "answers/summary": _words,
    "answers/start": _words,
    "answers/end": _words,
    "latitude": _words,
    "longitude": _words,
    DELETED: st.booleans(),
}
_ROW_VALUES: dict[str, st.SearchStrategy[Json]] = {
    "": st.none() | st.integers(0, 12),
    "/need": st.sampled_from(["none", "repair", "replace"]),
    "/by": _dates,
    "/note": _words,
}
for _row in ("r1", "r2"):
    _VALUES |= {f"answers/controls/{_row}{end}": values for end, values in _ROW_VALUES.items()}

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

_some_paths = st.lists(st.sampled_from(sorted(_VALUES)), min_size=1, max_size=4, unique=True)
_values = _some_paths.flatmap(lambda paths: st.fixed_dictionaries({path: _VALUES[path] for path in paths}))
_device = st.sampled_from(DEVICES)
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.builds(Edit, _device, _values, st.integers(-5, 60))
    | st.builds(Edit, _device, _values, st.integers(-5, 60))
    | st.builds(Push, _device)
    | st.builds(Pull, _device, st.booleans(), st.booleans()),
    max_size=24,
)


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


class World:
    """Three laptops, central, and all that ever happened to one record."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.laptops = {number: Laptop(number) for number in DEVICES}
        self.central = RecordState()
        self.trace: list[Moment] = []
        self.entered: dict[tuple[str, Dot], Json] = {}

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


worlds: st.SearchStrategy[World] = steps.map(lambda story: World().run(story))
