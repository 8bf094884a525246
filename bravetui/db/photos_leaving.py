"""Photo bytes that leave by hand, in a rescue bundle or on a card: those that central has not signed for.

Nothing is noted of what leaves: bytes may go any number of times, and only central's receipt counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, select

from bravetui.base.errors import BravetuiError
from bravetui.db.blobs import BlobFiles
from bravetui.db.device import BlobProgress, BlobState
from bravetui.db.kinds import KINDS
from bravetui.wire.blobs import BYTES_MAX, RENDITIONS, Blob, Rendition
from bravetui.wire.change import Change
from bravetui.wire.photo_pieces import BLOBS_MAX, PHOTO_BYTES_MAX, SCOPES_MAX, CarriedBlob, pack_blob

_blob = BlobProgress.__table__  # type: ignore[attr-defined]
_photo = KINDS["photo"].table
_ROWS = select(_blob.c.scope_id, _blob.c.photo, _blob.c.rendition, _blob.c.state)
_RECORDS = select(_photo.c.scope_id, _photo.c.sha256, _photo.c.deleted)


@dataclass(frozen=True, slots=True)
class LeavingBlob:
    """Bytes that are here and that central has not signed for."""

    blob: Blob
    size_bytes: int
    scopes: tuple[str, ...] = ()
    """Projects that need them; none where nothing that reads says which."""


def leaving_by_tables(
    connection: Connection, kept: Mapping[Blob, int], changes: Iterable[Change]
) -> tuple[LeavingBlob, ...]:
    """What waits, of photos whose record is not removed; and files of which the database knows nothing, since it was begun
    anew. A database of a program that kept no photos knows nothing of any."""
    if not kept:
        return ()
    if not inspect(connection).has_table(_blob.name):
        return leaving_by_files(kept, changes)
    needed: set[tuple[str, str]] = set()
    known: set[str] = set()
    for scope_id, photo, is_removed in connection.execute(_RECORDS):
        known.add(photo)
        if not is_removed:
            needed.add((scope_id, photo))
    scopes: dict[Blob, set[str]] = {}
    rows: set[tuple[str, Blob]] = set()
    for scope_id, photo, rendition, state in connection.execute(_ROWS):
        blob = Blob(photo, Rendition(rendition))
        known.add(photo)
        rows.add((scope_id, blob))
        if state == BlobState.WAITING and (scope_id, photo) in needed:
            scopes.setdefault(blob, set()).add(scope_id)
    for scope_id, photo in needed:  # a row may be lacking: it is made again at the next start
        for blob in (Blob(photo, rendition) for rendition in RENDITIONS):
            if (scope_id, blob) not in rows:
                scopes.setdefault(blob, set()).add(scope_id)
    told = {blob: found for blob, found in scopes.items() if blob in kept}
    unknown = {blob: size for blob, size in kept.items() if blob.photo not in known}
    return _ordered(
        [
            *(
                LeavingBlob(blob, kept[blob], tuple(sorted(found)[:SCOPES_MAX]))
                for blob, found in told.items()
            ),
            *leaving_by_files(unknown, changes),
        ]
    )


def leaving_by_files(kept: Mapping[Blob, int], changes: Iterable[Change]) -> tuple[LeavingBlob, ...]:
    """All files, whatever central has of them: nothing that reads says so. The changes say what belongs where, as far as
    they go; of a photo whose record central had confirmed nothing is among them, and its bytes may be the only ones."""
    scopes: dict[object, set[str]] = {}
    for change in changes:
        if change.kind == "photo" and "sha256" in change.after:
            scopes.setdefault(change.after["sha256"], set()).add(change.scope_id)
    return _ordered(
        [
            LeavingBlob(blob, size, tuple(sorted(scopes.get(blob.photo, ()))[:SCOPES_MAX]))
            for blob, size in kept.items()
        ]
    )


def in_bundles(leaving: Iterable[LeavingBlob]) -> list[list[LeavingBlob]]:
    """As many in each as may be in memory at a time, in their order. Pure."""
    found: list[list[LeavingBlob]] = []
    room = 0
    for one in leaving:
        if not found or one.size_bytes > room or len(found[-1]) >= BLOBS_MAX:
            found.append([])
            room = PHOTO_BYTES_MAX
        found[-1].append(one)
        room -= one.size_bytes
    return found


def pieces_of(
    group: Sequence[LeavingBlob], files: Sequence[BlobFiles]
) -> Iterator[tuple[LeavingBlob, bytes | None]]:
    """What a bundle holds of each, read from the first that has it whole; None where none has, or the disk fails there."""
    for one in group:
        data = next((data for folder in files if (data := _read(folder, one.blob)) is not None), None)
        told = CarriedBlob(photo=one.blob.photo, rendition=one.blob.rendition, scopes=one.scopes)
        yield one, None if data is None else pack_blob(told, data)


def _read(folder: BlobFiles, blob: Blob) -> bytes | None:
    try:
        data = folder.found(blob)
    except BravetuiError:
        return None
    return data if data is not None and len(data) <= BYTES_MAX[blob.rendition] else None


def _ordered(found: Iterable[LeavingBlob]) -> tuple[LeavingBlob, ...]:
    """All thumbnails, then all previews, then originals."""
    return tuple(sorted(found, key=lambda one: (RENDITIONS.index(one.blob.rendition), one.blob)))
