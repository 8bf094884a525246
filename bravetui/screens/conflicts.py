"""The list of conflicts: open ones first, then what was decided."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Static

from bravetui.base.text import shortened
from bravetui.screens.base import WorkScreen
from bravetui.views.words import clock_words, set_aside_words
from bravetui.widgets.rows import Rows, show_rows

if TYPE_CHECKING:
    from bravetui.views.conflicts import ConflictRow

STATUS_SIGNS = {
    "open": "≠ open",
    "decided here": "↑ decided here",
    "settled": "· by a rule",
    "resolved": "✓ decided",
}


TIME_TAKES = 22
"""Columns that the time, the gaps and the scroll bar need at most; two of words share what the state leaves."""


class ConflictsScreen(WorkScreen):
    """Conflicts of this project."""

    TITLE_WORDS = "Conflicts"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]
    HELP = (
        "A conflict is two values that two people set, neither having seen the other's.\n"
        "Nothing is lost and nothing waits: central holds both. Enter opens one to decide.\n"
        "'by a rule': the form says which of two values stands. Enter shows both; B there brings yours back."
    )

    def body(self) -> ComposeResult:
        yield Static("", id="count", classes="words", markup=False)
        yield Rows(id="rows", cursor_type="row")

    async def on_mount(self) -> None:
        self.query_one("#rows", DataTable).add_columns("State", "What", "Since", "Record")
        await super().on_mount()
        self.query_one("#rows", DataTable).focus()

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[ConflictRow, ...] = ()
        self._deciding = ""
        """The conflict that was opened from here, while its screen is shown."""

    async def load(self) -> None:
        from bravetui.views import conflicts

        services = self.desk.services
        before = self._rows
        rows = self._rows = await self.call(conflicts.conflicts, services.store, services.scope_id)
        count = sum(row.status == "open" for row in rows)
        lost = sum(map(_lost, rows))
        words = f"≠ {count} to decide. Enter opens one." if count else "✓ No conflict is open."
        words += f" {set_aside_words(lost)}" if lost else ""
        words = self.not_shown or words
        self.query_one("#count", Static).update(Text(words, style="bold"))
        self._fill()
        self._go_on(before)

    async def on_screen_resume(self) -> None:
        await super().on_screen_resume()
        self._deciding = ""

    def _go_on(self, before: tuple[ConflictRow, ...]) -> None:
        """Once what was opened is decided, put the cursor on the next that is not: below it, else the first."""
        left = [row.id for row in self._rows if row.status == "open"]
        asked = [row.id for row in before if row.status == "open"]
        if self._deciding not in asked or self._deciding in left or not left:
            return
        below = asked[asked.index(self._deciding) :]
        wanted = next((key for key in below if key in left), left[0])
        table = self.query_one("#rows", DataTable)
        table.move_cursor(row=table.get_row_index(wanted), animate=False)

    def on_resize(self) -> None:
        """Words use the room there is."""
        if self._rows:
            self._fill()

    def _fill(self) -> None:
        services = self.desk.services
        now = services.store.clock.now()
        state = max((_state_words(row) for row in self._rows), key=len, default="")
        both = self.size.width - TIME_TAKES - len(state)
        title = min(max((len(row.title) for row in self._rows), default=0), both // 2)
        cells = [
            (row.id, _cells(row, now, services.zone, (max(16, both - title), title))) for row in self._rows
        ]
        show_rows(self.query_one("#rows", DataTable), cells)

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        from bravetui.screens.conflict import ConflictScreen

        if event.row_key.value:
            self._deciding = event.row_key.value
            self.desk.open(ConflictScreen(event.row_key.value))


def _cells(row: ConflictRow, now: datetime, zone: tzinfo, room: tuple[int, int]) -> list[Text]:
    since = clock_words(row.opened_at, now, zone) if row.opened_at else ""
    style = "bold" if row.status == "open" or _lost(row) else "dim"
    return [
        Text(_state_words(row), style=style),
        Text(shortened(row.what, room[0])),
        Text(since),
        Text(shortened(row.title, room[1])),
    ]


def _state_words(row: ConflictRow) -> str:
    return "· yours, by a rule" if _lost(row) else STATUS_SIGNS[row.status]


def _lost(row: ConflictRow) -> bool:
    return row.status == "settled" and row.lost_here
