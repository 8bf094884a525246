"""What goes wrong with photo bytes, with the headers that tus 1.0 wants beside the status (`problems` has that)."""

from __future__ import annotations

from collections.abc import Mapping

from bravetui.base.errors import BadInput, BravetuiError, Refused
from bravetui.wire.blobs import PART_TYPE, TUS_VERSION
from bravetui.wire.codec import TooLarge

RECORD_FIRST = "record-first"
"""Last word of a problem's type, by which a laptop knows that it is to hand in the record and try again."""


class BlobFault(BravetuiError):
    """One that is answered with headers of its own."""

    def __init__(self, what: str, todo: str, headers: Mapping[str, str]) -> None:
        super().__init__(what, todo)
        self.headers = headers


class NotThere(BadInput):
    """No such blob, or not one that the caller may see, which is answered alike."""

    def __init__(self) -> None:
        super().__init__("There is no such photo here.", "Begin with its first byte.")


class WrongVersion(BlobFault):
    """A version of tus that central does not speak (tus 1.0, core protocol)."""

    def __init__(self) -> None:
        super().__init__(
            "The request says in Tus-Resumable no version that central speaks.",
            f"Say {TUS_VERSION}.",
            {"Tus-Version": TUS_VERSION},
        )


class WrongType(BlobFault):
    """A part that is not plain bytes (tus 1.0, core protocol)."""

    def __init__(self) -> None:
        super().__init__(
            f"A photo's bytes travel as {PART_TYPE}, packed with nothing.",
            "Send them so.",
            {"Accept": PART_TYPE, "Accept-Encoding": "identity"},
        )


class WrongOffset(BlobFault):
    """A part that does not begin where the bytes end that are here (tus 1.0, core protocol)."""

    def __init__(self, offset: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"Central has {offset:,} bytes of the photo.", "Go on behind them.", headers)


class WrongBytes(BadInput):
    """Bytes that are not those of their hash (tus 1.0, checksum extension)."""


class TooMany(BlobFault, TooLarge):
    """A blob that is larger than any that is kept (tus 1.0, creation extension)."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(
            f"Of a photo in this size central keeps {bytes_max:,} bytes at most.",
            "Make it smaller.",
            {"Tus-Max-Size": str(bytes_max)},
        )


class OutOfRange(BlobFault):
    """Bytes that the blob has not (RFC 9110 section 15.5.17)."""

    def __init__(self, size: int) -> None:
        told = {"Content-Range": f"bytes */{size}"}
        super().__init__("The photo has no such bytes.", f"It has {size:,}.", told)


class RecordFirst(Refused):
    """Bytes of a photo of which the project has no record."""

    def __init__(self) -> None:
        super().__init__(
            "Central does not have this photo's record yet.",
            "The laptop hands in the record, then the photo, by itself.",
            code=RECORD_FIRST,
        )
