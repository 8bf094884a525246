"""Photo bytes that travel by hand: behind the changes in the same file, sealed and signed as they are, taken once."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from bravetui import wiring
from bravetui.actions.photos import remove
from bravetui.auth.bundle import bundles_of, read_bundle, seal_bundle
from bravetui.base.errors import BadInput, StorageFull, Transient
from bravetui.base.files import write_all
from bravetui.central.importing import import_task
from bravetui.central.rescue import Taken, kept_bundles, kept_file, take_bundle
from bravetui.central.service import revoke
from bravetui.cli.rescue import carried_lines, exported_lines
from bravetui.db import photos_leaving
from bravetui.sync import rescue as module
from bravetui.sync import rescue_sending
from bravetui.sync.rescue import Exported
from bravetui.views.photos import photos
from bravetui.wire import photo_pieces
from bravetui.wire.blobs import BYTES_MAX, Rendition
from bravetui.wire.photo_pieces import HOLDS_PHOTOS, CarriedBlob, pack_blob
from tests.support.central import KEYS, ORGANIZATION, PROJECT
from tests.support.world import Here, World, demote, ring_of
from tests.sync.test_photos import answer, bytes_of, left, same_at_another, sent, shot

EVERY_SIZE = {"original": 2, "preview": 2, "thumbnail": 2}


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    made = tmp_path / "stick"
    made.mkdir()
    return made


@pytest.fixture
def small_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo or so in each."""
    monkeypatch.setattr(photos_leaving, "PHOTO_BYTES_MAX", 400_000)


async def with_photos(world: World, count: int = 2) -> tuple[Here, Here, list[str]]:
    """Carlos without a line and with photos, Dana with one."""
    carlos, dana = await world.laptop("carlos", "carlos"), await world.laptop("dana", "dana")
    assert await carlos.sync()
    assert await dana.sync()
    carlos.line.cut()
    return carlos, dana, [shot(carlos, 10 * number) for number in range(1, count + 1)]


async def records_alone(here: Here) -> None:
    """Hand in the records over a line on which no photo comes through."""
    answer(here, lambda request: httpx.Response(503) if "/v1/blobs/" in request.url.path else None)
    with suppress(Transient):
        await here.sync()
    assert set(here.states()) == {"confirmed"}


def exported(world: World, folder: Path, stick: Path) -> Exported:
    _, made = wiring.rescue(folder, ring_of(folder), stick, clock=world.clock)
    assert made is not None
    return made


def imported(world: World, path: Path) -> list[Taken]:
    return [take_bundle(world.site.central, bundle) for bundle in bundles_of(path)]


def photos_bundle(world: World, maker: Here, *told: tuple[CarriedBlob, bytes]) -> bytes:
    """A bundle of a program that seals what it likes."""
    secrets, identity = wiring.who_is_here(ring_of(maker.folder))
    pieces = [pack_blob(*one) for one in told]
    now = world.clock.now()
    return seal_bundle(pieces, identity.device, secrets.device_key, now, [KEYS.recovery], holds=HOLDS_PHOTOS)


def original(data: bytes, *scopes: str) -> tuple[CarriedBlob, bytes]:
    photo = hashlib.sha256(data).hexdigest()
    return CarriedBlob(photo=photo, rendition=Rendition.ORIGINAL, scopes=scopes), data


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def closed(world: World, here: Here) -> None:
    here.close()
    world.laptops.remove(here)


async def test_photos_travel_on_a_stick_with_the_changes_and_twice_changes_nothing(
    world: World, stick: Path
) -> None:
    carlos, _, (first, second) = await with_photos(world)
    made = exported(world, carlos.folder, stick)
    assert (made.changes, made.records, made.photos, made.photos_unreadable) == (4, 4, 2, 0)
    assert made.photo_bytes == 2 * (9_000 + 150_000 + 600_000)
    taken = imported(world, made.path)
    assert [dict(one.delivered.outcomes) for one in taken] == [{"applied": 4}, {}]
    assert [one.delivered.photos for one in taken] == [{}, EVERY_SIZE]
    assert not any(one.delivered.kept for one in taken)
    await same_at_another(world, first, 10)
    await same_at_another(world, second, 20)
    ledger = world.ledger()
    assert imported(world, made.path)[1].delivered.photos == EVERY_SIZE
    assert world.ledger() == ledger


