"""Photo bytes on the disk: whole or not at all, under their own name only, an original twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bravetui.base import fault
from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import Corrupt, StorageFull
from bravetui.db.blob_rows import adopt, due, left
from bravetui.db.blobs import SECOND, BlobFiles
from bravetui.wire.blobs import Blob, BlobName, Rendition
from tests.support.laptop import KEY, MORNING, PROJECT, open_store

DATA = b"\xff\xd8 a picture of silt fence SF-2 \xff\xd9" * 40
ORIGINAL = Blob(sha256_hex(DATA), Rendition.ORIGINAL)
THUMBNAIL = Blob(ORIGINAL.photo, Rendition.THUMBNAIL)
ALL = frozenset(Rendition)


def path_of(files: BlobFiles, blob: Blob, *, second: bool = False) -> Path:
    return (files.folder / SECOND if second else files.folder) / f"{blob.photo}.{blob.rendition}"


@pytest.fixture
def files(tmp_path: Path) -> BlobFiles:
    """A folder with one original, which only this laptop has."""
    made = BlobFiles(tmp_path / "photos", KEY)
    made.keep(ORIGINAL, DATA, twice=True)
    return made


def test_what_is_kept_reads_back_and_nothing_of_it_lies_readable_on_the_disk(files: BlobFiles) -> None:
    assert files.read(ORIGINAL) == DATA
    assert files.kept() == {ORIGINAL: len(DATA)}
    assert all(b"silt" not in path.read_bytes() for path in files.folder.rglob("*") if path.is_file())


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), second=st.booleans(), cut=st.booleans())
def test_any_damage_to_one_copy_of_an_original_costs_nothing_and_is_mended(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int, second: bool, cut: bool
) -> None:
    files = BlobFiles(tmp_path_factory.mktemp("laptop") / "photos", KEY)
    files.keep(ORIGINAL, DATA, twice=True)
    path = path_of(files, ORIGINAL, second=second)
    raw = bytearray(path.read_bytes())
    at %= len(raw)
    raw[at] ^= 1 << bit
    path.write_bytes(bytes(raw[:at]) if cut else bytes(raw))
    assert files.check(ORIGINAL) is False
    assert files.check(ORIGINAL) is True
    assert files.read(ORIGINAL) == DATA


def test_a_second_copy_that_is_gone_is_missed_where_it_is_due_and_written_again(files: BlobFiles) -> None:
    path_of(files, ORIGINAL, second=True).unlink()
    assert files.check(ORIGINAL, twice=True) is False
    path_of(files, ORIGINAL).unlink()
    assert files.read(ORIGINAL) == DATA
    assert files.check(ORIGINAL, twice=True) is True


def test_both_copies_damaged_are_named_and_set_aside_not_deleted(files: BlobFiles) -> None:
    for second in (False, True):
        path_of(files, ORIGINAL, second=second).write_bytes(b"rubbish")
    with pytest.raises(Corrupt, match="is damaged"):
        files.read(ORIGINAL)
    files.set_aside(ORIGINAL)
    assert not files.is_here(ORIGINAL)
    assert len([*files.folder.rglob("*.original*")]) == 2
    files.keep(ORIGINAL, DATA)
    assert files.read(ORIGINAL) == DATA


def test_a_file_under_another_photos_name_does_not_pass_for_that_photo(files: BlobFiles) -> None:
    other = Blob("0" * 64, Rendition.ORIGINAL)
    path_of(files, other).write_bytes(path_of(files, ORIGINAL).read_bytes())
    with pytest.raises(Corrupt):
        files.read(other)
    path_of(files, THUMBNAIL).write_bytes(path_of(files, ORIGINAL).read_bytes())
    with pytest.raises(Corrupt):
        files.read(THUMBNAIL)


def test_an_original_is_kept_twice_until_central_has_signed_for_it(files: BlobFiles) -> None:
    assert path_of(files, ORIGINAL, second=True).exists()
    files.keep_once(ORIGINAL)
    assert not path_of(files, ORIGINAL, second=True).exists()
    assert files.read(ORIGINAL) == DATA


def test_the_last_whole_copy_is_never_let_go_of_as_the_second(files: BlobFiles) -> None:
    path_of(files, ORIGINAL).write_bytes(b"rubbish")
    files.keep_once(ORIGINAL)
    assert files.read(ORIGINAL) == DATA


def test_killed_while_a_photo_is_kept_leaves_it_whole_or_not_at_all(tmp_path: Path) -> None:
    for step in ("before_replace", "blob_kept", "blob_kept_twice"):
        files = BlobFiles(tmp_path / step, KEY)

        def die(name: str, step: str = step) -> None:
            if name == step:
                raise KeyboardInterrupt

        fault.install(die)
        try:
            with pytest.raises(KeyboardInterrupt):
                files.keep(ORIGINAL, DATA, twice=True)
        finally:
            fault.install(None)
        assert files.kept() == ({} if step == "before_replace" else {ORIGINAL: len(DATA)})
        assert not files.kept() or files.read(ORIGINAL) == DATA
        files.keep(ORIGINAL, DATA, twice=True)
        assert files.check(ORIGINAL) is True


def test_a_full_disk_refuses_the_photo_whole_and_takes_a_single_copy_where_only_the_second_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = BlobFiles(tmp_path / "photos", KEY)
    written: list[int] = []
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        if len(written) >= allowed:
            raise OSError(28, "No space left on device")
        written.append(1)
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    allowed = 0
    with pytest.raises(StorageFull):
        files.keep(ORIGINAL, DATA, twice=True)
    assert files.kept() == {}
    allowed = 1
    files.keep(ORIGINAL, DATA, twice=True)
    assert files.read(ORIGINAL) == DATA
    assert not path_of(files, ORIGINAL, second=True).exists()


def test_a_disk_that_removes_nothing_says_so_in_our_words(
    files: BlobFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(path: Path, missing_ok: bool = False) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(StorageFull):
        files.forget(ORIGINAL)
    with pytest.raises(StorageFull):
        files.keep_once(ORIGINAL)
    assert files.read(ORIGINAL) == DATA


def test_a_new_key_opens_every_photo_and_the_old_one_none(files: BlobFiles) -> None:
    files.keep(THUMBNAIL, b"small")
    fresh = BlobFiles(files.folder, bytes(32))
    fresh.seal_anew(KEY)
    fresh.seal_anew(KEY)
    assert (fresh.read(ORIGINAL), fresh.read(THUMBNAIL)) == (DATA, b"small")
    assert fresh.check(ORIGINAL) is True
    with pytest.raises(Corrupt):
        files.read(ORIGINAL)


def test_a_database_that_was_lost_finds_the_photos_of_its_records_again(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.photos.keep(ORIGINAL, DATA, twice=True)
    store.photos.keep(Blob("1" * 64, Rendition.THUMBNAIL), b"of no record")
    with store.write() as writing:
        writing.create("photo", PROJECT, {"owner_id": "x", "sha256": ORIGINAL.photo})
    with store.maintain() as connection:
        assert adopt(connection, store.photos, MORNING) == 1
        assert adopt(connection, store.photos, MORNING) == 0
        assert due(connection, MORNING, 9, ALL) == []  # the record goes first
        assert left(connection).photos == 1
    store.close()
    (tmp_path / "site.db").unlink()
    again = open_store(tmp_path)
    with again.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'confirmed'")
        (one,) = due(connection, MORNING, 9, ALL)
    assert (one.name, one.size_bytes, one.sent_bytes) == (BlobName(PROJECT, *ORIGINAL), len(DATA), 0)
    again.close()


def test_the_same_picture_in_two_reports_is_one_file_and_stays_while_one_of_them_needs_it(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path)
    store.photos.keep(ORIGINAL, DATA)
    with store.write() as writing:
        first, _ = (
            writing.create("photo", PROJECT, {"owner_id": owner, "sha256": ORIGINAL.photo}) for owner in "xy"
        )
    with store.maintain() as connection:
        adopt(connection, store.photos, MORNING)
        assert left(connection).photos == 1
    with store.write() as writing:
        writing.delete("photo", PROJECT, first)
    with store.read() as connection:
        assert left(connection).photos == 1
    store.close()
