"""An answer that two people set apart from each other: read here, decided where both are in sight."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static


class DecideWanted(Message):
    """The person wants to see both sides of a conflict, and decide it."""

    def __init__(self, conflict_id: str) -> None:
        super().__init__()
        self.conflict_id = conflict_id


class Disputed(Static, can_focus=True):
    """The answer that stands meanwhile. Typing changes nothing; Enter, F7 or a click leads to both."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,f7", "decide", "Both sides")]
    DEFAULT_CSS = """
    Disputed { height: auto; width: 1fr; padding: 0 1; }
    Disputed:focus { background: $surface-lighten-1; }
    """

    def __init__(self, text: str, conflict_id: str) -> None:
        super().__init__(Text(text), markup=False)
        self._conflict_id = conflict_id

    def put(self, text: str) -> None:
        """Show another answer."""
        self.update(Text(text))

    def action_decide(self) -> None:
        """Ask for both sides."""
        self.post_message(DecideWanted(self._conflict_id))

    def on_click(self, event: events.Click) -> None:
        self.action_decide()
