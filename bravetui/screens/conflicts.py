"""The list of conflicts: open ones first, then what was decided."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Static

from bravetui.screens.base import WorkScreen
from bravetui.views.words import clock_words

STATUS_SIGNS = {"open": "≠ open", "decided here": "↑ decided here", "resolved": "✓ decided"}


class ConflictsScreen(WorkScreen):
    """Conflicts of this project."""

    TITLE_WORDS = "Conflicts"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "Back")]
    HELP = (
        "A conflict is two values that two people set, neither having seen the other's.\n"
        "Nothing is lost and nothing waits: central holds both. Enter opens one to decide."
    )

    def body(self) -> ComposeResult:
        yield Static("", id="count", classes="words", markup=False)
        yield DataTable(id="rows", cursor_type="row")

    async def on_mount(self) -> None:
        self.query_one("#rows", DataTable).add_columns("State", "What", "Record", "Since")
        await super().on_mount()
        self.query_one("#rows", DataTable).focus()

    async def load(self) -> None:
        from bravetui.views import conflicts

        services = self.desk.services
        rows = await self.call(conflicts.conflicts, services.store, services.scope_id)
        now = services.store.clock.now()
        count = sum(row.status == "open" for row in rows)
        words = f"≠ {count} to decide. Enter opens one." if count else "✓ No conflict is open."
        self.query_one("#count", Static).update(Text(words, style="bold"))
        table = self.query_one("#rows", DataTable)
        at = table.cursor_row
        table.clear()
        for row in rows:
            since = clock_words(row.opened_at, now, services.zone) if row.opened_at else ""
            style = "bold" if row.status == "open" else "dim"
            table.add_row(
                Text(STATUS_SIGNS[row.status], style=style),
                Text(row.what[:40]),
                Text(row.title[:40]),
                Text(since),
                key=row.id,
            )
        table.move_cursor(row=min(at, max(0, len(rows) - 1)), animate=False)

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        from bravetui.screens.conflict import ConflictScreen

        if event.row_key.value:
            self.desk.open(ConflictScreen(event.row_key.value))
