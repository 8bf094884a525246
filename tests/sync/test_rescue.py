"""Unconfirmed work that travels by hand: sealed, signed, carried by anybody, taken once, known to its laptop afterwards."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import httpx
import pytest

from bravetui import wiring
from bravetui.auth.bundle import read_bundle, seal_bundle
from bravetui.auth.locks import Passphrase, RecoveryKey
from bravetui.base.errors import BadInput, Corrupt, NeedsSignIn, StorageFull, Transient, WrongKey
from bravetui.central.importing import lines_of
from bravetui.central.rescue import kept_bundles, kept_file, take_bundle
from bravetui.central.service import revoke
from bravetui.db.device import OutboxState
from bravetui.sync import rescue as module
from bravetui.sync.rescue import Exported
from bravetui.sync.rescue_sending import accepted
from bravetui.wire.delivery import Delivery
from tests.support.central import KEYS, PROJECT
from tests.support.world import Here, World, ring_of

SECRET = "the silt fence at the north culvert is down"


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    made = tmp_path / "stick"
    made.mkdir()
    return made


def exported(world: World, folder: Path, stick: Path) -> Exported:
    """What a person gets from `bravetui rescue export`."""
    _, made = wiring.rescue(folder, ring_of(folder), stick, clock=world.clock)
    assert made is not None
    return made


async def carried(world: World, here: Here, bundle: Path) -> Delivery:
    return await wiring.carry(ring_of(here.folder), bundle, world.app)


def assert_equal(world: World, here: Here) -> None:
    """The project's records are the same at both ends, dots and all."""
    at_central = {key: stored for key, stored in world.central_records().items() if key[0] == PROJECT}
    assert {key: stored for key, stored in here.records().items() if key[0] == PROJECT} == at_central


async def two(world: World) -> tuple[Here, Here]:
    """Carlos without a line and with work, Dana with one."""
    carlos, dana = await world.laptop("carlos", "carlos"), await world.laptop("dana", "dana")
    assert await carlos.sync()
    assert await dana.sync()
    carlos.line.cut()
    for number in range(3):
        carlos.create("violation", {"description": f"{SECRET} {number}"})
    return carlos, dana


