"""What is known of a picture once it was opened, what its process answers, and in which words one is refused.

Pure. An answer is one line of JSON and then the bytes of thumbnail and preview. Who decodes a stranger's file may be made to
say anything: so an answer is believed only where it is whole and every value in it is one that there can be.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from bravetui.pictures.exif import YEARS

INPUT_BYTES_MAX = 20 * 1024 * 1024
PIXELS_MAX = 40_000_000
"""Read from the header: what a picture unpacks to has nothing to do with how large its file is."""
PREVIEW_PX, PREVIEW_BYTES_MAX = 1280, 2 * 1024 * 1024
THUMBNAIL_PX, THUMBNAIL_BYTES_MAX = 320, 64 * 1024
"""The longer side of each rendition, and the most that it weighs (docs/decisions/0008)."""
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
ANSWER_BYTES_MAX = PREVIEW_BYTES_MAX + THUMBNAIL_BYTES_MAX + 1000

WAIT_S = 30.0
"""How long a picture may take: several times what the largest does on a slow laptop."""

_JPEG_START = b"\xff\xd8\xff"
_AGAIN = "Copy it from the phone or camera again, or open it in another program and save it as JPEG."
_SMALLER = "Save it smaller, as JPEG, and choose that."
_DEGREES = re.compile(r"-?[0-9]{1,3}\.[0-9]{6}")


class Refusal(Enum):
    """Why a picture was not opened: what happened, and what to do next."""

    EMPTY = "This picture's file is empty.", _AGAIN
    TOO_LARGE = "This picture's file is larger than 20 MiB.", _SMALLER
    UNKNOWN = (
        "This file is no picture that bravetui can open.",
        "Choose a JPEG, PNG or WebP, or save it as JPEG first.",
    )
    HEIC = (
        "This picture is in the format HEIC or AVIF, which bravetui cannot open.",
        "Save it as JPEG and choose that. An iPhone takes new ones as JPEG by Settings, Camera, Formats, Most Compatible.",
    )
    PIXELS = "This picture has more than 40 megapixels.", _SMALLER
    DAMAGED = "This picture's file is damaged or cut short.", _AGAIN
    MEMORY = "This picture needs more memory to be opened than bravetui gives to one.", _SMALLER
    LATE = f"This picture took longer than {WAIT_S:.0f} seconds to be opened.", _SMALLER
    STOPPED = (
        "What opens pictures stopped in the middle of this one.",
        "Try once more. If it stops again, open the picture in another program, save it as JPEG and choose that.",
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is seen, upright, and its two smaller renditions."""

    width: int
    height: int
    """Of the original, in pixels, once it is turned upright."""
    media_type: str
    """Of the original, by its bytes and not by its name."""
    taken_at: datetime | None
    """When the camera says that it was taken (Exif 2.32, DateTimeOriginal). Aware where it also says its zone's offset; else
    naive: wall time wherever the camera thought it was. None: it says no time, or one before 1990 or after 2099, as a camera
    does whose clock was never set. It is the camera's word and may be wrong, or in the future."""
    latitude: str | None
    longitude: str | None
    """Decimal degrees (WGS 84) with six digits after the point, about a tenth of a metre; both or neither."""
    thumbnail: bytes
    preview: bytes
    """JPEG, upright, with nothing in it but the picture: no time, no place, no camera."""


def pack(picture: Picture) -> bytes:
    """The answer that holds a picture."""
    told = {
        "width": picture.width,
        "height": picture.height,
        "media_type": picture.media_type,
        "taken_at": picture.taken_at and picture.taken_at.isoformat(),
        "latitude": picture.latitude,
        "longitude": picture.longitude,
        "thumbnail": len(picture.thumbnail),
        "preview": len(picture.preview),
    }
    return json.dumps(told).encode() + b"\n" + picture.thumbnail + picture.preview


def pack_refusal(refusal: Refusal) -> bytes:
    """The answer that says why there is no picture."""
    return json.dumps({"refused": refusal.name}).encode() + b"\n"


def unpack(answer: bytes) -> Picture | Refusal:
    """What an answer says; `STOPPED` where it is not whole, or says what cannot be."""
    head, _, body = answer.partition(b"\n")
    try:
        told = json.loads(head)
        if "refused" in told:
            return Refusal[told["refused"]]
        picture = _picture(told, body)
        is_whole = len(body) == told["thumbnail"] + told["preview"]
        return picture if is_whole and _can_be(picture) else Refusal.STOPPED
    except (ValueError, KeyError, TypeError, RecursionError):
        return Refusal.STOPPED


def _picture(told: dict[str, Any], body: bytes) -> Picture:
    taken_at = told["taken_at"]
    return Picture(
        width=told["width"],
        height=told["height"],
        media_type=told["media_type"],
        taken_at=None if taken_at is None else datetime.fromisoformat(taken_at),
        latitude=told["latitude"],
        longitude=told["longitude"],
        thumbnail=body[: told["thumbnail"]],
        preview=body[told["thumbnail"] :],
    )


def _can_be(picture: Picture) -> bool:
    sides = (picture.width, picture.height)
    return (
        all(type(side) is int and side > 0 for side in sides)
        and picture.width * picture.height <= PIXELS_MAX
        and picture.media_type in MEDIA_TYPES
        and (picture.taken_at is None or picture.taken_at.year in YEARS)
        and _is_place(picture.latitude, picture.longitude)
        and picture.thumbnail.startswith(_JPEG_START)
        and len(picture.thumbnail) <= THUMBNAIL_BYTES_MAX
        and picture.preview.startswith(_JPEG_START)
        and len(picture.preview) <= PREVIEW_BYTES_MAX
    )


def _is_place(latitude: str | None, longitude: str | None) -> bool:
    if latitude is None or longitude is None:
        return latitude is longitude
    degrees = ((latitude, 90), (longitude, 180))
    return all(_DEGREES.fullmatch(text) and abs(float(text)) <= most for text, most in degrees)
