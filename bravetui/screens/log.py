"""What sync did, line by line, and what support did here: counts and words, no answers, no secrets."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from bravetui.screens.base import WorkScreen
from bravetui.views.words import clock_words
from bravetui.widgets.rows import Row, Rows, show_rows


class LogScreen(WorkScreen):
    """The sync log."""

    TITLE_WORDS = "Sync log"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]
    HELP = "Newest first. `bravetui status --json` gives the same state to a program."

    def body(self) -> ComposeResult:
        yield Rows(id="log", cursor_type="row")

    async def on_mount(self) -> None:
        self.query_one("#log", DataTable).add_columns("When", "What", "Lane", "In words")
        await super().on_mount()
        self.query_one("#log", DataTable).focus()

    async def load(self) -> None:
        from bravetui.views import status

        services = self.desk.services
        table, now = self.query_one("#log", DataTable), services.store.clock.now()
        rows: list[Row] = []
        at_once: Counter[datetime] = Counter()
        for line in reversed(await self.call(status.log, services.store)):
            at_once[line.at] += 1
            when = clock_words(line.at, now, services.zone)
            cells = [Text(words) for words in (when, line.event, line.lane or "", line.words)]
            rows.append((f"{line.at.isoformat()} {at_once[line.at]}", cells))
        show_rows(table, rows[::-1])
