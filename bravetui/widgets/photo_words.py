"""What is said of a photo: in a list, beside its picture, and in the place of one that cannot be shown. Pure."""

from __future__ import annotations

from datetime import tzinfo

from rich.text import Text

from bravetui.base.text import shortened
from bravetui.views.photos import PhotoRow, where_words
from bravetui.views.words import bytes_words, day_words
from bravetui.widgets import tones

OWNER_MAX = 78
NOT_HERE = "The picture is not on this laptop."


def listed_words(row: PhotoRow, zone: tzinfo, room: int) -> Text:
    """Caption, when it was taken, where its bytes are, and why they wait: a line each, of `room` columns."""
    text = Text(shortened(row.caption or "No caption", room), style="bold" if row.caption else "")
    text.append(f"\n  {shortened(_when(row, zone), room - 2)}", style="not bold dim")
    text.append(f"\n  {shortened(_where(row), room - 2)}", style=f"not bold {_style(row)}".strip())
    if row.why:
        text.append(f"\n  ! {shortened(row.why, room - 4)}", style=f"not bold {tones.warn()}".strip())
    return text


def told_words(row: PhotoRow, zone: tzinfo) -> Text:
    """All that is known of it."""
    text = Text(f"\n{row.caption or 'No caption'}\n", style="bold" if row.caption else "dim")
    size = [bytes_words(row.size_bytes)] + [f"{row.width} × {row.height} px"] * bool(row.width)
    plain = "not bold not dim"
    text.append(f"{_when(row, zone)}\n{' · '.join(size)}\n{shortened(row.owner, OWNER_MAX)}\n", style=plain)
    text.append(_where(row), style=f"{plain} {_style(row)}".strip())
    if row.why:
        text.append(f"\nIt waits: {row.why}", style=f"{plain} {tones.warn()}".strip())
    return text


def instead_words(row: PhotoRow) -> Text:
    """Why there is no picture, and what to do."""
    if row.at_central:
        words = f"{NOT_HERE} G gets it from central."
    elif row.here:
        words = "The small picture does not read. In a shell, bravetui doctor makes it again."
    else:
        words = f"{NOT_HERE} It can be fetched once the laptop that took it has handed it in."
    return Text(words, style=tones.warn())


def _when(row: PhotoRow, zone: tzinfo) -> str:
    return day_words(row.taken_at, zone) if row.taken_at is not None else "no time"


def _where(row: PhotoRow) -> str:
    sign = "✓" if row.is_at_central else "↑" if row.here else "○"
    return f"{sign} {where_words(row)}"


def _style(row: PhotoRow) -> str:
    return tones.good() if row.is_at_central else ""
