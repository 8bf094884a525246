"""Photos on the screen: added with keys alone, told where their bytes are, worded, taken off, and fetched from central."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList, Static

from bravetui.base.errors import Transient
from bravetui.base.text import safe_line
from bravetui.screens.caption import CaptionScreen
from bravetui.screens.choose_file import ChooseFileScreen
from bravetui.screens.confirm import ConfirmScreen
from bravetui.screens.form import FormScreen
from bravetui.screens.photos import PhotosScreen
from bravetui.views import folders
from bravetui.views.forms import NewForm, form, submissions
from bravetui.views.photos import PhotoRow
from bravetui.wire.blobs import Blob, Rendition
from tests.support.hostile import EVERY_KIND, harm
from tests.support.pictures import jpeg
from tests.support.snapshots import screen_text
from tests.ui.photo_scene import (
    CAPTIONS,
    colleagues,
    hold_back,
    open_photos,
    own,
    said,
    settled,
    shot,
    site_picture,
    three,
)
from tests.ui.scene import LARGE, SMALL, Scene, playing, press, set_scene, write


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return set_scene(tmp_path / "laptop")


@pytest.fixture
def stick(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stick with two pictures, a folder and a file that is no picture; the only place that this machine offers."""
    folder = tmp_path / "STICK"
    (folder / "DCIM").mkdir(parents=True)
    (folder / "IMG_1.jpg").write_bytes(jpeg(640, 480, taken="2026:08:03 09:30:00", offset="-06:00"))
    (folder / "DCIM" / "IMG_2.jpg").write_bytes(jpeg(600, 480))
    (folder / "IMG_3.heic").write_bytes(b"another kind")
    monkeypatch.setattr(folders, "places", lambda: (folders.Place(folder, "STICK"),))
    return folder


async def test_a_picture_is_added_with_keys_alone_and_the_form_counts_it(scene: Scene, stick: Path) -> None:
    """F12, A, into a folder and out of it, the picture, its caption; original, preview and thumbnail are here."""
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "a", "enter", "backspace", "down", "enter")
        assert isinstance(scene.app.screen, CaptionScreen)
        await write(pilot, "Undercut")
        await press(pilot, "enter")
        await settled(pilot)
        assert "Saved on this laptop." in said(scene)
        (photo,) = own(scene)
        assert (photo.caption, photo.here) == ("Undercut", frozenset(Rendition))
        assert photo.taken_at is not None
        assert photo.taken_at.isoformat() == "2026-08-03T15:30:00+00:00"
        assert "Undercut" in screen_text(pilot)
        assert "▀" in screen_text(pilot)
        await press(pilot, "escape")
        assert "1 photo " in screen_text(pilot)
        await press(pilot, "ctrl+r")
        assert "1 photo goes with it" in screen_text(pilot)


async def test_a_picture_is_chosen_with_the_mouse_alone(scene: Scene, stick: Path) -> None:
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "a")
        at = next(y for y, line in enumerate(screen_text(pilot).splitlines()) if "IMG_1.jpg" in line)
        await pilot.click(offset=(5, at))
        await pilot.pause()
        await pilot.click("#save")
        await settled(pilot)
        assert [photo.caption for photo in own(scene)] == [""]


async def test_the_last_folder_is_where_the_next_picture_is_looked_for(scene: Scene, stick: Path) -> None:
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "a", "enter", "enter", "escape", "a")
        assert "DCIM" in screen_text(pilot).splitlines()[2].rstrip()[-4:]


@pytest.mark.parametrize("quote", ["", "'"])
async def test_a_picture_is_named_by_typing_as_well(scene: Scene, stick: Path, quote: str) -> None:
    """As a terminal pastes a file that was dropped on it, too."""
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "a")
        scene.app.screen.query_one("#path", Input).value = f"{quote}{stick / 'IMG_1.jpg'}{quote}"
        scene.app.screen.query_one("#path", Input).focus()
        await press(pilot, "enter")
        assert isinstance(scene.app.screen, CaptionScreen)


async def test_a_stick_that_was_pulled_out_is_said_and_ends_nothing(scene: Scene, stick: Path) -> None:
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "a")
        (stick / "DCIM" / "IMG_2.jpg").unlink()
        (stick / "DCIM").rmdir()
        await press(pilot, "enter")
        assert isinstance(scene.app.screen, ChooseFileScreen)
        assert "cannot be read. Is the stick or the card still in?" in screen_text(pilot)
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, PhotosScreen)


async def test_a_file_that_is_no_picture_is_said_in_words_and_nothing_is_added(
    scene: Scene, stick: Path
) -> None:
    (stick / "IMG_1.jpg").write_text("no picture")
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "a", "down", "enter", "enter")
        await settled(pilot)
        assert isinstance(scene.app.screen, PhotosScreen)
        assert "picture" in said(scene)
        assert not own(scene)
        assert not scene.app.screen.query_one("#busy", Static).display


