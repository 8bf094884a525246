"""Made pictures: of any size and colours, with what a camera writes into its files, and hostile ones.

jpeg()                                            a small one, nothing said about it
jpeg(corners=FOUR, orientation=6)                 lies on its side, as a phone writes it
jpeg(taken="2026:08:03 13:30:00", offset="-06:00", gps=(35.1876, -106.6781))
encoded(noise(1600, 1200), "PNG")                 what compresses worst, in another format
png_bomb(50_000, 50_000)                          a small file that unpacks to very much
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD
from PIL.TiffImagePlugin import IFDRational

Colour = tuple[int, ...]
RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 160, 60), (30, 60, 200), (128, 128, 128)
FOUR = (RED, GREEN, BLUE, GREY)
"""Upper left, upper right, lower left, lower right."""


def image(width: int, height: int, corners: tuple[Colour, ...] = FOUR, mode: str = "RGB") -> Image.Image:
    """Four quarters, each in a colour of its own."""
    made = Image.new(mode, (width, height))
    across, down = width // 2, height // 2
    boxes = (
        (0, 0, across, down),
        (across, 0, width, down),
        (0, down, across, height),
        (across, down, width, height),
    )
    for box, colour in zip(boxes, corners, strict=True):
        made.paste(colour, box)
    return made


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    """Every point a colour of its own: nothing compresses worse."""
    return Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(3 * width * height))


def encoded(picture: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def jpeg(
    width: int = 640,
    height: int = 480,
    *,
    corners: tuple[Colour, ...] = FOUR,
    orientation: int | None = None,
    taken: str | bytes | None = None,
    offset: str | None = None,
    gps: tuple[float, float] | None = None,
) -> bytes:
    """A JPEG as a phone writes it; `width` and `height` are as stored, before `orientation` turns it."""
    told = exif(orientation=orientation, taken=taken, offset=offset, gps=gps)
    return encoded(image(width, height, corners), exif=told, quality=90)


def exif(
    *,
    orientation: int | None = None,
    taken: str | bytes | None = None,
    offset: str | None = None,
    gps: tuple[float, float] | None = None,
) -> bytes:
    """What a camera says of a picture, for `exif=` of `encoded`: nothing of what is None."""
    tags = Image.Exif()
    if orientation is not None:
        tags[0x0112] = orientation
    camera = {number: value for number, value in ((0x9003, taken), (0x9011, offset)) if value is not None}
    tags.get_ifd(IFD.Exif).update(camera)
    if gps is not None:
        latitude, longitude = gps
        tags.get_ifd(IFD.GPSInfo).update(
            {
                1: "N" if latitude >= 0 else "S",
                2: _parts(latitude),
                3: "E" if longitude >= 0 else "W",
                4: _parts(longitude),
            }
        )
    return tags.tobytes()


def _parts(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and hundredths of thousandths of a second."""
    seconds = round(abs(degrees) * 3600 * 100_000)
    minutes, rest = divmod(seconds, 60 * 100_000)
    whole, minutes = divmod(minutes, 60)
    return IFDRational(whole, 1), IFDRational(minutes, 1), IFDRational(rest, 100_000)


def png_bomb(width: int, height: int) -> bytes:
    """A PNG that holds what its header says, one bit a point and all of them black: a thousandth of that in bytes."""
    packing = zlib.compressobj(9)
    row = bytes(1 + -(-width // 8))
    packed = b"".join(packing.compress(row * 100) for _ in range(height // 100)) + packing.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
