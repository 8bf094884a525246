"""When the store says no: the words stay on screen, a sentence says what to do, and every key goes on working."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from bravetui.actions import forms
from bravetui.base.errors import StorageFull
from bravetui.messages import SyncReported
from bravetui.screens.confirm import ConfirmScreen
from bravetui.screens.form import FormScreen
from bravetui.screens.forms import FormsScreen
from bravetui.screens.home import HomeScreen
from bravetui.views import forms as seen
from bravetui.views import home
from tests.ui.scene import LARGE, SMALL, Scene, open_rain, playing, press, set_scene, write


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


def full(*_: object, **__: object) -> None:
    """What the store does on a full disk."""
    raise StorageFull("The disk is full.", "Free some room, then go on: this text is kept on screen.")


def drafts(scene: Scene) -> set[str]:
    """The drafts on this laptop."""
    rows = seen.submissions(scene.store, scene.site.project_id)
    return {row.id for row in rows if row.status == "draft"}


async def test_discarding_under_a_filter_takes_the_draft_that_is_shown(scene: Scene) -> None:
    """Two drafts, the filter shows the second: that one goes, the other stays."""
    project_id = scene.site.project_id
    forms.start_form(scene.store, project_id, scene.site.template_id)
    rows = [row for row in seen.submissions(scene.store, project_id) if row.status == "draft"]
    kept, gone = rows[0].id, rows[1].id
    with scene.store.write() as writing:
        writing.edit("submission", project_id, gone, {"title": "Pond walk"})
    async with playing(scene, LARGE) as pilot:
        await press(pilot, "f3", "slash")
        await write(pilot, "pond")
        await press(pilot, "enter", "d", "y")
        await pilot.pause()
    assert drafts(scene) == {kept}


@pytest.mark.parametrize("key", ["escape", "f2", "f3", "f4", "f7"])
async def test_no_key_leaves_a_form_that_could_not_be_saved(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The text stays where it is, and is saved once there is room."""
    real = forms.answer
    async with playing(scene, SMALL) as pilot:
        field = await open_rain(pilot, scene)
        monkeypatch.setattr(forms, "answer", full)
        await write(pilot, "0.42")
        await press(pilot, key)
        assert isinstance(scene.app.screen, FormScreen)
        assert field.is_attached
        assert field.query_one(Input).value == "0.42"
        monkeypatch.setattr(forms, "answer", real)
        await press(pilot, "escape")
    assert scene.answers()["rain_in"] == "0.42"


async def test_quitting_asks_before_unsaved_words_are_lost(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Esc stays with the words, Y leaves without them and without a fault."""
    async with playing(scene, SMALL) as pilot:
        field = await open_rain(pilot, scene)
        monkeypatch.setattr(forms, "answer", full)
        await write(pilot, "0.42")
        await press(pilot, "ctrl+q")
        assert isinstance(scene.app.screen, ConfirmScreen)
        await press(pilot, "escape")
        assert field.query_one(Input).value == "0.42"
        await press(pilot, "ctrl+q", "y")
    assert scene.app.return_code == 0


async def test_a_row_that_cannot_be_added_leaves_the_form_working(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence is said and Esc still goes back."""
    async with playing(scene, SMALL) as pilot:
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await press(pilot, "pagedown", "pagedown", "pagedown", "pagedown")
        monkeypatch.setattr(forms, "add_row", full)
        await pilot.click("Button.add")
        await pilot.pause()
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, HomeScreen)


async def test_a_screen_that_could_not_be_read_once_is_read_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sync reports while the store says no; afterwards every key works."""
    real = home.home
    async with playing(scene, SMALL) as pilot:
        monkeypatch.setattr(home, "home", full)
        scene.app.screen.post_message(SyncReported())
        await pilot.pause()
        monkeypatch.setattr(home, "home", real)
        await press(pilot, "f3")
        assert isinstance(scene.app.screen, FormsScreen)
        await press(pilot, "escape", "n")
        await pilot.pause()
        assert isinstance(scene.app.screen, FormScreen)


async def test_a_form_that_cannot_be_begun_keeps_what_was_typed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N and a letter with a full disk: the form stays with its words, and is begun once there is room."""
    real, before = forms.start_form, drafts(scene)
    async with playing(scene, SMALL) as pilot:
        monkeypatch.setattr(forms, "start_form", full)
        await press(pilot, "n")
        await pilot.pause()
        await write(pilot, "today")
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, FormScreen)
        assert drafts(scene) == before
        monkeypatch.setattr(forms, "start_form", real)
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, HomeScreen)
    (begun,) = drafts(scene) - before
    answers = seen.form(scene.store, scene.site.project_id, begun).answers
    assert answers["report_date"] == "2026-08-03"
