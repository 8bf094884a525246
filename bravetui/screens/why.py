"""Why does it say this? The story of one answer: who wrote it, what others wrote, what each had seen, which rule decided."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from bravetui.screens.base import WorkScreen


class WhyScreen(WorkScreen):
    """The story of one field."""

    TITLE_WORDS = "Why it says this"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("enter", "open_conflict", "Both sides"),
    ]
    HELP = (
        "Who wrote what the field says now, and every time two people wrote it apart: both values, what each had seen\n"
        "when he wrote, which rule decided, or who did. Enter shows the last pair side by side; there a value that a rule\n"
        "set aside can be brought back. All of it is on this laptop; nobody is asked."
    )

    def __init__(self, kind: str, record_id: str, path: str) -> None:
        super().__init__()
        self._field = (kind, record_id, path)
        self._conflict_id = ""

    def body(self) -> ComposeResult:
        with VerticalScroll(id="story"):
            yield Static("", id="lines", classes="words", markup=False)

    async def load(self) -> None:
        from bravetui.views import why

        services = self.desk.services
        told = await self.call(why.why, services.store, services.scope_id, *self._field)
        self._conflict_id = told.apart[0].conflict_id if told.apart else ""
        title, now, *rest = why.lines_of(told, services.store.clock.now(), services.zone)
        text = Text(f"{title}\n", style="dim")
        text.append(now, style="bold not dim")
        text.append("\n" + "\n".join(rest), style="not dim")
        self.query_one("#lines", Static).update(text)
        self.query_one("#story").focus()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Both sides only where there were two."""
        return (
            bool(self._conflict_id) if action == "open_conflict" else super().check_action(action, parameters)
        )

    def action_open_conflict(self) -> None:
        """The last pair, side by side."""
        from bravetui.screens.conflict import ConflictScreen

        self.desk.open(ConflictScreen(self._conflict_id))
