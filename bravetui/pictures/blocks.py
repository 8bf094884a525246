"""A picture in a terminal: each character an upper half block, its upper half in one colour and its lower half in another.

A thumbnail was made here or on a colleague's laptop, by the process that opens pictures: a JPEG of 320 px at most. It is
decoded right here only while it is that. No escape sequence is written: colours are Rich's, who knows the terminal.
"""

from __future__ import annotations

import io
from itertools import groupby
from typing import NamedTuple

from PIL import Image, JpegImagePlugin
from rich.color import Color
from rich.style import Style
from rich.text import Text

from bravetui.base.errors import BadInput
from bravetui.pictures.picture import THUMBNAIL_BYTES_MAX, THUMBNAIL_PX

HALF = "\u2580"

Rgb = tuple[int, int, int]


class Cell(NamedTuple):
    """The two colours of one character."""

    foreground: Rgb
    """Of the upper half."""
    background: Rgb


def half_blocks(thumbnail: bytes, columns: int, rows: int) -> Text:
    """A thumbnail in at most so many columns and rows, each row a line. Raises BadInput for a damaged one."""
    shown = Text(no_wrap=True, end="")
    for number, line in enumerate(cells(thumbnail, columns, rows)):
        shown.append("\n" if number else "")
        for cell, same in groupby(line):
            shown.append(HALF * len(list(same)), _style(cell))
    return shown


def cells(thumbnail: bytes, columns: int, rows: int) -> list[list[Cell]]:
    """The same as colours, row by row. A character is twice as high as wide, so half of one is a square."""
    image = _decoded(thumbnail)
    wide, high = _fitting(image.size, max(1, columns), 2 * max(1, rows))
    points = image.resize((wide, high), Image.Resampling.BOX).tobytes()
    rgb = [(points[at], points[at + 1], points[at + 2]) for at in range(0, len(points), 3)]
    return [
        [Cell(rgb[row * wide + column], rgb[(row + 1) * wide + column]) for column in range(wide)]
        for row in range(0, high, 2)
    ]


def _fitting(size: tuple[int, int], wide_max: int, high_max: int) -> tuple[int, int]:
    """The largest size of the same shape that fits, its height even."""
    width, height = size
    scale = min(wide_max / width, high_max / height)
    wide, high = max(1, round(width * scale)), max(2, 2 * round(height * scale / 2))
    return min(wide, wide_max), min(high, high_max)


def _decoded(thumbnail: bytes) -> Image.Image:
    """The points of a thumbnail, if it is one."""
    try:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(thumbnail[: THUMBNAIL_BYTES_MAX + 1])) as image:
            if len(thumbnail) <= THUMBNAIL_BYTES_MAX and max(image.size) <= THUMBNAIL_PX:
                return image.convert("RGB")
    except Exception:  # noqa: BLE001 - the decoder lets errors of its own through
        pass
    raise BadInput(
        "The small picture of this photo is damaged and cannot be shown.",
        "Open the photo itself: that is another file.",
    ) from None


def _style(cell: Cell) -> Style:
    return Style(color=Color.from_rgb(*cell.foreground), bgcolor=Color.from_rgb(*cell.background))
