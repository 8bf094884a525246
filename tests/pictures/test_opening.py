"""A picture is opened upright and small in a process of its own; whatever that meets or does, one sentence comes of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from bravetui.base.errors import BadInput
from bravetui.pictures.opening import COMMAND, open_picture
from bravetui.pictures.picture import (
    ANSWER_BYTES_MAX,
    INPUT_BYTES_MAX,
    PREVIEW_BYTES_MAX,
    PREVIEW_PX,
    THUMBNAIL_BYTES_MAX,
    THUMBNAIL_PX,
    Picture,
    Refusal,
    pack,
    unpack,
)
from bravetui.wire.blobs import BYTES_MAX, Rendition
from tests.support.pictures import FOUR, Colour, encoded, exif, image, jpeg, noise, png_bomb

GOOD = jpeg(64, 48, orientation=6, taken="2026:08:03 13:30:00", offset="-06:00", gps=(35.1876, -106.6781))


def decoded(rendition: bytes) -> Image.Image:
    with Image.open(io.BytesIO(rendition), formats=["JPEG"]) as opened:
        opened.load()
        return opened


def corners(rendition: bytes) -> list[Colour]:
    """The colour in the middle of each quarter."""
    seen = decoded(rendition)
    width, height = seen.size
    places = [(width // 4, height // 4), (3 * width // 4, height // 4), (width // 4, 3 * height // 4)]
    points = [seen.getpixel(place) for place in (*places, (3 * width // 4, 3 * height // 4))]
    return [point for point in points if isinstance(point, tuple)]


def is_like(seen: list[Colour], wanted: tuple[Colour, ...]) -> bool:
    return all(
        abs(a - b) < 16
        for one, other in zip(seen, wanted, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def markers(rendition: bytes) -> set[int]:
    """The kinds of segment in a JPEG, up to its first scan."""
    at, found = 2, set()
    while rendition[at + 1] != 0xDA:
        found.add(rendition[at + 1])
        at += 2 + int.from_bytes(rendition[at + 2 : at + 4], "big")
    return found


def refused(data: bytes, **options: object) -> str:
    with pytest.raises(BadInput) as caught:
        open_picture(data, **options)  # type: ignore[arg-type]
    assert caught.value.what.endswith(".")
    assert caught.value.todo.endswith(".")
    return caught.value.what


# --- what becomes of a good one -------------------------------------------------------------------


def test_a_phones_photo_is_told_with_its_time_and_place_and_comes_in_two_sizes() -> None:
    data = jpeg(4032, 3024, taken="2026:08:03 13:30:00", offset="-06:00", gps=(35.1876, -106.6781))
    picture = open_picture(data)
    assert (picture.width, picture.height, picture.media_type) == (4032, 3024, "image/jpeg")
    assert picture.taken_at == datetime(2026, 8, 3, 13, 30, tzinfo=timezone(timedelta(hours=-6)))
    assert (picture.latitude, picture.longitude) == ("35.187600", "-106.678100")
    assert decoded(picture.preview).size == (1280, 960)
    assert decoded(picture.thumbnail).size == (320, 240)
    assert is_like(corners(picture.preview), FOUR)


@pytest.mark.parametrize(
    ("orientation", "quarters"),
    # Exif 2.32, 4.6.4 A: where row 0 and column 0 are. Each line is how the four stored quarters then look.
    [(1, (0, 1, 2, 3)), (2, (1, 0, 3, 2)), (3, (3, 2, 1, 0)), (4, (2, 3, 0, 1)),
     (5, (0, 2, 1, 3)), (6, (2, 0, 3, 1)), (7, (3, 1, 2, 0)), (8, (1, 3, 0, 2))],
)  # fmt: skip
def test_both_renditions_stand_upright_however_the_camera_was_held(
    orientation: int, quarters: tuple[int, ...]
) -> None:
    picture = open_picture(jpeg(800, 600, orientation=orientation))
    size = (800, 600) if orientation < 5 else (600, 800)
    assert (picture.width, picture.height) == size
    assert decoded(picture.preview).size == size
    for rendition in (picture.preview, picture.thumbnail):
        assert is_like(corners(rendition), tuple(FOUR[quarter] for quarter in quarters))


def test_nothing_but_the_picture_is_in_a_rendition() -> None:
    told = exif(orientation=6, taken="2026:08:03 13:30:00", gps=(35.1876, -106.6781))
    profile = b"profile" * 100
    picture = open_picture(
        encoded(image(800, 600), exif=told, comment=b"by Carlos", xmp=b"<x/>", icc_profile=profile)
    )
    for rendition in (picture.thumbnail, picture.preview):
        # JFIF's own header, tables, a progressive frame; no application segment, no comment
        assert markers(rendition) <= {0xE0, 0xDB, 0xC2, 0xC4}
        for word in (b"Exif", b"Carlos", b"2026", b"<x/>", b"profile"):
            assert word not in rendition
    assert not decoded(picture.preview).getexif()


def test_the_limits_are_those_of_what_travels() -> None:
    limits = (THUMBNAIL_BYTES_MAX, PREVIEW_BYTES_MAX, INPUT_BYTES_MAX)
    assert limits == tuple(BYTES_MAX[rendition] for rendition in Rendition)


@pytest.mark.parametrize("side", [320, 1280, 1281])
def test_a_picture_that_compresses_worst_still_fits(side: int) -> None:
    picture = open_picture(encoded(noise(side, side), "PNG"))
    assert 0 < len(picture.preview) <= PREVIEW_BYTES_MAX
    assert 0 < len(picture.thumbnail) <= THUMBNAIL_BYTES_MAX


@pytest.mark.parametrize("size", [(1, 1), (319, 7), (20_000, 1), (1, 20_000)])
def test_a_picture_is_never_made_larger_nor_thinner_than_a_point(size: tuple[int, int]) -> None:
    picture = open_picture(encoded(Image.new("RGB", size, "red"), "PNG"))
    for rendition, most in ((picture.preview, PREVIEW_PX), (picture.thumbnail, THUMBNAIL_PX)):
        assert decoded(rendition).size == tuple(max(1, min(side, most)) for side in size)


FILES = {
    "jpeg": encoded(image(640, 480)),
    "progressive jpeg": encoded(image(640, 480), progressive=True),
    "cmyk jpeg": encoded(image(640, 480).convert("CMYK"), quality=95),
    "png": encoded(image(640, 480), "PNG"),
    "png with a palette": encoded(image(640, 480).quantize(4), "PNG"),
    "png with transparency": encoded(image(640, 480, tuple((*c, 255) for c in FOUR), "RGBA"), "PNG"),
    "webp": encoded(image(640, 480), "WEBP", quality=95),
    "webp without loss": encoded(image(640, 480), "WEBP", lossless=True),
}


@pytest.mark.parametrize("form", FILES)
def test_every_form_of_file_shows_the_same_picture(form: str) -> None:
    picture = open_picture(FILES[form])
    assert picture.media_type == f"image/{next(name for name in ('jpeg', 'png', 'webp') if name in form)}"
    assert is_like(corners(picture.preview), FOUR)
    assert is_like(corners(picture.thumbnail), FOUR)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_what_is_transparent_is_white(form: str) -> None:
    clear, red = (10, 20, 30, 0), (200, 30, 30, 255)
    data = encoded(image(200, 200, (clear, red, clear, red), "RGBA"), form, lossless=True)
    white = (255, 255, 255)
    assert is_like(corners(open_picture(data).preview), (white, red[:3], white, red[:3]))


def test_a_colour_that_stands_for_nothing_is_white() -> None:
    """Transparency in a palette, in grey, and as one colour of all."""
    black_and_grey = image(200, 200, ((0,), (128,), (0,), (128,)), "L")
    seen = ((255, 255, 255), (128, 128, 128)) * 2
    for made in (black_and_grey, black_and_grey.convert("P")):
        assert is_like(corners(open_picture(encoded(made, "PNG", transparency=0)).preview), seen)
    with_one = encoded(black_and_grey.convert("RGB"), "PNG", transparency=(0, 0, 0))
    assert is_like(corners(open_picture(with_one).preview), seen)


def test_16_bits_and_one_bit_are_shown_in_8() -> None:
    deep = Image.new("I;16", (100, 100), 0x8000)
    assert is_like(corners(open_picture(encoded(deep, "PNG")).preview), ((128, 128, 128),) * 4)
    flat = Image.new("1", (100, 100), 1)
    assert is_like(corners(open_picture(encoded(flat, "PNG")).preview), ((255, 255, 255),) * 4)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "MPO"])
def test_of_several_frames_the_first_is_shown(form: str) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], quality=95)
    assert is_like(corners(open_picture(data).preview), ((255, 0, 0),) * 4)


def test_a_png_and_a_webp_tell_time_and_place_too() -> None:
    told = exif(orientation=6, taken="2026:08:03 13:30:00", gps=(-35.1876, 106.6781))
    for form in ("PNG", "WEBP"):
        picture = open_picture(encoded(image(80, 60), form, exif=told))
        assert picture.taken_at == datetime(2026, 8, 3, 13, 30)
        assert (picture.latitude, picture.longitude) == ("-35.187600", "106.678100")
        assert (picture.width, picture.height) == (60, 80)


# --- what becomes of a bad one --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"Dear office,\nthe photo is attached.\n", "no picture"),
        (b"GIF89a" + bytes(100), "no picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "HEIC"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0" + bytes(100), "no picture"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "damaged"),
        (FILES["jpeg"][: len(FILES["jpeg"]) // 2], "damaged or cut short"),
        (FILES["png"][: len(FILES["png"]) // 2], "damaged or cut short"),
        (FILES["webp"][: len(FILES["webp"]) // 2], "damaged or cut short"),
        (b"\xff\xd8\xff" + noise(50, 50).tobytes(), "damaged"),
        (bytes(INPUT_BYTES_MAX + 1), "larger than 20 MiB"),
    ],
)  # fmt: skip
def test_what_is_no_whole_picture_is_refused_with_what_to_do(data: bytes, words: str) -> None:
    assert words in refused(data)


def test_what_an_iphone_makes_is_refused_with_the_way_to_a_jpeg() -> None:
    with pytest.raises(BadInput, match="Save it as JPEG"):
        open_picture(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))


def test_junk_behind_a_picture_does_not_matter() -> None:
    assert open_picture(GOOD + bytes(1000)) == open_picture(GOOD)


MEASURED = """
import resource, sys
from bravetui.base.errors import BadInput
from bravetui.pictures.opening import open_picture
try:
    open_picture(sys.stdin.buffer.read())
