"""Deciding about a change, without a database: laws over every order of arrival."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.central.checkpoint import with_counters
from bravetui.central.intake import decide
from bravetui.central.questions import conflict_id
from bravetui.merge.hlc import Hlc, tick
from bravetui.merge.record import merge
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import Cell, RecordState
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op, Said, make_change
from bravetui.wire.messages import Outcome

RULES = Rules({"a": FieldRule(Rule.REVIEW), "b": FieldRule(Rule.LAST_WRITE_WINS), "c": FieldRule(Rule.TEXT)})
NOW_MS = 1_785_764_000_000
AT = datetime(2026, 8, 3, tzinfo=UTC)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=3)
values = st.dictionaries(st.sampled_from(["a", "b", "c"]), texts, min_size=1)


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """Changes of three devices to one record, each in its device's order; contexts as laptops really have them: their
    own changes, and at times what central had when they last asked; clocks that differ, and learn."""
    made: list[Change] = []
    seen: dict[int, VersionVector] = {}
    clocks: dict[int, Hlc] = {}
    central: RecordState | None = None
    for _ in range(draw(st.integers(1, 8))):
        device = draw(st.integers(1, 3))
        known = seen.get(device, VersionVector())
        if central is not None and draw(st.booleans()):
            known = known.joined(central.version)
            clocks[device] = max(clocks.get(device, Hlc(0)), *(cell.hlc for cell in central.cells.values()))
        clocks[device] = tick(clocks.get(device, Hlc(0)), NOW_MS + draw(st.integers(0, 5)))
        counter = sum(change.dot.device == device for change in made) + 1
        change = make_change(
            dot=Dot(device, counter), target=("s", "inspection", "r"), op=Op.EDIT, context=known, before={},
            after=draw(values), hlc=clocks[device], author_id="x", at=AT,
        )  # fmt: skip
        central = decide(change, change.after, central, lambda: RULES, NOW_MS).state
        seen[device] = known.with_dot(change.dot)
        made.append(change)
    return made


@given(histories())
def test_an_author_who_had_seen_everything_simply_applies_which_is_what_merging_would_say(
    history: list[Change],
) -> None:
    central: RecordState | None = None
    for change in history:
        decision = decide(change, change.after, central, lambda: RULES, NOW_MS)
        if decision.outcome is Outcome.APPLIED and central is not None:
            merged = merge(change.before, change.author_state(), central, RULES)
            assert merged.record == decision.state
            assert (merged.conflicts, merged.superseded) == ((), ())
        central = decision.state


@given(histories(), st.randoms(use_true_random=False))
def test_in_whatever_order_changes_arrive_every_value_stands_or_is_asked_about_or_named_as_superseded(
    history: list[Change], random: object
) -> None:
    arrived = list(history)
    random.shuffle(arrived)  # type: ignore[attr-defined]
    central: RecordState | None = None
    for change in arrived:
        before = central or RecordState()
        decision = decide(change, change.after, central, lambda: RULES, NOW_MS)
        after = decision.state
        assert after.version.covers([change.dot])
        assert after.version.covers(before.version)
        asked = {path for conflict in decision.conflicts for path in conflict.paths}
        for path, value in change.after.items():
            held = after.cells[path].value
            stands = held == value or (path == "c" and str(value) in str(held))
            assert stands or path in asked or path in decision.superseded, path
        for path, cell in before.cells.items():
            replaced = path in change.after
            assert replaced or after.cells[path] == cell
        assert set(decision.changed) >= {
            path for path in after.cells if after.cells[path] != before.cells.get(path)
        }
        central = after


def text_change(dot: Dot, before: str, after: str, context: VersionVector) -> Change:
    """Somebody's edit of the text `c`."""
    return make_change(
        dot=dot, target=("s", "inspection", "r"), op=Op.EDIT, context=context, before={"c": before}, after={"c": after},
        hlc=Hlc(NOW_MS, dot.counter), author_id="x", at=AT,
    )  # fmt: skip