async def test_a_colleague_carries_photos_reads_none_and_their_laptop_then_sends_no_byte_again(
    world: World, stick: Path, small_bundles: None
) -> None:
    carlos, dana, (first, second) = await with_photos(world)
    made = exported(world, carlos.folder, stick)
    for secret in (bytes_of(10, 600_000)[:64], bytes_of(11, 9_000)[:64], first.encode()):
        assert secret not in made.path.read_bytes()
    told = await wiring.carry(ring_of(dana.folder), made.path, world.app)
    assert (told.outcomes, told.photos, told.kept) == ({"applied": 4}, 2, ())
    assert "4 applied, 2 photos." in carried_lines(told)[0]
    carlos.line.restore()
    requests = sent(carlos)
    world.clock.advance(hours=1)
    assert await carlos.sync()
    assert left(carlos).photos == 0
    assert sum(len(request.content) for request in requests) == 0
    assert len(requests) == 6
    await same_at_another(world, second, 20)


async def test_a_record_that_says_too_much_costs_a_question_and_its_bytes_go(world: World) -> None:
    carlos, _, (photo,) = await with_photos(world, 1)
    carlos.line.restore()
    await records_alone(carlos)
    with carlos.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE photo SET blob_state = 'original'")
        connection.exec_driver_sql("UPDATE blob SET failures = 0, next_attempt_at = NULL")
    carlos.line._inner = world.app
    for _ in range(8):
        world.clock.advance(hours=1)
        await carlos.sync()
    await same_at_another(world, photo, 10)


async def test_a_file_of_photos_alone_is_made_where_their_records_are_confirmed(
    world: World, stick: Path
) -> None:
    carlos, dana, (photo,) = await with_photos(world, 1)
    carlos.line.restore()
    await records_alone(carlos)
    assert set(carlos.states()) == {"confirmed"}
    found, made = wiring.rescue(carlos.folder, ring_of(carlos.folder), stick, clock=world.clock)
    assert made is not None
    assert (made.changes, made.photos, made.oldest_at) == (0, 1, None)
    assert exported_lines(found, made)[0] == "1 photo (759 kB)."
    told = await wiring.carry(ring_of(dana.folder), made.path, world.app)
    assert (told.outcomes, told.photos) == ({}, 1)
    await same_at_another(world, photo, 10)


async def test_what_central_has_and_what_was_taken_off_stays_here(world: World, stick: Path) -> None:
    carlos = await world.laptop("carlos", "carlos")
    there = shot(carlos, 10)
    assert await carlos.sync()
    carlos.line.cut()
    gone, waits = shot(carlos, 20), shot(carlos, 30)
    (row,) = [row for row in photos(carlos.store, PROJECT) if row.sha256 == gone]
    remove(carlos.store, PROJECT, row.id)
    found, made = wiring.rescue(carlos.folder, ring_of(carlos.folder), stick, clock=world.clock)
    assert made is not None
    assert {one.blob.photo for one in found.photos} == {waits}
    assert there != waits


async def test_a_file_without_photos_is_what_it_was(world: World, stick: Path) -> None:
    """Programs from before photos read it."""
    carlos, _, _ = await with_photos(world, 0)
    carlos.create("violation", {"description": "silt"})
    data = exported(world, carlos.folder, stick).path.read_bytes()
    bundle = read_bundle(data)
    assert (bundle.holds, bundle.is_one_of_many) == ("", False)
    assert b'"version":1}' in data
    assert b'"place"' not in data


