"""Room for photos: a week after central has signed for one its thumbnail is enough; what only this laptop has stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.sqlite import insert

from bravetui.base.canonical import sha256_hex
from bravetui.base.clock import ManualClock
from bravetui.db import blob_room, blob_rows, meta
from bravetui.db.blob_room import KEPT, ROOM_BYTES_MAX, Held, let_go, ripe, spare, to_let_go
from bravetui.db.blobs import SECOND
from bravetui.db.device import ScopeSeen
from bravetui.db.store import Store
from bravetui.wire.blobs import Blob, BlobName, BlobTaken, Rendition
from tests.support.laptop import MORNING, PROJECT, open_store

blobs = st.builds(Blob, st.sampled_from([digit * 64 for digit in "0123456789"]), st.sampled_from(Rendition))
held = st.lists(
    st.builds(
        Held,
        blobs,
        st.integers(1, ROOM_BYTES_MAX),
        st.integers(0, 20).map(lambda days: MORNING - timedelta(days=days)),
    ),
    max_size=12,
    unique_by=lambda one: one.blob,
)


@given(held, st.integers(0, ROOM_BYTES_MAX))
def test_thumbnails_stay_the_oldest_go_first_and_no_more_than_has_to(every: list[Held], others: int) -> None:
    room = others + sum(one.size_bytes for one in every)
    gone = set(to_let_go(every, room, MORNING))
    assert not [one for one in gone if one.rendition is Rendition.THUMBNAIL]
    big = [one for one in every if one.blob.rendition is not Rendition.THUMBNAIL]
    assert {one.blob for one in big if one.settled_at < MORNING - KEPT} <= gone
    left = [one for one in big if one.blob not in gone]
    freed = [one for one in big if one.blob in gone]
    rest = room - sum(one.size_bytes for one in freed)
    assert rest <= ROOM_BYTES_MAX or not left
    early = [one for one in freed if one.settled_at >= MORNING - KEPT]
    if early:
        last = max(early, key=lambda one: (one.settled_at, one.blob))
        assert rest + last.size_bytes > ROOM_BYTES_MAX
        assert all(one.settled_at >= last.settled_at for one in left)


def photo_of(store: Store, seed: bytes, *, at_central: bool) -> dict[Rendition, Blob]:
    """A photo that is here in all sizes."""
    content = {one: seed + one.value.encode() for one in Rendition}
    photo = sha256_hex(content[Rendition.ORIGINAL])
    with store.write() as writing:
        writing.create("photo", PROJECT, {"owner_id": "x", "sha256": photo})
        for rendition, data in content.items():
            name = BlobName(PROJECT, photo, rendition)
            store.photos.keep(name.blob, data, twice=rendition is Rendition.ORIGINAL)
            blob_rows.note(writing.connection, name, data, MORNING)
            meta.put(writing.connection, meta.EPOCH, "e")
            granted = {"scope_id": PROJECT, "name": "site", "kind": "project", "permissions": []}
            writing.connection.execute(insert(ScopeSeen).values(**granted).on_conflict_do_nothing())
            if at_central:
                told = BlobTaken(
                    scope_id=PROJECT, photo=photo, rendition=rendition, sha256=sha256_hex(data), size=len(data),
                    epoch="e", at=MORNING,
                )  # fmt: skip
                blob_rows.taken(writing.connection, name, told)
    return {one: Blob(photo, one) for one in Rendition}


def test_a_week_after_central_has_signed_only_the_thumbnail_is_left_and_unsent_photos_are_whole(
    tmp_path: Path,
) -> None:
    clock = ManualClock(MORNING)
    store = open_store(tmp_path, clock=clock)
    safe, alone = photo_of(store, b"safe", at_central=True), photo_of(store, b"alone", at_central=False)
    clock.advance(days=6)
    assert ripe(store) == ()
    clock.advance(days=2)
    store.passed.see()
    with store.maintain() as connection:
        meta.put(connection, meta.EPOCH, "another life")
    assert ripe(store) == (), "it was not asked yet"
    with store.maintain() as connection:
        meta.put(connection, meta.EPOCH, "e")
    names = ripe(store)
    assert {name.blob for name in names} == set(safe.values())
    assert let_go(store, names[:1]) == 1, "of the other central has said nothing"
    assert let_go(store, ripe(store)) == 1
    assert set(store.photos.kept()) == {safe[Rendition.THUMBNAIL], *alone.values()}
    with store.read() as connection:
        assert {one.rendition for one in blob_rows.unasked(connection, "another life", 9)} == {
            Rendition.THUMBNAIL
        }
        assert blob_rows.left(connection).photos == 1
    store.close()


def test_what_another_project_has_not_handed_in_yet_stays(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    safe = photo_of(store, b"safe", at_central=True)
    name = BlobName("another project", *safe[Rendition.PREVIEW])
    with store.write() as writing:
        writing.create("photo", name.scope_id, {"owner_id": "x", "sha256": name.photo})
        blob_rows.note(writing.connection, name, b"safepreview", MORNING)
    assert let_go(store, {BlobName(PROJECT, *safe[Rendition.PREVIEW])}) == 0
    assert store.photos.read(safe[Rendition.PREVIEW])
    store.close()


def test_where_photos_take_too_much_second_copies_go_and_never_the_first_of_what_only_this_laptop_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    safe, alone = photo_of(store, b"safe", at_central=True), photo_of(store, b"alone", at_central=False)
    monkeypatch.setattr(blob_room, "ROOM_BYTES_MAX", 1)
    spare(store)
    assert {name.blob for name in ripe(store)} == set(safe.values())
    assert set(store.photos.kept()) == {*safe.values(), *alone.values()}
    assert not list((store.photos.folder / SECOND).iterdir())
    assert all(store.photos.check(blob) for blob in alone.values())
    store.close()