async def test_a_form_in_which_nothing_is_written_begins_with_its_first_photo(
    scene: Scene, stick: Path
) -> None:
    """Looking at its photos alone leaves no trace of it."""
    async with playing(scene, SMALL) as pilot:
        before = {row.id for row in submissions(scene.store, scene.site.project_id)}
        scene.app.open(FormScreen(new=NewForm(scene.site.template_id)))
        await pilot.pause()
        await press(pilot, "f12")
        assert {row.id for row in submissions(scene.store, scene.site.project_id)} == before
        await press(pilot, "a", "down", "enter", "enter")
        await settled(pilot)
        (begun,) = {row.id for row in submissions(scene.store, scene.site.project_id)} - before
        assert form(scene.store, scene.site.project_id, begun).photos == 1
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, FormScreen)
        assert scene.app.screen.submission_id == begun


async def test_a_photo_is_worded_anew_and_taken_off_once_one_says_so(scene: Scene) -> None:
    shot(scene, CAPTIONS[0])
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "c")
        await write(pilot, " north")
        await press(pilot, "enter")
        await settled(pilot)
        assert [photo.caption for photo in own(scene)] == [f"{CAPTIONS[0]} north"]
        await press(pilot, "d")
        assert isinstance(scene.app.screen, ConfirmScreen)
        await press(pilot, "n")
        assert len(own(scene)) == 1
        await press(pilot, "d", "y")
        await settled(pilot)
        assert not own(scene)
        assert "No photo yet." in screen_text(pilot)


async def test_g_gets_the_small_picture_first_and_then_the_whole(scene: Scene) -> None:
    photo = colleagues(scene)
    asked: list[Rendition] = []

    async def bring(row: PhotoRow, rendition: Rendition) -> None:
        asked.append(rendition)
        scene.store.photos.keep(Blob(photo, rendition), site_picture())

    scene.app.services.bring_photo = bring
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        assert "▀" not in screen_text(pilot)
        await press(pilot, "g")
        await settled(pilot)
        assert "▀" in screen_text(pilot)
        assert "G gets the whole, too: 3.1 MB." in said(scene)
        await press(pilot, "g")
        await settled(pilot)
        await press(pilot, "g")
        await settled(pilot)
        assert "here in full" in said(scene)
    assert asked == [Rendition.THUMBNAIL, Rendition.ORIGINAL]


async def test_without_a_line_g_says_so_and_what_to_do(scene: Scene) -> None:
    colleagues(scene)

    async def bring(row: PhotoRow, rendition: Rendition) -> None:
        raise Transient("No line to central.")

    scene.app.services.bring_photo = bring
    async with playing(scene, SMALL) as pilot:
        screen = await open_photos(pilot, scene)
        await press(pilot, "g")
        await settled(pilot)
        assert "No line to central. Press G again where there is a line" in said(scene)
        assert not screen.query_one("#busy", Static).display


async def test_the_keys_stay_alive_while_a_photo_is_on_its_way(scene: Scene) -> None:
    """And one who goes elsewhere meanwhile is told there that it is here."""
    colleagues(scene)
    arrives = asyncio.Event()

    async def bring(row: PhotoRow, rendition: Rendition) -> None:
        await arrives.wait()

    scene.app.services.bring_photo = bring
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "g")
        assert "Getting it from central" in screen_text(pilot)
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, FormScreen)
        arrives.set()
        await settled(pilot)
        assert "It is here now." in said(scene)


def signed(scene: Scene) -> None:
    """The draft, as if it had been handed in."""
    with scene.store.write() as writing:
        writing.edit("submission", scene.site.project_id, scene.submission_id, {"status": "submitted"})


async def test_a_report_that_was_handed_in_keeps_its_photos(scene: Scene) -> None:
    """Neither added to, nor worded anew, nor taken off: from its own screen or the project's."""
    shot(scene, CAPTIONS[0])
    signed(scene)
    async with playing(scene, LARGE) as pilot:
        screen = await open_photos(pilot, scene)
        assert "kept as it was signed" in screen_text(pilot)
        assert not {"add", "caption", "remove"} & {
            one.binding.action for one in screen.active_bindings.values()
        }
        await press(pilot, "f3", "f12", "d", "y")
        await settled(pilot)
        assert "kept with its photos as it was signed" in said(scene)
    assert len(own(scene)) == 1


