"""What can be done on the screen one came from."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

EVERYWHERE = (
    "F2 home  F3 forms  F4 queue  F5 sync now  F7 conflicts  F8 rain  F12 photos\n"
    "{line}Ctrl+P: commands by name   Esc back\n"
    "Ctrl+Q quits; all you typed is saved   Ctrl+L locks   Ctrl+C copies\n"
    "● line up   ○ no line   ↑ only on this laptop   ✓ at central\n"
    "≠ two values, a person decides   * must be answered   ! to correct"
)
LINE = "F6 cuts or restores the demo's line   "


class HelpScreen(ModalScreen[None]):
    """Help for one screen."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll { width: 100%; max-width: 100; height: auto; max-height: 100%; background: $surface;
        border: thick $primary; padding: 0 1; }
    HelpScreen Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,enter", "app.pop_screen", "Close")]

    def __init__(self, title: str, words: str, *, cuts: bool) -> None:
        """`cuts`: whether there is a line that can be cut by hand."""
        super().__init__()
        self._title, self._words, self._cuts = title, words, cuts

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            text = Text()
            text.append(self._title, style="bold")
            text.append("   Esc closes this help, arrows scroll it\n\n", style="dim not bold")
            text.append(self._words, style="not bold not dim")
            text.append("\n\nEverywhere\n\n", style="bold")
            text.append(EVERYWHERE.format(line=LINE * self._cuts), style="not bold")
            yield Static(text, markup=False)
