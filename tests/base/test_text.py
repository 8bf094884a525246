"""Text of other people: storable on the way in, harmless on the way to a screen."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.canonical import Json, canonical_bytes
from bravetui.base.text import clean, clean_text, harmless, in_columns, safe_line, safe_text, shortened

anything = st.text(st.characters(), max_size=40)
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
nasty = st.text(
    st.sampled_from("\x00\r\n\t\x1b\x07\x7f\x9b\x85\ud800\udc00e\u0301" + BIDI + "a["), max_size=20
)


@given(anything | nasty)
def test_cleaned_text_can_be_stored_anywhere(text: str) -> None:
    cleaned = clean_text(text)
    assert cleaned.encode().decode() == cleaned
    assert "\x00" not in cleaned
    assert "\r" not in cleaned
    assert unicodedata.is_normalized("NFC", cleaned)


@given(anything | nasty)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"])))
def test_plain_writing_passes_as_it_is(text: str) -> None:
    assert clean_text(text) == text
    assert safe_text(text) == text


@given(
    st.recursive(
        nasty | st.none() | st.booleans() | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(nasty, inner, max_size=3),
        max_leaves=6,
    )
)
def test_every_text_inside_a_value_is_cleaned_and_the_rest_left_alone(value: Json) -> None:
    cleaned = clean(value)
    canonical_bytes(cleaned)
    assert clean(cleaned) == cleaned
    if not isinstance(value, str | list | dict):
        assert cleaned is value


@given(anything | nasty)
def test_shown_text_never_holds_what_a_terminal_obeys_or_what_turns_a_line_about(text: str) -> None:
    shown = safe_text(text)
    assert shown.encode().decode() == shown
    for character in shown:
        if character not in "\n\t":
            assert unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn")
        assert character not in BIDI
        assert character not in "\u200b\u2028\u2029\ufeff\U000e0041\u2060"


@given(anything | nasty)
def test_making_text_harmless_twice_is_making_it_so_once(text: str) -> None:
    assert safe_text(safe_text(text)) == safe_text(text)


@given(anything | nasty, st.integers(0, 10))
def test_shown_text_is_cut_at_its_limit_and_says_so(text: str, limit: int) -> None:
    shown = safe_text(text, limit)
    if len(text) <= limit:
        assert len(shown) == len(text)
    else:
        assert shown.endswith(f"\u2026 ({len(text) - limit:,} more characters)")
        assert shown.startswith(safe_text(text[:limit]))


@given(anything | nasty)
def test_a_line_is_one_line(text: str) -> None:
    assert len(safe_line(text).splitlines()) <= 1
    assert "\t" not in safe_line(text)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("\x1b[2J", "\u241b[2J"),
        ("\x1b]52;c;AAAA\x07", "\u241b]52;c;AAAA\u2407"),
        ("\x9b31m", "\ufffd31m"),
        ("abc\u202edef", "abc\ufffddef"),
        ("pay\U000e0041load", "pay\ufffdload"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("[red]not markup here[/]", "[red]not markup here[/]"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("\U0001f469\u200d\U0001f527", "\U0001f469\u200d\U0001f527"),
        ("Se\u00f1or \u6771\u4eac", "Se\u00f1or \u6771\u4eac"),
    ],
    ids=["clear the screen", "write the clipboard", "a C1 control", "right to left", "invisible tags", "lines and tabs",
         "brackets", "Persian joiners", "a mechanic", "Spanish and Japanese"],
)  # fmt: skip
def test_what_is_sent_is_shown_as(sent: str, shown: str) -> None:
    assert safe_text(sent) == shown


@given(st.text(max_size=200), st.integers(2, 80))
def test_a_shortened_line_fits_and_says_that_it_was_cut(text: str, limit: int) -> None:
    """One line, at most so long, with an ellipsis where something is missing."""
    line = shortened(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert line.endswith("…") or line == safe_line(text, 1000)


@given(anything | nasty)
def test_harmless_text_has_a_sign_for_each_character(text: str) -> None:
    """So that a cursor in it stands where it is."""
    assert len(harmless(text)) == len(text)
    assert harmless(text) == safe_text(text, len(text))


def test_a_long_cell_of_a_list_does_not_run_into_the_next() -> None:
    assert in_columns(("3.17", 10), ("refused", 10), ("x", 4)) == "3.17      refused   x"
    assert (
        in_columns(("217854720.1234", 10), ("a state too long", 10), ("x", 4))
        == "217854720.1234  a state too long  x"
    )
