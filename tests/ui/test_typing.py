"""Typing as a fast hand and a slow line do it: every key acts in its turn, and function keys stay the app's."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import Input, TextArea

from bravetui.messages import SyncReported
from bravetui.screens.conflicts import ConflictsScreen
from tests.ui.scene import SMALL, Scene, open_answer, playing, press, set_scene

KNOWN = "Silt fence SF-2 along the arroyo needs a look near the low point. Nothing left the site."
SENTENCE = "It is torn for 12 ft; the crew is on it."


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


def burst(scene: Scene, *keys: str) -> None:
    """Keys as one packet of a terminal brings them, with what sync says between them."""
    for number, key in enumerate(keys):
        names = {" ": "space", ".": "full_stop", ";": "semicolon", "-": "minus"}
        scene.app.post_message(Key(names.get(key, key), key if len(key) == 1 else None))
        if number % 20 == 0:
            scene.app.screen.post_message(SyncReported())


@pytest.mark.parametrize("path", ["summary", "company"])
async def test_a_burst_of_keys_acts_in_its_order(scene: Scene, path: str) -> None:
    """Thirty Backspaces and a sentence at once, with a correction in its middle: the text is what was meant."""
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, path, KNOWN)
        burst(
            scene,
            *["backspace"] * 30,
            *SENTENCE,
            *["left"] * 3,
            "delete",
            "Z",
            "ctrl+home",
            "Y",
            "ctrl+end",
            "W",
        )
        await pilot.pause()
        await pilot.pause()
        await press(pilot, "escape")
        assert not field.is_attached
    assert scene.answers()[path] == f"Y{KNOWN[:-30]}{SENTENCE[:-3]}Z{SENTENCE[-2:]}W"


async def test_f6_and_f7_are_the_apps_inside_a_long_text(scene: Scene) -> None:
    """The line is cut and nothing is selected: the next letter is added, nothing is replaced."""
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", KNOWN)
        await press(pilot, "f6")
        assert not scene.line.is_up
        await press(pilot, "x")
        assert field.query_one(TextArea).text == KNOWN + "x"
        await press(pilot, "f7")
        assert isinstance(scene.app.screen, ConflictsScreen)
    assert scene.answers()["summary"] == KNOWN + "x"


async def test_the_cursor_is_behind_a_text_and_ctrl_home_goes_before_it(scene: Scene) -> None:
    """Who adds to a text adds at its end, also when it is longer than its box."""
    text = f"{KNOWN}\n" * 9 + KNOWN
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", text)
        area = field.query_one(TextArea)
        await press(pilot, "a", "ctrl+home", "b", "ctrl+end", "c")
        assert area.text == f"b{text}ac"
        assert area.scroll_offset.y > 0


async def test_a_line_begins_at_its_end_too(scene: Scene) -> None:
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "company", "Sandia")
        await press(pilot, "a", "ctrl+home", "b", "ctrl+end", "c")
        assert field.query_one(Input).value == "bSandiaac"
