"""A locked screen shows nothing, keeps everything, and opens by a key and by nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, Static, TextArea

from bravetui.actions import forms
from bravetui.app import IDLE_LOOK_S
from bravetui.auth.keys import new_secrets
from bravetui.auth.locks import Passphrase
from bravetui.auth.pin import Pin
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.errors import WrongKey
from bravetui.messages import RecordsChanged
from bravetui.screens.form import FormScreen
from bravetui.screens.home import HomeScreen
from bravetui.screens.lock import LockScreen
from bravetui.screens.queue import QueueScreen
from bravetui.screens.rain import RainScreen
from bravetui.screens.too_small import TooSmallScreen
from bravetui.views.home import home
from bravetui.wiring import KEYS
from bravetui.wiring.folder import tries_of
from bravetui.wiring.screen_lock import FolderLock
from tests.support.keyrings import Held, MemoryKeyring
from tests.support.laptop import KEY
from tests.support.snapshots import SnapScreen, screen_text
from tests.ui.scene import LARGE, SMALL, Scene, open_answer, playing, press, set_scene, write
from tests.ui.test_unsaved import full

BOTH = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
PIN, WORDS, CANARY = "274913", "correct horse battery", "Undercut by the arroyo"


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def scene(tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A laptop with a PIN and a passphrase, whose lock finds the machine's keyring in memory."""
    made = set_scene(tmp_path)
    folder = made.store.folder
    keyring = MemoryKeyring(held)
    phrase = Passphrase(WORDS, memory_kib=32)
    file = SealedFile(folder / KEYS, [phrase])
    file.save(replace(new_secrets(), database_key=KEY))
    file.add_lock(Pin(keyring, lambda _: PIN, tries_of(folder, made.clock), memory_kib=32))
    monkeypatch.setattr("bravetui.wiring.screen_lock.keyring_of", lambda folder: keyring)
    made.app.services.lock = FolderLock(folder, made.clock)
    return made


async def shown(pilot: Pilot[None]) -> str:
    """Every character that is on the screen, and what the window may be called."""
    await pilot.pause()
    await pilot.pause()
    return screen_text(pilot) + pilot.app.title + pilot.app.sub_title


async def unlock(pilot: Pilot[None], typed: str) -> None:
    """Type and press Enter, unless that has been done, and wait until the key has been tried."""
    await press(pilot, *typed, *(["enter"] if typed else []))
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


@BOTH
async def test_a_locked_screen(scene: Scene, size: tuple[int, int], snap_screen: SnapScreen) -> None:
    """One field, one sentence, and nothing of anybody's work."""
    async with playing(scene, size) as pilot:
        await press(pilot, "ctrl+l")
        await snap_screen(pilot)


@pytest.mark.parametrize("typed", ["n", "correct horse batteries"], ids=["too short for one", "another one"])
async def test_a_wrong_passphrase_is_called_wrong_where_there_is_no_pin(scene: Scene, typed: str) -> None:
    """However short: it is the one thing that was asked for."""
    SealedFile(scene.store.folder / KEYS, [Passphrase(WORDS, memory_kib=32)]).change_locks(remove=["pin"])
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "ctrl+l")
        await unlock(pilot, typed)
        assert "This passphrase does not open the keys" in await shown(pilot)
        await unlock(pilot, WORDS)
        assert isinstance(scene.app.screen, HomeScreen)


@BOTH
async def test_a_wrong_pin_says_how_many_are_left(
    scene: Scene, size: tuple[int, int], snap_screen: SnapScreen
) -> None:
    """And an alert says that it is there."""
    async with playing(scene, size) as pilot:
        await press(pilot, "ctrl+l")
        scene.app._tell(RecordsChanged(frozenset({("safety_alert", "1")})))
        await unlock(pilot, "111999")
        await snap_screen(pilot)


async def test_nothing_that_was_on_the_screen_is_behind_the_lock(scene: Scene) -> None:
    """Neither shown nor held by any widget that is still there; the clipboard is emptied."""
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", CANARY)
        scene.app.copy_to_clipboard(CANARY)
        assert CANARY in field.query_one(TextArea).text
        await press(pilot, "ctrl+l")
        assert isinstance(scene.app.screen, LockScreen)
        assert CANARY not in await shown(pilot)
        assert not [screen for screen in scene.app.screen_stack if isinstance(screen, FormScreen)]
        assert scene.app.clipboard == ""