async def test_whoever_only_reads_is_offered_nothing_to_write(scene: Scene) -> None:
    shot(scene, CAPTIONS[0])
    known = next(
        seed
        for seed in scene.site.records
        if seed.kind == "project_member" and seed.values["user_id"] == scene.site.foreman_id
    )
    scene.arrive(replace(known, values={**known.values, "project_role": "viewer"}))
    async with playing(scene, SMALL) as pilot:
        screen = await open_photos(pilot, scene)
        await press(pilot, "a", "c", "d")
        assert scene.app.screen is screen
        assert not {"Add", "Caption", "Remove"} & set(screen_text(pilot).splitlines()[-1].split())


async def test_photos_of_the_project_lead_to_their_form(scene: Scene) -> None:
    shot(scene, CAPTIONS[0])
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f12")
        listed = scene.app.screen.query_one("#photos", OptionList)
        listed.highlighted = listed.get_option_index(own(scene)[0].id)
        await press(pilot, "o")
        assert isinstance(scene.app.screen, FormScreen)
        assert scene.app.screen.submission_id == scene.submission_id


@pytest.mark.parametrize("size", [(60, 16), SMALL], ids=["60x16", "80x24"])
async def test_many_photos_push_no_line_off_the_screen(scene: Scene, size: tuple[int, int]) -> None:
    """Long captions, a reason each: the line on top and the keys stay, here and in the form."""
    for seed in range(8):
        shot(scene, f"{seed} " + "A very long caption that goes on and on " * 6, seed, 1000)
    hold_back(scene, "Central has no room for photos. " * 20)
    async with playing(scene, size) as pilot:
        await open_photos(pilot, scene)
        for at in (0, 3, 7):
            scene.app.screen.query_one("#photos", OptionList).highlighted = at
            await pilot.pause()
            lines = screen_text(pilot).splitlines()
            assert "Photos │" in lines[0]
            assert "F1 Help" in lines[-1]
        await press(pilot, "escape")
        lines = screen_text(pilot).splitlines()
        assert "8 photos" in lines[1]
        assert "only here" in lines[0]
        assert "F1 Help" in lines[-1]
        assert "F12 Photos" in lines[-1] or size[0] < 80


async def test_help_names_every_key_and_fits_a_small_screen(scene: Scene) -> None:
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "f1")
        lines = screen_text(pilot).splitlines()
        for words in (
            "A adds a picture",
            "C says",
            "D takes",
            "G gets",
            "O opens",
            "F12 photos",
            "to correct",
        ):
            assert words in "\n".join(lines)


async def test_file_names_and_captions_are_text(scene: Scene, stick: Path) -> None:
    """In the list, in the dialogue, where its caption is asked for, and before it is taken off."""
    name = f"[red]{EVERY_KIND}.jpg".replace("/", "").replace("\0", "")[:70] + ".jpg"
    (stick / "IMG_1.jpg").rename(stick / name)
    shot(scene, f"CAPTION:{EVERY_KIND}")
    async with playing(scene, LARGE) as pilot:
        await open_photos(pilot, scene)
        seen = [screen_text(pilot)]
        for key in ("d", "n", "c", "escape", "a", "down", "enter"):
            await press(pilot, key)
            seen.append(screen_text(pilot))
        assert not harm("".join(seen))
        assert "CAPTION:␛[2J" in "".join(seen)
        assert "[red]␛[2J" in seen[-1]
        assert safe_line(name, 20)[:10] in seen[-2]
        await press(pilot, "enter")
        await settled(pilot)
        assert len(own(scene)) == 2


async def test_the_locked_screen_takes_photos_down_and_brings_them_back(scene: Scene) -> None:
    """Those of a report, over it. What is asked of one of them is not asked again."""

    class Door:
        def asked(self) -> str:
            return "The PIN"

        def open(self, typed: str) -> None: ...

    shot(scene, CAPTIONS[0])
    scene.app.services.lock = Door()
    async with playing(scene, SMALL) as pilot:
        await open_photos(pilot, scene)
        await press(pilot, "d", "ctrl+l")
        assert not {"Undercut", "▀"} & set(screen_text(pilot).replace("\n", " ").split())
        await press(pilot, "1", "enter")
        await settled(pilot)
        assert isinstance(scene.app.screen, PhotosScreen)
        assert CAPTIONS[0] in screen_text(pilot)
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, FormScreen)


@pytest.mark.parametrize(
    ("eta_s", "words"), [(200.0, "7.2 MB to go, about 3 min left"), (None, "3 photos (7.2 MB) to go")]
)
async def test_the_queues_photos_lane_says_what_fits_in_its_room(
    scene: Scene, eta_s: float | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bravetui.views import status

    three(scene)
    told = status.sync_summary(scene.store).photos
    monkeypatch.setattr(status, "_photos_left", lambda connection: replace(told, eta_s=eta_s))
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f4")
        line = next(line for line in screen_text(pilot).splitlines() if line.startswith(" Photos"))
        assert line.rstrip().endswith(words)
