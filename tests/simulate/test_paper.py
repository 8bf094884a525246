"""The versions of the form really differ, and any of them can be filled in and handed in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bravetui.base.canonical import Json
from bravetui.forms.template import QuestionKind, Template
from bravetui.simulate import paper

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def kinds(form: Template) -> dict[str, QuestionKind]:
    return {question.path: question.kind for question in form.questions()}


def test_the_second_version_adds_a_question_drops_one_retypes_one_and_withdraws_a_choice() -> None:
    first, second = kinds(paper.template(1)), kinds(paper.template(2))
    assert second.keys() - first.keys() == {"note_2"}
    assert first.keys() - second.keys() == {"prior_note"}
    assert (first["contact"], second["contact"]) == (QuestionKind.TEXT, QuestionKind.INTEGER)
    assert set(paper.offered(1)) - set(paper.offered(2)) == {"sleet"}
    assert "contact" not in paper.typed_in(2), "a text is no answer to it any more"
    assert "note_2" in paper.typed_in(2)


@pytest.mark.parametrize("version", [1, 2, 3, 5])
def test_every_version_can_be_filled_in(version: int) -> None:
    answers: dict[str, Json] = {}
    for _ in range(paper.FILLED_ROUNDS_MAX):
        answers |= paper.left_to_answer(paper.template(version), answers, NOON)
    assert len(answers) > 30
    assert not paper.left_to_answer(paper.template(version), answers, NOON)
