"""Shown while the window is too small to work in."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static


class TooSmallScreen(ModalScreen[None]):
    """One sentence that fits anywhere."""

    DEFAULT_CSS = """
    TooSmallScreen { align: center middle; background: $background; }
    TooSmallScreen Static { width: 90%; height: auto; text-align: center; }
    """

    def compose(self) -> ComposeResult:
        yield Static(
            Text("Make this window larger: 60 columns and 16 lines at least. All you typed is kept."),
            markup=False,
        )
