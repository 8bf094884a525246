"""What people typed: made storable on the way in, and harmless on the way to any screen, log or file.

`clean` runs once, before input becomes a change: PostgreSQL cannot store NUL, and UTF-8 cannot carry a lone surrogate.
`safe_text` runs wherever text of another person is shown: a terminal obeys escape bytes, and bidirectional overrides
(Unicode TR 9, CVE-2021-42574) make a line read as what it is not. What a command prints and what a screen draws goes
through `harmless` once more, whoever wrote it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from bravetui.base.canonical import Json

_KEPT_CONTROLS = "\n\t"
_LEAD = 20
"""Characters before a difference that show where it is."""
_INVISIBLE = frozenset("\u034f\u115f\u1160\u2028\u2029\u3164\uffa0")
"""Fillers and separators that draw nothing, beyond those that Unicode itself classes as format characters."""
_VISIBLE_FORMATS = frozenset("\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
"""Format characters that writing needs: joiners (Persian, emoji) and Arabic and Syriac number signs."""
_REPLACEMENT = "\ufffd"
_DOUBTFUL = re.compile(r"[^\n\t\x20-\x7e]")


def clean_text(text: str) -> str:
    """The same text, storable anywhere: no NUL, no lone surrogate, line ends as \\n, composed (NFC)."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    # Through UTF-16, so that two halves of one character are joined again and only a lone half is replaced.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return unicodedata.normalize("NFC", text)


def clean(value: Json) -> Json:
    """`clean_text` for every string inside a JSON value."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(key): clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [clean(inner) for inner in value]
    return value


def _harmless(character: str) -> str:
    if character in _KEPT_CONTROLS:
        return character
    category = unicodedata.category(character)
    if character == "\x1b":
        return "\u241b"
    if category == "Cc" and ord(character) < 0x20:
        return chr(0x2400 + ord(character))
    if category == "Cf" and character not in _VISIBLE_FORMATS:
        return _REPLACEMENT
    if category in ("Cc", "Cs", "Co", "Cn") or character in _INVISIBLE:
        return _REPLACEMENT
    return character


def harmless(text: str) -> str:
    """Text of any length for a terminal, character for character: what it would obey or hide becomes a visible sign."""
    return "".join(map(_harmless, text)) if _DOUBTFUL.search(text) else text


def safe_text(text: str, limit: int = 10_000) -> str:
    """Text fit for a terminal: control, bidirectional and invisible characters become visible signs, length is capped.

    `limit` is in characters. New lines and tabs stay. The result never holds an escape byte; it is still not markup,
    and must be shown with markup off.
    """
    shown = harmless(text[:limit])
    return shown if len(text) <= limit else f"{shown}\u2026 ({len(text) - limit:,} more characters)"


def safe_line(text: str, limit: int = 200) -> str:
    """`safe_text` on one line: new lines and tabs become spaces."""
    return " ".join(safe_text(text, limit).split())


def shortened(text: str, limit: int) -> str:
    """`safe_line` cut to `limit` characters with an ellipsis, for lists."""
    line = safe_line(text, 1000)
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}\u2026"


def same_start(left: str, right: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(left), len(right)))


def changed_part(before: str, after: str) -> str:
    """`after` from a few words before the first place where it is not as `before`."""
    same = same_start(before, after)
    start = after.rfind(" ", 0, max(0, same - _LEAD)) + 1
    return f"\u2026{after[start:]}" if start else after


def in_columns(*cells: tuple[str, int]) -> str:
    """A line of a list: each cell in a column of its width, and two spaces before the next one however long it is.

    A laptop's number has one digit in an example and nine in earnest; what is to be copied must not run into its neighbour.
    """
    return "".join(f"{cell:<{width - 2}}  " for cell, width in cells).rstrip()


def counted(count: int, thing: str) -> str:
    """So many of a thing, in words: `1 change`, `1,200 changes`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
