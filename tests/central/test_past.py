"""A central that lost its ledger hears the past again in any order: it comes to what the first one had come to.

Laws over random histories: whoever had seen a word and said another is not outdone by it, whatever comes first and whoever
hands it in; and what was counted counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.central.intake import Decision, decide
from bravetui.central.past import Past
from bravetui.merge.hlc import Hlc
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import RecordState
from bravetui.merge.version import Dot
from bravetui.wire.change import REFILLED, Change, Op, Said, make_change

AT = datetime(2026, 8, 3, tzinfo=UTC)
NOW_MS = int(AT.timestamp() * 1000)
WORDS: dict[str, tuple[FieldRule, list[Json]]] = {
    "asked": (FieldRule(Rule.REVIEW), ["a", "b", "c"]),
    "safer": (FieldRule(Rule.REVIEW, ("higher",)), ["0.1", "0.5", "0.9"]),
    "later": (FieldRule(Rule.LAST_WRITE_WINS), ["a", "b", "c"]),
    "stricter": (FieldRule(Rule.STRICTER, ("no", "yes")), ["no", "yes"]),
    "earliest": (FieldRule(Rule.EARLIEST), ["2026-08-01", "2026-08-02", "2026-08-03"]),
    "text": (FieldRule(Rule.TEXT), ["Fence torn.", "Fence torn. Crew called.", "Mended."]),
}
RULES = Rules({path: rule for path, (rule, _) in WORDS.items()} | {"count": FieldRule(Rule.SUM)})
READER = 9
"""A laptop that wrote nothing, and hands in what it shows."""


@dataclass
class Central:
    """What it holds, the changes it took, and every decision."""

    state: RecordState | None = None
    ledger: list[Change] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def take(self, change: Change, *, before: bool = False) -> None:
        dots = {dot for said in change.said.values() for dot in said.dots}
        past = (
            Past(tuple(self.ledger), frozenset({one.dot for one in self.ledger} & dots)) if before else None
        )
        decision = decide(change, change.after, self.state, lambda: RULES, NOW_MS, None, past)
        self.state = decision.state
        self.decisions.append(decision)
        self.ledger.append(change)

    @property
    def asks(self) -> bool:
        return any(decision.conflicts for decision in self.decisions)


def _change(seen: RecordState, dot: Dot, hlc: int, values: dict[str, Json]) -> Change:
    now = seen.values()
    return make_change(
        dot=dot, target=("s", "violation", "r"), op=Op.EDIT, context=seen.version, hlc=Hlc(hlc), author_id=str(dot.device),
        before={path: now[path] for path in values if path in now}, after=values, at=AT,
    )  # fmt: skip


def lived(chance: Random, sees: float) -> tuple[Central, list[RecordState]]:
    """A first life of three authors, of whom each has fetched the record before he writes with this chance; and the record
    after every change."""
    central, states = Central(RecordState()), [RecordState()]
    seen, counters = dict.fromkeys((1, 2, 3), RecordState()), dict.fromkeys((1, 2, 3), 0)
    for hlc in range(1, chance.randint(2, 7)):
        device = chance.choice((1, 2, 3))
        assert central.state is not None
        if chance.random() < sees:
            seen[device] = central.state
        counters[device] += 1
        values = {path: chance.choice(WORDS[path][1]) for path in chance.sample([*WORDS], 2)}
        count = seen[device].values().get("count", 0)
        assert isinstance(count, int)
        values["count"] = count + chance.randint(1, 5)
        change = _change(seen[device], Dot(device, counters[device]), hlc, values)
        central.take(change)
        seen[device] = central.state if sees == 1 else _with(seen[device], change)
        states.append(central.state)
    return central, states


def _with(state: RecordState, change: Change) -> RecordState:
    own = change.author_state()
    return RecordState({**state.cells, **own.cells}, own.version)


def shuffled(chance: Random, changes: Sequence[Change]) -> list[Change]:
    """In an order in which each author's changes may come."""
    queues = {device: [one for one in changes if one.dot.device == device] for device in (1, 2, 3)}
    found: list[Change] = []
    while left := [queue for queue in queues.values() if queue]:
        found.append(chance.choice(left).pop(0))
    return found


def handed_in(state: RecordState, counter: int) -> Change:
    """What a laptop shows, said once more."""
    change = _change(RecordState({}, state.version), Dot(READER, counter), NOW_MS, state.values())
    said = {path: Said(dots=cell.dots, hlc=cell.hlc) for path, cell in state.cells.items()}
    return change.model_copy(update={"said": said, "reason": REFILLED})


def again(
    chance: Random, changes: Sequence[Change], offers: Sequence[Change], known: RecordState | None = None
) -> Central:
    """A second life, in which all of it comes once more."""
    coming = shuffled(chance, changes)
    for offer in offers:
        coming.insert(chance.randint(0, len(coming)), offer)
    central = Central(known or RecordState())
    for change in coming:
        central.take(change, before=True)
    return central


@given(st.integers(0, 10**9))
def test_words_said_one_upon_the_other_stand_as_they_did_in_whatever_order_they_come_again(seed: int) -> None:
    chance = Random(seed)
    first, _ = lived(chance, sees=1)
    second = again(chance, first.ledger, [])
    assert first.state is not None
    assert second.state is not None
    assert second.state.values() == first.state.values()
    assert not second.asks


@given(st.integers(0, 10**9))
def test_a_reader_who_hands_in_what_he_shows_changes_nothing_of_that(seed: int) -> None:
    chance = Random(seed)
    first, states = lived(chance, sees=1)
    shown = chance.sample(states, min(len(states), 2))
    offers = [handed_in(state, number) for number, state in enumerate(shown, 1) if state.cells]
    second = again(chance, first.ledger, offers)
    assert first.state is not None
    assert second.state is not None
    assert second.state.values() == first.state.values()
    assert not second.asks


@given(st.integers(0, 10**9))
def test_what_is_counted_counts_once_in_whatever_order_it_comes_again(seed: int) -> None:
    chance = Random(seed)
    first, states = lived(chance, sees=0.5)
    shown = chance.sample(states, min(len(states), 2))
    offers = [handed_in(state, number) for number, state in enumerate(shown, 1) if state.cells]
    second = again(chance, first.ledger, offers)
    steps = [int(str(one.after["count"])) - int(str(one.before.get("count", 0))) for one in first.ledger]
    assert second.state is not None
    assert second.state.values()["count"] == sum(steps)