@pytest.mark.parametrize("damage", ["database", "no database"])
async def test_photos_come_from_the_files_alone_where_the_database_does_not_read(
    world: World, stick: Path, damage: str
) -> None:
    """Also those whose records central had confirmed, of which the journal knows nothing."""
    carlos, dana, (first,) = await with_photos(world, 1)
    carlos.line.restore()
    await records_alone(carlos)
    carlos.line.cut()
    second = shot(carlos, 20)
    closed(world, carlos)
    for name in ("site.db-wal", "site.db-shm"):
        (carlos.folder / name).unlink(missing_ok=True)
    if damage == "database":
        (carlos.folder / "site.db").write_bytes(os.urandom(16384))
    else:
        (carlos.folder / "site.db").unlink()
    before = {path.name for path in (carlos.folder / "photos").rglob("*")}
    made = exported(world, carlos.folder, stick)
    assert made.photos == 2
    assert {path.name for path in (carlos.folder / "photos").rglob("*")} == before
    told = await wiring.carry(ring_of(dana.folder), made.path, world.app)
    assert (told.photos, told.kept) == (2, ())
    await same_at_another(world, first, 10)
    await same_at_another(world, second, 20)


async def test_a_damaged_photo_is_left_out_and_named_and_its_second_copy_counts(
    world: World, stick: Path
) -> None:
    carlos, _, (first, second) = await with_photos(world)
    folder = carlos.store.photos.folder
    (folder / f"{first}.original").write_bytes(b"rubbish")
    (folder / f"{second}.preview").write_bytes(b"rubbish")
    found, made = wiring.rescue(carlos.folder, ring_of(carlos.folder), stick, clock=world.clock)
    assert made is not None
    assert (made.photos, made.photos_unreadable) == (2, 1)
    assert "Of 1 photo a file here is damaged" in "\n".join(exported_lines(found, made))
    assert imported(world, made.path)[1].delivered.photos == {**EVERY_SIZE, "preview": 1}
    assert (folder / f"{first}.original").read_bytes() == b"rubbish"


