"""A month without a network, on screen: the days left, the warning, the lock on reading, and what opens it again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Static

from bravetui.actions.session import sign_out
from bravetui.db import meta
from bravetui.messages import SyncReported
from bravetui.screens.conflict import ConflictScreen
from bravetui.screens.form import FormScreen
from bravetui.screens.home import HomeScreen
from bravetui.views.forms import submissions
from bravetui.views.sign_in import NOT_SHOWN
from tests.support.laptop import granted
from tests.support.seeded import NOON
from tests.support.snapshots import SnapScreen, screen_text
from tests.ui.scene import LARGE, SMALL, Scene, open_answer, playing, press, set_scene, write

BOTH = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = set_scene(tmp_path)
    scene.arrive(scene.rain_conflict(), scene.alert())
    return scene


def warning(scene: Scene) -> str:
    return str(scene.app.screen.query_one("#sign-in", Static).render())


async def report(scene: Scene, pilot) -> None:  # type: ignore[no-untyped-def]
    """As after a contact, or after a minute."""
    scene.app.screen.post_message(SyncReported())
    await pilot.pause()
    await pilot.pause()


@BOTH
async def test_from_day_twenty_five_every_screen_warns(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """In words, above the work and not over it."""
    scene.clock.advance(days=19)
    async with playing(scene, size) as pilot:
        await snap_screen(pilot)
        await press(pilot, "f4")
        assert warning(scene) == "Sign-in ends in 4 days: reach central."


@BOTH
async def test_after_expiry_home_says_why_and_what_to_do(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """The own draft is there to go on with."""
    scene.clock.advance(days=31)
    async with playing(scene, size) as pilot:
        await snap_screen(pilot)


@BOTH
async def test_after_expiry_forms_lists_one_s_own(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """New ones can be started."""
    scene.clock.advance(days=31)
    async with playing(scene, size) as pilot:
        await press(pilot, "f3")
        await snap_screen(pilot)


async def test_a_locked_list_is_never_read_as_an_empty_one(scene: Scene) -> None:
    scene.clock.advance(days=31)
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f7")
        assert str(scene.app.screen.query_one("#count", Static).render()) == NOT_SHOWN


async def test_what_others_wrote_leaves_the_screen_the_moment_it_is_locked(scene: Scene) -> None:
    """A conflict that is open gives way to the screen before it."""
    async with playing(scene, SMALL) as pilot:
        scene.app.open(ConflictScreen(scene.rain_conflict().id))
        await pilot.pause()
        with scene.store.maintain() as connection:
            meta.put(connection, meta.CLOSED, "revoked")
        await report(scene, pilot)
        assert isinstance(scene.app.screen, HomeScreen)
        assert "revoked this laptop" in warning(scene)
        assert "one-time code: bravetui enrol --again CODE" in warning(scene)
        shown = screen_text(pilot)
        assert "until the office lets this laptop in again" in shown
        assert "until somebody signs in" not in shown.lower()


async def test_a_handed_in_form_leaves_the_screen_and_an_own_draft_does_not(scene: Scene) -> None:
    place = scene.site.project_id
    filed = submissions(scene.store, place, "submitted")[0].id
    async with playing(scene, SMALL) as pilot:
        scene.app.open(FormScreen(filed))
        await pilot.pause()
        scene.clock.advance(days=31)
        await report(scene, pilot)
        assert isinstance(scene.app.screen, HomeScreen)
        scene.app.open(FormScreen(scene.submission_id))
        await pilot.pause()
        await report(scene, pilot)
        assert isinstance(scene.app.screen, FormScreen)
        await press(pilot, "pagedown", "2")
        await press(pilot, "f2")
        assert scene.answers()["trigger"] is not None


@pytest.mark.parametrize("end", ["thirty days", "revoked", "left", "signed out"])
async def test_a_sign_in_that_ends_between_two_keys_costs_no_key(scene: Scene, end: str) -> None:
    """Half an answer stands on the screen: it is written to its end, saved, and the form is handed in as any other."""
    async with playing(scene, SMALL) as pilot:
        await open_answer(pilot, scene, "summary", "")
        await write(pilot, "fence ")
        if end == "thirty days":
            scene.clock.advance(days=31)
        elif end == "signed out":
            sign_out(scene.store)
        else:
            with scene.store.maintain() as connection:
                meta.put(connection, meta.CLOSED, end)
        await report(scene, pilot)
        await write(pilot, "down")
        await press(pilot, "tab")
        assert isinstance(scene.app.screen, FormScreen)
        assert scene.answers()["summary"] == "fence down"
        assert not scene.app.query("Toast"), "nobody is thrown out, and nobody is asked to sign in first"


async def test_signing_in_again_opens_it_without_a_new_start(scene: Scene) -> None:
    scene.clock.advance(days=31)
    async with playing(scene, LARGE) as pilot:
        assert scene.app.screen.query_one("#sign-in").display
        scene.store.identity = granted(scene.store.identity, NOON + timedelta(days=31))
        await report(scene, pilot)
        assert not scene.app.screen.query_one("#sign-in").display
        await press(pilot, "f7")
        assert "1 to decide" in str(scene.app.screen.query_one("#count", Static).render())


async def test_a_clock_that_went_back_is_said_once_and_stops_nothing(scene: Scene) -> None:
    async with playing(scene, SMALL) as pilot:
        scene.clock.advance(hours=8)
        scene.clock.set(NOON)
        for _ in range(3):
            await report(scene, pilot)
        said = [note.message for note in scene.app._notifications if "clock" in note.message]
        assert len(said) == 1
        assert "Set date and time" in said[0]
        assert not scene.app.screen.query_one("#sign-in").display
