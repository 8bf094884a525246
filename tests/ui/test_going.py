"""Going from screen to screen and back, by function key, Esc and palette; and the window itself, small and large."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, Static

from bravetui.db.device import OutboxState
from bravetui.screens.home import HomeScreen
from bravetui.screens.queue import QueueScreen
from bravetui.screens.too_small import TooSmallScreen
from tests.ui.scene import LARGE, SMALL, Scene, open_rain, playing, press, set_scene, write


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


async def test_who_looks_at_the_queue_from_a_form_is_back_at_his_question_with_escape(scene: Scene) -> None:
    """And at conflicts, one after the other; what he had typed is saved, and stands there."""
    async with playing(scene, SMALL) as pilot:
        await open_rain(pilot, scene)
        await write(pilot, "0.41")
        form, at = scene.app.screen, scene.app.screen.focused
        await press(pilot, "f4", "f7", "escape")
        assert (scene.app.screen, scene.app.screen.focused) == (form, at)
        assert scene.answers()["rain_in"] == "0.41"
        await press(pilot, "backspace", "2", "f7", "f2")
        assert isinstance(scene.app.screen, HomeScreen)
    assert scene.answers()["rain_in"] == "0.42"


async def test_a_form_under_the_queue_is_gone_back_to_and_not_opened_twice(scene: Scene) -> None:
    async with playing(scene, SMALL) as pilot:
        await open_rain(pilot, scene)
        await press(pilot, "pageup")  # which saves
        form = scene.app.screen
        scene.set_outbox(state=OutboxState.REFUSED.value)
        await press(pilot, "f4", "down", "down", "m")
        assert scene.app.screen is form


async def test_escape_and_function_keys_reach_every_screen(scene: Scene) -> None:
    """F4 from a form; Esc back home."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f3", "f4")
        assert isinstance(scene.app.screen, QueueScreen)
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, HomeScreen)


async def test_the_palette_finds_every_command(scene: Scene) -> None:
    """By name, for those who do not know the keys."""
    async with playing(scene, LARGE):
        titles = {command.title for command in scene.app.get_system_commands(scene.app.screen)}
    wanted = {
        "Home",
        "Forms",
        "Queue",
        "Conflicts",
        "Rain",
        "Sync now",
        "Sync log",
        "Cut the line",
        "Colours: sunlight",
    }
    assert wanted <= titles


async def test_a_window_made_small_and_large_again_loses_nothing(scene: Scene) -> None:
    """Forty by ten in the middle of a word."""
    async with playing(scene, SMALL) as pilot:
        field = await open_rain(pilot, scene)
        await write(pilot, "0.4")
        await pilot.resize_terminal(40, 10)
        await pilot.pause()
        assert isinstance(scene.app.screen, TooSmallScreen)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert field.query_one(Input).value == "0.4"


async def test_the_palette_goes_to_any_page_of_the_form(scene: Scene) -> None:
    """At 80 columns nothing else does at once."""
    async with playing(scene, SMALL) as pilot:
        await open_rain(pilot, scene)
        await press(pilot, "ctrl+p")
        await write(pilot, "findings")
        await pilot.pause(0.5)
        await press(pilot, "enter")
        await pilot.pause()
        assert "H. Findings" in str(scene.app.screen.query_one("#where", Static).render())
        await write(pilot, "Z")
        await press(pilot, "f2")
    assert "Z" in str(scene.answers()["summary"])


async def test_a_click_on_a_page_leaves_the_cursor_in_its_first_question(scene: Scene) -> None:
    async with playing(scene, LARGE) as pilot:
        await open_rain(pilot, scene)
        await pilot.click("#sections", offset=(6, 7))
        await pilot.pause()
        assert "H. Findings" in str(scene.app.screen.query_one("#where", Static).render())
        await write(pilot, "Z")
        await press(pilot, "f2")
    assert "Z" in str(scene.answers()["summary"])
