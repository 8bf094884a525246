"""A QR code in half blocks: two rows of squares a line, for a phone to read an address from a terminal."""

from __future__ import annotations

import segno

QUIET = 2
"""Light squares around it: half of what the standard asks, and enough for the readers tried."""
CHARACTERS_MAX = 1000
_BLOCKS = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
"""By (upper is dark, lower is dark): what is light is drawn, so that it reads rightly in light type on dark."""


def half_blocks(text: str, columns: int = 80, rows: int = 24) -> tuple[str, ...]:
    """The code's lines, or none where it does not fit into `columns` by `rows`; `text` is an address, so ASCII.

    To be shown in white on black whatever the theme: some readers refuse an inverted code.
    """
    if not (text.isascii() and 0 < len(text) <= CHARACTERS_MAX):
        return ()
    made = segno.make(text, error="l", boost_error=False, micro=False)
    squares = [[bool(square) for square in row] for row in made.matrix_iter(border=QUIET)]
    width = len(squares[0])
    if width > columns or (len(squares) + 1) // 2 > rows:
        return ()
    squares.append([False] * width)
    return tuple(
        "".join(_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(squares[0::2], squares[1::2], strict=False)
    )