BEGAN = Dot(9, 1)
FIRST = text_change(Dot(1, 1), "Fence torn.", "Fence torn. Called.", VersionVector({9: 1}))
SECOND = text_change(
    Dot(1, 2), "Fence torn. Called.", "Fence torn. Called. Mended.", VersionVector({9: 1, 1: 1})
)
OTHER = text_change(Dot(2, 1), "Fence torn.", "Fence torn at gate 2.", VersionVector({9: 1}))
THIRD = text_change(Dot(3, 1), "Fence torn at gate 2.", "Fence torn at gate 3.", VersionVector({9: 1, 2: 1}))


def taken(*changes: Change) -> tuple[str, list[Outcome]]:
    """The text at central after these changes, and what became of each."""
    central = RecordState({"c": Cell("Fence torn.", (BEGAN,), Hlc(1))}, VersionVector({9: 1}))
    outcomes = []
    for change in changes:
        decision = decide(change, change.after, central, lambda: RULES, NOW_MS)
        central = decision.state
        outcomes.append(decision.outcome)
    return str(central.cells["c"].value), outcomes


@pytest.mark.parametrize("changes", [(OTHER, FIRST, SECOND), (FIRST, OTHER, SECOND), (FIRST, SECOND, OTHER)])
def test_an_authors_edits_of_a_text_one_upon_the_other_meet_anothers(changes: tuple[Change, ...]) -> None:
    text, outcomes = taken(*changes)
    assert text == "Fence torn at gate 2. Called. Mended."
    assert Outcome.CONFLICT not in outcomes


@pytest.mark.parametrize("changes", [(FIRST, OTHER, THIRD), (OTHER, FIRST, THIRD), (OTHER, THIRD, FIRST)])
def test_an_author_who_had_seen_one_of_two_others_edits_what_that_one_wrote(
    changes: tuple[Change, ...],
) -> None:
    text, outcomes = taken(*changes)
    assert text == "Fence torn at gate 3. Called."
    assert Outcome.CONFLICT not in outcomes


def test_a_text_made_upon_a_change_that_central_refused_is_never_woven_but_asked_about() -> None:
    """Central would take what it never had for struck out by the other, and lose it without a word."""
    assert taken(OTHER, SECOND) == ("Fence torn at gate 2.", [Outcome.APPLIED, Outcome.CONFLICT])


@given(st.lists(st.integers(1, 40)), st.lists(st.integers(1, 40)))
def test_ranges_hold_exactly_the_counters_put_in(first: list[int], second: list[int]) -> None:
    held = with_counters(with_counters([], first), second)
    assert [counter for start, end in held for counter in range(start, end + 1)] == sorted({*first, *second})
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(held))


def test_a_question_has_the_same_id_whoever_asks_it_and_another_for_other_dots() -> None:
    target, dots = ("inspection", "i1"), [Dot(1, 2), Dot(3, 4)]
    assert conflict_id(target, ["a", "b"], dots) == conflict_id(target, ["b", "a"], dots[::-1])
    assert conflict_id(target, ["a"], dots) != conflict_id(target, ["a"], dots[:1])


def test_a_clock_years_ahead_bounded_anew_by_a_restored_central_still_comes_before_the_answer_to_it() -> None:
    """The first life of central bounded the stamp at a day that the answer came after; the second takes it days later."""
    day_ms = 24 * 3600 * 1000
    ahead = make_change(
        dot=Dot(3, 1), target=("s", "inspection", "r"), op=Op.EDIT, context=VersionVector(), before={},
        after={"b": "from a wrong clock"}, hlc=Hlc(NOW_MS + 700 * day_ms), author_id="rosa", at=AT,
    )  # fmt: skip
    answer = make_change(
        dot=Dot(2, 1), target=("s", "inspection", "r"), op=Op.EDIT, context=VersionVector({3: 1}),
        before={"b": "from a wrong clock"}, after={"b": "seen, and put right"}, hlc=Hlc(NOW_MS + 2 * day_ms),
        author_id="carlos", at=AT,
    )  # fmt: skip
    taken_again_ms = NOW_MS + 5 * day_ms
    held = decide(ahead, ahead.after, None, lambda: RULES, taken_again_ms).state
    answered = decide(answer, answer.after, held, lambda: RULES, taken_again_ms).state
    assert answered.cells["b"].hlc > held.cells["b"].hlc