async def test_what_leaves_on_a_stick_while_an_attempt_runs_into_nothing_is_not_typed_over(
    world: World, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no line comes people export, and the background goes on trying: the attempt's end made it never sent, typing
    went on in it, and central, which had it from the stick, took the laptop for a copy and kept the older answer."""
    carlos, dana = await two(world)
    record = carlos.create("violation", {"description": SECRET, "severity": "critical"})
    connect = carlos.line.handle_async_request
    made: list[Exported] = []

    async def connecting(request: httpx.Request) -> httpx.Response:
        made[:] = made or [exported(world, carlos.folder, stick)]
        return await connect(request)

    monkeypatch.setattr(carlos.line, "handle_async_request", connecting)
    with pytest.raises(Transient):
        await carlos.sync()
    carlos.edit("violation", record, severity="minor")
    await carried(world, dana, made[0].path)
    carlos.line.restore()
    device = carlos.device
    carlos.worker.ask_now()
    await carlos.sync()
    assert await carlos.sync()
    assert (carlos.device, carlos.value("violation", record, "severity")) == (device, "minor")


async def test_a_colleague_carries_it_once_or_twice_and_the_laptop_learns_the_first_verdicts(
    world: World, stick: Path
) -> None:
    """Doing it twice changes nothing; the verdict at the next sync is the one given for the bundle."""
    carlos, dana = await two(world)
    made = exported(world, carlos.folder, stick)
    assert (made.changes, made.records, made.by_kind) == (3, 3, (("violation", 3),))
    first = await carried(world, dana, made.path)
    assert (first.device, first.outcomes, first.kept) == (carlos.device, {"applied": 3}, ())
    taken = world.ledger()
    assert (await carried(world, dana, made.path)).outcomes == {"applied": 3}
    again = take_bundle(world.site.central, made.path.read_bytes())
    assert "Central holds all of it" in "\n".join(lines_of(again))
    assert world.ledger() == taken
    world.clock.advance(hours=1)
    carlos.line.restore()
    assert await carlos.sync()
    assert world.ledger() == taken
    assert set(carlos.states()) == {OutboxState.CONFIRMED}
    assert_equal(world, carlos)


async def test_a_lost_stick_shows_nothing(world: World, stick: Path) -> None:
    """No answer, no name, no id of a record; and neither its carrier nor another central opens it."""
    carlos, dana = await two(world)
    data = exported(world, carlos.folder, stick).path.read_bytes()
    for secret in (
        SECRET.encode(),
        b"carlos",
        b"Carlos",
        b"violation",
        carlos.outbox()[0].record_id.encode(),
    ):
        assert secret not in data
    secrets, _ = wiring.who_is_here(ring_of(dana.folder))
    for lock in (Passphrase("a truck in the rain"), RecoveryKey(secrets.device_key, secrets.device_key)):
        with pytest.raises(WrongKey, match=r"not sealed|not locked"):
            read_bundle(data).opened([lock])


async def test_every_flipped_byte_and_every_cut_is_found(world: World, stick: Path) -> None:
    """Nothing of a damaged bundle is used, and nothing raises but a sentence."""
    carlos, _ = await two(world)
    data = exported(world, carlos.folder, stick).path.read_bytes()
    for place in range(0, len(data), 17):
        broken = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with contextlib.suppress(BadInput, WrongKey, Corrupt):
            taken = take_bundle(world.site.central, broken)
            assert taken.delivered.kept
            assert not taken.verdicts
        with pytest.raises(BadInput):
            read_bundle(data[:place])
    assert not [change for change in world.ledger() if change.dot.device == carlos.device]


async def test_typing_goes_on_after_an_export_without_making_the_laptop_a_stranger_to_itself(
    world: World, stick: Path
) -> None:
    """What has left on a stick is not altered any more: more typing is a change of its own."""
    carlos, dana = await two(world)
    record = carlos.outbox()[0].record_id
    made = exported(world, carlos.folder, stick)
    carlos.edit("violation", record, description="and the second one too")
    await carried(world, dana, made.path)
    carlos.line.restore()
    number = carlos.device
    assert await carlos.sync()
    assert carlos.device == number
    assert carlos.value("violation", record, "description") == "and the second one too"
    assert_equal(world, carlos)


def spoil(folder: Path, damage: str, without_its_log: bytes) -> None:
    """Break one of the laptop's files, or lose it."""
    database, journal = folder / "site.db", folder / "journal"
    if damage == "database":
        database.write_bytes(os.urandom(database.stat().st_size))
    elif damage == "empty database":
        database.write_bytes(b"")
    elif damage == "journal":
        journal.write_bytes(os.urandom(500))
    else:
        for part in ("site.db-wal", "site.db-shm", "site.db"):
            (folder / part).unlink(missing_ok=True)
        if damage == "wal":
            database.write_bytes(without_its_log)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("damage", ["database", "wal", "journal", "no database", "empty database"])
async def test_it_comes_from_whatever_still_reads(world: World, stick: Path, damage: str) -> None:
    """The database overwritten, its log gone, the journal overwritten: each alone is enough."""
    carlos, dana = await two(world)
    without_its_log = (carlos.folder / "site.db").read_bytes()
    carlos.close()
    world.laptops.remove(carlos)
    spoil(carlos.folder, damage, without_its_log)
    before = names_in(carlos.folder)
    found, made = wiring.rescue(carlos.folder, ring_of(carlos.folder), stick, clock=world.clock)
    assert made is not None
    assert made.changes == 3
    assert found.database_read == (damage in ("wal", "journal"))
    after = names_in(carlos.folder)
    assert (before - after, [name for name in after if "damaged" in name]) == (set(), [])
    assert (await carried(world, dana, made.path)).outcomes == {"applied": 3}
    again = world.open(carlos.folder)
    again.edit("violation", again.outbox()[0].record_id, description="later")
    number = again.device
    assert await again.sync()
    assert again.device == number
    assert_equal(world, again)


async def test_nothing_is_overwritten_and_a_failing_stick_is_a_sentence(
    world: World, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same second gives another name; a full stick keeps nothing half written; one that lies is found out."""
    carlos, _ = await two(world)
    one, other = exported(world, carlos.folder, stick), exported(world, carlos.folder, stick)
    assert one.path != other.path
    assert names_in(stick) == {one.path.name, other.path.name}

    def full(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:100])
        raise OSError(28, "No space left on device")

    def lying(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:-1] + b"\x00")

    before = names_in(stick)
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_all", full)
        with pytest.raises(StorageFull, match="no room for the bundle in stick"):
            exported(world, carlos.folder, stick)
    assert names_in(stick) == before
    monkeypatch.setattr(module, "write_all", lying)
    with pytest.raises(Corrupt, match="does not read back"):
        exported(world, carlos.folder, stick)
    with pytest.raises(BadInput, match="no folder"):
        exported(world, carlos.folder, stick / "nowhere")


async def test_a_bundle_of_a_copy_goes_on_under_a_number_of_its_own_as_its_laptop_would(
    world: World, stick: Path
) -> None:
    """Both went on from one image. Importing it twice changes nothing, and the copy may still come back."""
    carlos, dana = await two(world)
    original, copy = world.copy(carlos, "copy")
    shared = original.outbox()[0].record_id
    original.edit("violation", shared, description="as the original has it")
    made_there = original.create("violation", {"description": "only on the original"})
    copy.edit("violation", shared, required_action="as the copy has it")
    made_here = copy.create("violation", {"description": "only on the copy"})
    copy.edit("violation", made_here, required_action="and this")
    bundle = exported(world, copy.folder, stick)
    assert await original.sync()
    told = await carried(world, dana, bundle.path)
    assert (told.kept, set(told.outcomes) - {"applied", "merged"}) == ((), set())
    taken = world.ledger()
    assert not (await carried(world, dana, bundle.path)).kept
    assert world.ledger() == taken
    await original.sync()
    for record, path, value in (
        (shared, "description", "as the original has it"),
        (shared, "required_action", "as the copy has it"),
        (made_there, "description", "only on the original"),
        (made_here, "description", "only on the copy"),
        (made_here, "required_action", "and this"),
    ):
        assert original.value("violation", record, path) == value
    for _ in range(3):
        await copy.sync()
    await original.sync()
    assert copy.device != original.device
    assert_equal(world, copy)
    assert_equal(world, original)


async def test_a_revoked_laptops_bundle_is_kept_until_a_manager_vouches(world: World, stick: Path) -> None:
    """The carrier hears why; nothing is taken before, all of it after, and then nothing waits."""
    carlos, dana = await two(world)
    made = exported(world, carlos.folder, stick)
    revoke(world.engine, carlos.device, world.clock.now())
    told = await carried(world, dana, made.path)
    assert (bool(told.kept), told.outcomes) == (True, {})
    assert "has been revoked" in told.why
    central = world.site.central
    (kept,) = kept_bundles(central)
    file = kept_file(central, kept.digest[:12])
    assert file == made.path.read_bytes()
    assert take_bundle(central, file).delivered.kept
    assert take_bundle(central, file, vouched=True).delivered.outcomes == {"applied": 3}
    assert not kept_bundles(central)
    with pytest.raises(NeedsSignIn):
        await carried(world, carlos, made.path)


async def test_an_unknown_laptops_and_a_forged_bundle_are_kept_unopened(world: World, stick: Path) -> None:
    """Dana's key under Carlos's number, and a number that central never gave."""
    carlos, dana = await two(world)
    pieces = read_bundle(exported(world, carlos.folder, stick).path.read_bytes()).opened([KEYS.recovery])
    secrets, _ = wiring.who_is_here(ring_of(dana.folder))
    for device, words in ((carlos.device, "is not signed by it"), (4711, "does not know laptop 4711")):
        forged = stick / f"forged-{device}"
        forged.write_bytes(
            seal_bundle(pieces, device, secrets.device_key, world.clock.now(), [KEYS.recovery])
        )
        told = await carried(world, dana, forged)
        assert (bool(told.kept), told.outcomes) == (True, {})
        assert words in told.why
    mine = seal_bundle(pieces, dana.device, secrets.device_key, world.clock.now(), [KEYS.recovery])
    assert take_bundle(world.site.central, mine).delivered.outcomes == {"refused": 3}
    assert len(kept_bundles(world.site.central)) == 3
    assert not [change for change in world.ledger() if change.dot.device == carlos.device]


async def test_a_refused_change_leaves_the_bundle_with_a_manager_and_the_rest_at_central(
    world: World, stick: Path
) -> None:
    """It may be the only copy."""
    carlos, dana = await two(world)
    with carlos.store.write("somebody-else") as writing:
        writing.create("violation", PROJECT, {"description": "not mine"})
    told = await carried(world, dana, exported(world, carlos.folder, stick).path)
    assert (bool(told.kept), told.outcomes) == (True, {"applied": 3, "refused": 1})
    assert "1 of its 4 changes were not taken: not_permitted" in told.why


async def test_a_laptop_that_enrolled_before_there_was_a_key_gets_it_at_the_next_contact(
    world: World, stick: Path, tmp_path: Path
) -> None:
    """Until then a passphrase seals, at the office a passphrase opens."""
    carlos, _ = await two(world)
    before = replace(carlos.store.identity, sealing_key="")
    told = {name: value for name, value in asdict(before).items() if name != "sealing_key"}
    ring = ring_of(carlos.folder)
    ring.save(replace(ring.load(), identity=json.dumps(told)))
    carlos.close()
    world.laptops.remove(carlos)
    carlos = world.open(carlos.folder)
    with pytest.raises(BadInput, match="--with-passphrase"):
        exported(world, carlos.folder, stick)
    words = Passphrase("told by telephone", memory_kib=8192)
    _, made = wiring.rescue(carlos.folder, ring_of(carlos.folder), stick, [words], world.clock)
    assert made is not None
    assert made.opens_by == ("passphrase",)
    with pytest.raises(WrongKey, match="It opens by: passphrase"):
        take_bundle(world.site.central, made.path.read_bytes())
    taken = take_bundle(world.site.central, made.path.read_bytes(), locks=[words])
    assert taken.delivered.outcomes == {"applied": 3}
    assert await carlos.sync()
    assert exported_key(carlos) == KEYS.sealing_key.key


def exported_key(here: Here) -> str:
    """The sealing key as the next start finds it."""
    return wiring.who_is_here(ring_of(here.folder))[1].sealing_key


async def test_everything_confirmed_makes_no_file(world: World, stick: Path) -> None:
    carlos, _ = await two(world)
    carlos.line.restore()
    assert await carlos.sync()
    found, made = wiring.rescue(carlos.folder, ring_of(carlos.folder), stick, clock=world.clock)
    assert (made, found.changes, names_in(stick)) == (None, (), set())


async def test_another_centrals_answer_counts_for_nothing(world: World, stick: Path) -> None:
    """Words without central's signature acknowledge no bundle."""
    carlos, _ = await two(world)
    data = exported(world, carlos.folder, stick).path.read_bytes()
    told = take_bundle(world.site.central, data).delivered
    key = carlos.store.identity.central_key
    assert accepted(told, data, key) is told
    for wrong in (
        told.model_copy(update={"outcomes": {"applied": 4}}),
        told.model_copy(update={"bundle": "x"}),
    ):
        with pytest.raises(Transient, match="not this laptop's central"):
            accepted(wrong, data, key)
