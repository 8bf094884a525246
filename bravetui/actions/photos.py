"""A photo is taken in, worded anew, and taken off again; its bytes go to central by themselves.

Order of what is made durable: the bytes, the change in the journal, the record; only then may a screen say "Saved".
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, select

from bravetui.base.canonical import Json, sha256_hex
from bravetui.base.clock import local_time
from bravetui.base.errors import BadInput, BravetuiError, StorageFull
from bravetui.base.files import foreign_file_errors
from bravetui.base.text import safe_line
from bravetui.db import blob_rows
from bravetui.db.kinds import KINDS
from bravetui.db.records import load
from bravetui.db.site import calendar_of, project_of
from bravetui.db.store import Changed, Store
from bravetui.db.taken_back import is_signed
from bravetui.db.values import to_cell
from bravetui.pictures.picture import Picture
from bravetui.wire.blobs import BYTES_MAX, Blob, BlobName, Rendition

_photo = KINDS["photo"].table


@dataclass(frozen=True, slots=True)
class Owner:
    """The record that a photo belongs to."""

    kind: str
    record_id: str


@dataclass(frozen=True, slots=True)
class Attached:
    """A photo that was taken in."""

    photo_id: str
    changed: Changed


def take_in(store: Store, scope_id: str, owner: Owner, path: Path, caption: str = "") -> Attached:
    """Take in the picture in a file. Raises BadInput for one that is none, and as `attach`. Takes half a second or more."""
    from bravetui.pictures.opening import open_picture

    data = _read(path)
    return attach(store, scope_id, owner, data, open_picture(data), caption)


def attach(
    store: Store,
    scope_id: str,
    owner: Owner,
    data: bytes,
    picture: Picture,
    caption: str = "",
    field_path: str | None = None,
) -> Attached:
    """Keep a picture's file as it is, the smaller ones that were made of it, and its record. Raises BadInput where that
    which it belongs to has this picture already, was signed, or is not here, and StorageFull: then nothing of it is here."""
    photo = sha256_hex(data)
    _check_owner(store, scope_id, owner, photo)
    blobs = {
        Blob(photo, Rendition.THUMBNAIL): picture.thumbnail,
        Blob(photo, Rendition.PREVIEW): picture.preview,
        Blob(photo, Rendition.ORIGINAL): data,
    }
    _keep(store, blobs)
    values: dict[str, Json] = {
        "owner_kind": owner.kind, "owner_id": owner.record_id, "sha256": photo, "size_bytes": len(data),
        "width": picture.width, "height": picture.height, "media_type": picture.media_type,
    }  # fmt: skip
    if field_path:
        values["field_path"] = field_path
    if caption.strip():
        values["caption"] = caption
    if picture.latitude and picture.longitude:
        values |= {"latitude": picture.latitude, "longitude": picture.longitude}
    with store.write() as writing:
        values["taken_at"] = to_cell(_taken_at(store, writing.connection, scope_id, picture))
        photo_id = writing.create("photo", scope_id, values)
        for blob, content in blobs.items():
            blob_rows.note(writing.connection, BlobName(scope_id, *blob), content, store.clock.now())
    return Attached(photo_id, Changed(frozenset(writing.touched)))


def word(store: Store, scope_id: str, photo_id: str, caption: str) -> Changed:
    """Say what a photo shows. Raises BadInput where it belongs to a report that was signed."""
    with store.write() as writing:
        _refuse_signed(store, writing.connection, scope_id, photo_id)
        writing.edit("photo", scope_id, photo_id, {"caption": caption.strip() or None})
    return Changed(frozenset(writing.touched))


def remove(store: Store, scope_id: str, photo_id: str) -> Changed:
    """Take a photo off its record. Its bytes stay until the room is needed: it can be put back. Raises as `word`."""
    with store.write() as writing:
        _refuse_signed(store, writing.connection, scope_id, photo_id)
        writing.delete("photo", scope_id, photo_id)
    return Changed(frozenset(writing.touched))


def _check_owner(store: Store, scope_id: str, owner: Owner, photo: str) -> None:
    kind = KINDS.get(owner.kind)
    same = select(_photo.c.id).where(
        _photo.c.scope_id == scope_id, _photo.c.sha256 == photo, _photo.c.owner_kind == owner.kind,
        _photo.c.owner_id == owner.record_id, _photo.c.deleted.is_(False),
    )  # fmt: skip
    with store.read() as connection:
        stored = load(connection, kind, scope_id, owner.record_id) if kind is not None else None
        known = connection.execute(same.limit(1)).first() is not None
        signed = is_signed(connection, store.identity.user_id, scope_id, owner.kind, owner.record_id)
    if stored is None:
        raise BadInput(
            "What this photo is to belong to is not on this laptop.", "Open it once, or sync, and try again."
        )
    if signed:
        raise _is_signed()
    if known:
        raise BadInput("This picture is there already.", "Choose another, or say more in its caption.")


def _refuse_signed(store: Store, connection: Connection, scope_id: str, photo_id: str) -> None:
    query = select(_photo.c.owner_kind, _photo.c.owner_id).where(
        _photo.c.scope_id == scope_id, _photo.c.id == photo_id
    )
    owner = connection.execute(query).first()
    if owner is not None and is_signed(connection, store.identity.user_id, scope_id, *owner):
        raise _is_signed()


def _is_signed() -> BadInput:
    return BadInput(
        "This report was handed in, and is kept with its photos as it was signed.",
        "The office can send it back; then its photos can be changed.",
    )


def _keep(store: Store, blobs: dict[Blob, bytes]) -> None:
    """The files; where one has no room, those before it go again: nobody was told of them."""
    fresh = [blob for blob in blobs if not store.photos.is_here(blob)]
    try:
        for blob, content in blobs.items():
            store.photos.keep(blob, content, twice=blob.rendition is Rendition.ORIGINAL)
    except StorageFull as error:
        with suppress(
            BravetuiError
        ):  # a disk that is so full that nothing can be removed: nobody misses what is left
            for blob in fresh:
                store.photos.forget(blob)
        raise StorageFull(
            "There is no room for this photo on the disk; it was not taken in. Everything saved before is still here.",
            "Free some room on this disk, then add the photo again. Forms can still be saved.",
        ) from error


def _taken_at(store: Store, connection: Connection, scope_id: str, picture: Picture) -> datetime:
    """By the camera's word, read by the site's clock where it names no zone of its own; now, where it says nothing, or a
    time that is still to come."""
    now, told = store.clock.now(), picture.taken_at
    if told is None:
        return now
    zone = calendar_of(project_of(connection, scope_id)).zone
    return min(now, local_time(told if told.tzinfo else told.replace(tzinfo=zone), UTC))


def _read(path: Path) -> bytes:
    """Raises BadInput for a file that cannot be read, or is larger than any photo that is taken in."""
    most = BYTES_MAX[Rendition.ORIGINAL]
    name = safe_line(path.name, 80)
    try:
        with foreign_file_errors():
            if path.is_dir():
                raise BadInput(f"{name} is a folder.", "Name the picture's file in it.")
            with path.open("rb") as file:
                data = file.read(most + 1)
    except FileNotFoundError as error:
        raise BadInput(
            f"There is no file {name}.", "Look at its name and where it is, and try again."
        ) from error
    except OSError as error:
        raise BadInput(
            f"{name} cannot be read.", "Copy it again from the phone or camera, and try again."
        ) from error
    if len(data) > most:
        raise BadInput(f"{name} is larger than 20 MiB.", "Save it smaller, as JPEG, and choose that.")
    return data
