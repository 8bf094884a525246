"""The line on top of every screen: where one is, whether there is a line, what is only on this laptop and since when."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING

from rich.text import Text
from textual import events
from textual.widgets import Static

from bravetui.widgets import tones

if TYPE_CHECKING:
    from bravetui.views.on_top import OnTop


DECIDE = "≠"


class StatusLine(Static):
    """One line, always true."""

    DEFAULT_CSS = """
    StatusLine { dock: top; height: 1; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self, title: str) -> None:
        super().__init__(Text(title, style="bold"), markup=False)
        self._title = title
        self._decide_from: int | None = None
        """The column from which on the line says what is to decide."""

    def entitle(self, title: str) -> None:
        """Call the screen something else."""
        self._title = title

    def on_click(self, event: events.Click) -> None:
        """What is to decide opens where it is clicked."""
        if self._decide_from is not None and event.x > self._decide_from:
            self.app.call_later(self.app.run_action, "go('conflicts')")

    def show(self, stands: OnTop, *, cut: bool, zone: tzinfo) -> None:
        """Show how it stands."""
        text = Text()
        text.append(f"{self._title}", style="bold")
        self._decide_from = None
        for words, style in status_words(stands, cut=cut, zone=zone):
            text.append(" │ ", style="dim")
            self._decide_from = text.cell_len if words.startswith(DECIDE) else None
            text.append(words, style=style)
        self.update(text)


def status_words(stands: OnTop, *, cut: bool, zone: tzinfo) -> list[tuple[str, str]]:
    """The parts of the line: words and a style, each meaning in words or a sign too."""
    from bravetui.views.words import clock_words, photos_words, span_words

    summary = stands.summary
    line = "cut" if cut else summary.line
    signs = {
        "up": ("● line up", tones.good()),
        "cut": ("✂ line cut", tones.bad()),
        "down": ("○ no line", tones.warn()),
    }
    parts = [signs.get(line, ("○ no contact yet", tones.warn()))]
    if summary.waiting:
        since = span_words(summary.now - summary.oldest_only_here) if summary.oldest_only_here else ""
        parts.append((f"↑ {summary.waiting} only here, {since}", "bold"))
    elif summary.photos.photos:
        words = photos_words(summary.photos.photos, summary.photos.size_bytes)
        parts.append((f"↑ {words} only here", "bold"))
    elif summary.refused:
        parts.append((f"! {summary.refused} refused, kept here", tones.bad()))
    elif summary.unconfirmed:
        parts.append((f"✓ {summary.unconfirmed} at central, being confirmed", ""))
    elif summary.all_handed_in_at:
        parts.append(
            (f"✓ all handed in, {clock_words(summary.all_handed_in_at, summary.now, zone)}", tones.good())
        )
    if summary.conflicts_open:
        asked = "open" if stands.only_reads else "to decide"
        parts.append((f"{DECIDE} {summary.conflicts_open} {asked}: F7", "bold reverse"))
    return parts
