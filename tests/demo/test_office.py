"""The colleague at the office: whatever the foreman edits without a line, a true conflict comes of it by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bravetui.actions import conflicts as deciding
from bravetui.actions import forms
from bravetui.base.canonical import Json
from bravetui.demo.office import ALERTS, Colleague, other_answer, rewritten
from bravetui.demo.stage import FROM_THE_GATE, Stage, set_stage, storm_inspection, sync
from bravetui.forms.template import Choice, Question, QuestionKind
from bravetui.merge.passages import woven
from bravetui.views import conflicts, home
from bravetui.views.forms import form

FIRST, LAST = FROM_THE_GATE.split(". ")


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


EDITED = {
    "words added in a sentence": FROM_THE_GATE.replace("arroyo needs", "arroyo, 12 ft of it, needs"),
    "words added to a sentence": FROM_THE_GATE.replace("low point.", "low point, by the gate."),
    "the last sentence rewritten": f"{FIRST}. Muddy water left the site at the gate.",
    "a sentence added at the end": f"{FROM_THE_GATE} The crew is on it.",
    "a sentence put before all": f"Dry today. {FROM_THE_GATE}",
    "a sentence put between": f"{FIRST}. The crew is on it. {LAST}",
    "a sentence taken out": LAST,
    "both sentences touched": f"{FIRST} today. {LAST} So far.",
    "all rewritten": "Walked the site. All is well.",
    "one letter": FROM_THE_GATE.replace("SF-2", "SF-3"),
}


@pytest.mark.parametrize("his", EDITED.values(), ids=EDITED)
def test_she_rewrites_the_very_words_that_he_changed(his: str) -> None:
    """So that no program can make one text of both."""
    hers = rewritten(FROM_THE_GATE, his)
    assert woven(FROM_THE_GATE, his, hers, local_first=True) is None


def edit(stage: Stage, answers: dict[str, Json]) -> None:
    """What the foreman writes, with the office looking on."""
    submission_id = storm_inspection(stage) if stage.line.is_up else opened(stage)
    with Colleague(stage) as colleague:
        forms.answer(stage.foreman.store, stage.project_id, submission_id, answers)
        colleague.notice_write()


def opened(stage: Stage) -> str:
    return next(
        d.submission_id for d in home.home(stage.foreman.store, stage.project_id).due if d.submission_id
    )


def asked(stage: Stage) -> list[tuple[str, Json, Json]]:
    """Path and both sides of what is to decide on the foreman's laptop."""
    store, project_id = stage.foreman.store, stage.project_id
    rows = [row for row in conflicts.conflicts(store, project_id) if row.status == "open"]
    views = [conflicts.conflict(store, project_id, row.id) for row in rows]
    return [
        (field.path.removeprefix("answers/"), field.local.raw, field.remote.raw) for view in views for field in view.fields
    ]  # fmt: skip


def decide_all(stage: Stage) -> None:
    store, project_id = stage.foreman.store, stage.project_id
    for row in conflicts.conflicts(store, project_id):
        if row.status == "open":
            fields = conflicts.conflict(store, project_id, row.id).fields
            deciding.decide(store, project_id, row.id, {field.path: field.local.raw for field in fields})
    sync(stage.foreman, stage.line)


def test_an_edit_with_the_line_up_brings_no_colleague_and_one_with_it_cut_brings_a_conflict(
    stage: Stage,
) -> None:
    """Of the very field that the foreman edited, and an alert besides."""
    edit(stage, {"inspector_title": "Foreman, day shift"})
    sync(stage.foreman, stage.line)
    assert not asked(stage)
    stage.line.cut()
    edit(stage, {"temp_f": 61})
    edit(stage, {"inspector_title": "Site foreman"})
    stage.line.restore()
    sync(stage.foreman, stage.line)
    assert asked(stage) == [("inspector_title", "Site foreman", "as the office has it")]
    assert home.home(stage.foreman.store, stage.project_id).alerts[0].title in dict(ALERTS)
    decide_all(stage)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        pytest.param("summary", ["{0} By the gate."], id="a sentence added"),
        pytest.param(
            "summary", ["{0} By", "{0} By the", "{0} By the gate, 12 ft."], id="typed in three saves"
        ),
        pytest.param("summary", ["Torn. {0}", "Torn. {0} And dry."], id="at both ends"),
        pytest.param("trigger", ["other"], id="a choice"),
        pytest.param("rain_in", ["0.51"], id="a number"),
    ],
)
def test_every_cut_of_the_line_brings_its_conflict(stage: Stage, path: str, steps: list[str]) -> None:
    """One after the other on the same stage, as somebody plays with it: cut, edit, restore, decide, and again."""
    storm_inspection(stage)
    store, submission_id = stage.foreman.store, opened(stage)
    before = form(store, stage.project_id, submission_id).answers.get(path)
    stage.line.cut()
    for step in steps:
        edit(stage, {path: step.format(before)})
    stage.line.restore()
    sync(stage.foreman, stage.line)
    found = {where: sides for where, *sides in asked(stage)}
    assert path in found
    assert found[path][0] == steps[-1].format(before)
    decide_all(stage)
    assert not asked(stage)
