"""Single cases of what comes to a central that was restored: rows and records put back, counts, signed forms."""

from __future__ import annotations

from bravetui.base.canonical import Json
from bravetui.central.intake import decide
from bravetui.central.past import Past
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import RecordState
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change
from tests.central.test_past import NOW_MS, Central, _change, handed_in


def _lived(*said: tuple[int, dict[str, Json]]) -> Central:
    """One upon the other, by these devices."""
    central = Central(RecordState())
    for hlc, (device, values) in enumerate(said, 1):
        assert central.state is not None
        counter = 1 + sum(one.dot.device == device for one in central.ledger)
        central.take(_change(central.state, Dot(device, counter), hlc, values))
    return central


def _again(first: Central, *order: int) -> Central:
    second = Central(RecordState())
    for number in order:
        second.take(first.ledger[number], before=True)
    return second


def test_work_in_a_record_that_was_struck_out_and_put_back_asks_nothing() -> None:
    """Who worked in it had seen that it was struck out and put back; his work comes first."""
    first = _lived((1, {"asked": "a"}), (1, {"deleted": True}), (2, {"deleted": False}), (3, {"asked": "b"}))
    assert not first.asks
    second = _again(first, 0, 3, 1, 2)
    assert second.state is not None
    assert first.state is not None
    assert second.state.values() == first.state.values()
    assert not second.asks


def test_a_row_that_was_taken_out_put_back_and_worked_in_asks_nothing() -> None:
    row = "answers/controls/r1"
    first = _lived(
        (1, {row: 1, f"{row}/need": "a"}), (1, {row: None}), (2, {row: 2}), (3, {f"{row}/need": "b"})
    )
    assert not first.asks
    second = _again(first, 0, 3, 1, 2)
    assert second.state is not None
    assert first.state is not None
    assert second.state.values() == first.state.values()
    assert not second.asks


def test_a_count_that_was_refused_and_is_released_after_a_hand_in_counts() -> None:
    """The vector of who hands in covers it by a later number, though no count that anybody shows holds it."""
    first = Central(RecordState())
    first.take(_change(RecordState(), Dot(1, 1), 1, {"count": 10}))
    assert first.state is not None
    refused = _change(first.state, Dot(1, 2), 2, {"count": 13})
    upon = RecordState(first.state.cells, first.state.version.with_dot(refused.dot))
    later = _change(upon, Dot(1, 3), 3, {"later": "a"})
    first.take(later)
    assert first.state is not None
    reader = handed_in(first.state, 1)
    second = Central(RecordState())
    second.take(reader, before=True)
    for change in (first.ledger[0], later):
        second.take(change, before=True)
    assert second.state is not None
    assert second.state.values()["count"] == 10
    _released(second, refused)
    assert second.state.values()["count"] == 13


def _released(central: Central, change: Change) -> None:
    """As `Taking._past` gives it for a change that was refused, under a later number than central has."""
    rules = Rules({"count": FieldRule(Rule.SUM), "later": FieldRule(Rule.LAST_WRITE_WINS)})
    past = None  # it was not taken before
    central.state = decide(change, change.after, central.state, lambda: rules, NOW_MS, None, past).state
    central.ledger.append(change)


def test_that_count_counts_where_nobody_handed_in() -> None:
    """The same in ordinary operation, for comparison."""
    central = Central(RecordState())
    central.take(_change(RecordState(), Dot(1, 1), 1, {"count": 10}))
    assert central.state is not None
    refused = _change(central.state, Dot(1, 2), 2, {"count": 13})
    upon = RecordState(central.state.cells, central.state.version.with_dot(refused.dot))
    central.take(_change(upon, Dot(1, 3), 3, {"later": "a"}))
    _released(central, refused)
    assert central.state is not None
    assert central.state.values()["count"] == 13


def test_what_the_signer_had_seen_stands_in_what_he_signed_whoever_hands_it_in() -> None:
    """A reader hands in, with one answer that the signer had not seen, one that he had: it is left empty and asked about."""
    rules = Rules(
        {
            "answers/a": FieldRule(Rule.REVIEW),
            "answers/b": FieldRule(Rule.REVIEW),
            "status": FieldRule(Rule.SERVER_WINS),
        }
    )
    seen = RecordState()
    first = _change(seen, Dot(1, 1), 1, {"answers/a": "0.42"})
    there = decide(first, first.after, None, lambda: rules, NOW_MS).state
    signed = _change(there, Dot(2, 1), 2, {"status": "submitted"})
    late = _change(there, Dot(1, 2), 3, {"answers/b": "yes"})
    shown = decide(late, late.after, there, lambda: rules, NOW_MS).state
    offer = handed_in(shown, 1)
    restored = decide(signed, signed.after, None, lambda: rules, NOW_MS, None, Past(())).state
    decision = decide(offer, offer.after, restored, lambda: rules, NOW_MS, None, Past((signed,)))
    assert decision.unsigned is not None
    assert decision.unsigned.paths == ("answers/b",)
    assert decision.state.values()["answers/a"] == "0.42"


def test_who_signed_brings_back_what_he_had_signed() -> None:
    """After that, the signer hands in what he had before him when he signed; central takes it for said."""
    rules = Rules(
        {
            "answers/a": FieldRule(Rule.REVIEW),
            "answers/b": FieldRule(Rule.REVIEW),
            "status": FieldRule(Rule.SERVER_WINS),
        }
    )
    first = _change(RecordState(), Dot(1, 1), 1, {"answers/a": "0.42"})
    there = decide(first, first.after, None, lambda: rules, NOW_MS).state
    signed = _change(there, Dot(2, 1), 2, {"status": "submitted"})
    his = decide(signed, signed.after, there, lambda: rules, NOW_MS).state
    late = _change(there, Dot(1, 2), 3, {"answers/b": "yes"})
    readers = handed_in(decide(late, late.after, there, lambda: rules, NOW_MS).state, 1)
    central: RecordState | None = None
    ledger: list[Change] = []
    for change in (signed, readers, handed_in(his, 2)):
        past = Past(tuple(ledger), frozenset({one.dot for one in ledger}))
        central = decide(change, change.after, central, lambda: rules, NOW_MS, None, past).state
        ledger.append(change)
    assert central is not None
    assert central.values()["answers/a"] == "0.42"


def test_a_count_that_was_refused_and_then_emptied_is_empty_and_not_below_nothing() -> None:
    """In ordinary operation: central has no count at all, the refused one was 3, and its author has emptied it since."""
    there = _change(RecordState(), Dot(1, 1), 1, {"later": "a"})
    central = Central(RecordState())
    central.take(there)
    assert central.state is not None
    refused = _change(central.state, Dot(1, 2), 2, {"count": 3})
    own = refused.author_state()
    upon = RecordState({**central.state.cells, **own.cells}, own.version)
    central.take(_change(upon, Dot(1, 3), 3, {"count": None}))
    assert central.state.values().get("count") in (None, 0)


def test_what_comes_to_a_count_beside_what_is_no_number_is_not_the_whole_of_it() -> None:
    """Whatever comes first."""
    steps = [
        _change(RecordState(), dot, hlc, {"count": value}).model_copy(update={"before": {"count": 10}})
        for dot, hlc, value in ((Dot(1, 2), 2, "n/a"), (Dot(2, 1), 3, 13))
    ]
    for changes in (steps, steps[::-1]):
        assert Past(tuple(changes)).counted(12, "count", VersionVector({1: 1, 3: 1})) is None