def test_what_is_handed_in_once_more_counts_as_said_when_it_was_and_never_later_than_it_is_handed_in() -> (
    None
):
    said, ahead = Hlc(NOW_MS - 5), Hlc(NOW_MS + 5)
    again = make_change(
        dot=Dot(1, 1), target=("s", "inspection", "r"), op=Op.CREATE, context=VersionVector(), before={},
        after={"a": "x", "b": "y", "c": "z"}, hlc=Hlc(NOW_MS), author_id="carlos", at=AT,
        said={"a": Said(dots=(Dot(2, 1),), hlc=said), "b": Said(dots=(Dot(2, 1),), hlc=ahead)},
    )  # fmt: skip
    state = decide(again, again.after, None, lambda: RULES, NOW_MS).state
    stamps = {path: cell.hlc for path, cell in state.cells.items()}
    assert stamps == {"a": said, "b": Hlc(NOW_MS), "c": Hlc(NOW_MS)}


def test_what_is_handed_in_over_what_its_laptop_had_seen_there_comes_after_that() -> None:
    there = RecordState({"b": Cell("old", (Dot(2, 1),), Hlc(NOW_MS - 3))}, VersionVector({2: 1}))
    again = make_change(
        dot=Dot(1, 1), target=("s", "inspection", "r"), op=Op.EDIT, context=there.version, before={"b": "old"},
        after={"b": "y"}, hlc=Hlc(NOW_MS), author_id="carlos", at=AT,
        said={"b": Said(dots=(Dot(2, 2),), hlc=Hlc(NOW_MS - 5))},
    )  # fmt: skip
    state = decide(again, again.after, there, lambda: RULES, NOW_MS).state
    assert state.cells["b"].hlc > there.cells["b"].hlc


@pytest.mark.parametrize(("theirs", "total"), [(None, 7), (2, 9)], ids=["alone", "beside another's"])
def test_what_is_counted_upon_a_change_that_central_never_had_counts_by_its_step(
    theirs: int | None, total: int
) -> None:
    """3 were there; the author's 5 was refused, and he went on to 9; somebody else had counted two meanwhile."""
    rules = Rules({"count": FieldRule(Rule.SUM)})
    cells = {"count": Cell(3, (Dot(1, 1),), Hlc(1))}
    central = RecordState(cells, VersionVector({1: 1}))
    if theirs is not None:
        more = {"count": Cell(3 + theirs, (Dot(2, 1),), Hlc(2))}
        central = RecordState(more, VersionVector({1: 1, 2: 1}))
    change = make_change(
        dot=Dot(1, 3), target=("s", "usage_day", "r"), op=Op.EDIT, context=VersionVector({1: 2}), before={"count": 5},
        after={"count": 9}, hlc=Hlc(5), author_id="carlos", at=AT,
    )  # fmt: skip
    state = decide(change, change.after, central, lambda: rules, NOW_MS).state
    assert state.cells["count"].value == total


@pytest.mark.parametrize(
    ("before", "there", "said"),
    [("many", 3, 9), (5, "a few", 9), (5, 3, "ten or so")],
    ids=["seen by its author", "at central", "said now"],
)
def test_where_one_of_the_counts_is_no_number_the_authors_own_word_stands(
    before: Json, there: Json, said: Json
) -> None:
    """Of what is no number nobody knows by how much it grew: the count is not emptied for that."""
    rules = Rules({"count": FieldRule(Rule.SUM)})
    central = RecordState({"count": Cell(there, (Dot(1, 1),), Hlc(1))}, VersionVector({1: 1}))
    change = make_change(
        dot=Dot(1, 3), target=("s", "usage_day", "r"), op=Op.EDIT, context=VersionVector({1: 2}),
        before={"count": before}, after={"count": said}, hlc=Hlc(5), author_id="carlos", at=AT,
    )  # fmt: skip
    state = decide(change, change.after, central, lambda: rules, NOW_MS).state
    assert state.cells["count"].value == said
