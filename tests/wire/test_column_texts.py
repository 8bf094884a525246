"""Spellings of strings in a column: what fits is short, what nearly fits is text, and both come back to the letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.wire.column_parts import Reader, Writer
from bravetui.wire.column_texts import (
    AROUND,
    DECIMALS,
    DOTS,
    HEX,
    IDS,
    MOMENTS,
    REPEATS,
    SIGNATURES,
    STAMPS,
    TEXT,
    WITH_IDS,
    read_texts,
    write_texts,
)

ID = "019e2a7c-7c00-7a10-8b1e-3f60c4d2a9e1"
OTHER = "61599bdb-09cc-4c8b-9e0e-6bbe0a1b2c3d"
SIGNATURE = "tDxtaz-_" * 10 + "01234A"
"""The last of 86 characters has four bits to spare, which are 0."""


def through(texts: list[str]) -> tuple[int, list[str]]:
    """The code of the spelling, and what came back."""
    to = Writer()
    write_texts(texts, to)
    code = to.plan[0]
    given = Reader(to.finish(), 1_000_000)
    back = read_texts(len(texts), given)
    given.finish()
    return code, back


FITS: list[tuple[int, list[str]]] = [
    (IDS, [ID]),
    (IDS, [ID, OTHER, "0" * 8 + "-0000-0000-0000-" + "f" * 12]),
    (DOTS, ["0.1"]),
    (DOTS, ["3.17", "3.18", "999999999999999999.999999999999999999"]),
    (STAMPS, ["19fc7d123c00000", "f" * 15, "0" * 15]),
    (MOMENTS, ["2026-08-03T13:30:00Z"]),
    (MOMENTS, ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2024-02-29T12:00:00.000001Z"]),
    (HEX, ["61599bdb09cc3c8b"]),
    (HEX, ["6e0e6bbe" * 8, "00" * 32]),
    (SIGNATURES, [SIGNATURE, "A" * 86]),
    (DECIMALS, ["0.42", "-0.05", "17", "-17", "0", "0.00", "999999999.999999999", "1.50"]),
    (AROUND, ["IMG_3125.jpg", "IMG_0.jpg", "IMG_-7.50.jpg"]),
    (AROUND, ["12 in", "0.25 in"]),
    (WITH_IDS, [f"inspection/{ID}", f"storm/{OTHER}"]),
    (WITH_IDS, ["note", f"answers/controls/{ID}/need", f"{ID}{OTHER}", ""]),
    (WITH_IDS, [f"{ID}/7", f"{OTHER}/8"]),
    (REPEATS, ["pass", "fail", "pass", "pass"]),
    (REPEATS, [ID, ID]),
    (REPEATS, ["", ""]),
    (TEXT, [""]),
    (TEXT, ["a word", "and another"]),
]


@pytest.mark.parametrize(("code", "texts"), FITS)
def test_what_fits_a_spelling_takes_it(code: int, texts: list[str]) -> None:
    assert through(texts) == (code, texts)


NEARLY: list[tuple[str, list[str]]] = [
    ("an id in capitals", [ID, ID.upper()]),
    ("an id with another separator", [ID, ID.replace("-", "_")]),
    ("an id and a line end", [ID + "\n", OTHER + "\n"]),
    ("ids of other lengths, as long together", [ID[:-1], OTHER + "0"]),
    ("a dot of counter 0", ["3.17", "3.0"]),
    ("a dot that begins with 0", ["3.17", "03.18"]),
    ("a dot of nineteen digits", ["3.17", "3." + "9" * 19]),
    ("two dots in one", ["3.17\n3.18"]),
    ("a dot in other digits", ["3.17", "3.१"]),
    ("a dot and a sign", ["3.17", "-3.17 "]),
    ("a stamp in capitals", ["19fc7d123c00000", "19FC7D123C00000"]),
    ("a stamp of fourteen digits", ["19fc7d123c00000", "19fc7d123c0000"]),
    ("a time with an offset", ["2026-08-03T13:30:00Z", "2026-08-03T13:30:00+00:00"]),
    ("a time in milliseconds", ["2026-08-03T13:30:00Z", "2026-08-03T13:30:00.123Z"]),
    ("a time with six zeros", ["2026-08-03T13:30:00Z", "2026-08-03T13:30:00.000000Z"]),
    ("a time in nanoseconds", ["2026-08-03T13:30:00Z", "2026-08-03T13:30:00.123456789Z"]),
    ("a time in small letters", ["2026-08-03T13:30:00Z", "2026-08-03t13:30:00z"]),
    ("a leap second", ["2026-08-03T13:30:00Z", "2016-12-31T23:59:60Z"]),
    ("the end of a day", ["2026-08-03T13:30:00Z", "2026-08-03T24:00:00Z"]),
    ("no such day", ["2026-08-03T13:30:00Z", "2025-02-29T13:30:00Z"]),
    ("no such year", ["2026-08-03T13:30:00Z", "0000-01-01T00:00:00Z"]),
    ("hex of two lengths", ["61599bdb09cc3c8b", "61599bdb"]),
    ("hex of an odd length", ["61599bdb0", "61599bdb1"]),
    ("hex in capitals", ["61599bdb09cc3c8b", "61599BDB09CC3C8B"]),
    ("a signature with bits to spare", [SIGNATURE, SIGNATURE[:-1] + "B"]),
    ("a signature in plain base64", [SIGNATURE, SIGNATURE.replace("-", "+")]),
    ("a decimal below nothing", ["0.42", "-0"]),
    ("a decimal below nothing, with places", ["0.42", "-0.00"]),
    ("a decimal without a digit before", ["0.42", ".42"]),
    ("a decimal without a digit behind", ["0.42", "42."]),
    ("a decimal that begins with 0", ["0.42", "007"]),
    ("a decimal with a sign", ["0.42", "+1"]),
    ("a decimal with an exponent", ["0.42", "1e5"]),
    ("a decimal too long", ["0.42", "1234567890"]),
    ("two decimals in one", ["0.42\n0.43", "1"]),
    ("a number with zeros before it", ["IMG_3125.jpg", "IMG_0042.jpg"]),
    ("other words before a number", ["IMG_3125.jpg", "DSC_3126.jpg"]),
    ("other words behind a number", ["12 in", "12 ft"]),
    ("words that overlap", ["12 in", " in", "1"]),
    ("ids beside the mark that stands for them", [f"inspection/{ID}", "\x01"]),
]


@pytest.mark.parametrize("texts", [case[1] for case in NEARLY], ids=[case[0] for case in NEARLY])
def test_what_nearly_fits_comes_back_as_it_went(texts: list[str]) -> None:
    for order in (texts, texts[::-1]):
        assert through(order)[1] == order


fragments = st.sampled_from(
    [text for _, texts in FITS for text in texts] + [text for _, texts in NEARLY for text in texts]
)
characters = st.characters(codec="utf-8", exclude_characters="\x00")


@st.composite
def altered(draw: st.DrawFn) -> str:
    """A spelling with one character changed, left out or put in."""
    text = draw(fragments)
    place = draw(st.integers(0, len(text)))
    new = draw(st.sampled_from(["", "0", "a", "F", "-", ".", "\n", "\x01", "é", "\U0001f600"]) | characters)
    return text[:place] + new + text[place + draw(st.integers(0, 1)) :]


@given(st.lists(fragments | altered(), min_size=1, max_size=6))
def test_any_mixture_of_spellings_comes_back_as_it_went(texts: list[str]) -> None:
    assert through(texts)[1] == texts


@given(
    st.lists(st.text(characters), min_size=1)
    | st.lists(st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,3})?", fullmatch=True), min_size=1)
)
def test_any_strings_come_back_as_they_went(texts: list[str]) -> None:
    assert through(texts)[1] == texts
