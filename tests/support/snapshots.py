"""Pictures of screens, kept in `snapshots/<test module>/<test>[80x24].txt` and `.svg`.

The text is what a reviewer reads in a diff, the SVG holds colours and styles. A test takes one with the fixture
`snap_screen` of `tests/conftest.py`; `pytest --snapshot-update` writes them anew. A missing picture fails its test, and
one that no test takes any more fails a whole run (`unused_pictures.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation
from textual.pilot import Pilot

from tests.support.unused_pictures import ROOT, note_taken

_RANDOM_ID = re.compile(r"\bterminal-\d+-([\w-]+)")


class _ScreenFile(SingleFileSnapshotExtension):
    """One text file a picture, gathered at the top of the tree instead of beside each test."""

    _write_mode = WriteMode.TEXT

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(ROOT / test_location.basename)

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: int | str = 0) -> str:
        """The test's name and the size; a test that has the size among its parameters does not say it twice."""
        if isinstance(index, str) and f"[{index}]" in test_location.snapshot_name:
            index = 0
        return super().get_snapshot_name(test_location=test_location, index=index)

    @classmethod
    def write_snapshot_collection(cls, *, snapshot_collection: Any, name_order: Any = None) -> None:
        """Line ends are LF on every system, as git keeps them."""
        [snapshot] = snapshot_collection
        Path(snapshot_collection.location).write_text(str(snapshot.data), encoding="utf-8", newline="\n")


class ScreenText(_ScreenFile):
    """What the screen says, character by character."""

    file_extension = "txt"


class ScreenPicture(_ScreenFile):
    """What the screen looks like, as SVG."""

    file_extension = "svg"

    def diff_lines(self, serialized_data: Any, snapshot_data: Any) -> Iterator[str]:
        """The SVG's own lines tell a person nothing, so only the fact is said."""
        yield "The words are the same, colours or styles are not."
        yield "Run this test with --snapshot-update and look at the SVG in `git diff`, or open both."


class SnapScreen:
    """Compares the screen of a running app with its pictures: `await snap_screen(pilot)`."""

    def __init__(self, snapshot: SnapshotAssertion, config: pytest.Config) -> None:
        self._snapshot = snapshot
        self._config = config

    async def __call__(self, pilot: Pilot[Any], name: str = "") -> None:
        """Compare text, then picture. A test that takes several gives each its `name`."""
        await _settle(pilot)
        width, height = pilot.app.size
        index = "-".join(part for part in (name, f"{width}x{height}") if part)
        place = Path(ScreenText.get_location(test_location=self._snapshot.test_location, index=index))
        note_taken(self._config, place.relative_to(ROOT).with_suffix("").as_posix())
        assert screen_text(pilot) == self._snapshot(name=index, extension_class=ScreenText)
        assert screen_svg(pilot) == self._snapshot(name=index, extension_class=ScreenPicture)


def screen_text(pilot: Pilot[Any]) -> str:
    """The characters on the screen, without trailing blanks, one line a row."""
    rows = (strip.text.rstrip() for strip in pilot.app.screen._compositor.render_strips())
    return "\n".join(rows) + "\n"


def screen_svg(pilot: Pilot[Any]) -> str:
    """The screen as SVG, without the random id that Rich puts into its class names."""
    svg = pilot.app.export_screenshot(title="bravetui", simplify=True)
    return _RANDOM_ID.sub(r"terminal-\1", svg) + "\n"


async def _settle(pilot: Pilot[Any]) -> None:
    """Stop every cursor from blinking, and wait until nothing moves and nothing is queued."""
    for widget in pilot.app.screen.walk_children():
        if getattr(widget, "cursor_blink", False):
            widget.cursor_blink = False  # type: ignore[attr-defined]
    await pilot.pause()
    await pilot.wait_for_scheduled_animations()
    await pilot.pause()
