"""The Textual app: screens, keys, colours, the worker's life, and the one place where errors are shown.

Owns no data. Every read and write goes through `services.run`, off the event loop; sync is given a callable that posts a
message, and many reports in a row draw one frame.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.markup import escape
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker as TextualWorker
from textual.worker import WorkerState

from bravetui.base.crash import crash_words
from bravetui.base.errors import BravetuiError
from bravetui.messages import RecordsChanged, SyncReported
from bravetui.screens.base import WorkScreen
from bravetui.themes import DEFAULT, THEMES
from bravetui.views.services import Services
from bravetui.widgets import tones
from bravetui.widgets.drawn import Harmless

if TYPE_CHECKING:
    from bravetui.screens.lock import Locking
    from bravetui.sync.progress import SyncEvent

SMALLEST = (60, 16)
"""Columns and lines below which nothing can be shown usefully."""

IDLE_LOOK_S = 5.0
"""How often it is looked whether nobody has been here for too long."""
READ_AGAIN_EVERY_S = 60
"""Time alone changes what is shown: days left, ages, what is late. What stays the same draws nothing."""
_TOLD_BY = 27
"""Characters by which one thing that is said is told from another."""

REPORT_EVERY_S = 0.25
REPORT_EVERY_SSH_S = 0.5
"""Over SSH, often by phone, two frames a second of what sync does are plenty."""


class BravetuiApp(App[None]):
    """The app."""

    TITLE = "bravetui"
    CSS_PATH = "screens/base.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,question_mark", "help", "Help", key_display="F1"),
        Binding("f2", "go('home')", "Home", key_display="F2"),
        Binding("f3", "go('forms')", "Forms", key_display="F3"),
        Binding("f4", "go('queue')", "Queue", key_display="F4"),
        Binding("f5", "sync_now", "Sync", key_display="F5", show=False),
        Binding("f6", "line", "Line", key_display="F6", show=False),
        Binding("f7", "go('conflicts')", "Decide", key_display="F7"),
        Binding("f8", "rain", "Rain", key_display="F8", show=False),
        Binding("f12", "photos", "Photos", key_display="F12", show=False),
        Binding("ctrl+l", "lock", "Lock", show=False, priority=True),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services
        self._report_due = False
        self._fault_said = False
        self._folder = services.store.folder
        self._locking: Locking | None = None
        self._held_back: list[tuple[str, dict[str, Any]]] = []
        self._told: set[str] = set()
        self._harmless = Harmless()
        over_ssh = bool(os.environ.get("SSH_CONNECTION"))
        self._report_every_s = REPORT_EVERY_SSH_S if over_ssh else REPORT_EVERY_S
        if over_ssh:
            self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Whatever is drawn, the terminal obeys nobody but the program."""
        return [*super().get_line_filters(), self._harmless]

    async def on_mount(self) -> None:
        from bravetui.screens.home import HomeScreen
        from bravetui.views import status

        chosen = await self.services.run(status.theme, self.services.store)
        self.theme = chosen if chosen in {theme.name for theme in THEMES} else DEFAULT
        self._leave_on_signals()
        self.set_interval(READ_AGAIN_EVERY_S, self.report_soon)
        await self.push_screen(HomeScreen())
        await self._watch_idle()
        for notice in self.services.notices:
            self.notify(notice, timeout=15, markup=False)
        if self.services.worker is not None:
            self.services.worker.on_records(lambda records: self._tell(RecordsChanged(records)))
            self.run_worker(self.services.worker.watch(), name="sync", exit_on_error=False)
        else:
            self.notify("Another window syncs this laptop; this one shows what it does.", markup=False)

    async def _watch_idle(self) -> None:
        """Lock by itself when nobody is here."""
        from bravetui.screens.lock import Locking
        from bravetui.views import status

        self._locking = Locking(self, self.services, self.services.store.clock, self._say_held_back)
        self._locking.after_s = 60.0 * await self.services.run(status.lock_after_min, self.services.store)
        self.set_interval(IDLE_LOOK_S, self._locking.look)

    def _leave_on_signals(self) -> None:
        """Without this a closed window or `kill` leaves the terminal in the alternate screen with the mouse on."""
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                try:
                    loop.add_signal_handler(number, self.exit)
                except (NotImplementedError, RuntimeError, ValueError):
                    return

    # ------------------------------------------------------------------- sync

    def report(self, event: SyncEvent) -> None:
        """What the worker is given: draws at most a few frames a second, however much it says."""
        if not self._report_due:
            self._report_due = True
            self.set_timer(self._report_every_s, self._post_report)

    def _post_report(self) -> None:
        self._report_due = False
        self._tell(SyncReported())

    def _tell(self, message: SyncReported | RecordsChanged) -> None:
        if self.screen_stack and isinstance(self.screen, WorkScreen):
            self.screen.post_message(message)
        elif self.screen_stack and isinstance(message, RecordsChanged):
            from bravetui.screens.lock import LockScreen

            if isinstance(self.screen, LockScreen):
                self.screen.heard(message)

    def wrote(self) -> None:
        """Something was saved here: the worker may go, and the line on top is read again."""
        if self.services.worker is not None:
            self.services.worker.nudge()
        for told in self.services.on_write:
            told()
        self.report_soon()

    def say_once(self, words: str) -> None:
        """Say what every look at the tables finds again; its numbers change, its first words do not."""
        begins = words[:_TOLD_BY]
        if begins not in self._told:
            self._told.add(begins)
            self.notify(words, severity="warning", timeout=15, markup=False)

    def is_first(self, screen: Screen[Any]) -> bool:
        """Whether there is nothing to go back to."""
        return screen in self.screen_stack[:2]

    def report_soon(self) -> None:
        """Read the line on top again, soon."""
        if not self._report_due:
            self._report_due = True
            self.set_timer(self._report_every_s, self._post_report)

    async def action_sync_now(self) -> None:
        """Sync now: forget every pause."""
        from bravetui.actions import queue

        if self.services.worker is None:
            self.notify("Another window syncs this laptop.", markup=False)
            return
        await self.services.run(queue.retry_now, self.services.store)
        self.services.worker.ask_now()
        self.notify("Trying now.", timeout=2, markup=False)

    def action_line(self) -> None:
        """Cut the line, or restore it."""
        line = self.services.line
        if line is None:
            return
        line.restore() if not line.is_up else line.cut()
        words = "The line is restored." if line.is_up else "The line is cut. Go on working; nothing is lost."
        self.notify(words, timeout=4, markup=False)
        if self.services.worker is not None:
            self.services.worker.ask_now()
        self.report_soon()

    # ------------------------------------------------------------------- lock

    @property
    def is_locked(self) -> bool:
        """Whether the locked screen is up; what may be read does not hang on it."""
        return self._locking is not None and self._locking.is_shown

    async def on_event(self, event: events.Event) -> None:
        """Whatever else becomes of a key or a click, somebody is here."""
        if self._locking is not None and isinstance(event, events.Key | events.MouseDown | events.Paste):
            self._locking.touched()
        await super().on_event(event)

    async def action_lock(self) -> None:
        """Lock the screen; what was typed is saved first."""
        if self._locking is not None:
            await self._locking.lock()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While it is locked, the app can only be left."""
        if self.is_locked and action != "quit":
            return False
        if action == "line" and self.services.line is None:
            return False  # the real one is nobody's to cut from here
        if action == "rain" and isinstance(self.screen, WorkScreen) and self.screen.only_reads:
            return False
        return super().check_action(action, parameters)

    def notify(self, message: str, **told: Any) -> None:
        """Say something; what is said while it is locked waits until it is not."""
        if self.is_locked:
            self._held_back.append((message, told))
        else:
            super().notify(message, **told)

    def _say_held_back(self) -> None:
        """What was not said while it was locked."""
        held, self._held_back = self._held_back, []
        for message, told in held:
            self.notify(message, **told)

    # ---------------------------------------------------------------- screens

    async def action_go(self, name: str) -> None:
        """Go to one of the main screens, from wherever one is; what was typed is saved by the screen that is left.

        Who looks at the queue or at conflicts from a form is back at his question with Esc.
        """
        from bravetui.screens.conflicts import ConflictsScreen
        from bravetui.screens.form import FormScreen
        from bravetui.screens.forms import FormsScreen
        from bravetui.screens.home import HomeScreen
        from bravetui.screens.queue import QueueScreen

        wanted = {
            "home": HomeScreen,
            "forms": FormsScreen,
            "queue": QueueScreen,
            "conflicts": ConflictsScreen,
        }[name]
        if isinstance(self.screen, wanted):
            return
        self.clear_notifications()
        while len(self.screen_stack) > 2 and isinstance(self.screen, WorkScreen):
            if not await self.screen.may_leave():
                return
            if isinstance(self.screen, FormScreen) and wanted in (QueueScreen, ConflictsScreen):
                break
            await self.pop_screen()
        if wanted is not HomeScreen:
            await self.push_screen(wanted())

    async def open_form(self, submission_id: str) -> None:
        """Show a form; one that is open under this screen is gone back to, as it stands."""
        from bravetui.screens.form import FormScreen

        for screen in self.screen_stack:
            if isinstance(screen, FormScreen) and screen.submission_id == submission_id:
                while self.screen is not screen:
                    await self.pop_screen()
                return
        await self.push_screen(FormScreen(submission_id))

    def open(self, screen: Screen[Any], then: Callable[[Any], None] | None = None) -> None:
        """Show a screen on top; `then` hears what it was dismissed with."""
        _ = self.push_screen(screen, then)

    def back(self) -> None:
        """Leave the screen on top."""
        _ = self.pop_screen()

    async def action_quit(self) -> None:
        """Leave. What cannot be saved is never dropped without asking."""
        from bravetui.screens.confirm import ConfirmScreen

        if isinstance(self.screen, ConfirmScreen):
            return
        for screen in reversed(self.screen_stack):
            if isinstance(screen, WorkScreen) and not await screen.may_leave():
                words = "Something typed is not saved. Quit, and lose it?"
                self.clear_notifications()  # they would lie over the question
                self.open(ConfirmScreen(words, "Quit"), lambda yes: self.exit() if yes else None)
                return
        self.exit()

    def action_help(self) -> None:
        """What can be done on this screen."""
        from bravetui.screens.help import HelpScreen

        if isinstance(self.screen, WorkScreen):
            cuts = self.services.line is not None
            self.open(HelpScreen(self.screen.TITLE_WORDS, self.screen.help_words(), cuts=cuts))

    def action_rain(self) -> None:
        """Log a rain reading."""
        from bravetui.screens.rain import RainScreen

        may_write = not isinstance(self.screen, WorkScreen) or self.screen.may_write()
        if may_write and not isinstance(self.screen, RainScreen):
            self.open(RainScreen())

    def action_photos(self) -> None:
        """Show the photos of the project; a form shows its own."""
        from bravetui.screens.photos import PhotosScreen

        if not isinstance(self.screen, PhotosScreen):
            self.open(PhotosScreen())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        if isinstance(screen, WorkScreen):
            # The palette reads markup, and a page is called as somebody called it.
            yield from (SystemCommand(escape(name), says, does) for name, says, does in screen.commands())
        yield SystemCommand("Home", "What is due today (F2)", lambda: self.call_later(self.action_go, "home"))
        yield SystemCommand(
            "Forms", "Start, continue or read a form (F3)", lambda: self.call_later(self.action_go, "forms")
        )
        yield SystemCommand(
            "Queue", "What is only on this laptop (F4)", lambda: self.call_later(self.action_go, "queue")
        )
        yield SystemCommand(
            "Conflicts",
            "Decide between two values (F7)",
            lambda: self.call_later(self.action_go, "conflicts"),
        )
        yield SystemCommand(
            "Photos",
            "Photos of the whole project (F12; in a form, its own)",
            self.action_photos,
        )
        yield SystemCommand("Rain", "Log a rain reading (F8)", self.action_rain)
        yield SystemCommand(
            "Sync now", "Forget every pause and try (F5)", lambda: self.call_later(self.action_sync_now)
        )
        yield SystemCommand("Sync log", "What sync did, line by line", self.action_log)
        if self.services.line is not None:
            words = "Cut the line" if self.services.line.is_up else "Restore the line"
            yield SystemCommand(
                words, "The demo's stand-in for losing and finding coverage (F6)", self.action_line
            )
        for theme in THEMES:
            yield SystemCommand(
                f"Colours: {theme.name}",
                "Choose how the screen looks",
                lambda name=theme.name: self._paint(name),
            )
        yield SystemCommand(
            "Lock", "Lock this screen; sync goes on (Ctrl+L)", lambda: self.call_later(self.action_lock)
        )
        yield SystemCommand("Help", "What can be done on this screen (F1)", self.action_help)
        yield SystemCommand(
            "Quit", "Everything typed is saved (Ctrl+Q)", lambda: self.call_later(self.action_quit)
        )

    def action_log(self) -> None:
        """Show the sync log."""
        from bravetui.screens.log import LogScreen

        self.open(LogScreen())

    def watch_theme(self, name: str) -> None:
        """The colours that mean something follow the theme."""
        tones.use(self.get_theme(name) or THEMES[0])
        self.report_soon()

    def _paint(self, name: str) -> None:
        from bravetui.actions import preferences

        self.theme = name
        self.run_worker(self.services.run(preferences.choose_theme, self.services.store, name))

    def on_resize(self, event: events.Resize) -> None:
        """A window too small to work in says so, keeps everything, and goes on when it is larger."""
        from bravetui.screens.too_small import TooSmallScreen

        small = event.size.width < SMALLEST[0] or event.size.height < SMALLEST[1]
        shown = isinstance(self.screen, TooSmallScreen)
        if small and not shown:
            self.open(TooSmallScreen())
        elif shown and not small:
            self.back()

    # ----------------------------------------------------------------- errors

    def show_error(self, error: BravetuiError) -> None:
        """Say what happened and what to do next."""
        self.notify(str(error), title="Not done", severity="error", timeout=12, markup=False)

    async def _dispatch_message(self, message: Message) -> None:
        """Textual ends the loop of whatever raises; keys are dispatched here, and must go on after an error of ours."""
        try:
            await super()._dispatch_message(message)
        except BravetuiError as error:
            if not isinstance(self.screen, WorkScreen) and isinstance(message, events.Mount):
                self.exit(return_code=1, message=str(error))
            else:
                self.show_error(error)

    def _handle_exception(self, error: Exception) -> None:
        """Ours become a sentence; anything else is a fault of the program: to a file, a sentence, and out cleanly."""
        cause = getattr(error, "error", error)
        if isinstance(cause, BravetuiError):
            self.show_error(cause)
            return
        details = crash_words(error, self._folder)
        if self._fault_said:
            return  # one fault draws others behind it: all are in files, one is said
        self._fault_said = True
        self.exit(
            return_code=1,
            message=f"Something went wrong inside the program ({type(error).__name__}). What was saved is saved.\n"
            f"{details}",
        )

    def on_worker_state_changed(self, event: TextualWorker.StateChanged) -> None:
        """If sync itself fails, working goes on, and the person is told."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            error = event.worker.error
            if isinstance(error, BravetuiError):
                self.show_error(error)
                return
            details = crash_words(error, self._folder)
            words = f"Sync has stopped. Everything is saved on this laptop. {details}"
            self.notify(words, severity="error", timeout=30, markup=False)
