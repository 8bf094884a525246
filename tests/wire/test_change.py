"""A change: its hash is one and the same at both ends, in every version; what cannot be stored cannot travel."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bravetui.base.canonical import canonical_bytes, sha256_hex
from bravetui.base.errors import BadInput
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op, Said, make_change
from tests.wire.messages import changes, dots, stamps


def a_change(**values: Any) -> Change:
    """One foreman's edit; `values` replaces fields."""
    given_values: dict[str, Any] = {
        "dot": Dot(3, 17),
        "target": ("project-1", "inspection", "rec-1"),
        "op": Op.EDIT,
        "context": VersionVector({3: 16, 9: 2}),
        "before": {"note": "fence"},
        "after": {"note": "fence torn"},
        "hlc": Hlc(1_750_000_000_000, 2),
        "author_id": "user-1",
        "at": datetime(2025, 6, 15, 8, 30, tzinfo=UTC),
    }
    return make_change(**{**given_values, **values})


@given(changes)
def test_the_hash_is_the_same_after_any_number_of_trips_through_json(change: Change) -> None:
    once = Change.model_validate_json(canonical_bytes(change.to_json()))
    twice = Change.model_validate(json.loads(once.model_dump_json()))
    assert change.hash == once.hash == twice.hash == sha256_hex(canonical_bytes(change.to_json()))


@given(changes)
def test_a_change_comes_back_from_the_wire_as_it_went(change: Change) -> None:
    back = Change.model_validate_json(change.model_dump_json(exclude_defaults=True))
    assert back == change
    assert back.author_state() == change.author_state()


@given(changes, st.data())
def test_any_other_value_in_any_field_is_another_hash(change: Change, data: st.DataObject) -> None:
    body = change.to_json()
    field = data.draw(st.sampled_from(sorted(body)))
    other = data.draw(changes).to_json().get(field)
    if other is not None and canonical_bytes(other) != canonical_bytes(body[field]):
        assert Change.model_validate({**body, field: other}).hash != change.hash


def test_the_hash_stays_what_it_was_when_the_first_laptop_was_shipped() -> None:
    """Ledgers and receipts hold hashes for years: this one must never change."""
    written = (
        b'{"after":{"note":"fence torn"},"at":"2025-06-15T08:30:00Z","author_id":"user-1","before":{"note":"fence"},'
        b'"context":{"3":16,"9":2},"dot":"3.17","hlc":"1977420dc000002","kind":"inspection","op":"edit",'
        b'"record_id":"rec-1","scope_id":"project-1"}'
    )
    assert canonical_bytes(a_change().to_json()) == written
    assert a_change().hash == sha256_hex(written)


class NewerChange(Change):
    """A change as a later version of the program knows it: with one field more."""

    priority: str = ""


@given(changes)
def test_a_field_that_a_later_version_adds_does_not_change_the_hash_while_it_is_unused(
    change: Change,
) -> None:
    newer = NewerChange.model_validate(change.to_json())
    assert newer.hash == change.hash
    assert Change.model_validate_json(newer.model_dump_json(exclude_defaults=True)).hash == newer.hash


def test_a_field_of_a_later_version_is_kept_and_hashed_by_this_one() -> None:
    newer = NewerChange.model_validate({**a_change().to_json(), "priority": "urgent"})
    here = Change.model_validate_json(newer.model_dump_json(exclude_defaults=True))
    assert here.to_json()["priority"] == "urgent"
    assert here.hash == newer.hash != a_change().hash


@given(dots, stamps, stamps)
def test_the_author_state_holds_the_touched_cells_under_the_changes_dot_as_they_were_said(
    dot: Dot, hlc: Hlc, before: Hlc
) -> None:
    change = a_change(dot=dot, hlc=hlc, after={"note": "x", "answers/rain_in": None})
    state = change.author_state()
    assert state.values() == {"note": "x", "answers/rain_in": None}
    assert {cell.dots for cell in state.cells.values()} == {(dot,)}
    assert state.version == change.context.with_dot(dot)
    theirs = (Dot(dot.device + 1, 7), Dot(dot.device + 1, 9))
    again = change.model_copy(update={"said": {"note": Said(dots=theirs, hlc=before)}}).author_state()
    borne = {path: (cell.dots, cell.hlc) for path, cell in again.cells.items()}
    assert borne == {"note": (theirs, before), "answers/rain_in": ((dot,), hlc)}
    assert again.version == change.context.with_dot(dot).with_dot(theirs[-1])


@dataclass(frozen=True)
class Unstorable:
    """A value that one of the two databases would change or refuse."""

    value: Any
    says: str


UNSTORABLE = {
    "a fraction, which PostgreSQL may respell": Unstorable(0.5, "as a string"),
    "an exponent": Unstorable(1e16, "as a string"),
    "not a number, which would hash like nothing at all": Unstorable(float("nan"), "as a string"),
    "infinity": Unstorable(float("inf"), "as a string"),
    "NUL": Unstorable("a\x00b", "cannot be stored"),
    "half a surrogate pair": Unstorable("a\ud800b", "cannot be stored"),
    "NUL in a key": Unstorable({"a\x00": 1}, "cannot be stored"),
    "a fraction deep inside": Unstorable({"a": [1, {"b": 0.5}]}, "as a string"),
}


@pytest.mark.parametrize("case", UNSTORABLE.values(), ids=UNSTORABLE.keys())
@pytest.mark.parametrize("place", ["before", "after"])
def test_what_cannot_be_stored_at_both_ends_cannot_become_a_change(case: Unstorable, place: str) -> None:
    with pytest.raises(BadInput, match=case.says) as caught:
        a_change(**{place: {"rain_in": case.value}})
    assert "rain_in" in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [{"dot": "3"}, {"dot": 3}, {"dot": "3.0"}, {"context": {"x": 1}}, {"context": [1]}, {"hlc": "now"}, {"op": "burn"},
     {"at": "2025-06-15T08:30:00"}, {"at": "yesterday"}, {"scope_id": ""}, {"record_id": "r" * 65}, {"after": None},
     {"after": [1]}],
)  # fmt: skip
def test_a_change_with_a_wrong_field_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Change.model_validate({**a_change().to_json(), **fields})


def test_a_change_cannot_be_altered_once_made() -> None:
    with pytest.raises(ValidationError):
        a_change().record_id = "another"