async def test_the_pin_opens_it_where_one_was(scene: Scene) -> None:
    """The form comes back at its page, with what was typed a moment before."""
    async with playing(scene, SMALL) as pilot:
        field = await open_answer(pilot, scene, "summary", "Dry")
        field.query_one(TextArea).move_cursor((0, 3))
        await write(pilot, "x")
        page = scene.app.screen._page  # type: ignore[attr-defined]
        await press(pilot, "ctrl+l")
        assert scene.answers()["summary"] == "Dryx"
        await unlock(pilot, PIN)
        await pilot.pause()
        assert isinstance(scene.app.screen, FormScreen)
        assert scene.app.screen._page == page
        assert isinstance(scene.app.screen_stack[-2], HomeScreen)
        await press(pilot, "escape")
        assert isinstance(scene.app.screen, HomeScreen)


async def test_a_pin_and_its_enter_that_come_at_once_are_taken_in_turn(scene: Scene) -> None:
    """As a slow line, or a password safe, hands them over."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "ctrl+l")
        for key in PIN:
            scene.app.post_message(Key(key, key))
        scene.app.post_message(Key("enter", "\r"))
        await unlock(pilot, "")
        assert isinstance(scene.app.screen, HomeScreen)


async def test_a_window_made_small_while_the_key_is_tried_leaves_no_lock_behind(scene: Scene) -> None:
    """The sentence about the window is on top then; the screen that goes has to be the locked one."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "ctrl+l")
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        assert isinstance(scene.app.screen, TooSmallScreen)
        lock = next(one for one in scene.app.screen_stack if isinstance(one, LockScreen))
        await lock._unlock(PIN)
        assert not scene.app.is_locked
        await pilot.resize_terminal(*SMALL)
        await pilot.pause()
        assert isinstance(scene.app.screen, HomeScreen)
        await press(pilot, "f4")
        assert isinstance(scene.app.screen, QueueScreen)


async def test_the_passphrase_opens_it_without_waiting_when_the_pin_has_to_wait(scene: Scene) -> None:
    """Six wrong PINs cost time, and the right one waits with them."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "ctrl+l")
        for _ in range(6):
            await unlock(pilot, "999222")
        await unlock(pilot, PIN)
        assert "next try is possible" in str(scene.app.screen.query_one("#wrong", Static).render())
        scene.app.screen.query_one("#key", Input).value = WORDS
        await press(pilot, "enter")
        await unlock(pilot, "")
        assert isinstance(scene.app.screen, HomeScreen)


async def test_sync_goes_on_behind_it(scene: Scene) -> None:
    """The worker has a hold of the store of its own; what it brought is there when the key has been typed."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "ctrl+l")
        scene.arrive(scene.alert())
        await unlock(pilot, PIN)
        assert "Lightning" in await shown(pilot)


async def test_no_patched_flag_brings_anything_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken down by force, the lock leaves an empty app behind: the store comes with the key and with nothing else."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "ctrl+l")
        monkeypatch.setattr("bravetui.screens.lock.Locking.is_shown", property(lambda _: False))
        monkeypatch.setattr("bravetui.app.BravetuiApp.is_locked", property(lambda _: False))
        await scene.app.pop_screen()
        await scene.app.push_screen(HomeScreen())
        await pilot.pause()
        assert "Storm" not in await shown(pilot)
        with pytest.raises(WrongKey, match="locked"):
            home(scene.app.services.store, scene.site.project_id)


