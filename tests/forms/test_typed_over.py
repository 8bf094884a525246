"""Answers that are typed over what somebody has changed since it was shown."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.forms.typed_over import upon
from bravetui.merge.rules import FieldRule, Rule, Rules

RULES = Rules({"answers/summary": FieldRule(Rule.TEXT)})


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
