"""Rows of a form by keys that come faster than the screen: each reaches the question it was meant for."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key

from bravetui.actions import forms
from bravetui.forms.library import shipped
from bravetui.screens.form import FormScreen
from bravetui.widgets.question_field import QuestionField
from bravetui.widgets.repeat_field import RowHead
from tests.ui.scene import SMALL, Scene, playing, press, set_scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


async def test_keys_typed_ahead_of_a_row_that_opens_reach_its_questions(scene: Scene) -> None:
    """Enter, Tab, a name, Tab, the first choice, in one burst; no row is added, and none is named by a digit."""
    project_id = scene.site.project_id
    row = forms.add_row(scene.store, project_id, scene.submission_id, "stab").row_path
    before = scene.answers()
    async with playing(scene, SMALL) as pilot:
        screen = FormScreen(scene.submission_id)
        scene.app.open(screen)
        await pilot.pause()
        await press(pilot, *["pagedown"] * 4)
        assert isinstance(screen.focused, RowHead)
        for key in ("enter", "tab", "x", "tab", "1"):
            scene.app.post_message(Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        await press(pilot, "escape")
    answers = scene.answers()
    new = {path.removeprefix(f"{row}/"): value for path, value in answers.items() if path not in before}
    method = next(
        q for r in shipped("cgp_site_inspection").repeats() for q in r.questions if q.name == "method"
    )
    assert new == {"area": "x", "method": method.choices[0].value}


async def test_opening_another_row_closes_the_one_before_and_keeps_the_cursor_on_its_edge(
    scene: Scene,
) -> None:
    """Nothing else gets the cursor meanwhile: two rows, the second opened, then the first, then closed."""
    for _ in range(2):
        forms.add_row(scene.store, scene.site.project_id, scene.submission_id, "stab")
    async with playing(scene, SMALL) as pilot:
        screen = FormScreen(scene.submission_id)
        scene.app.open(screen)
        await pilot.pause()
        await press(pilot, *["pagedown"] * 4)
        first, second = screen.query(RowHead)
        for head in (second, first):
            screen.set_focus(head)
            await press(pilot, "enter")
            assert screen.focused is head
            assert {field.path.rpartition("/")[0] for field in screen.query(QuestionField)} == {head.row}
            assert [str(each.render())[0] for each in (first, second)] == [
                "▾" if each is head else "▸" for each in (first, second)
            ]
        await press(pilot, "enter")
        assert screen.focused is first
        assert not screen.query(QuestionField)
