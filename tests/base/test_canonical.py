"""Canonical bytes: one spelling for one value."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.canonical import Json, canonical_bytes, content_hash

texts = st.text(st.characters(codec="utf-8"), max_size=8)
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def _reversed(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _reversed(inner) for key, inner in reversed(value.items())}
    return [_reversed(inner) for inner in value] if isinstance(value, list) else value


@given(values)
def test_the_order_of_keys_does_not_matter_at_any_depth(value: Json) -> None:
    assert canonical_bytes(_reversed(value)) == canonical_bytes(value)
    assert content_hash(_reversed(value)) == content_hash(value)


@given(values)
def test_the_bytes_are_json_that_reads_back_as_the_value(value: Json) -> None:
    assert json.loads(canonical_bytes(value)) == value
    assert canonical_bytes(json.loads(canonical_bytes(value))) == canonical_bytes(value)


@given(values, values)
def test_two_values_share_their_bytes_only_if_they_are_the_same(one: Json, other: Json) -> None:
    if canonical_bytes(one) == canonical_bytes(other):
        assert one == other


def test_the_bytes_hold_no_spaces_and_no_escapes_but_those_that_json_needs() -> None:
    assert (
        canonical_bytes({"b": [1, True, None], "a": "\u00e9\n\u6771"})
        == '{"a":"é\\n東","b":[1,true,null]}'.encode()
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_has_no_json_spelling_is_refused(value: Json) -> None:
    with pytest.raises(ValueError, match=r"JSON|surrogates"):
        canonical_bytes(value)
