"""Where and when a picture was taken, by what the camera wrote into it (Exif 2.32). Pure; trusts nothing it reads.

Tags may hold anything: a stranger's file, or a camera that was never set up. What makes no sense counts as not said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

Tags = Mapping[int, object]
"""A directory of tags, by number."""

ORIENTATION = 0x0112
_TAKEN, _OFFSET = 0x9003, 0x9011
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4
_UPRIGHT = 1

_MOMENT = re.compile(r"([0-9]{4})[:/-]([0-9]{2})[:/-]([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})")
_ZONE = re.compile(r"([+-])([0-9]{2}):([0-9]{2})")
YEARS = range(1990, 2100)
"""Before, there was no such camera; after, there is none yet."""
_OFFSET_MAX = timedelta(hours=14)
"""No zone is further from UTC."""


def orientation(tags: Tags) -> int:
    """How the picture lies, 1 to 8; 1 is upright, and stands for whatever else is written there."""
    value = tags.get(ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else _UPRIGHT


def taken_at(tags: Tags) -> datetime | None:
    """The camera's time: aware with an offset from UTC, else naive; None for none, or one that no digital camera knew.

    >>> taken_at({0x9003: "2026:08:03 13:30:00", 0x9011: "-06:00"}).isoformat()
    '2026-08-03T13:30:00-06:00'
    >>> taken_at({0x9003: "0000:00:00 00:00:00"}) is None
    True
    """
    match = _MOMENT.fullmatch(_text(tags.get(_TAKEN)))
    if match is None or int(match[1]) not in YEARS:
        return None
    try:
        moment = datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:  # the 31st of February
        return None
    return moment.replace(tzinfo=_zone(_text(tags.get(_OFFSET))))


def place(tags: Tags) -> tuple[str, str] | None:
    """Latitude and longitude in decimal degrees; None where one lacks, lies outside the globe, or both are nought.

    Phones that know no place write 0, 0: a spot in the Atlantic without a building site.
    """
    latitude = _degrees(tags.get(_LATITUDE), _text(tags.get(_LATITUDE_REF)), "NS", 90)
    longitude = _degrees(tags.get(_LONGITUDE), _text(tags.get(_LONGITUDE_REF)), "EW", 180)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    return f"{latitude:.6f}", f"{longitude:.6f}"


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value.strip(" \0") if isinstance(value, str) else ""


def _zone(text: str) -> timezone | None:
    match = _ZONE.fullmatch(text)
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if offset > _OFFSET_MAX:
        return None
    return timezone(-offset if match[1] == "-" else offset) if offset else UTC


def _degrees(value: object, side: str, sides: str, most: int) -> float | None:
    """Degrees, minutes and seconds as one number, negative on the second of two sides."""
    if not isinstance(value, tuple) or len(value) != 3 or side not in tuple(sides):
        return None
    try:
        whole, minutes, seconds = (float(part) for part in value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    degrees = round(whole + minutes / 60 + seconds / 3600, 6)
    if not math.isfinite(degrees) or not 0 <= degrees <= most:
        return None
    return -degrees if degrees and side == sides[1] else degrees
