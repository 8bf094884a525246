"""What cannot be saved is held on screen alone and said where it is; all else is saved, and it itself once it can be."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.widgets import Static, TextArea

from bravetui.actions import forms
from bravetui.base.errors import StorageFull
from bravetui.forms.parse import TEXT_CHARACTERS_MAX
from bravetui.screens import form
from bravetui.screens.confirm import ConfirmScreen
from bravetui.screens.form import SAVE_AFTER_S, FormScreen
from bravetui.screens.home import HomeScreen
from bravetui.widgets.question_field import QuestionField
from tests.ui.scene import SMALL, Scene, open_answer, playing, press, set_scene, write

LONG = "Walked the site with Hank.\n" * (TEXT_CHARACTERS_MAX // 27 + 100)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


def said(scene: Scene) -> str:
    """What the line below the form says of saving."""
    return str(scene.app.screen.query_one("#saved", Static).render())


def below(field: QuestionField) -> str:
    """What stands under a question."""
    return str(field.query_one(".problem", Static).render())


async def test_one_answer_that_is_too_long_holds_back_no_other(scene: Scene) -> None:
    """Pasted into the summary: said under it, kept through pages, nobody leaves; all others are saved in half a second."""
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", "Dry.")
        field.query_one(TextArea).text = LONG
        await asyncio.sleep(SAVE_AFTER_S + 0.1)
        await pilot.pause()
        assert "50,000 characters" in below(field)
        assert "NOT SAVED" in said(scene)
        assert not scene.app._notifications
        await press(pilot, "pageup", *["pageup"] * 9)
        await write(pilot, "today")
        await asyncio.sleep(SAVE_AFTER_S + 0.1)
        await pilot.pause()
        assert scene.answers()["report_date"] == "2026-08-03"
        assert scene.answers()["summary"] == "Dry."
        assert "NOT SAVED" in said(scene)
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, FormScreen)
        await press(pilot, "ctrl+q")
        assert isinstance(scene.app.screen, ConfirmScreen)


async def test_an_answer_that_was_too_long_is_saved_once_it_is_shortened(scene: Scene) -> None:
    """And then the form is left as ever."""
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", "Dry.")
        field.query_one(TextArea).text = LONG
        await press(pilot, "pageup", "pagedown")
        field = next(each for each in scene.app.screen.query(QuestionField) if each.path == "summary")
        assert field.query_one(TextArea).text == LONG
        field.query_one(TextArea).text = LONG[:1000]
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, HomeScreen)
    assert scene.answers()["summary"] == LONG[:1000]


def full(*_: object, **__: object) -> None:
    """What the store does on a full disk."""
    raise StorageFull("The disk is full.", "Free some room, then go on: this text is kept on screen.")


async def test_what_a_full_disk_kept_out_is_saved_by_itself_once_there_is_room(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key is needed, no toast lies over the fields or over the question whether to quit."""
    monkeypatch.setattr(form, "SAVE_AGAIN_S", 0.2)
    real = forms.answer
    async with playing(scene, SMALL) as pilot:
        await open_answer(pilot, scene, "summary", "Dry.")
        monkeypatch.setattr(forms, "answer", full)
        await write(pilot, "x")
        await asyncio.sleep(SAVE_AFTER_S + 0.1)
        await pilot.pause()
        assert "NOT SAVED: The disk is full. Free some room" in said(scene)
        scene.app.notify("Said a moment ago.")
        await press(pilot, "ctrl+q")
        assert isinstance(scene.app.screen, ConfirmScreen)
        assert not scene.app._notifications
        await press(pilot, "escape")
        monkeypatch.setattr(forms, "answer", real)
        await asyncio.sleep(0.4)
        await pilot.pause()
        assert scene.answers()["summary"] == "Dry.x"
        assert "Saved on this laptop" in said(scene)
