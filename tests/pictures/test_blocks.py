"""A thumbnail in a terminal: half blocks in the picture's colours, and words where it is damaged."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bravetui.base.errors import BadInput
from bravetui.pictures.blocks import HALF, Cell, cells, half_blocks
from tests.support.pictures import BLUE, FOUR, GREEN, GREY, RED, encoded, image, jpeg, noise

THUMBNAIL = jpeg(320, 320, corners=FOUR)


def is_like(cell: Cell, foreground: tuple[int, ...], background: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 16 for a, b in zip((*cell[0], *cell[1]), (*foreground, *background), strict=True))


def test_two_characters_show_four_colours() -> None:
    ((left, right),) = cells(THUMBNAIL, 2, 1)
    assert is_like(left, RED, BLUE)
    assert is_like(right, GREEN, GREY)


def test_the_text_has_a_half_block_for_each_pair_of_points_in_their_colours() -> None:
    text = half_blocks(THUMBNAIL, 8, 4)
    assert text.plain == "\n".join([HALF * 8] * 4)
    first, last = text.spans[0].style, text.spans[-1].style
    assert not isinstance(first, str)
    assert not isinstance(last, str)
    assert first.color is not None
    assert last.bgcolor is not None
    assert is_like(Cell(first.color.get_truecolor(), last.bgcolor.get_truecolor()), RED, GREY)


def test_no_escape_is_written() -> None:
    assert set(half_blocks(encoded(noise(320, 320), quality=50), 40, 20).plain) == {HALF, "\n"}


@given(st.integers(1, 320), st.integers(1, 320), st.integers(-1, 100), st.integers(-1, 50))
def test_a_picture_keeps_its_shape_and_fits(width: int, height: int, columns: int, rows: int) -> None:
    shown = cells(encoded(image(width, height)), columns, rows)
    wide, high = len(shown[0]), 2 * len(shown)
    assert {len(line) for line in shown} == {wide}
    assert wide <= max(1, columns)
    assert len(shown) <= max(1, rows)
    scale = min(max(1, columns) / width, 2 * max(1, rows) / height)
    assert abs(wide - width * scale) <= 1
    assert abs(high - height * scale) <= 2


@pytest.mark.parametrize(
    "damaged",
    [b"", b"no picture", THUMBNAIL[:300], THUMBNAIL[:-300], jpeg(321, 10), encoded(image(10, 10), "PNG"),
     THUMBNAIL + bytes(70_000)],
)  # fmt: skip
def test_a_damaged_thumbnail_gives_words(damaged: bytes) -> None:
    with pytest.raises(BadInput, match="damaged and cannot be shown"):
        half_blocks(damaged, 40, 20)


@given(st.integers(0, len(THUMBNAIL)), st.binary(max_size=8))
@example(0, b"")
def test_whatever_was_overwritten_it_is_shown_or_gives_words(at: int, written: bytes) -> None:
    try:
        shown = half_blocks(THUMBNAIL[:at] + written + THUMBNAIL[at + len(written) :], 20, 10)
    except BadInput:
        return
    assert set(shown.plain) <= {HALF, "\n"}