except BadInput as error:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory in KiB, as Linux does")
@pytest.mark.parametrize("side", [50_000, 13_000])
def test_a_small_file_that_unpacks_to_very_much_is_refused_at_its_header(side: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED],
        input=png_bomb(side, side),
        capture_output=True,
        check=True,
        timeout=60,
    )
    mebibytes, _, said = ran.stdout.decode().partition(" ")
    assert "40 megapixels" in said
    assert int(mebibytes) < 64


def test_a_webp_that_unpacks_to_very_much_is_refused_at_its_header() -> None:
    """Its decoder would take two gigabytes at once, before anybody asks how large it is."""
    small = encoded(image(64, 64, tuple((*c, 9) for c in FOUR), "RGBA"), "WEBP")
    at = small.index(b"VP8X") + 12
    grown = small[:at] + (16_382).to_bytes(3, "little") * 2 + small[at + 6 :]
    assert "40 megapixels" in refused(grown)


def test_the_largest_that_is_allowed_is_opened_within_the_processs_limits() -> None:
    rgba = image(8000, 5000, tuple((*c, 100) for c in FOUR), "RGBA")
    for data in (
        encoded(rgba, "WEBP", lossless=True, quality=0, method=0),
        encoded(rgba, "PNG", compress_level=1),
        encoded(rgba.convert("CMYK"), progressive=True),
    ):
        assert open_picture(data).width == 8000


