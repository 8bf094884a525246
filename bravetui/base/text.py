"""What people typed: made storable on the way in, and harmless on the way to any screen, log or file.

`clean` runs once, before input becomes a change: PostgreSQL cannot store NUL, and UTF-8 cannot carry a lone surrogate.
`safe_text` runs wherever text of another person is shown: a terminal obeys escape bytes, and bidirectional overrides
(Unicode TR 9, CVE-2021-42574) make a line read as what it is not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from bravetui.base.canonical import Json

_KEPT_CONTROLS = "\n\t"
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset("\u200b\u2060\ufeff\u00ad\u180e\u2028\u2029")
_REPLACEMENT = "\ufffd"


def clean_text(text: str) -> str:
    """The same text, storable anywhere: no NUL, no lone surrogate, line ends as \\n, composed (NFC)."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
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
    if category in ("Cc", "Cs", "Co", "Cn") or character in _BIDI_CONTROLS or character in _INVISIBLE:
        return _REPLACEMENT
    return character


def safe_text(text: str, limit: int = 10_000) -> str:
    """Text fit for a terminal: control, bidirectional and invisible characters become visible signs, length is capped.

    `limit` is in characters. New lines and tabs stay. The result never holds an escape byte; it is still not markup,
    and must be shown with markup off.
    """
    cut = text[:limit]
    if cut.isascii() and cut.isprintable():
        shown = cut
    else:
        shown = "".join(map(_harmless, cut))
    return shown if len(text) <= limit else f"{shown}\u2026 ({len(text) - limit:,} more characters)"


def safe_line(text: str, limit: int = 200) -> str:
    """`safe_text` on one line: new lines and tabs become spaces."""
    return " ".join(safe_text(text, limit).split())
