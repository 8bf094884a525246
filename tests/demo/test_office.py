"""The colleague at the office: whatever the foreman edits without a line, a true conflict comes of it by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bravetui.actions import forms
from bravetui.base.canonical import Json
from bravetui.demo.office import Colleague, other_answer
from bravetui.demo.stage import Stage, set_stage, storm_inspection, sync
from bravetui.forms.template import Choice, Question, QuestionKind
from bravetui.views import conflicts, home


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("demo")
    with set_stage(folder, lambda words: None, fresh=False, scale=0.02) as stage:
        yield stage


def question(kind: QuestionKind, *choices: str) -> Question:
    return Question(
        "path", "/data/path", kind, "Label", choices=tuple(Choice(each, each) for each in choices)
    )


@pytest.mark.parametrize(
    ("kind", "choices", "value"),
    [
        (QuestionKind.CHOICE, ("a", "b"), "a"),
        (QuestionKind.CHOICE, ("a", "b"), "b"),
        (QuestionKind.YES_NO, (), "yes"),
        (QuestionKind.YES_NO, (), "no"),
        (QuestionKind.DECIMAL, (), "0.42"),
        (QuestionKind.DECIMAL, (), "0.31"),
        (QuestionKind.TEXT, (), "Foreman"),
        (QuestionKind.LONG_TEXT, (), "Walked the site."),
    ],
)
def test_the_office_has_another_answer(kind: QuestionKind, choices: tuple[str, ...], value: Json) -> None:
    """To what people edit most."""
    assert other_answer(question(kind, *choices), value) != value


def test_an_edit_with_the_line_up_brings_no_colleague_and_one_with_it_cut_brings_a_conflict(
    stage: Stage,
) -> None:
    """Of the very field that the foreman edited, and an alert besides."""
    store, project_id = stage.foreman.store, stage.project_id
    submission_id = storm_inspection(stage)

    def edit(answers: dict[str, Json]) -> None:
        with Colleague(stage, submission_id) as colleague:
            forms.answer(store, project_id, submission_id, answers)
            colleague.notice_write()

    edit({"inspector_title": "Foreman, day shift"})
    sync(stage.foreman, stage.line)
    assert not conflicts.conflicts(store, project_id)
    stage.line.cut()
    edit({"temp_f": 61})
    edit({"inspector_title": "Site foreman"})
    stage.line.restore()
    sync(stage.foreman, stage.line)
    seen = [conflicts.conflict(store, project_id, row.id) for row in conflicts.conflicts(store, project_id)]
    assert [(field.local.raw, field.remote.raw) for view in seen for field in view.fields] == [
        ("Site foreman", "as the office has it")
    ]
    assert "Lightning" in home.home(store, project_id).alerts[0].title
