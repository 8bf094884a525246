"""The black box: a card that follows every save, that may fail as it likes, and that gives back a dead laptop's work."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.auth.locks import AskedPassphrase
from bravetui.base.errors import BadInput
from bravetui.base.files import write_all
from bravetui.central.importing import bundles_of_card
from bravetui.central.rescue import take_bundle
from bravetui.db import mirror as module
from bravetui.db.mirror import MirrorReport, MirrorState, black_box_in
from tests.support.central import PROJECT
from tests.support.world import Here, World, ring_of


@pytest.fixture
def card(tmp_path: Path) -> Path:
    made = tmp_path / "card"
    made.mkdir()
    return made


async def with_card(world: World, card: Path, name: str = "carlos") -> Here:
    """A laptop that has synced once, keeps a black box, and has no line."""
    here = await world.laptop(name, name)
    assert await here.sync()
    wiring.set_mirror(here.folder, ring_of(here.folder), card)
    here = reopened(world, here)
    here.line.cut()
    return here


def reopened(world: World, here: Here) -> Here:
    here.close()
    world.laptops.remove(here)
    return world.open(here.folder)


def report(here: Here) -> MirrorReport:
    """How the card stands once it has had its time."""
    assert here.laptop.mirror is not None
    here.laptop.mirror.close()
    return here.laptop.mirror.report


def same(here: Here, card: Path) -> bool:
    box = black_box_in(card)
    pairs = [("journal", "journal"), ("keys.a", "keys.a"), ("keys.b", "keys.b")]
    return all((here.folder / one).read_bytes() == (box / other).read_bytes() for one, other in pairs)


def gone_for_good(world: World, here: Here) -> None:
    here.close()
    world.laptops.remove(here)
    shutil.rmtree(here.folder)


def taken_out(card: Path) -> Path:
    """The card is out; an empty folder stays where it was mounted."""
    aside = card.rename(card.with_name("aside"))
    card.mkdir()
    return aside


def put_in(aside: Path, card: Path) -> None:
    card.rmdir()
    aside.rename(card)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_the_card_follows_every_save(world: World, card: Path) -> None:
    """Byte for byte, the key file with it, and again after the journal was rewritten."""
    here = await with_card(world, card)
    for number in range(5):
        here.create("violation", {"description": f"fence {number}"})
        assert report(here).state is MirrorState.IN_STEP
        assert same(here, card)
    here.store.journal.rewrite(list(here.store.journal.frames()))
    assert same(here, card)
    assert b"fence" not in (black_box_in(card) / "journal").read_bytes()


async def test_a_card_that_is_out_stops_nothing_and_is_filled_when_it_comes_back(
    world: World, card: Path
) -> None:
    """With the next save or the next start; nothing is written to the empty place where it was."""
    here = await with_card(world, card)
    aside = taken_out(card)
    here.create("violation", {"description": "while it was out"})
    assert report(here).state is MirrorState.AWAY
    here = reopened(world, here)
    assert "The card is not there" in here.laptop.notices[-1]
    assert names_in(card) == []
    put_in(aside, card)
    here.create("violation", {"description": "and again"})
    assert report(here).state is MirrorState.IN_STEP
    assert same(here, card)


@pytest.mark.parametrize("damage", ["cut", "flipped", "longer", "gone", "keys gone"])
async def test_a_card_that_differs_is_made_the_same_at_start(world: World, card: Path, damage: str) -> None:
    here = await with_card(world, card)
    here.create("violation", {"description": "x"})
    journal = black_box_in(card) / "journal"
    data = journal.read_bytes()
    broken = {
        "cut": data[:-7], "flipped": data[:90] + bytes([data[90] ^ 1]) + data[91:], "longer": data + b"rubbish", "gone": b"",
    }  # fmt: skip
    if damage in broken:
        journal.write_bytes(broken[damage])
    else:
        (journal.parent / "keys.a").unlink()
    here = reopened(world, here)
    assert report(here).state is MirrorState.IN_STEP
    assert same(here, card)


async def test_a_full_a_broken_and_a_hanging_card_stop_no_save(
    world: World, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each says so; once the card works again it is brought up."""
    here = await with_card(world, card)
    for number, state in ((28, MirrorState.FULL), (5, MirrorState.BEHIND)):

        def fail(descriptor: int, data: bytes, number: int = number) -> None:
            os.write(descriptor, data[:10])
            raise OSError(number, "the card")

        with monkeypatch.context() as patch:
            patch.setattr(module, "write_all", fail)
            here.create("violation", {"description": f"error {number}"})
            assert report(here).state is state
    let_go = threading.Event()

    def hang(descriptor: int, data: bytes) -> None:
        let_go.wait(20)
        write_all(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_all", hang)
        patch.setattr(module, "CLOSE_WAIT_S", 0.01)
        began = time.monotonic()
        for number in range(20):
            here.create("violation", {"description": f"slow {number}"})
        assert time.monotonic() - began < 5
        assert "slow" in report(here).why
        let_go.set()
        here.store.journal.append([])
    here.create("violation", {"description": "last"})
    assert report(here).state is MirrorState.IN_STEP
    assert same(here, card)


async def test_another_laptops_black_box_is_never_written_over(world: World, card: Path) -> None:
    """Two laptops on one card have a folder each; a swapped card is left as it is."""
    carlos = await with_card(world, card)
    carlos.create("violation", {"description": "by carlos"})
    box = black_box_in(card)
    await with_card(world, card, "dana")
    with pytest.raises(BadInput, match="exactly one"):
        black_box_in(card)
    theirs = next(card / name for name in names_in(card) if name != box.name)
    before = (theirs / "journal").read_bytes()
    shutil.copy(theirs / "journal", box / "journal")
    carlos.create("violation", {"description": "onto the wrong card"})
    assert report(carlos).state is MirrorState.FOREIGN
    assert (box / "journal").read_bytes() == before


async def test_a_dead_laptops_work_is_exported_from_the_card_with_its_passphrase(
    world: World, card: Path, tmp_path: Path
) -> None:
    """On another laptop, which carries it too."""
    carlos, dana = await with_card(world, card), await world.laptop("dana", "dana")
    record = carlos.create("violation", {"description": "the last thing he saw"})
    gone_for_good(world, carlos)
    box = black_box_in(card)
    _, made = wiring.rescue(box, ring_of(box), tmp_path, clock=world.clock)
    assert made is not None
    told = await wiring.carry(ring_of(dana.folder), made.path, world.app)
    assert (told.outcomes, told.kept) == ({"applied": 1}, ())
    assert (PROJECT, "violation", record) in world.central_records()


async def test_the_office_opens_the_card_without_the_passphrase(world: World, card: Path) -> None:
    """With central's own key, which locks the key file too since the black box was set up."""
    carlos = await with_card(world, card)
    carlos.create("violation", {"description": "nobody knows his passphrase"})
    gone_for_good(world, carlos)
    central = world.site.central
    for _ in range(2):
        (bundle,) = bundles_of_card(central, card, AskedPassphrase(nobody))
        taken = take_bundle(central, bundle)
        assert taken.delivered.outcomes == {"applied": 1}


def nobody() -> str:
    """Whoever knew the passphrase."""
    raise AssertionError("the passphrase was asked for")


@pytest.mark.parametrize("journal", ["damaged", "gone"])
async def test_when_database_and_journal_are_broken_the_card_brings_the_work_back(
    world: World, card: Path, journal: str
) -> None:
    """And is not itself overwritten by what is left of them."""
    here = await with_card(world, card)
    record = here.create("violation", {"description": "first"})
    here.edit("violation", record, description="second")
    here.close()
    world.laptops.remove(here)
    (here.folder / "site.db").write_bytes(os.urandom(16384))
    if journal == "gone":
        (here.folder / "journal").unlink()
    else:
        (here.folder / "journal").write_bytes(os.urandom(300))
    again = world.open(here.folder)
    assert any(notice.startswith("Read back from the black box") for notice in again.laptop.notices)
    assert again.value("violation", record, "description") == "second"
    assert await again.sync()
    assert report(again).state is MirrorState.IN_STEP
    assert same(again, card)


async def test_a_card_that_is_put_in_while_a_window_is_open_follows_its_next_save(
    world: World, card: Path
) -> None:
    """And one that is given up follows no more."""
    here = await world.laptop("carlos", "carlos")
    assert await here.sync()
    here.line.cut()
    wiring.set_mirror(here.folder, ring_of(here.folder), card)
    here.create("violation", {"description": "first"})
    here.create("violation", {"description": "second"})
    assert report(here).state is MirrorState.IN_STEP
    assert same(here, card)
    wiring.set_mirror(here.folder, ring_of(here.folder), None)
    here.create("violation", {"description": "third"})
    assert here.laptop.mirror is None
    assert not same(here, card)


async def test_off_is_off_and_what_lies_on_the_card_stays(world: World, card: Path) -> None:
    here = await with_card(world, card)
    here.create("violation", {"description": "x"})
    wiring.set_mirror(here.folder, ring_of(here.folder), None)
    here = reopened(world, here)
    assert here.laptop.mirror is None
    assert black_box_in(card).is_dir()
    with pytest.raises(BadInput, match="own folder"):
        wiring.set_mirror(here.folder, ring_of(here.folder), here.folder)
    with pytest.raises(BadInput, match="no folder"):
        wiring.set_mirror(here.folder, ring_of(here.folder), card / "gone")
