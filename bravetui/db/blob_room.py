"""Room for photos: what central has signed for is let go of here after a week, and sooner where the photos take too much.

The week is over only in a contact in which central, in the life that it lives now, has everything: one that was put back
meanwhile may lack what it had signed for, and has to be asked first.
Thumbnails stay, so that every photo can be shown; what only this laptop has stays whatever room it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bravetui.db import blob_rows
from bravetui.db.store import Store
from bravetui.wire.blobs import Blob, Rendition

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


def to_let_go(held: Iterable[Held], room_bytes: int, now: datetime, *, heard: bool = True) -> Iterator[Blob]:
    """What goes, the oldest first; what is a week old only where central was `heard`. Pure."""
    for one in sorted(held, key=lambda one: (one.settled_at, one.blob)):
        if one.blob.rendition is Rendition.THUMBNAIL:
            continue
        if (heard and one.settled_at < now - KEPT) or room_bytes > ROOM_BYTES_MAX:
            room_bytes -= one.size_bytes
            yield one.blob


def make_room(store: Store, *, heard: bool) -> int:
    """Let go of what need not be here; returns how many files. `heard`: central has just said that it has all. By the
    time that has certainly passed, whatever the clock says. A crash in between leaves a file that the next time finds."""
    kept = store.photos.kept()
    if not kept:
        return 0
    with store.read() as connection:
        held = _held(connection, kept)
    gone = list(to_let_go(held, store.photos.room_bytes(), store.passed.now(), heard=heard))
    if gone:
        with store.maintain() as connection:
            blob_rows.pruned(connection, gone)
        for blob in gone:
            store.photos.forget(blob)
    if store.photos.room_bytes() > ROOM_BYTES_MAX:
        for blob in kept.keys() - set(gone):
            store.photos.keep_once(blob)
    return len(gone)


def _held(connection: Connection, kept: dict[Blob, int]) -> list[Held]:
    settled = blob_rows.settled(connection)
    return [Held(blob, size, settled[blob]) for blob, size in kept.items() if blob in settled]
