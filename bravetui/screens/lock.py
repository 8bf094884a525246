"""The locked screen: nothing of anybody's work, one field, and a key that is really tried.

`Locking` saves what was typed, takes down every screen that can be made anew, and takes the store out of the screens' reach.
Sync has a hold of its own and goes on. No flag says "unlocked": the store comes back with what the key has opened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from bravetui.base.clock import Clock
from bravetui.base.errors import BravetuiError
from bravetui.messages import RecordsChanged
from bravetui.screens.base import WorkScreen
from bravetui.screens.conflicts import ConflictsScreen
from bravetui.screens.form import FormScreen
from bravetui.screens.forms import FormsScreen
from bravetui.screens.home import HomeScreen
from bravetui.screens.photos import PhotosScreen
from bravetui.screens.queue import QueueScreen
from bravetui.views.services import Services
from bravetui.widgets.key_line import KeyLine

NO_KEY = (
    "It cannot be locked: neither a PIN nor a passphrase that would unlock it is found here. "
    "Look in a shell: bravetui keys; set one: bravetui keys pin, or bravetui keys passphrase."
)
IN_THE_DEMO = (
    "The demo's screen does not lock: its passphrase lies in a file beside it. "
    "On a laptop of your own Ctrl+L locks, and its PIN or passphrase unlocks."
)
SAVED = "Everything typed is saved. Sync goes on."
UNSAVED = "Something typed is not saved yet; it is kept, and waits behind this. Sync goes on."
ALERT = "A safety alert has arrived. Unlock to read it."


class KeyInput(Input):
    """Takes Enter in its turn: a slow line hands over a whole PIN and its Enter at once."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Unlock", key_display="Enter")]


class LockScreen(ModalScreen[None]):
    """Asks for the PIN or the passphrase, for as long as it takes."""

    CSS_PATH = "lock.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "app.quit", "Quit", key_display="^Q", priority=True),
    ]

    def __init__(self, asked: str, words: str, unlock: Callable[[str], Awaitable[None]]) -> None:
        """`unlock` raises for what does not open, and has brought the screens back when it returns."""
        super().__init__()
        self._asked, self._words, self._unlock = asked, words, unlock
        self._trying = False

    def compose(self) -> ComposeResult:
        with Vertical(id="door"):
            yield Static("bravetui is locked", classes="heading", markup=False)
            yield Static(Text(self._words), classes="words", markup=False)
            yield Static("", id="alert", classes="words", markup=False)
            yield Static(Text(self._asked), id="asked", classes="words", markup=False)
            yield KeyInput(password=True, id="key")
            yield Static("", id="wrong", classes="words", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        typed = self.query_one("#key", Input)
        typed.cursor_blink = False
        typed.focus()

    def heard(self, event: RecordsChanged) -> None:
        """Sync has brought something: of an alert one hears even here, though not what it says."""
        if any(kind == "safety_alert" for kind, _ in event.records):
            self.query_one("#alert", Static).update(Text(ALERT))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Try what was typed; it takes a moment, on purpose, in which the screen is still alive."""
        typed = event.value
        if self._trying or not typed:
            return
        self._trying = True
        self.query_one("#wrong", Static).update(Text("Trying..."))
        _ = self.app.run_worker(self._try(typed), name="unlock")  # the app's: it outlives this screen

    async def _try(self, typed: str) -> None:
        field, wrong = self.query_one("#key", Input), self.query_one("#wrong", Static)
        try:
            await self._unlock(typed)
        except BravetuiError as error:
            wrong.update(Text(str(error)))
        finally:
            field.value = ""
            self._trying = False


class Locking:
    """Locks an app and unlocks it, and knows when nobody has touched it for too long."""

    def __init__(
        self, app: App[None], services: Services, clock: Clock, opened: Callable[[], None] = lambda: None
    ) -> None:
        """`opened` is called each time it has been unlocked."""
        self._app, self._services, self._clock, self._opened = app, services, clock, opened
        self._places: list[Screen[Any]] = []
        self.after_s = 0.0
        """Seconds without a key or a click until it locks by itself; 0: never."""
        self.touched()

    @property
    def is_shown(self) -> bool:
        """Whether the locked screen is up: for keys, never for what may be read."""
        return any(isinstance(screen, LockScreen) for screen in self._app.screen_stack)

    def touched(self) -> None:
        """Somebody is here."""
        self._touched_at, self._touched_s = self._clock.now(), self._clock.monotonic_s()

    async def look(self) -> None:
        """Lock if nobody has been here for too long; a lid that was closed counts, though the machine's own time stood."""
        idle_s = max(
            (self._clock.now() - self._touched_at).total_seconds(),
            self._clock.monotonic_s() - self._touched_s,
        )
        if self.after_s and idle_s >= self.after_s and not self.is_shown and self._asked():
            await self.lock()

    async def lock(self) -> None:
        """Save, take down, lock. Where nothing could unlock it again, says so instead."""
        if self.is_shown:
            return
        asked = self._asked()
        if not asked:
            words = IN_THE_DEMO if self._services.lock is None else NO_KEY
            self._app.notify(words, timeout=12, markup=False)
            return
        saved = all([await _is_saved(screen) for screen in self._app.screen_stack])
        self._app.clear_notifications()
        if self._app.clipboard:
            self._app.copy_to_clipboard("")
        locked = LockScreen(asked, SAVED if saved else UNSAVED, self._unlock)
        with self._app.batch_update():
            if saved:
                await self._take_down()
                self._services.shut()
            await self._app.push_screen(locked)

    def _asked(self) -> str:
        return self._services.lock.asked() if self._services.lock is not None else ""

    async def _take_down(self) -> None:
        """What is on no screen cannot be shown by one."""
        self._places = [
            again for screen in self._app.screen_stack[1:] if (again := _anew(screen)) is not None
        ]
        while len(self._app.screen_stack) > 1:
            await self._app.pop_screen()

    async def _unlock(self, typed: str) -> None:
        await self._services.run(self._services.unlock, typed)
        self.touched()
        places, self._places = self._places, []
        with self._app.batch_update():
            while self.is_shown:  # what a window made small meanwhile says lies on top of it
                await self._app.pop_screen()
            for screen in places:
                await self._app.push_screen(screen)
        self._opened()


async def _is_saved(screen: Screen[Any]) -> bool:
    if isinstance(screen, FormScreen):
        return await screen.may_leave()
    return not (isinstance(screen, WorkScreen) and screen.has_typed())


def _anew(screen: Screen[Any]) -> Screen[Any] | None:
    """The same screen, to be read again; None for one that is only looked at, and closed like that."""
    if isinstance(screen, FormScreen | PhotosScreen):
        return screen.again()
    if isinstance(screen, HomeScreen | FormsScreen | QueueScreen | ConflictsScreen):
        return type(screen)()
    return None
