"""A safety alert, whole: who warns, since when, until when. It counts as read only when the person says so."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Button, Static

from bravetui.screens.base import WorkScreen
from bravetui.views.home import Alert
from bravetui.views.words import clock_words
from bravetui.widgets import tones

LEVELS = {"stop_work": "■ STOP WORK", "warning": "▲ WARNING", "info": "i  For your information"}


class AlertScreen(WorkScreen):
    """One alert."""

    TITLE_WORDS = "Safety alert"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "seen", "I have read this"),
        Binding("escape", "leave", "Back, leave it unread"),
    ]
    WRITES: ClassVar[frozenset[str]] = frozenset({"seen"})
    HELP = (
        "R says that you have read this; the office then sees it.\n"
        "Esc goes back, and the alert stays on the first screen."
    )

    def __init__(self, alert: Alert) -> None:
        super().__init__()
        self._alert = alert

    def body(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Static(self._words(), classes="words", markup=False)
            yield Button("I have read this (R)", id="seen", variant="success", compact=True)

    def _words(self) -> Text:
        alert, services = self._alert, self.desk.services
        now = services.store.clock.now()
        text = Text(f"\n{LEVELS.get(alert.level, LEVELS['info'])}\n", style=tones.warn())
        text.append(f"{alert.title}\n\n", style="bold not dim")
        text.append(f"{alert.body}\n" if alert.body else "", style="not bold")
        told = [f"\nFrom {alert.issued_by}" if alert.issued_by else ""]
        told.append(clock_words(alert.issued_at, now, services.zone) if alert.issued_at else "")
        words = ", ".join(part for part in told if part)
        words += (
            f"\nIn force until {clock_words(alert.expires_at, now, services.zone)}"
            if alert.expires_at
            else ""
        )
        text.append(f"{words}\n", style="dim not bold")
        return text

    async def load(self) -> None:
        if self.focused is None:
            self.query_one("#seen", Button).focus()
        self.query_one("#seen", Button).display = not self.only_reads

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        await self.action_seen()

    async def action_seen(self) -> None:
        """Say that it was read."""
        if not self.may_write():
            return
        from bravetui.actions import site

        services = self.desk.services
        await self.call(site.alert_seen, services.store, services.scope_id, self._alert.id)
        self.notify("Noted that you have read it.", timeout=3, markup=False)
        self.desk.wrote()
        self.desk.back()
