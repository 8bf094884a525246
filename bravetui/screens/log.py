"""What sync did, line by line: counts and words, no answers, no names, no secrets."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from bravetui.screens.base import WorkScreen
from bravetui.views.words import clock_words


class LogScreen(WorkScreen):
    """The sync log."""

    TITLE_WORDS = "Sync log"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "Back")]
    HELP = "Newest first. `bravetui status --json` gives the same state to a program."

    def body(self) -> ComposeResult:
        yield DataTable(id="log", cursor_type="row")

    async def on_mount(self) -> None:
        self.query_one("#log", DataTable).add_columns("When", "What", "Lane", "In words")
        await super().on_mount()
        self.query_one("#log", DataTable).focus()

    async def load(self) -> None:
        from bravetui.views import status

        services = self.desk.services
        table, now = self.query_one("#log", DataTable), services.store.clock.now()
        table.clear()
        for line in await self.call(status.log, services.store):
            table.add_row(
                Text(clock_words(line.at, now, services.zone)),
                Text(line.event),
                Text(line.lane or ""),
                Text(line.words),
            )
