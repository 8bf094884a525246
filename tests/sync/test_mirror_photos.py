"""Photos in the black box: they follow the journal, hold up nothing, and come back from the card of a dead laptop."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from bravetui import wiring
from bravetui.auth.locks import AskedPassphrase
from bravetui.base.files import write_all
from bravetui.central.importing import bundles_of_card
from bravetui.central.rescue import take_bundle
from bravetui.cli.mirror import report_words
from bravetui.db import mirror as module
from bravetui.db.blobs import SECOND, BlobFiles
from bravetui.db.mirror import MirrorState, black_box_in
from bravetui.wire.blobs import Blob, Rendition
from bravetui.wiring.checkup import Finding, Health, check_up
from tests.support.world import Here, World, ring_of
from tests.sync.test_mirror import gone_for_good, nobody, reopened, report, same, with_card
from tests.sync.test_photos import bytes_of, left, same_at_another, shot


class Usage(NamedTuple):
    """As `shutil.disk_usage` tells it."""

    total: int
    used: int
    free: int


@pytest.fixture
def card(tmp_path: Path) -> Path:
    made = tmp_path / "card"
    made.mkdir()
    return made


def on_card(card: Path) -> list[str]:
    folder = black_box_in(card) / "photos"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def names(*hashes: str) -> list[str]:
    return sorted(f"{photo}.{rendition}" for photo in hashes for rendition in Rendition)


async def test_photos_follow_the_journal_sealed_as_they_are_and_go_once_central_has_them(
    world: World, card: Path
) -> None:
    here = await with_card(world, card)
    photo = shot(here)
    told = report(here)
    assert (told.state, told.photos, told.photos_left) == (MirrorState.IN_STEP, 1, 0)
    assert "; 1 photo on it" in report_words(told)
    assert on_card(card) == names(photo)
    for name in names(photo):
        assert (black_box_in(card) / "photos" / name).read_bytes() == (
            here.folder / "photos" / name
        ).read_bytes()
    here.line.restore()
    world.clock.advance(hours=1)
    assert await here.sync()
    here.create("violation", {"description": "the next save"})
    assert (report(here).photos, on_card(card)) == (0, [])


async def test_a_laptop_that_had_photos_before_it_had_a_card_fills_it(world: World, card: Path) -> None:
    here = await world.laptop("carlos", "carlos")
    assert await here.sync()
    here.line.cut()
    photo = shot(here)
    wiring.set_mirror(here.folder, ring_of(here.folder), card)
    here = reopened(world, here)
    assert report(here).photos == 1
    assert on_card(card) == names(photo)


async def test_a_card_without_room_for_photos_keeps_the_journal_in_step_and_says_so(
    world: World, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await with_card(world, card)
    room = module.ROOM_LEFT_BYTES + 200_000
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 0, room))
    photo = shot(here)
    told = report(here)
    assert (told.state, told.photos, told.photos_left) == (MirrorState.IN_STEP, 1, 1)
    assert "1 photo not: The card has no room for them" in report_words(told)
    assert on_card(card) == [f"{photo}.preview", f"{photo}.thumbnail"]
    assert same(here, card)


async def test_where_the_journal_needs_the_room_a_photo_makes_it(
    world: World, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await with_card(world, card)
    photo = shot(here)
    assert report(here).photos == 1

    def full(descriptor: int, data: bytes) -> None:
        if f"{photo}.original" in on_card(card):
            os.write(descriptor, data[:10])
            raise OSError(28, "the card")
        write_all(descriptor, data)

    monkeypatch.setattr(module, "write_all", full)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 0))
    here.create("violation", {"description": "more"})
    assert report(here).state is MirrorState.IN_STEP
    assert same(here, card)
    assert on_card(card) == [f"{photo}.preview", f"{photo}.thumbnail"]


async def test_a_card_that_hangs_on_a_photo_stops_no_save(
    world: World, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await with_card(world, card)
    let_go, keep = threading.Event(), BlobFiles.keep_sealed

    def hang(files: BlobFiles, blob: Blob, sealed: bytes) -> None:
        let_go.wait(20)
        keep(files, blob, sealed)

    monkeypatch.setattr(BlobFiles, "keep_sealed", hang)
    began = time.monotonic()
    photo = shot(here)
    for number in range(10):
        here.create("violation", {"description": f"fence {number}"})
    assert time.monotonic() - began < 10
    let_go.set()
    assert report(here).state is MirrorState.IN_STEP
    here.create("violation", {"description": "last"})
    assert report(here).photos_left == 0
    assert same(here, card)
    assert on_card(card) == names(photo)


async def test_a_dead_laptops_photos_are_exported_from_the_card(
    world: World, card: Path, tmp_path: Path
) -> None:
    carlos, dana = await with_card(world, card), await world.laptop("dana", "dana")
    photo = shot(carlos)
    report(carlos)
    gone_for_good(world, carlos)
    box = black_box_in(card)
    _, made = wiring.rescue(box, ring_of(box), tmp_path, clock=world.clock)
    assert made is not None
    assert made.photos == 1
    told = await wiring.carry(ring_of(dana.folder), made.path, world.app)
    assert (told.photos, told.kept) == (1, ())
    await same_at_another(world, photo)


async def test_the_office_imports_the_cards_photos_without_the_passphrase(world: World, card: Path) -> None:
    carlos = await with_card(world, card)
    photo = shot(carlos)
    report(carlos)
    gone_for_good(world, carlos)
    central = world.site.central
    for _ in range(2):
        taken = [take_bundle(central, one) for one in bundles_of_card(central, card, AskedPassphrase(nobody))]
        assert [one.delivered.kept for one in taken] == [False, False]
        assert sum(taken[1].delivered.photos.values()) == 3
    await same_at_another(world, photo)


async def test_photos_that_are_gone_from_the_laptop_come_back_from_the_card_at_its_next_start(
    world: World, card: Path
) -> None:
    """Also where the whole of its work came back from there."""
    here = await with_card(world, card)
    photo = shot(here)
    report(here)
    here.close()
    world.laptops.remove(here)
    shutil.rmtree(here.folder / "photos")
    (here.folder / "site.db").write_bytes(os.urandom(16384))
    (here.folder / "journal").write_bytes(os.urandom(300))
    again = world.open(here.folder)
    assert "Read back from the black box: 1 photo." in again.laptop.notices
    assert left(again).photos == 1
    assert (again.folder / "photos" / SECOND / f"{photo}.original").exists()
    assert await again.sync()
    await same_at_another(world, photo)


async def test_the_doctor_mends_photos_whose_copies_are_all_damaged_from_the_card(
    world: World, card: Path
) -> None:
    here = await with_card(world, card)
    photo = shot(here)
    report(here)
    for path in here.store.photos.folder.rglob(f"{photo}.*"):
        path.write_bytes(b"rubbish")
    here = reopened(world, here)
    report(here)
    assert on_card(card) == names(photo)
    found = _photos_of(here)
    assert (found.health, found.words) == (Health.MENDED, "3 files written again")
    assert _photos_of(here).health is Health.SOUND
    assert here.store.photos.read(Blob(photo, Rendition.ORIGINAL)) == bytes_of(10, 600_000)


def _photos_of(here: Here) -> Finding:
    return next(one for one in check_up(here.store) if one.part == "photos")
