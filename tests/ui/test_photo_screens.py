"""Photos as pictures: none yet, three, one that waits, one that a colleague took, the file dialogue, the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from bravetui.screens.form import FormScreen
from bravetui.views import folders
from tests.support.seeded import NOON
from tests.support.snapshots import SnapScreen
from tests.ui.photo_scene import (
    CAPTIONS,
    colleagues,
    hold_back,
    open_photos,
    shot,
    three,
)
from tests.ui.scene import LARGE, SMALL, Scene, playing, press, set_scene

BOTH = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path / "laptop")


@BOTH
async def test_a_report_without_a_photo_says_how_one_is_added(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    async with playing(scene, size) as pilot:
        await open_photos(pilot, scene)
        await snap_screen(pilot)


@BOTH
async def test_three_photos_and_the_one_under_the_cursor(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """The picture, its words in full, and where its bytes are."""
    three(scene)
    async with playing(scene, size) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "down")
        await snap_screen(pilot)


@BOTH
async def test_a_photo_that_waits_says_why(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    three(scene)
    hold_back(scene, "Central has no room for photos. The office has to make some.")
    async with playing(scene, size) as pilot:
        await open_photos(pilot, scene)
        await snap_screen(pilot)


@BOTH
async def test_a_colleagues_photo_can_be_got_from_central(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    colleagues(scene)
    shot(scene, CAPTIONS[0])
    async with playing(scene, size) as pilot:
        await open_photos(pilot, scene)
        await snap_screen(pilot)


@BOTH
async def test_the_file_dialogue_shows_places_folders_and_pictures(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Path("/media/carlos/STICK/DCIM")
    entries = [folders.Entry(here / "100APPLE", "100APPLE", is_folder=True)] + [
        folders.Entry(
            here / f"IMG_{number}.jpg", f"IMG_{number}.jpg", is_folder=False, size_bytes=2_345_678, changed_at=NOON
        )
        for number in range(412, 440)
    ]  # fmt: skip
    monkeypatch.setattr(folders, "look_into", lambda path: folders.Folder(path, tuple(entries), 3, False))
    offered = [
        folders.Place(here, "STICK"),
        folders.Place(Path("/home/carlos"), "Pictures"),
        folders.Place(Path("/home/carlos"), "Home folder"),
    ]
    monkeypatch.setattr(folders, "places", lambda: tuple(offered))
    async with playing(scene, size) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "a", "down")
        await snap_screen(pilot)


@BOTH
async def test_the_photos_of_the_whole_project(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """From the list of forms."""
    three(scene)
    async with playing(scene, size) as pilot:
        await press(pilot, "f3", "f12")
        await snap_screen(pilot)


@BOTH
async def test_the_queue_says_how_much_of_the_photos_waits_and_why(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    three(scene)
    hold_back(scene, "Central has no room for photos. The office has to make some.")
    async with playing(scene, size) as pilot:
        await press(pilot, "f4")
        await snap_screen(pilot)


@BOTH
async def test_a_form_with_photos_says_how_many_before_it_is_signed(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    three(scene)
    async with playing(scene, size) as pilot:
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await press(pilot, "ctrl+r")
        await snap_screen(pilot)
