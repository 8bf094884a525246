"""What the doctor does about photos whose bytes do not read: mended where it can be, else named; never deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from bravetui.actions.photos import Owner, take_in
from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import BadInput
from bravetui.db.blobs import SECOND
from bravetui.views.photos import photos
from bravetui.wire.blobs import Blob, Rendition
from bravetui.wiring.checkup import Finding, Health, check_up
from bravetui.wiring.photos import content
from tests.support.central import PROJECT
from tests.support.pictures import jpeg
from tests.support.world import Here, World

DATA = jpeg(900, 600)
PHOTO = sha256_hex(DATA)


async def with_photo(world: World, tmp_path: Path, *, at_central: bool) -> Here:
    """A laptop with one photo, which central has or has not."""
    here = await world.laptop("carlos-1", "carlos")
    record = here.create("violation", {"description": "silt"})
    path = tmp_path / "IMG_0412.jpg"
    path.write_bytes(DATA)
    take_in(here.store, PROJECT, Owner("violation", record), path, "Undercut at SF-2")
    if at_central:
        assert await here.sync()
    return here


def found(here: Here) -> Finding:
    return next(finding for finding in check_up(here.store) if finding.part == "photos")


def spoil(here: Here, rendition: Rendition, *, second: bool = False) -> None:
    folder = here.store.photos.folder / SECOND if second else here.store.photos.folder
    (folder / f"{PHOTO}.{rendition}").write_bytes(b"rubbish")


async def test_whole_photos_are_sound(world: World, tmp_path: Path) -> None:
    here = await with_photo(world, tmp_path, at_central=False)
    assert (found(here).health, found(here).words) == (Health.SOUND, "3 files, each whole")


async def test_one_damaged_copy_of_an_original_is_written_again(world: World, tmp_path: Path) -> None:
    here = await with_photo(world, tmp_path, at_central=False)
    spoil(here, Rendition.ORIGINAL)
    assert found(here).health is Health.MENDED
    assert found(here).health is Health.SOUND
    assert await here.sync()


async def test_a_damaged_small_picture_is_made_again_and_reaches_central(
    world: World, tmp_path: Path
) -> None:
    here = await with_photo(world, tmp_path, at_central=False)
    for rendition in (Rendition.THUMBNAIL, Rendition.PREVIEW):
        spoil(here, rendition)
    assert found(here).words == "2 files written again"
    assert await here.sync()
    (row,) = photos(here.store, PROJECT)
    assert row.at_central == frozenset(Rendition)


async def test_what_central_has_is_set_aside_and_fetched_when_somebody_asks(
    world: World, tmp_path: Path
) -> None:
    here = await with_photo(world, tmp_path, at_central=True)
    spoil(here, Rendition.ORIGINAL)
    assert found(here).health is Health.MENDED
    assert len([*here.store.photos.folder.rglob("*.original*")]) == 1
    (row,) = photos(here.store, PROJECT)
    assert Rendition.ORIGINAL not in row.here
    assert await content(here.laptop, row, Rendition.ORIGINAL, world.app) == DATA
    assert here.store.photos.read(Blob(PHOTO, Rendition.ORIGINAL)) == DATA
    assert found(here).health is Health.SOUND


async def test_what_nobody_else_has_is_named_and_left_as_it_lies(world: World, tmp_path: Path) -> None:
    here = await with_photo(world, tmp_path, at_central=False)
    spoil(here, Rendition.ORIGINAL)
    spoil(here, Rendition.ORIGINAL, second=True)
    told = found(here)
    assert told.health is Health.LOOK
    assert photos(here.store)[0].id[:13] in told.words
    assert "Undercut" not in told.words  # it goes to support
    assert len([*here.store.photos.folder.rglob("*.original")]) == 2
    assert not await here.sync()
    (row,) = photos(here.store, PROJECT)
    assert row.at_central == {Rendition.THUMBNAIL, Rendition.PREVIEW}


async def test_a_picture_that_is_none_is_refused_with_words_and_leaves_nothing(
    world: World, tmp_path: Path
) -> None:
    here = await world.laptop("carlos-1", "carlos")
    record = here.create("violation", {"description": "silt"})
    path = tmp_path / "notes.jpg"
    path.write_text("not a picture")
    for named in (path, tmp_path / "absent.jpg", tmp_path):
        with pytest.raises(BadInput):
            take_in(here.store, PROJECT, Owner("violation", record), named)
    assert here.store.photos.kept() == {}
    path.write_bytes(DATA)
    take_in(here.store, PROJECT, Owner("violation", record), path)
    with pytest.raises(BadInput, match="there already"):
        take_in(here.store, PROJECT, Owner("violation", record), path)