def hostile_exif() -> dict[str, bytes]:
    """Counts, offsets and values that no camera writes."""
    plain = exif(orientation=6, taken="2026:08:03 13:30:00", gps=(35.0, -106.0))
    odd = {
        f"byte {at} set": plain[:at] + b"\xff\xff\xff\xff" + plain[at + 4 :]
        for at in range(6, len(plain) - 4, 5)
    }
    return {
        **odd,
        "cut": plain[:20],
        "only its name": b"Exif\0\0",
        "year 0": exif(taken="0000:00:00 00:00:00"),
        "year 9999": exif(taken="9999:12:31 23:59:59", offset="-14:00"),
        "NUL inside": exif(taken="2026\0:08:03 13:30:00"),
        "bytes": exif(taken=b"\xff" * 60_000),
        "beyond the pole": exif(gps=(90.5, 10.0)),
        "beyond the date line": exif(gps=(10.0, 181.0)),
        "no fix": exif(gps=(0.0, 0.0)),
        "a directory that is its own": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0",
    }


def test_no_hostile_word_of_a_camera_costs_a_picture() -> None:
    files = {name: encoded(image(64, 48), exif=told) for name, told in hostile_exif().items()}
    for name, data in files.items():
        picture = open_picture(data)
        assert picture.thumbnail, name
        assert picture.taken_at in (None, datetime(2026, 8, 3, 13, 30)), name
        if name[0] in "yNc" or "beyond" in name or name in ("bytes", "no fix"):
            assert (picture.taken_at, picture.latitude, picture.longitude) == (None, None, None), name


