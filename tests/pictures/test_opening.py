"""Pictures from a phone are opened in a process of their own: upright, small, and nothing in them but the picture."""

from __future__ import annotations

import io
import os
import random
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bravetui.base.errors import BadInput
from bravetui.pictures.blocks import HALF, cells, half_blocks
from bravetui.pictures.opening import open_picture
from bravetui.pictures.picture import PREVIEW_BYTES_MAX, PREVIEW_PX, THUMBNAIL_BYTES_MAX, THUMBNAIL_PX
from tests.support.pictures import BLUE, FOUR, GREEN, GREY, RED, encoded, image, jpeg, noise, png_bomb


def corners(data: bytes) -> list[str]:
    """The colours of the four quarters, by name."""
    names = {RED: "red", GREEN: "green", BLUE: "blue", GREY: "grey", (255, 255, 255): "white"}
    shown = Image.open(io.BytesIO(data)).convert("RGB")
    wide, high = shown.size
    points = [
        (wide // 4, high // 4),
        (3 * wide // 4, high // 4),
        (wide // 4, 3 * high // 4),
        (3 * wide // 4, 3 * high // 4),
    ]
    found = []
    for point in points:
        seen = shown.getpixel(point)
        assert isinstance(seen, tuple)
        found.append(min(names, key=lambda name: sum((a - b) ** 2 for a, b in zip(name, seen, strict=True))))
    return [names[one] for one in found]


TURNED = {
    1: ["red", "green", "blue", "grey"], 2: ["green", "red", "grey", "blue"], 3: ["grey", "blue", "green", "red"],
    4: ["blue", "grey", "red", "green"], 5: ["red", "blue", "green", "grey"], 6: ["blue", "red", "grey", "green"],
    7: ["grey", "green", "blue", "red"], 8: ["green", "grey", "red", "blue"],
}  # fmt: skip
"""What is seen of red, green, blue, grey, by how the file says that it lies (Exif 2.32, Orientation)."""


@pytest.mark.parametrize("orientation", sorted(TURNED))
def test_both_small_ones_are_upright_however_the_phone_was_held(orientation: int) -> None:
    opened = open_picture(jpeg(800, 400, corners=FOUR, orientation=orientation))
    assert corners(opened.preview) == corners(opened.thumbnail) == TURNED[orientation]
    assert (opened.width, opened.height) == ((800, 400) if orientation < 5 else (400, 800))


def test_the_cameras_word_on_time_and_place_is_told_and_not_in_the_small_ones() -> None:
    data = jpeg(2000, 1500, taken="2026:08:03 13:30:00", offset="-06:00", gps=(35.1876, -106.6781))
    opened = open_picture(data)
    assert opened.taken_at == datetime(2026, 8, 3, 13, 30, tzinfo=timezone(timedelta(hours=-6)))
    assert (opened.latitude, opened.longitude) == ("35.187600", "-106.678100")
    for small in (opened.thumbnail, opened.preview):
        shown = Image.open(io.BytesIO(small))
        assert not dict(shown.getexif())
        assert b"Exif" not in small
    assert max(Image.open(io.BytesIO(opened.thumbnail)).size) == THUMBNAIL_PX
    assert max(Image.open(io.BytesIO(opened.preview)).size) == PREVIEW_PX


def test_what_compresses_worst_still_fits() -> None:
    opened = open_picture(encoded(noise(2400, 1800), quality=70))
    assert len(opened.thumbnail) <= THUMBNAIL_BYTES_MAX
    assert len(opened.preview) <= PREVIEW_BYTES_MAX


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("PNG", "RGB"),
        ("PNG", "L"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("PNG", "I;16"),
        ("PNG", "1"),
        ("WEBP", "RGB"),
        ("JPEG", "CMYK"),
    ],
)
def test_every_sort_of_picture_that_phones_and_drawings_come_in_is_opened(form: str, mode: str) -> None:
    made = image(300, 200)
    made = (
        made.convert("I").point(lambda value: value * 256).convert(mode)
        if mode == "I;16"
        else made.convert(mode)
    )
    opened = open_picture(encoded(made, form))
    assert opened.media_type == f"image/{form.lower()}"
    assert Image.open(io.BytesIO(opened.preview)).mode == "RGB"
    assert (opened.width, opened.height) == (300, 200)


def test_what_is_transparent_lies_on_white() -> None:
    clear = image(200, 200, ((0, 0, 0, 0),) * 4, "RGBA")
    assert corners(open_picture(encoded(clear, "PNG")).preview) == ["white"] * 4


@pytest.mark.parametrize(("wide", "high"), [(50_000, 50_000), (13_000, 13_000), (1, 65_000), (6_400, 6_400)])
def test_a_small_file_that_unpacks_to_very_much_is_refused_at_once(wide: int, high: int) -> None:
    began = time.monotonic()
    if wide * high > 40_000_000:
        with pytest.raises(BadInput, match="40 megapixels"):
            open_picture(png_bomb(wide, high))
    else:
        open_picture(png_bomb(wide, high))
    assert time.monotonic() - began < 60


HOSTILE_TIMES = [
    "0000:00:00 00:00:00",
    "9999:12:31 23:59:59",
    "2026:02:31 10:00:00",
    "2026:08:03 13:30:00\0x",
    "\0",
    "9" * 5000,
]


@pytest.mark.parametrize("taken", HOSTILE_TIMES)
def test_a_time_that_no_camera_knew_counts_as_none(taken: str) -> None:
    assert open_picture(jpeg(taken=taken, offset="+99:99")).taken_at is None


def test_words_of_the_camera_that_are_spoiled_cost_no_picture() -> None:
    data = bytearray(jpeg(taken="2026:08:03 13:30:00", gps=(35.0, -106.0)))
    at = data.index(b"Exif\0\0")
    rng = random.Random(5)
    for _ in range(12):
        spoiled = bytearray(data)
        for _ in range(6):
            spoiled[at + 6 + rng.randrange(120)] = rng.randrange(256)
        assert open_picture(bytes(spoiled)).width == 640


def test_naive_wall_time_where_the_camera_names_no_zone_and_utc_where_it_says_so() -> None:
    assert open_picture(jpeg(taken="2026:08:03 13:30:00")).taken_at == datetime(2026, 8, 3, 13, 30)
    told = open_picture(jpeg(taken="2026:08:03 13:30:00", offset="+00:00")).taken_at
    assert told == datetime(2026, 8, 3, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"GIF89a" + bytes(50), "no picture that"),
        (b"dear diary", "no picture that"),
        (bytes(4) + b"ftypheic" + bytes(50), "HEIC"),
        (jpeg()[:900], "damaged"),
        (bytes(21 * 1024 * 1024), "20 MiB"),
    ],
    ids=["nothing", "another format", "a text", "heic", "cut short", "too large"],
)
def test_what_is_no_picture_is_refused_in_words_that_say_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        open_picture(data)
    assert refused.value.todo


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from([jpeg(90, 60), encoded(image(60, 40), "PNG"), encoded(image(60, 40), "WEBP")]),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    st.integers(0, 3000),
)
def test_any_bytes_are_a_picture_or_refused(start: bytes, spoiled: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(start)
    for at, value in spoiled:
        data[at % len(data)] = value
    with suppress(BadInput):
        opened = open_picture(bytes(data[: max(cut, 1)]))
        assert Image.open(io.BytesIO(opened.thumbnail)).format == "JPEG"


CHILDREN = {
    "dies": "import os; os.kill(os.getpid(), 9)",
    "says nothing": "pass",
    "says rubbish": "import sys; sys.stdout.buffer.write(b'\\x00' * 5000)",
    "says too much": "import sys\nwhile True: sys.stdout.buffer.write(b'x' * 100000)",
    "lies about sizes": """print('{"width": 1, "height": 1, "media_type": "image/jpeg", "taken_at": null, '
        '"latitude": null, "longitude": null, "thumbnail": 99, "preview": 99}')""",
    "hangs": "import time; time.sleep(600)",
    "hangs and has a child": "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', "
    "'import time; time.sleep(600)']); time.sleep(600)",
}


@pytest.mark.parametrize("how", CHILDREN)
def test_whatever_the_process_does_somebody_hears_words_and_nothing_goes_on_running(
    how: str, tmp_path: Path
) -> None:
    script, began = tmp_path / "child.py", time.monotonic()
    script.write_text(CHILDREN[how])
    with pytest.raises(BadInput) as refused:
        open_picture(jpeg(), command=(sys.executable, str(script)), wait_s=3)
    assert refused.value.todo
    assert time.monotonic() - began < 60
    if os.name != "nt":
        running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
        assert not [line for line in running if str(script).encode() in line]


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_an_interpreter_that_is_not_there_is_said_in_words() -> None:
    with pytest.raises(BadInput):
        open_picture(jpeg(), command=("/nowhere/python",))


def test_a_thumbnail_is_shown_in_half_blocks_in_its_shape_and_colours() -> None:
    thumbnail = open_picture(jpeg(640, 320)).thumbnail
    rows = cells(thumbnail, 40, 12)
    assert (len(rows[0]), len(rows)) == (40, 10)
    red, grey = rows[1][2].foreground, rows[-2][-3].background
    assert max(abs(a - b) for a, b in zip(red, RED, strict=True)) < 12
    assert max(abs(a - b) for a, b in zip(grey, GREY, strict=True)) < 12
    shown = half_blocks(thumbnail, 40, 12)
    assert set(shown.plain) == {HALF, "\n"}
    assert "\x1b" not in shown.plain


@pytest.mark.parametrize(
    "damaged", [b"", b"\xff\xd8\xff" + bytes(40), jpeg(900, 900)], ids=["none", "torn", "too large"]
)
def test_a_thumbnail_that_is_damaged_or_none_is_words_and_no_traceback(damaged: bytes) -> None:
    with pytest.raises(BadInput, match="cannot be shown"):
        half_blocks(damaged, 40, 12)