async def test_a_file_that_is_cut_or_changed_anywhere_is_used_nowhere(
    world: World, stick: Path, small_bundles: None
) -> None:
    """Also where it was cut between two bundles, and where two have changed places."""
    carlos, dana, _ = await with_photos(world)
    path = exported(world, carlos.folder, stick).path
    data, bundles = path.read_bytes(), list(bundles_of(path))
    assert len(bundles) > 3
    ends = [sum(map(len, bundles[:count])) for count in range(1, len(bundles))]
    flipped = [len(data) // 3, len(data) - 5, ends[0] + 3, ends[1] + 40]
    broken = [data[:end] for end in (*ends, ends[0] + 5, len(data) - 1)]
    broken += [data[:one] + bytes([data[one] ^ 1]) + data[one + 1 :] for one in flipped]
    broken += [
        b"".join([bundles[0], bundles[2], bundles[1], *bundles[3:]]),
        data + bundles[1],
        data[ends[0] :],
    ]
    for number, content in enumerate(broken):
        other = stick / f"broken-{number}"
        other.write_bytes(content)
        with pytest.raises(BadInput, match=r"cut short or changed|not a rescue bundle"):
            await wiring.carry(ring_of(dana.folder), other, world.app)
        with pytest.raises(BadInput):
            import_task_of(world, other)
    assert not [change for change in world.ledger() if change.dot.device == carlos.device]


def import_task_of(world: World, path: Path) -> list[str]:
    """What the operator hears."""
    from argparse import Namespace

    from bravetui.central.importing import check_import

    options = Namespace(file=path, kept=None, vouch=False, json=False)
    said: list[str] = []
    check_import(options)
    import_task(world.site.central, options, said.append)
    return said


async def test_the_operator_hears_one_word_on_the_whole_file(
    world: World, stick: Path, small_bundles: None
) -> None:
    carlos, _, _ = await with_photos(world)
    path = exported(world, carlos.folder, stick).path
    for _ in range(2):
        (said,) = import_task_of(world, path)
        assert said.startswith(f"Laptop {carlos.device}: 4 applied, 2 photos.")
        assert "Central holds all of it" in said


async def test_a_line_that_breaks_costs_no_bundle_that_was_delivered(
    world: World, stick: Path, small_bundles: None
) -> None:
    """In the same run, and in the next; and a central that was restored since gets all of it again."""
    carlos, dana, (first, second) = await with_photos(world)
    path = exported(world, carlos.folder, stick).path
    count = len(list(bundles_of(path)))
    went: list[str] = []
    pauses: list[float] = []

    class Line(httpx.AsyncBaseTransport):
        fails_at = frozenset({2})

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            digest = hashlib.sha256(await request.aread()).hexdigest()
            number = len(went) + len(pauses)
            if number in self.fails_at:
                raise httpx.ReadError("the line broke", request=request)
            went.append(digest)
            return await world.app.handle_async_request(request)

    async def pause(wait_s: float) -> None:
        pauses.append(wait_s)

    async def carried(line: Line) -> int:
        told = await wiring.carry(ring_of(dana.folder), path, line, dana.folder, pause=pause)
        return told.photos

    line = Line()
    with world.backup_of_central() as backup:
        assert await carried(line) == 2
        assert len(set(went)) == count
        assert pauses
        went.clear()
        assert await carried(Line()) == 2
        assert len(set(went)) == 1  # the first, which says in which life central is
        with world.restored(backup):
            went.clear()
            pauses.clear()
            other = Line()
            other.fails_at = frozenset(range(4, 90))
            with pytest.raises(Transient, match="goes on where it stopped"):
                await carried(other)
            assert len(pauses) == len(rescue_sending.PAUSES_S)
            other.fails_at = frozenset()
            assert await carried(other) == 2
            await same_at_another(world, first, 10)
            await same_at_another(world, second, 20)


async def test_a_revoked_laptops_photos_wait_for_a_manager_like_its_changes(
    world: World, stick: Path, small_bundles: None
) -> None:
    carlos, dana, (photo, _) = await with_photos(world)
    path = exported(world, carlos.folder, stick).path
    revoke(world.engine, carlos.device, world.clock.now())
    told = await wiring.carry(ring_of(dana.folder), path, world.app)
    central = world.site.central
    kept = kept_bundles(central)
    assert (len(told.kept), len(kept), told.photos) == (len(list(bundles_of(path))), len(told.kept), 0)
    for row in kept:
        assert not take_bundle(central, kept_file(central, row.digest), vouched=True).delivered.kept
    assert not kept_bundles(central)
    await same_at_another(world, photo, 10)


async def test_photos_whose_record_is_not_there_are_kept_until_it_is(world: World, stick: Path) -> None:
    carlos, _, (photo,) = await with_photos(world, 1)
    first, second = bundles_of(exported(world, carlos.folder, stick).path)
    central = world.site.central
    told = take_bundle(central, second).delivered
    assert (told.kept, told.photos) == (True, {})
    assert told.why == "3 of its 3 files of photos were not taken: record-first"
    take_bundle(central, first)
    assert not take_bundle(central, second).delivered.kept
    assert not kept_bundles(central)
    await same_at_another(world, photo, 10)


async def test_a_photo_for_another_organizations_project_is_not_taken_and_tells_nothing(world: World) -> None:
    carlos = await world.laptop("carlos", "carlos")
    await carlos.sync()
    shot(carlos, 10)
    await carlos.sync()
    for scope in ("somebody-elses", "none at all"):
        data = photos_bundle(world, carlos, original(bytes_of(10, 600_000), scope))
        told = take_bundle(world.site.central, data).delivered
        assert (told.kept, told.photos) == (True, {})
        assert told.why.endswith("not taken: not_permitted")


async def test_a_photo_goes_by_the_makers_rights_whoever_carries_it(world: World, stick: Path) -> None:
    carlos, dana, _ = await with_photos(world, 1)
    path = exported(world, carlos.folder, stick).path
    first, second = bundles_of(path)
    assert not take_bundle(world.site.central, first).delivered.kept
    demote(world, "carlos", "viewer")
    told = await wiring.carry(ring_of(dana.folder), path, world.app)
    assert told.photos == 0
    assert "not_permitted" in told.why
    assert take_bundle(world.site.central, second).delivered.kept


@pytest.mark.parametrize("fault", ["too large", "empty", "not its name", "no photo"])
async def test_what_is_no_photo_is_not_taken_and_the_others_are(world: World, fault: str) -> None:
    carlos = await world.laptop("carlos", "carlos")
    photo = shot(carlos, 10)
    record = carlos.create("violation", {"description": "with another"})
    assert await carlos.sync()
    good = (CarriedBlob(photo=photo, rendition=Rendition.THUMBNAIL, scopes=(PROJECT,)), bytes_of(11, 9_000))
    bad = {
        "too large": (good[0], bytes(BYTES_MAX[Rendition.THUMBNAIL] + 1)),
        "empty": (good[0], b""),
        "not its name": (CarriedBlob(photo=photo, rendition=Rendition.ORIGINAL, scopes=(PROJECT,)), b"other"),
        "no photo": original(b"of a record that nobody made", PROJECT, ORGANIZATION),
    }[fault]
    told = take_bundle(world.site.central, photos_bundle(world, carlos, bad, good)).delivered
    assert (told.kept, told.photos) == (True, {"thumbnail": 1})
    assert told.why.startswith("1 of its 2 files of photos")
    assert record


async def test_a_bundle_of_photos_that_is_signed_by_somebody_else_is_kept_unopened(world: World) -> None:
    carlos, dana = await world.laptop("carlos", "carlos"), await world.laptop("dana", "dana")
    photo = shot(carlos, 10)
    await records_alone(carlos)
    secrets, _ = wiring.who_is_here(ring_of(dana.folder))
    piece = pack_blob(CarriedBlob(photo=photo, rendition=Rendition.THUMBNAIL, scopes=(PROJECT,)), b"hers")
    forged = seal_bundle(
        [piece], carlos.device, secrets.device_key, world.clock.now(), [KEYS.recovery], holds=HOLDS_PHOTOS
    )
    told = take_bundle(world.site.central, forged).delivered
    assert (told.kept, told.photos) == (True, {})
    assert "is not signed by it" in told.why


async def test_a_bundle_that_holds_what_nobody_knows_is_left_with_its_carrier(world: World) -> None:
    carlos = await world.laptop("carlos", "carlos")
    secrets, identity = wiring.who_is_here(ring_of(carlos.folder))
    signed = (identity.device, secrets.device_key, world.clock.now(), [KEYS.recovery])
    with pytest.raises(BadInput, match="newer program"):
        take_bundle(world.site.central, seal_bundle([b"x"], *signed, holds="dreams"))
    with pytest.raises(BadInput, match="does not know"):
        take_bundle(world.site.central, seal_bundle([b"xx"], *signed, holds=HOLDS_PHOTOS))
    many = [pack_blob(*original(b"x"))] * (photo_pieces.BLOBS_MAX + 1)
    with pytest.raises(BadInput, match="more than"):
        take_bundle(world.site.central, seal_bundle(many, *signed, holds=HOLDS_PHOTOS))


async def test_a_full_stick_a_lying_one_and_a_person_who_breaks_it_off_leave_nothing_there(
    world: World, stick: Path, monkeypatch: pytest.MonkeyPatch, small_bundles: None
) -> None:
    carlos, _, _ = await with_photos(world)
    count = 0

    def full(descriptor: int, data: bytes) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise OSError(28, "No space left on device")
        write_all(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_all", full)
        with pytest.raises(StorageFull, match="no room for the bundle in stick"):
            exported(world, carlos.folder, stick)

    def stop(done: int, total: int) -> None:
        assert 0 < done < total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wiring.rescue(carlos.folder, ring_of(carlos.folder), stick, clock=world.clock, told=stop)
    assert not names_in(stick)


async def test_export_says_how_far_it_is_and_holds_no_more_than_a_bundle_in_memory(
    world: World, stick: Path
) -> None:
    carlos, _, _ = await with_photos(world, 0)
    for seed in range(1, 13):
        shot(carlos, 10 * seed, 6_000_000)
    heard: list[tuple[int, int]] = []
    folder, ring = carlos.folder, ring_of(carlos.folder)
    tracemalloc.start()
    try:
        _, made = wiring.rescue(folder, ring, stick, clock=world.clock, told=lambda *told: heard.append(told))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made is not None
    assert made.photo_bytes > 70_000_000
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert heard[-1] == (made.photo_bytes, made.photo_bytes)
    assert peak < 80_000_000