@settings(max_examples=60)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.tuples(
            st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"]),
            st.binary(max_size=200),
        ).map(b"".join),
        st.tuples(st.sampled_from(sorted(FILES.values())), st.integers(0, 700), st.binary(max_size=9)).map(
            lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :]
        ),
    )
)
@example(b"\xff\xd8\xff\xda")
def test_any_bytes_are_a_picture_or_are_refused_in_words(data: bytes) -> None:
    try:
        picture = open_picture(data)
    except BadInput as error:
        said = (error.what, error.todo)
    else:
        said = Refusal.DAMAGED.value
        assert decoded(picture.thumbnail).size <= (THUMBNAIL_PX, THUMBNAIL_PX)
        assert decoded(picture.preview).size <= (PREVIEW_PX, PREVIEW_PX)
    assert said in {refusal.value for refusal in Refusal} - {Refusal.STOPPED.value, Refusal.LATE.value}


# --- whatever its process does --------------------------------------------------------------------


def child(program: str) -> list[str]:
    return [sys.executable, "-c", program]


SAID = pack(open_picture(GOOD))
READ = "import sys; data = sys.stdin.buffer.read(); "


@pytest.mark.parametrize(
    "program",
    [
        "",
        READ + "raise SystemExit(3)",
        READ + "raise ValueError('a traceback')",
        READ + "import os; os.abort()",
        READ + "print('Traceback: \\x1b[31m all is lost')",
        READ + "print('{}')",
        READ + "print('[1, 2]')",
        READ + "print('null')",
        READ + 'print(\'{"refused": "NOTHING"}\')',
        READ + "print('{\"refused\": [1]}')",
        READ + "print('[' * 100000)",
        READ + f"sys.stdout.buffer.write({SAID[:-1]!r})",
        READ + f"sys.stdout.buffer.write({SAID + b'more'!r})",
        READ + "sys.stdout.buffer.write(data)",
        READ + "\nwhile True: sys.stdout.buffer.write(bytes(1000000))",
    ],
)
def test_a_process_that_dies_or_talks_nonsense_is_told_in_one_sentence(program: str) -> None:
    assert refused(GOOD, command=child(program)) == Refusal.STOPPED.value[0]


