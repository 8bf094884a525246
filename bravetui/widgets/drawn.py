"""What every line of the app passes on its way to the terminal, whichever widget drew it."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from bravetui.base.text import harmless


class Harmless(LineFilter):
    """Lets through no character that a terminal obeys or hides. A line keeps its width: what takes no room leaves none."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line without harm."""
        return [segment if segment.control else _drawn(segment) for segment in segments]


def _drawn(segment: Segment) -> Segment:
    text, style, control = segment
    if (shown := harmless(text)) == text:
        return segment
    pairs = zip(text, shown, strict=True)
    kept = "".join(new for old, new in pairs if old == new or cell_len(old))
    return Segment(kept, style, control)
