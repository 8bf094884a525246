"""Whoever works here sees that support was here, and what it did."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import DataTable, Static

from bravetui.actions.support import note_support
from tests.ui.scene import SMALL, Scene, playing, press, set_scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path)


async def test_the_queue_says_who_was_here_as_support_and_the_log_what_he_did(scene: Scene) -> None:
    """Where nobody was, the line takes no room."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f4")
        assert not scene.app.screen.query_one("#support", Static).display
        await press(pilot, "escape")
        note_support(scene.store, "Nina Ortiz", "read the queue")
        await press(pilot, "f4")
        line = scene.app.screen.query_one("#support", Static)
        assert line.display
        assert "Support: Nina Ortiz read the queue" in str(line.render())
        await press(pilot, "l")
        table = scene.app.screen.query_one("#log", DataTable)
        assert "Nina Ortiz read the queue" in [str(cell) for cell in table.get_row_at(0)]
