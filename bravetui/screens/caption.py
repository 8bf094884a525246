"""A line of words for a photo, or the name of a file for it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from bravetui.widgets.typing import Line


class CaptionScreen(ModalScreen[str | None]):
    """Asks for one line; Esc is none at all. Dismissed with what was typed, which may be empty."""

    DEFAULT_CSS = """
    CaptionScreen { align: center middle; }
    CaptionScreen > Vertical { width: 70; max-width: 100%; height: auto; border: thick $primary; background: $surface;
        padding: 1 2; }
    CaptionScreen Line { margin: 1 0 0 0; }
    CaptionScreen Horizontal { height: auto; margin: 1 0 0 0; }
    CaptionScreen Button { margin: 0 2 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]

    def __init__(self, words: str, said: str = "", *, saves: str = "Save") -> None:
        """`said`: what stands there to begin with; `saves`: what the button is called."""
        super().__init__()
        self._words, self._said, self._saves = words, said, saves

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(self._words), markup=False)
            yield Line(self._said, called="line")
            with Horizontal():
                yield Button(f"{self._saves} (Enter)", id="save", variant="success")
                yield Button("Leave it (Esc)", id="leave")

    def on_mount(self) -> None:
        typed = self.query_one("#line", Line)
        typed.cursor_blink = False
        typed.focus()

    def on_input_submitted(self) -> None:
        """Enter saves."""
        _ = self.dismiss(self.query_one("#line", Line).value)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        _ = self.dismiss(self.query_one("#line", Line).value if event.button.id == "save" else None)

    def action_close(self) -> None:
        """Save nothing."""
        _ = self.dismiss(None)
