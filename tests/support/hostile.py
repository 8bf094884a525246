"""Texts that a colleague, a central or a disk may hold to trick a terminal, and how one sees that none did."""

from __future__ import annotations

import unicodedata

HOSTILE = {
    "escapes": "\x1b[2J\x1b]0;pwned\x07\x1bc",
    "markup": "[@click=app.quit]a[/][red]b[/red][/no][",
    "bidi overrides": "ab\u202edc\u202c\u2066e\u2069\u200f\u061cf",
    "zero width": "a\u200bb\u2060c\ufeffd\u00ade\U000e0041f\u3164g\u115fh",
    "C1 controls": "\x9b2J\x9d0;pwned\x9c\x85\x7f",
    "line ends": "a\rb\x08\x0b\x0cc\u2028d\u2029e",
    "clipboard": "\x1b]52;c;AAAA\x1b\\",
}
"""What each does where it is let: clear, reset and retitle, press and colour, turn about, hide, overprint, paste."""

EVERY_KIND = "".join(HOSTILE.values())
LONG = "W" * 1_000_000
WAYS_TO_HARM = {"every kind": EVERY_KIND, "1 MB": LONG}

_DRAWS_NOTHING = "\u034f\u115f\u1160\u2028\u2029\u3164\uffa0"
_WRITING_NEEDS = "\u200c\u200d"


def harm(shown: str, kept: str = "\n") -> set[str]:
    """What a terminal would obey, or nobody would see, in a text that was shown; `kept` is the program's own."""
    return {
        character
        for character in set(shown) - set(kept) - set(_WRITING_NEEDS)
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") or character in _DRAWS_NOTHING
    }
