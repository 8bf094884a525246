"""Looks at every photo's bytes that are to be here, and mends what can be: from the second copy, the card, the original, and
by letting central's take their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bravetui.base.errors import BravetuiError, Corrupt, FailingDisk
from bravetui.db import blob_rows
from bravetui.db.blob_room import ROOM_BYTES_MAX
from bravetui.db.blobs import BlobFiles
from bravetui.db.store import Store
from bravetui.wire.blobs import Blob, Rendition

Remake = Callable[[bytes], Mapping[Rendition, bytes]]
"""Makes the smaller ones of an original; raises BravetuiError where it cannot."""


@dataclass(slots=True)
class PhotosChecked:
    """What was found."""

    whole: int = 0
    """Files that read as what they are."""
    mended: int = 0
    """Files written again from their second copy or from the card, or made again from the original."""
    at_central: int = 0
    """Files set aside that did not read: central has them, and gives them out when somebody asks."""
    lost: list[Blob] = field(default_factory=list)
    """What does not read, and central has not either. It is left as it lies."""


def check_photos(store: Store, remake: Remake, card: BlobFiles | None = None) -> PhotosChecked:
    """Look at all. `card`: those in the black box, if there is one. Raises FailingDisk: then nothing is set aside."""
    checked = PhotosChecked()
    with store.read() as connection:
        wanted = blob_rows.wanted(connection)
    has_room = store.photos.room_bytes() <= ROOM_BYTES_MAX
    for blob, is_at_central in sorted(wanted.items()):
        try:
            twice = blob.rendition is Rendition.ORIGINAL and not is_at_central and has_room
            whole = store.photos.check(blob, twice=twice)
        except FailingDisk:
            raise
        except Corrupt:
            if card is not None and _is_back(store, card, blob):
                checked.mended += 1
            else:
                _mend(store, blob, is_at_central, remake, checked)
        else:
            checked.whole += whole
            checked.mended += not whole
    return checked


def _mend(store: Store, blob: Blob, is_at_central: bool, remake: Remake, checked: PhotosChecked) -> None:
    if is_at_central:
        store.photos.set_aside(blob)
        with store.maintain() as connection:
            blob_rows.pruned(connection, blob_rows.names_of(connection, [blob]))
        checked.at_central += 1
    elif blob.rendition is not Rendition.ORIGINAL and (data := _remade(store, blob, remake)) is not None:
        store.photos.set_aside(blob)
        store.photos.keep(blob, data)
        with store.maintain() as connection:
            blob_rows.made_again(connection, blob, data)
        checked.mended += 1
    else:
        checked.lost.append(blob)


def _is_back(store: Store, card: BlobFiles, blob: Blob) -> bool:
    """Whether the card had it whole, and it is here again."""
    try:
        data = card.found(blob)
    except (BravetuiError, OSError):
        return False
    if data is None:
        return False
    store.photos.set_aside(blob)
    store.photos.keep(blob, data, twice=blob.rendition is Rendition.ORIGINAL)
    return True


def _remade(store: Store, blob: Blob, remake: Remake) -> bytes | None:
    try:
        return remake(store.photos.read(Blob(blob.photo, Rendition.ORIGINAL)))[blob.rendition]
    except BravetuiError:
        return None