async def test_a_key_file_laid_in_its_place_opens_nothing(scene: Scene) -> None:
    """It opens by the thief's own passphrase, and its key is not the database's."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "ctrl+l")
        for copy in "ab":
            scene.store.folder.joinpath(f"{KEYS}.{copy}").unlink()
        SealedFile(scene.store.folder / KEYS, [Passphrase("the thief's own", memory_kib=32)]).save(
            new_secrets()
        )
        scene.app.screen.query_one("#key", Input).value = "the thief's own"
        await press(pilot, "enter")
        await unlock(pilot, "")
        assert isinstance(scene.app.screen, LockScreen)
        assert "another laptop's" in str(scene.app.screen.query_one("#wrong", Static).render())


async def test_no_key_but_enter_and_quit_does_anything(scene: Scene) -> None:
    """No page, no palette, no help, no toast over the lock."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "ctrl+l")
        locked = scene.app.screen
        for key in (
            "f1",
            "f2",
            "f3",
            "f4",
            "f5",
            "f6",
            "f7",
            "f8",
            "f9",
            "ctrl+p",
            "escape",
            "ctrl+l",
            "ctrl+r",
            "tab",
        ):
            await press(pilot, key)
            assert scene.app.screen is locked, key
        scene.app.notify("Said while it was locked.")
        await pilot.pause()
        assert not scene.app._notifications
        await unlock(pilot, PIN)
        await pilot.pause()
        assert [told.message for told in scene.app._notifications] == ["Said while it was locked."]


async def test_ten_minutes_without_a_key_lock_it(scene: Scene) -> None:
    """Nine do not, and neither do ten with a key among them."""
    async with playing(scene, SMALL) as pilot:
        assert scene.app._locking is not None
        assert IDLE_LOOK_S <= 5
        scene.clock.advance(minutes=9)
        await scene.app._locking.look()
        await press(pilot, "down")
        scene.clock.advance(minutes=9)
        await scene.app._locking.look()
        assert isinstance(scene.app.screen, HomeScreen)
        scene.clock.advance(minutes=1)
        await scene.app._locking.look()
        assert isinstance(scene.app.screen, LockScreen)


@pytest.mark.parametrize(("minutes", "locks"), [(0, False), (2, True)])
async def test_how_long_is_a_setting_and_it_can_be_never(scene: Scene, minutes: int, locks: bool) -> None:
    """Read at the start."""
    from bravetui.actions.preferences import lock_after

    lock_after(scene.store, minutes)
    async with playing(scene, SMALL) as pilot:
        assert scene.app._locking is not None
        scene.clock.advance(minutes=3)
        await scene.app._locking.look()
        await pilot.pause()
        assert isinstance(scene.app.screen, LockScreen) is locks


async def test_what_cannot_be_saved_is_kept_behind_the_lock(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: the words stay in their field, are said to wait, and are saved once there is room."""
    async with playing(scene, SMALL) as pilot:
        await open_answer(pilot, scene, "summary", "Dry.")
        real = forms.answer
        monkeypatch.setattr(forms, "answer", full)
        await write(pilot, "x")
        await press(pilot, "ctrl+l")
        assert "not saved yet" in await shown(pilot)
        assert "Dry" not in await shown(pilot)
        monkeypatch.setattr(forms, "answer", real)
        await unlock(pilot, PIN)
        assert isinstance(scene.app.screen, FormScreen)
        await scene.app.screen.save()
        assert "x" in str(scene.answers()["summary"])


async def test_a_reading_that_only_a_key_saves_is_still_there(scene: Scene) -> None:
    """The rain log is under the lock as it was."""
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "f8")
        await write(pilot, "0.3")
        await press(pilot, "ctrl+l")
        assert isinstance(scene.app.screen, LockScreen)
        await unlock(pilot, PIN)
        assert isinstance(scene.app.screen, RainScreen)
        assert scene.app.screen.has_typed()


async def test_where_nothing_could_unlock_it_it_does_not_lock(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says what to do."""
    monkeypatch.setattr(type(scene.app.services.lock), "asked", lambda _: "")
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "ctrl+l")
        assert isinstance(scene.app.screen, HomeScreen)
        assert re.search("bravetui keys pin", next(iter(scene.app._notifications)).message)


async def test_in_the_demo_it_says_that_this_screen_does_not_lock(scene: Scene) -> None:
    """Its keys have a passphrase all the same: nothing else is said of them."""
    scene.app.services.lock = None
    async with playing(scene, SMALL) as pilot:
        await press(pilot, "ctrl+l")
        assert not scene.app.is_locked
        (said,) = (told.message for told in scene.app._notifications)
        assert said.startswith("The demo's screen does not lock")
