"""How photo bytes are named, cut up and vouched for on their way (docs/decisions/0008): tus 1.0 resumable uploads.

A photo is three blobs: the original, named by its hash in the photo's record, and two smaller renditions made of it where it
was taken. Each travels by itself, in parts, beside the records and never in front of one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from bravetui.wire.change import Message
from bravetui.wire.messages import NUMBER_MAX, Moment


class Rendition(StrEnum):
    """A photo in one size, in the order in which they travel."""

    THUMBNAIL = "thumbnail"
    PREVIEW = "preview"
    ORIGINAL = "original"


RENDITIONS = tuple(Rendition)

BYTES_MAX: Mapping[Rendition, int] = {
    Rendition.THUMBNAIL: 64 * 1024,
    Rendition.PREVIEW: 2 * 1024 * 1024,
    Rendition.ORIGINAL: 20 * 1024 * 1024,
}
"""Largest blob of each rendition that either end keeps."""

PART_BYTES_MAX = 1024 * 1024
"""Most that central takes in one request."""

TUS_VERSION = "1.0.0"
PART_TYPE = "application/offset+octet-stream"
"""Media type of a part (tus 1.0, core protocol)."""
RECEIPT_HEADER = "Upload-Receipt"
"""Carries `BlobTaken` as base64url of its JSON, once all bytes are there."""
CHECKSUM_MISMATCH = 460
"""HTTP status of a part, or of a whole blob, whose bytes are not those of its hash (tus 1.0, checksum extension)."""

HASH_PATTERN = r"^[0-9a-f]{64}$"
_HASH = re.compile("[0-9a-f]{64}")

_Hash = Annotated[str, Field(pattern=HASH_PATTERN)]


class Blob(NamedTuple):
    """The bytes of a photo in one size, wherever it belongs."""

    photo: str
    """SHA-256 of the original, hexadecimal."""
    rendition: Rendition


class BlobName(NamedTuple):
    """Which bytes: of one scope's photo, in one size."""

    scope_id: str
    photo: str
    """SHA-256 of the original, hexadecimal, as the photo's record has it."""
    rendition: Rendition

    @property
    def blob(self) -> Blob:
        """The bytes alone."""
        return Blob(self.photo, self.rendition)

    @property
    def path(self) -> str:
        """Where they are at central."""
        return f"/v1/blobs/{self.scope_id}/{self.photo}/{self.rendition}"


def is_hash(text: str) -> bool:
    """Whether a text has the form of a SHA-256.

    >>> is_hash("0" * 64), is_hash(""), is_hash("0" * 64 + "\\n")
    (True, False, False)
    """
    return _HASH.fullmatch(text) is not None


class NamedBlob(Message):
    """`BlobName` on the wire."""

    scope_id: str = Field(min_length=1, max_length=64)
    photo: _Hash
    rendition: Rendition

    @property
    def name(self) -> BlobName:
        """As a value."""
        return BlobName(self.scope_id, self.photo, self.rendition)


NAMES_MAX = 500
"""Blobs asked about in one request."""


class BlobsAsked(Message):
    """Which of these does central lack? `POST /v1/blobs/lacking`: asked of a central that may have been restored."""

    blobs: tuple[NamedBlob, ...] = Field(max_length=NAMES_MAX)


class BlobsLacking(Message):
    """Central's answer to `BlobsAsked`."""

    epoch: str
    lacking: tuple[NamedBlob, ...]


class BlobTaken(Message):
    """Central's signed word that it holds a blob, whole: until a laptop has it, the laptop keeps the bytes."""

    scope_id: str
    photo: str
    rendition: Rendition
    sha256: str
    """Of the bytes that central holds."""
    size: Annotated[int, Field(ge=0, le=NUMBER_MAX)]
    epoch: str
    at: Moment
    signature: str = ""
    """Ed25519 by central over the canonical bytes of all other fields, base64url."""
