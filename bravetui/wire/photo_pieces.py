"""Photo bytes in a rescue bundle: a piece is one blob, with what it is in front of it. Pure.

piece  size of what it is 4 | what it is, JSON | bytes
"""

from __future__ import annotations

import struct
from typing import Annotated

from pydantic import Field, ValidationError

from bravetui.base.errors import BadInput
from bravetui.wire.blobs import HASH_PATTERN, Blob, Rendition
from bravetui.wire.change import Message

HOLDS_PHOTOS = "photos"
"""What the head of a bundle says that it holds, where that is photo bytes."""

PHOTO_BYTES_MAX = 16 * 1024 * 1024
"""Of photos in one bundle, unless one blob alone is larger: as much as is in memory at a time, on either end."""
BLOBS_MAX = 200
"""In one bundle: central answers for all of them at once."""
SCOPES_MAX = 100

_SIZE = struct.Struct(">I")


class CarriedBlob(Message):
    """Whose bytes a piece holds."""

    photo: Annotated[str, Field(pattern=HASH_PATTERN)]
    rendition: Rendition
    scopes: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        default=(), max_length=SCOPES_MAX
    )
    """Projects that need them. None where the laptop's database did not read: then all in which the photo is."""

    @property
    def blob(self) -> Blob:
        """As a value."""
        return Blob(self.photo, self.rendition)


def pack_blob(told: CarriedBlob, data: bytes) -> bytes:
    """The piece."""
    head = told.model_dump_json(exclude_defaults=True).encode()
    return b"".join((_SIZE.pack(len(head)), head, data))


def unpack_blob(piece: bytes) -> tuple[CarriedBlob, bytes]:
    """What a piece holds. Raises BadInput for one that was not made by `pack_blob`."""
    try:
        (size,) = _SIZE.unpack_from(piece)
        told = CarriedBlob.model_validate_json(piece[_SIZE.size : _SIZE.size + size])
    except (struct.error, ValidationError):
        raise BadInput(
            "The bundle holds photos in a form that central does not know.",
            "Update central, and try again; keep the file.",
        ) from None
    return told, piece[_SIZE.size + size :]
