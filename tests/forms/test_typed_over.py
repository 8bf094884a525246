"""Answers that are typed over what somebody has changed since it was shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.forms.typed_over import upon
from bravetui.merge.passages import spliced
from bravetui.merge.rules import FieldRule, Rule, Rules

RULES = Rules({"answers/summary": FieldRule(Rule.TEXT)})
texts = st.text("ab .é\N{COMBINING ACUTE ACCENT}\U0001f9ba", max_size=12)


@pytest.mark.parametrize(
    ("path", "shown", "typed", "there", "saved", "outdone"),
    [
        ("summary", "Dry.", "Dry. Windy.", "Dry.", "Dry. Windy.", False),
        ("summary", "Dry.", "Dry. Windy.", "Dry. Hank called.", "Dry. Windy. Hank called.", False),
        ("summary", "at ga", "at gate 2", "Rain. at ga", "Rain. at gate 2", False),
        ("summary", None, "Dry.", "Windy.", "Dry.\nWindy.", False),
        ("summary", "Dry.", None, "Dry. Windy.", " Windy.", False),
        ("summary", "2 loads", "3 loads", "4 loads", "3 loads", True),
        ("summary", "Dry.", "Windy.", "Windy.", "Windy.", False),
        ("crew", "2", "3", "4", "3", True),
        ("crew", None, "3", "4", "3", True),
        ("crew", "2", "3", "3", "3", False),
    ],
)
def test_what_is_saved(path: str, shown: Json, typed: Json, there: Json, saved: Json, outdone: bool) -> None:
    assert upon({path: there}, {path: typed}, {path: shown}, RULES) == ({path: saved}, outdone)


def test_where_it_is_not_known_what_was_shown_what_is_typed_stands() -> None:
    assert upon({"summary": "Dry."}, {"summary": "Windy."}, {}, RULES) == ({"summary": "Windy."}, False)


@given(texts, texts, texts, texts)
def test_who_goes_on_typing_while_another_saves_loses_no_letter(
    before: str, after: str, mine: str, theirs: str
) -> None:
    """Each has inserted one passage, at any places."""
    base = before + after
    for local, remote in (
        (mine + base, base + theirs),
        (before + mine + after, base + theirs),
        (base + mine, theirs + base),
    ):
        both = spliced(base, local, remote)
        assert both is not None
        assert sorted(both) == sorted(base + mine + theirs)


@given(texts, texts, texts)
def test_of_two_passages_changed_both_are_there_or_neither_is_touched(
    base: str, local: str, remote: str
) -> None:
    both = spliced(base, local, remote)
    assert both is None or len(both) == len(local) + len(remote) - len(base)
    assert spliced(base, local, base) == local
    assert spliced(base, base, remote) == remote
