"""The story as text tells nothing that did not happen, also where somebody has played with the demo before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bravetui.actions import forms
from bravetui.demo.office import edit_same_inspection
from bravetui.demo.report import whole_report
from bravetui.demo.stage import Stage, set_stage, storm_inspection, sync
from bravetui.demo.story import Story
from bravetui.views.forms import form


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with set_stage(tmp_path, lambda words: None, fresh=False, scale=0.02) as stage:
        yield stage


def test_a_story_without_a_conflict_decides_nothing(stage: Stage) -> None:
    """The office has written what it writes in the story already, and the foreman has left it so."""
    told: list[str] = []
    store, project_id = stage.foreman.store, stage.project_id
    submission_id = storm_inspection(stage)
    started = form(store, project_id, submission_id)
    for page in whole_report(started.answers, store.clock.now().astimezone(started.zone)).values():
        forms.answer(store, project_id, submission_id, page)
    sync(stage.foreman)
    edit_same_inspection(stage, submission_id)
    sync(stage.foreman)
    Story(stage, told.append).play()
    story = "\n".join(told)
    assert " 0 conflicts" not in story
    assert ("decides" in story) == ("conflict" in story.partition("Two people set the same fields")[2])
    assert "She answers: What set off this inspection?; Rain that set it off" in story
    assert "All answers are equal on both" in story
    signatures = [line for line in story.splitlines() if "signature row" in line]
    assert len(signatures) == len(set(signatures)) > 1
