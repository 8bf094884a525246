"""Rows of a table brought up to date in place. The cursor stays on its record, whatever arrives above it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.coordinate import Coordinate
from textual.widgets import DataTable

Row = tuple[str, Sequence[Text]]
"""A row's key and its cells."""


class Rows(DataTable[Text]):
    """A table whose rows open with one click, wherever the cursor was."""

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there first: a table opens only what is under it."""
        row, column = event.style.meta.get("row", -1), event.style.meta.get("column", -1)
        if self.cursor_type == "row" and row >= 0 <= column:
            self.cursor_coordinate = Coordinate(row, column)


def show_rows(table: DataTable[Text], rows: Sequence[Row], *, height: int = 1) -> None:
    """Change the cells that differ; rebuild only when rows came, went or moved, and keep the cursor on its row."""
    if [key.value for key in table.rows] == [key for key, _ in rows]:
        columns = list(table.columns)
        for key, cells in rows:
            for column, cell in zip(columns, cells, strict=True):
                if table.get_cell(key, column) != cell:
                    table.update_cell(key, column, cell, update_width=True)
        return
    at, number = key_under_cursor(table), table.cursor_row
    table.clear()
    for key, cells in rows:
        table.add_row(*cells, key=key, height=height)
    keys = [key for key, _ in rows]
    wanted = keys.index(at) if at in keys else min(number, len(keys) - 1)
    table.move_cursor(row=max(0, wanted), animate=False)


def key_under_cursor(table: DataTable[Text]) -> str | None:
    """The key of the row under the cursor, if there is a row."""
    if not table.row_count:
        return None
    return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
