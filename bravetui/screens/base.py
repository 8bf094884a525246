"""What all screens share: the line of status on top, loading off the event loop, errors shown in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar, cast

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static, TextArea

from bravetui.base.errors import BadInput, BravetuiError
from bravetui.messages import RecordsChanged, SyncReported
from bravetui.views.services import Services
from bravetui.views.sign_in import SignIn
from bravetui.widgets.key_line import KeyLine
from bravetui.widgets.status_line import StatusLine

P = ParamSpec("P")
T = TypeVar("T")


UNLISTED = tuple(
    Binding(key, f"app.go('{name}')", label, show=False, key_display=key.upper())
    for key, name, label in (
        ("f3", "forms", "Forms"),
        ("f4", "queue", "Queue"),
        ("f7", "conflicts", "Decide"),
    )
)
"""On a page that is worked on, its own keys come first on the last line; these follow where there is room."""


class Desk(Protocol):
    """The app as its screens see it."""

    services: Services

    def open(self, screen: Screen[Any], then: Callable[[Any], None] | None = None) -> None: ...

    async def open_form(self, submission_id: str) -> None: ...

    def back(self) -> None: ...

    def clear_notifications(self) -> None: ...

    def wrote(self) -> None: ...

    def show_error(self, error: BravetuiError) -> None: ...

    def say_once(self, words: str) -> None: ...

    def is_first(self, screen: Screen[Any]) -> bool: ...

    async def action_go(self, name: str) -> None: ...

    async def action_sync_now(self) -> None: ...


class WorkScreen(Screen[None]):
    """A screen of the working app."""

    TITLE_WORDS = ""
    HELP = ""
    """What can be done here, for F1; plain text."""

    LEAVES_TYPED = ""
    """What is said once before typed words that are saved only by a key are left behind; empty if there are none."""

    WRITES: ClassVar[frozenset[str]] = frozenset()
    """Actions that are not offered to whoever only reads here."""

    _warned = False
    _opened = False
    """Whether it has been read for the first time; what happens before that is in what is being read."""

    @property
    def desk(self) -> Desk:
        """The app, with its services."""
        return cast("Desk", self.app)

    only_reads = ""
    """Why this person can write nothing in this project; empty where he can, and before that was read."""

    sign_in: SignIn | None = None
    """How the sign-in stands; None before it was read."""

    @property
    def is_locked(self) -> bool:
        """Whether only one's own unfinished work is shown."""
        return self.sign_in is not None and not self.sign_in.reads

    @property
    def not_shown(self) -> str:
        """What is said in the place of what may not be read; empty where all may be."""
        return self.sign_in.not_shown if self.sign_in is not None and self.is_locked else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What cannot be written is not offered; the line on top says why."""
        if self.only_reads and action in self.WRITES:
            return False
        return super().check_action(action, parameters)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.TITLE_WORDS)
        yield Static("", id="sign-in", markup=False)
        yield from self.body()
        yield KeyLine()

    def commands(self) -> Iterable[tuple[str, str, Callable[[], Any]]]:
        """What the palette offers on this screen only: name, help, and what is done."""
        return ()

    def help_words(self) -> str:
        """What can be done here now."""
        return self.HELP

    def entitle(self, title: str) -> None:
        """Call the screen something else, on top of it and in its help."""
        self.TITLE_WORDS = title
        for line in self.query(StatusLine):
            line.entitle(title)

    def body(self) -> ComposeResult:
        """The screen's own widgets."""
        yield from ()

    async def on_mount(self) -> None:
        try:
            await self._read_again()
        finally:
            self._opened = True  # also when reading failed: the next report of sync reads again

    async def _dispatch_message(self, message: Message) -> None:
        """Textual ends the loop of whatever raises; after an error of ours the screen must go on."""
        try:
            await super()._dispatch_message(message)
        except BravetuiError as error:
            self.desk.show_error(error)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """A cursor that stands still is calm, and sends nothing over SSH while nobody types."""
        if isinstance(event.widget, Input | TextArea):
            event.widget.cursor_blink = False

    async def may_leave(self) -> bool:
        """Whether nothing typed here would be lost; a screen that says no also says why."""
        if not self.has_typed() or self._warned:
            return True
        self._warned = True
        self.notify(self.LEAVES_TYPED, severity="warning", markup=False)
        return False

    def has_typed(self) -> bool:
        """Whether there are words here that only a key saves."""
        return False

    async def action_leave(self) -> None:
        """Back one level."""
        if await self.may_leave():
            self.desk.clear_notifications()
            self.desk.back()

    async def load(self) -> None:
        """Read what the screen shows. Called again whenever something it shows may have changed."""

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an action or a view off the event loop. Errors reach the app's one place for them."""
        return await self.desk.services.run(function, *args, **kwargs)

    async def refresh_status(self) -> None:
        """Read how sync and the sign-in stand, for the lines on top."""
        from bravetui.views.on_top import on_top

        services = self.desk.services
        if not services.scope_id:
            await self.call(services.find_project)
        stands = await self.call(on_top, services.store, services.scope_id)
        self.sign_in = stands.sign_in
        if self.only_reads != stands.only_reads:
            self.only_reads = stands.only_reads
            self.refresh_bindings()
        held = services.line is not None and not services.line.is_up
        for line in self.query(StatusLine):
            line.show(stands, cut=held, zone=services.zone)
        for words in self.query("#sign-in").results(Static):
            said = self.sign_in.warning or self.only_reads
            words.update(Text(said))
            words.display = bool(said)
            words.set_class(self.is_locked, "-locked")
            words.set_class(not self.sign_in.warning, "-reads")
        if self.sign_in.clock_words:
            self.desk.say_once(self.sign_in.clock_words)

    def may_write(self) -> bool:
        """Whether something can be written here; says why where it cannot."""
        if self.only_reads:
            self.notify(self.only_reads, markup=False)
        return not self.only_reads

    async def on_screen_resume(self) -> None:
        if self._opened:
            await self._read_again()

    async def on_sync_reported(self, event: SyncReported) -> None:
        if self._opened:
            await self._read_again()

    async def on_records_changed(self, event: RecordsChanged) -> None:
        if self._opened:
            await self._load_or_leave()

    async def _read_again(self) -> None:
        await self.refresh_status()
        await self._load_or_leave()

    async def _load_or_leave(self) -> None:
        """A screen whose record may not be shown any more gives way to the one before it; the line on top says why."""
        try:
            await self.load()
        except BadInput:
            if not self.is_locked or self.desk.is_first(self):
                raise
            self.desk.back()


def shown(text: str, style: str = "") -> Text:
    """Plain text for a widget, never markup."""
    return Text(text, style=style)
