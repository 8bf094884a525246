"""What must hold of photos when everybody is back: whole at central in every size, signed for, and waiting nowhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from bravetui.auth.signing import signed_by
from bravetui.db import blob_rows, meta
from bravetui.db.device import BlobProgress, BlobState
from bravetui.db.kinds import KINDS
from bravetui.merge.state import DELETED, RecordState
from bravetui.simulate.central import PROJECT
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.simulate.photographs import Held, complete
from bravetui.simulate.witness import Photo, Witness
from bravetui.wire.blobs import Blob, BlobName, BlobTaken, Rendition
from bravetui.wire.receipt import is_genuine

_blob = BlobProgress.__table__  # type: ignore[attr-defined]
_photos = KINDS["photo"].table


@dataclass
class Photos:
    """What the end of a month says of photos."""

    central: Mapping[BlobName, Held] = field(default_factory=dict)
    waiting: dict[str, list[tuple[BlobName, str]]] = field(default_factory=dict)
    """By laptop, what it still has to hand in or to ask about, and why it says."""
    forged: Counter[str] = field(default_factory=Counter)
    """Receipts that a laptop keeps and that central has not signed for that blob."""
    fates: Counter[str] = field(default_factory=Counter)
    """What became of the photos that were taken."""


def waiting(connection: Connection) -> list[tuple[BlobName, str]]:
    """What a laptop still has to hand in, or to ask a new life of central's about; of records that are not removed."""
    living = select(_photos.c.id).where(
        _photos.c.scope_id == _blob.c.scope_id, _photos.c.sha256 == _blob.c.photo, _photos.c.deleted.is_(False)
    )  # fmt: skip
    query = select(_blob).where(_blob.c.state == BlobState.WAITING, living.exists())
    found = [(_name(row), row.why or "it was not tried") for row in connection.execute(query)]
    unasked = blob_rows.unasked(connection, meta.get(connection, meta.EPOCH), 500)
    return [*found, *((name, "it was not asked about") for name in unasked)]


def forged(connection: Connection, central_key: str) -> int:
    """How many of a laptop's receipts are not central's word on that blob."""
    is_centrals, count = signed_by(central_key), 0
    for row in connection.execute(select(_blob).where(_blob.c.receipt.is_not(None))):
        told = BlobTaken.model_validate_json(row.receipt)
        name = BlobName(told.scope_id, told.photo, told.rendition)
        count += name != _name(row) or not is_genuine(told, is_centrals)
    return count


def only_here(here: Connection, there: Connection, laptop: SimulatedLaptop) -> list[str]:
    """Files of photos whose record is not removed, of a laptop that says that all is handed in, and central has not."""
    files, held = laptop.photos.kept(), complete(there)
    rows = here.execute(
        select(_photos.c.scope_id, _photos.c.sha256).where(_photos.c.deleted.is_(False))
    ).all()
    names = {BlobName(scope_id, *blob) for blob in files for scope_id, photo in rows if photo == blob.photo}
    return [f"the {name.rendition} of photo {name.photo[:8]} is only here" for name in sorted(names - held)]


def let_go_too_early(laptop: SimulatedLaptop, witness: Witness, there: Connection) -> list[str]:
    """Bytes of this laptop's own photos that central has never had, and that are gone here, or once where twice is due."""
    own = [one for one in witness.photos if one.by == laptop.name and not one.gone_with_disk]
    if not own:
        return []
    witness.vouched |= complete(there)
    found = []
    for one in own:
        for rendition in Rendition:
            name = BlobName(PROJECT, one.photo, rendition)
            if name in witness.vouched or name.blob in witness.bytes_lost:
                continue
            if not laptop.holds(name.blob, twice=rendition is Rendition.ORIGINAL):
                found.append(f"let go of the {rendition} of photo {one.photo[:8]} that central has never had")
    return found


def photos_are_whole(
    central: Mapping[tuple[str, str], RecordState], photos: Photos, witness: Witness
) -> list[str]:
    """Every photo that somebody was told is saved, and whose record lives, is at central in all sizes, with the bytes that
    were made of it; but for those that went with the last who held them."""
    made: dict[Blob, set[str]] = defaultdict(set)
    for one in witness.photos:
        for rendition, digest in one.hashes.items():
            made[Blob(one.photo, rendition)].add(digest)
    complaints = []
    for one in witness.photos:
        record = central.get(("photo", one.record_id))
        if record is None or record.values().get(DELETED):
            photos.fates["without a record" if record is None else "removed"] += 1
            continue
        wrong = [*_wrong(one, photos, made, witness)]
        lost = any(Blob(one.photo, rendition) in witness.bytes_lost for rendition in Rendition)
        photos.fates["gone with a disk" if lost and not wrong else "not whole" if wrong else "whole"] += 1
        complaints += wrong
    return complaints


def _wrong(one: Photo, photos: Photos, made: Mapping[Blob, set[str]], witness: Witness) -> list[str]:
    found = []
    for rendition in Rendition:
        name = BlobName(PROJECT, one.photo, rendition)
        there = photos.central.get(name)
        if there is None and name.blob not in witness.bytes_lost:
            found.append(f"{one.by} saved photo {one.photo[:8]}, and its {rendition} is not at central")
        elif there is not None and not (
            there.sha256 == there.told.sha256 and there.sha256 in made[name.blob]
        ):
            found.append(f"the {rendition} of {one.by}'s photo {one.photo[:8]} is other bytes at central")
    return found


def no_bytes_wait(photos: Photos, witness: Witness) -> list[str]:
    """With the line up for hours no photo waits; but for one whose bytes are lost."""
    return [
        f"{name} still holds the {blob.rendition} of photo {blob.photo[:8]}: {why}"
        for name, rows in photos.waiting.items()
        for blob, why in rows
        if blob.blob not in witness.bytes_lost
    ]


def receipts_are_genuine(photos: Photos) -> list[str]:
    """What says that central has a photo, central has signed."""
    return [
        f"{name} keeps {count} receipts of photos that central did not sign"
        for name, count in photos.forged.items()
        if count
    ]


def _name(row: Any) -> BlobName:
    return BlobName(row.scope_id, row.photo, Rendition(row.rendition))