@pytest.mark.parametrize(
    "spoiled",
    [
        *({"width": 0}, {"width": True}, {"width": "64"}, {"width": 10**9}, {"height": 1.5}, {"media_type": "image/gif"}),
        *({"media_type": []}, {"taken_at": "soon"}, {"taken_at": "9999-12-31T23:59:59-14:00"}, {"taken_at": 7}),
        *({"latitude": None}, {"latitude": "91.000000"}, {"latitude": "\x1b[31m"}, {"latitude": 35.1}, {"longitude": "1"}),
        *({"thumbnail": 0}, {"thumbnail": -1}, {"preview": 10**9}, {"thumbnail": "1"}),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_is_not_believed(spoiled: dict[str, object]) -> None:
    head, _, body = SAID.partition(b"\n")
    assert isinstance(unpack(SAID), Picture)
    assert unpack(json.dumps({**json.loads(head), **spoiled}).encode() + b"\n" + body) is Refusal.STOPPED


@given(st.binary(max_size=300))
def test_any_answer_is_a_picture_or_a_refusal(said: bytes) -> None:
    assert isinstance(unpack(said), Refusal)


def test_the_longest_answer_is_read_whole() -> None:
    full = Picture(
        8000, 5000, "image/jpeg", datetime(2026, 8, 3, tzinfo=timezone(timedelta(hours=-6))), "-35.187600", "-106.678100",
        b"\xff\xd8\xff".ljust(THUMBNAIL_BYTES_MAX), b"\xff\xd8\xff".ljust(PREVIEW_BYTES_MAX),
    )  # fmt: skip
    assert len(pack(full)) <= ANSWER_BYTES_MAX
    assert unpack(pack(full)) == full


def test_a_process_that_cannot_be_started_is_told_in_one_sentence(tmp_path: Path) -> None:
    assert refused(GOOD, command=[str(tmp_path / "no such python")]) == Refusal.STOPPED.value[0]


@pytest.mark.parametrize("reads", [READ, ""], ids=["reads", "reads nothing"])
def test_a_process_that_hangs_is_given_up_on_and_nothing_of_it_is_left(reads: str, tmp_path: Path) -> None:
    """Nor of what it has started, which still holds its output open."""
    note = tmp_path / "pids"
    program = (
        f"{reads}import os, subprocess, sys, time\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} {{other.pid}}')\n"
        "time.sleep(600)\n"
    )
    began_s = time.monotonic()
    data = encoded(noise(400, 400), "PNG")  # more than a pipe holds
    assert refused(data, command=child(program), wait_s=3.0) == Refusal.LATE.value[0]
    assert time.monotonic() - began_s < 60
    pids = [int(pid) for pid in note.read_text().split()]
    if os.name == "posix":
        gone = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=10)[
            1
        ]
        assert [process for process in gone if process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_process_that_is_late_by_its_nature_is_told_so() -> None:
    assert refused(GOOD, wait_s=0.001) == Refusal.LATE.value[0]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system may not know these limits")
@pytest.mark.parametrize(
    "program",
    [
        "bytes(2 * 1024**3)",
        "open({path!r}, 'wb', 0).write(b'x')",
    ],
)
def test_the_process_takes_little_memory_and_writes_no_file(program: str, tmp_path: Path) -> None:
    path = tmp_path / "out"
    begun = "from bravetui.pictures.picture_process import limit_itself; limit_itself(); "
    ran = subprocess.run(child(begun + program.format(path=str(path))), capture_output=True, check=False)
    assert ran.returncode != 0
    assert not path.exists() or path.stat().st_size == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit there")
def test_the_process_ends_by_itself_when_nobody_waits_for_it() -> None:
    import resource

    program = (
        "import resource; from bravetui.pictures.picture_process import limit_itself; limit_itself(); "
        "print(resource.getrlimit(resource.RLIMIT_CPU)[1])"
    )
    ran = subprocess.run(child(program), capture_output=True, check=True)
    assert 0 < int(ran.stdout) < 60 < resource.RLIM_INFINITY or resource.RLIM_INFINITY < 0


def test_the_process_loads_nothing_of_the_app() -> None:
    """It is started for each picture, and a person waits for it."""
    tell = (
        "import sys; from bravetui.pictures import picture_process, renditions; "
        "print(*sorted(name for name in sys.modules if name.startswith('bravetui.')))"
    )
    ran = subprocess.run([*COMMAND[:4], "-c", tell], capture_output=True, check=True, text=True)
    assert set(ran.stdout.split()) == {
        f"bravetui.pictures{name}" for name in ("", ".exif", ".picture", ".picture_process", ".renditions")
    }
