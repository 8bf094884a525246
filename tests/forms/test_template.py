"""A template travels as JSON and comes back the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.errors import BadInput
from bravetui.forms.template import Template
from bravetui.merge.rules import Rule
from tests.forms.making import REPORT


def test_a_template_survives_its_journey_as_json() -> None:
    """And its text is the same each time, so that its hash is."""
    text = REPORT.to_json()
    assert Template.from_json(text) == REPORT
    assert Template.from_json(text).to_json() == text


def test_what_a_newer_central_adds_is_passed_over() -> None:
    """A laptop away for a month can still open the form."""
    told = json.loads(REPORT.to_json())
    told["colour"] = "blue"
    told["sections"][0]["items"][0]["tooltip"] = {"en": "new"}
    assert Template.from_json(json.dumps(told)) == REPORT


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.pop("sections"),
        lambda told: told["sections"][0].pop("label"),
        lambda told: told["sections"][0]["items"][0].update(kind="hologram"),
        lambda told: told["sections"][0]["items"][0].update(label=["not", "text"]),
        lambda told: told["sections"][0]["items"][0]["rule"].update(rule="loudest"),
        lambda told: told.update(version="one"),
    ],
)
def test_a_template_that_is_none_is_refused_with_a_sentence(spoil: object) -> None:
    """Never a traceback in the truck."""
    told = json.loads(REPORT.to_json())
    assert callable(spoil)
    spoil(told)
    with pytest.raises(BadInput, match="publish it again"):
        Template.from_json(json.dumps(told))


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_any_text_at_all_is_a_template_or_a_sentence(text: str) -> None:
    """For any input."""
    with pytest.raises(BadInput):
        Template.from_json(text)


def test_an_answer_in_a_row_finds_its_question_and_its_rule() -> None:
    """Row ids are no part of what a rule is declared for."""
    found = REPORT.find("controls/0198-row/need")
    assert found is not None
    assert (found.name, found.rule.rule, found.rule.order) == (
        "need",
        Rule.STRICTER,
        ("none", "routine", "corrective"),
    )
    assert REPORT.field_rules()["controls"].rule is Rule.UNION
    assert REPORT.find("controls/0198-row") is None
    assert REPORT.find("nothing_of_the_kind") is None
