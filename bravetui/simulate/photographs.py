"""Made-up photos, what of them central has, and who holds which bytes: looked at from outside, on disks and tables."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, select

from bravetui.base.canonical import sha256_hex
from bravetui.central.tables import BLOB_PARTS, BLOBS
from bravetui.pictures.picture import Picture
from bravetui.simulate.central import SimulatedCentral
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.simulate.witness import Witness
from bravetui.wire.blobs import Blob, BlobName, BlobTaken, Rendition

_BYTES: Mapping[Rendition, tuple[int, int]] = {
    Rendition.THUMBNAIL: (300, 2000), Rendition.PREVIEW: (1000, 8000), Rendition.ORIGINAL: (2000, 60_000),
}  # fmt: skip
"""Smallest and largest of each."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture, and what opening it made of it."""

    original: bytes
    picture: Picture

    @property
    def hashes(self) -> Mapping[Rendition, str]:
        """What each size is."""
        made = self.picture.thumbnail, self.picture.preview, self.original
        return dict(zip(Rendition, map(sha256_hex, made), strict=True))

    @property
    def size_bytes(self) -> int:
        """Of all three."""
        return len(self.picture.thumbnail) + len(self.picture.preview) + len(self.original)


def made_up(dice: random.Random, original: bytes | None = None) -> Shot:
    """A picture that nobody has taken yet, or one that was: two laptops make slightly different small ones of it."""
    small, middle, large = (dice.randbytes(dice.randint(*_BYTES[one])) for one in Rendition)
    return Shot(original or large, Picture(1200, 900, "image/jpeg", None, None, None, small, middle))


class Held(NamedTuple):
    """A blob that central has complete."""

    sha256: str
    """Of the bytes that are there."""
    told: BlobTaken
    """What central signed for it."""


def complete(connection: Connection) -> set[BlobName]:
    """The blobs that central says it has."""
    columns = BLOBS.c.scope_id, BLOBS.c.photo, BLOBS.c.rendition
    rows = connection.execute(select(*columns).where(BLOBS.c.complete_at.is_not(None)))
    return {BlobName(scope_id, photo, Rendition(rendition)) for scope_id, photo, rendition in rows}


def held(connection: Connection) -> dict[BlobName, Held]:
    """The same with the bytes that are there."""
    query = select(BLOB_PARTS).order_by(BLOB_PARTS.c.start)
    content: dict[BlobName, bytes] = {}
    for row in connection.execute(query):
        name = BlobName(row.scope_id, row.photo, Rendition(row.rendition))
        before = content.get(name, b"")
        content[name] = before + row.content if row.start == len(before) else b"with a gap"
    receipts = select(BLOBS.c.scope_id, BLOBS.c.photo, BLOBS.c.rendition, BLOBS.c.receipt)
    found = {}
    for scope_id, photo, rendition, receipt in connection.execute(
        receipts.where(BLOBS.c.receipt.is_not(None))
    ):
        name = BlobName(scope_id, photo, Rendition(rendition))
        found[name] = Held(sha256_hex(content.get(name, b"")), BlobTaken.model_validate_json(receipt))
    return found


class Holdings:
    """Who holds which bytes, and what was lost with the last of those who did."""

    def __init__(
        self, witness: Witness, central: SimulatedCentral, laptops: Mapping[str, SimulatedLaptop]
    ) -> None:
        self._witness, self._central, self._laptops = witness, central, laptops

    def note(self) -> None:
        """Remember what central has by now: from here on a laptop may let go of its second copy."""
        with self._central.engine.connect() as connection:
            self._witness.vouched |= complete(connection)

    @contextmanager
    def losing(self) -> Iterator[None]:
        """Something befalls a disk, or central: what nobody holds any more after it cannot come back."""
        self.note()
        before = self._everywhere()
        yield
        self._witness.bytes_lost |= before - self._everywhere()

    def _everywhere(self) -> set[Blob]:
        with self._central.engine.connect() as connection:
            found = {name.blob for name in complete(connection)}
        return found.union(*(laptop.photos.kept() for laptop in self._laptops.values()))
