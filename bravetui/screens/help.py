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
    "F2 home   F3 forms   F4 queue   F5 sync now   F7 conflicts   F8 rain\n"
    "Ctrl+P finds every command by name   Esc goes back   Ctrl+Q quits; all you typed is saved\n\n"
    "Signs:  ● line up   ○ no line   ↑ only on this laptop   ✓ at central   ≠ two values, a person decides\n"
    "        * must be answered   ! to mend"
)


class HelpScreen(ModalScreen[None]):
    """Help for one screen."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll { width: 84%; max-width: 96; height: auto; max-height: 90%; background: $surface;
        border: thick $primary; padding: 1 2; }
    HelpScreen Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,enter", "app.pop_screen", "Close")]

    def __init__(self, title: str, words: str) -> None:
        super().__init__()
        self._title, self._words = title, words

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            text = Text()
            text.append(f"{self._title}\n\n", style="bold")
            text.append(self._words, style="not bold")
            text.append("\n\nEverywhere\n\n", style="bold")
            text.append(EVERYWHERE, style="not bold")
            text.append("\n\nEsc closes this.", style="dim")
            yield Static(text, markup=False)
