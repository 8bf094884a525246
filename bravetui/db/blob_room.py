"""Room for photos: what central has signed for is let go of here after a week, and sooner where the photos take too much.

Nothing goes before central has said, just now, that it has it still: one that was put back meanwhile, or whose copy took
over, may lack what it had signed for, and this may be the last copy. Thumbnails stay, so that every photo can be shown; what
only this laptop has stays whatever room it takes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from bravetui.db import blob_rows
from bravetui.db.store import Store
from bravetui.wire.blobs import NAMES_MAX, Blob, BlobName, Rendition

KEPT = timedelta(days=7)
"""How long the bytes stay after central has signed for them."""

ROOM_BYTES_MAX = 1_000_000_000
"""What all photos may take before those that central has go sooner."""


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes on this disk that central has."""

    blob: Blob
    size_bytes: int
    settled_at: datetime
    """When it signed for them last, by its own clock."""


def to_let_go(held: Iterable[Held], room_bytes: int, now: datetime) -> Iterator[Blob]:
    """What may go, the oldest first. Pure."""
    for one in sorted(held, key=lambda one: (one.settled_at, one.blob)):
        if one.blob.rendition is Rendition.THUMBNAIL:
            continue
        if one.settled_at < now - KEPT or room_bytes > ROOM_BYTES_MAX:
            room_bytes -= one.size_bytes
            yield one.blob


def ripe(store: Store) -> tuple[BlobName, ...]:
    """What may go once central has said that it has it still, and the other sizes of the same photos, which it may lack as
    well; no more than it is asked after at a time. By the time that has certainly passed, whatever the clock says."""
    kept = store.photos.kept()
    if not kept:
        return ()
    with store.read() as connection:
        settled = blob_rows.settled(connection)
        held = [Held(blob, size, settled[blob]) for blob, size in kept.items() if blob in settled]
        ripening = to_let_go(held, store.photos.room_bytes(), store.passed.now())
        going = list(islice(ripening, NAMES_MAX // len(Rendition)))
        every = {Blob(blob.photo, rendition) for blob in going for rendition in Rendition} & kept.keys()
        return blob_rows.names_of(connection, every)[:NAMES_MAX]


def let_go(store: Store, there: Collection[BlobName]) -> int:
    """Let go of what central has just said that it has, but for thumbnails; returns how many files. A crash in between
    leaves a file that the next time finds. What another project needs, and central was not asked about, stays."""
    blobs = {name.blob for name in there if name.rendition is not Rendition.THUMBNAIL}
    with store.maintain() as connection:
        names = blob_rows.names_of(connection, blobs)
        gone = blobs - {name.blob for name in names if name not in there}
        blob_rows.pruned(connection, [name for name in names if name.blob in gone])
    for blob in gone:
        store.photos.forget(blob)
    return len(gone)


def spare(store: Store) -> None:
    """Where photos take too much, keep once what is kept twice."""
    if store.photos.room_bytes() > ROOM_BYTES_MAX:
        for blob in store.photos.kept():
            store.photos.keep_once(blob)
