"""Values as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.forms.display import value_text
from bravetui.forms.template import Choice, Question, QuestionKind
from tests.forms.making import REPORT, YES_NO, question

SEEN = question("seen", QuestionKind.CHOICES, choices=(Choice("foam", "Foam"), Choice("sheen", "Oil sheen")))


@pytest.mark.parametrize(
    ("asked", "value", "text"),
    [
        (question("a"), None, ""),
        (question("a"), "", ""),
        (SEEN, [], ""),
        (SEEN, ["foam", "sheen"], "Foam, Oil sheen"),
        (SEEN, ["foam", "retired"], "Foam, retired"),
        (question("a", QuestionKind.YES_NO, choices=YES_NO), "yes", "Yes"),
        (question("a", QuestionKind.DECIMAL, unit="in"), "0.42", "0.42 in"),
        (question("a", QuestionKind.INTEGER, unit="°F"), 0, "0 °F"),
        (question("a", QuestionKind.DATE), "2026-08-03", "Mon 3 Aug 2026"),
        (question("a", QuestionKind.TIME), "00:05", "12:05 am"),
        (question("a", QuestionKind.DATETIME), "2026-08-03T20:30:00-06:00", "Mon 3 Aug 2026, 8:30 pm"),
        (question("a", QuestionKind.DATE), "8/3/2026", "8/3/2026"),
        (question("a", QuestionKind.ACKNOWLEDGE), "OK", "Certified"),
        (question("a"), True, "Yes"),
    ],
)
def test_a_value_reads_as_a_person_would_say_it(asked: Question, value: Json, text: str) -> None:
    """What cannot be read is shown as it is."""
    assert value_text(asked, value) == text


_json = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4)


@given(st.sampled_from(list(REPORT.questions())), _json)
def test_any_value_can_be_shown(asked: Question, value: Json) -> None:
    """Also one that fits no question: a diff must show it."""
    assert isinstance(value_text(asked, value), str)
