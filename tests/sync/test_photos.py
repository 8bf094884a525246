"""Photo bytes on their way to central: small first, resumed after any cut, beside the records and never in front of one."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bravetui.actions.photos import Owner, attach, remove
from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import Transient
from bravetui.db import blob_rows
from bravetui.db.blobs import SECOND
from bravetui.pictures.picture import Picture
from bravetui.sync import carrying
from bravetui.sync.progress import AllHandedIn, PhotoFailed, PhotosCarried
from bravetui.sync.step import Carry, Exchange
from bravetui.views.photos import photos, where_words
from bravetui.views.status import log, sync_summary
from bravetui.wire.blobs import Blob, BlobName, Rendition
from bravetui.wiring.photos import fetch
from tests.support.central import PROJECT
from tests.support.world import Here, World

SMALL, MIDDLE = 9_000, 150_000
EVERY = frozenset(Rendition)


def bytes_of(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def picture(seed: int) -> Picture:
    return Picture(
        4000, 3000, "image/jpeg", None, None, None, bytes_of(seed + 1, SMALL), bytes_of(seed + 2, MIDDLE)
    )


def shot(here: Here, seed: int = 10, size: int = 600_000, owner: str = "") -> str:
    """Take a photo in for a violation; returns the hash of its original."""
    data = bytes_of(seed, size)
    record = owner or here.create("violation", {"description": f"silt {seed}"})
    attach(here.store, PROJECT, Owner("violation", record), data, picture(seed), f"photo {seed}")
    return sha256_hex(data)


def left(here: Here) -> blob_rows.Left:
    with here.store.read() as connection:
        return blob_rows.left(connection)


def sent(here: Here) -> list[httpx.Request]:
    """Every request about photo bytes that this laptop makes from now on."""
    heard: list[httpx.Request] = []
    inner = here.line._inner

    class Heard(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "/v1/blobs/" in str(request.url):
                heard.append(request)
            return await inner.handle_async_request(request)

    here.line._inner = Heard()
    return heard


def answer(here: Here, when: Callable[[httpx.Request], httpx.Response | None]) -> None:
    """Let somebody else answer some requests of this laptop's."""
    inner = here.line._inner

    class Other(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            other = when(request)
            if other is None:
                return await inner.handle_async_request(request)
            await request.aread()
            return httpx.Response(
                other.status_code, headers=other.headers, stream=httpx.ByteStream(other.content)
            )

    here.line._inner = Other()


async def same_at_another(world: World, photo: str, seed: int = 10, size: int = 600_000) -> None:
    """Whether another laptop gets the very bytes."""
    dana = await world.laptop(f"dana-{seed}-{random.random()}", "dana")
    await dana.sync()
    whole = {
        Rendition.THUMBNAIL: bytes_of(seed + 1, SMALL), Rendition.PREVIEW: bytes_of(seed + 2, MIDDLE),
        Rendition.ORIGINAL: bytes_of(seed, size),
    }  # fmt: skip
    for rendition, data in whole.items():
        assert await fetch(dana.laptop, BlobName(PROJECT, photo, rendition), world.app) == data


async def test_a_photo_goes_to_central_small_first_is_signed_for_and_reaches_a_colleague(
    world: World,
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    first, second = shot(carlos, 10), shot(carlos, 20)
    requests = sent(carlos)
    assert await carlos.sync()
    order = [request.url.path.rpartition("/")[2] for request in requests if request.method == "POST"]
    assert order == ["thumbnail", "thumbnail", "preview", "preview", "original", "original"]
    assert left(carlos).photos == 0
    assert [where_words(row) for row in photos(carlos.store, PROJECT)] == ["at central", "at central"]
    await same_at_another(world, first, 10)
    await same_at_another(world, second, 20)
    assert not [*(carlos.store.photos.folder / SECOND).iterdir()]
    assert [line.words for line in log(carlos.store) if line.event == "photos"] == [
        "All photos are handed in, and signed for"
    ]


async def test_all_handed_in_is_not_said_while_a_photo_is_only_here(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    assert await carlos.sync()
    shot(carlos)
    answer(carlos, lambda request: httpx.Response(503) if request.url.path.endswith("original") else None)
    with suppress(Transient):
        assert not await carlos.sync()
    summary = sync_summary(carlos.store)
    assert (summary.waiting, summary.photos.photos, summary.all_handed_in_at) == (0, 1, None)
    assert not [event for event in carlos.events[-3:] if isinstance(event, AllHandedIn)]


async def test_a_photo_that_fails_at_99_percent_for_ever_holds_up_no_form_and_no_other_photo_and_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "PART_BYTES_MAX", 64 * 1024)
    carlos = await world.laptop("carlos-1", "carlos")
    sick = shot(carlos, 10)

    def fails(request: httpx.Request) -> httpx.Response | None:
        at_the_end = int(request.headers.get("upload-offset", "0")) > 500_000
        return httpx.Response(500) if f"{sick}/original" in request.url.path and at_the_end else None

    answer(carlos, fails)
    with suppress(Transient):
        await carlos.sync()
    well = [shot(carlos, seed) for seed in (100, 200)]
    for number in range(500):
        carlos.create("delivery", {"note": f"load {number}"})
    for _ in range(6):
        world.clock.advance(seconds=1000)
        await carlos.sync()
    assert set(carlos.states()) == {"confirmed"}
    (row,) = [row for row in photos(carlos.store, PROJECT) if not row.is_at_central]
    assert row.sha256 == sick
    assert {one.sha256 for one in photos(carlos.store, PROJECT)} - {sick} == set(well)
    summary = sync_summary(carlos.store)
    assert (summary.photos.photos, summary.photos.sick) == (1, 1)
    assert "unwell" in (summary.photos.why or "")
    assert [event.photo for event in carlos.events if isinstance(event, PhotoFailed)][-1] == sick


async def test_the_same_picture_in_two_fields_is_stored_once_and_lost_in_neither(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    photo = shot(carlos, 10)
    shot(carlos, 10)
    assert len(carlos.store.photos.kept()) == 3
    requests = sent(carlos)
    assert await carlos.sync()
    assert len([one for one in requests if one.method == "POST" and one.url.path.endswith("original")]) == 1
    dana = await world.laptop("dana-1", "dana")
    await dana.sync()
    assert [(row.sha256, row.is_at_central) for row in photos(dana.store, PROJECT)] == [(photo, True)] * 2
    gone = photos(carlos.store, PROJECT)[0]
    remove(carlos.store, PROJECT, gone.id)
    assert await carlos.sync()
    await same_at_another(world, photo, 10)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 12), min_size=1, max_size=4), heard=st.booleans())
async def test_a_line_that_is_cut_in_mid_upload_costs_no_part_that_central_had_taken(
    world: World, cuts: list[int], heard: bool
) -> None:
    seed = random.Random(str((cuts, heard))).randrange(10_000, 10**9)
    carlos = await world.laptop(f"carlos-{seed}", "carlos")
    photo = shot(carlos, seed)
    counted = sent(carlos)
    for cut in cuts:
        parts = 0

        def lost(request: httpx.Request, cut: int = cut) -> httpx.Response | None:
            nonlocal parts
            if "/v1/blobs/" in request.url.path:
                parts += 1
                if parts == cut:
                    carlos.line.cut_after_next = heard
                    if not heard:
                        raise httpx.ReadError("the line broke", request=request)
            return None

        before = carlos.line._inner
        answer(carlos, lost)
        world.clock.advance(hours=2)
        with suppress(Transient):
            await carlos.sync()
        carlos.line._inner = before
        carlos.line.restore()
    world.clock.advance(hours=2)
    assert await carlos.sync()
    await same_at_another(world, photo, seed)
    carried = sum(len(request.content) for request in counted)
    whole = SMALL + MIDDLE + 600_000
    assert carried <= whole + len(cuts) * carrying.PART_BYTES_MAX * 2


async def test_the_record_goes_first_and_a_photo_whose_record_is_refused_waits_for_it(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    record = carlos.create(
        "photo", {"owner_kind": "violation", "owner_id": "x", "sha256": "0" * 64, "width": 1}
    )
    assert record
    photo = shot(carlos)
    requests = sent(carlos)
    await carlos.sync()
    assert requests
    assert all(photo in request.url.path for request in requests if request.method != "GET")


async def test_a_central_restored_from_a_backup_gets_back_the_photos_that_laptops_have(world: World) -> None:
    carlos, dana = await world.laptop("carlos-1", "carlos"), await world.laptop("dana-1", "dana")
    assert await carlos.sync()
    assert await dana.sync()
    with world.backup_of_central() as backup:
        photo = shot(carlos)
        assert await carlos.sync()
        await dana.sync()
        await fetch(dana.laptop, BlobName(PROJECT, photo, Rendition.ORIGINAL), world.app)
        with world.restored(backup):
            for here in (dana, carlos, dana):
                world.clock.advance(minutes=10)
                await here.sync()
            await same_at_another(world, photo)
            assert left(carlos).photos == 0


async def test_a_colleague_who_fetched_a_photo_heals_a_restored_central_as_well_as_its_author(
    world: World,
) -> None:
    carlos, dana = await world.laptop("carlos-1", "carlos"), await world.laptop("dana-1", "dana")
    assert await carlos.sync()
    with world.backup_of_central() as backup:
        photo = shot(carlos)
        assert await carlos.sync()
        await dana.sync()
        for rendition in Rendition:
            await fetch(dana.laptop, BlobName(PROJECT, photo, rendition), world.app)
        with world.restored(backup):
            for _ in range(3):
                world.clock.advance(minutes=10)
                await dana.sync()
            await same_at_another(world, photo)


async def test_a_database_that_was_lost_costs_no_photo_and_sends_none_twice(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    photo = shot(carlos)
    assert await carlos.sync()
    other = shot(carlos, 50)
    carlos.close()
    world.laptops.remove(carlos)
    (carlos.folder / "site.db").unlink()
    again = world.open(carlos.folder)
    requests = sent(again)
    for _ in range(3):
        world.clock.advance(minutes=10)
        await again.sync()
    assert left(again).photos == 0
    again_of_first = [one for one in requests if photo in one.url.path and one.method == "PATCH"]
    assert not again_of_first
    await same_at_another(world, other, 50)
    assert again.store.photos.read(Blob(photo, Rendition.ORIGINAL)) == bytes_of(10, 600_000)


@pytest.mark.parametrize(
    "said",
    [
        httpx.Response(200, text="<html>Sign in to Hotel Wi-Fi</html>"),
        httpx.Response(201, headers={"Upload-Offset": "999999999"}),
        httpx.Response(201, headers={"Upload-Offset": "-1"}),
        httpx.Response(204, headers={"Upload-Receipt": "bm8"}),
        httpx.Response(302, headers={"Location": "http://elsewhere.test/"}),
        httpx.Response(409, headers={"Upload-Offset": "12"}),
    ],
    ids=["portal", "too far", "below zero", "no receipt", "elsewhere", "a conflict"],
)
async def test_an_answer_that_is_not_centrals_takes_no_photo_off_this_laptop(
    world: World, said: httpx.Response
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    photo = shot(carlos)
    answer(carlos, lambda request: said if "/v1/blobs/" in request.url.path else None)
    with suppress(Transient):
        await carlos.sync()
    assert left(carlos).photos == 1
    assert (carlos.store.photos.folder / SECOND / f"{photo}.original").exists()


async def test_a_receipt_of_another_photo_is_none_of_this_one(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    requests = sent(carlos)
    shot(carlos, 10)
    assert await carlos.sync()
    response = await world.app.handle_async_request(requests[-1])
    receipt = response.headers.get("upload-receipt", "")
    shot(carlos, 20)
    heard = httpx.Response(204, headers={"Upload-Receipt": receipt})
    answer(carlos, lambda request: heard if "/v1/blobs/" in request.url.path else None)
    with suppress(Transient):
        await carlos.sync()
    assert left(carlos).photos == 1


async def test_on_the_battery_small_pictures_ride_along_and_the_rest_waits_for_mains_or_a_person(
    world: World,
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    shot(carlos)

    class Battery:
        plugged = False

        def on_battery(self) -> bool:
            return not self.plugged

        def keep_awake(self) -> Callable[[], None]:
            return lambda: None

    power = Battery()
    carlos.worker._power = carlos.worker._carrier._power = power
    carlos.worker._poll_at = None

    async def some(steps: int) -> None:
        for _ in range(steps):
            step = await carlos.worker._next()
            if isinstance(step, Carry):
                await carlos.worker._carry()
            elif isinstance(step, Exchange):
                await carlos.worker._exchange(step.lanes)
            else:
                carlos.worker._with_contact = frozenset()
                world.clock.advance(seconds=5)

    await some(12)
    (row,) = photos(carlos.store, PROJECT)
    assert row.at_central == {Rendition.THUMBNAIL}
    carlos.worker.ask_now()
    await some(30)
    (row,) = photos(carlos.store, PROJECT)
    assert row.at_central == EVERY


async def test_an_alert_goes_before_the_next_part_of_a_photo(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    await carlos.sync()
    shot(carlos, size=3_000_000)
    heard: list[str] = []

    def note(request: httpx.Request) -> httpx.Response | None:
        heard.append(request.url.path.split("/")[2])
        if len(heard) == 6:
            carlos.create("safety_alert", {"title": "Crane down"})
        return None

    answer(carlos, note)
    assert await carlos.sync()
    # What is under way with it may still end: the parts of one step.
    assert "sync" in heard[6 : 6 + carrying.BYTES.concurrency + 1]


async def test_a_photo_whose_file_is_damaged_holds_up_no_other_and_says_so(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    bad, good = shot(carlos, 10), shot(carlos, 20)
    for path in carlos.store.photos.folder.rglob(f"{bad}.original"):
        path.write_bytes(b"rubbish")
    await carlos.sync()
    rows = {row.sha256: row for row in photos(carlos.store, PROJECT)}
    assert rows[good].is_at_central
    assert not rows[bad].is_at_central
    assert "damaged" in (rows[bad].why or "")


async def test_a_photo_that_comes_to_central_damaged_is_sent_again_from_the_start(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    photo = shot(carlos)
    with carlos.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE blob SET sent_bytes = 77 WHERE rendition = 'preview'")
    for _ in range(4):
        world.clock.advance(hours=1)
        await carlos.sync()
    await same_at_another(world, photo)


async def test_progress_says_how_much_is_left_and_how_long_it_will_take(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    shot(carlos)
    carlos.line.bytes_per_s = None
    assert await carlos.sync()
    carried = [event for event in carlos.events if isinstance(event, PhotosCarried)]
    amounts = [event.bytes_left for event in carried]
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[-1] == 0
    assert carlos.worker.progress.photo_bytes_up == SMALL + MIDDLE + 600_000


def test_parts_grow_and_shrink_with_the_line() -> None:
    budget = carrying.PART_BYTES_FIRST
    for _ in range(5):
        budget = carrying.next_part_bytes(budget, budget, 0.05)
    assert budget == carrying.PART_BYTES_MAX
    for _ in range(9):
        budget = carrying.next_part_bytes(budget, budget, 60.0)
    assert budget == carrying.PART_BYTES_MIN


async def test_a_laptop_that_takes_a_photo_in_and_is_killed_has_it_or_was_told_nothing(
    world: World, tmp_path: Path
) -> None:
    from bravetui.base import fault

    carlos = await world.laptop("carlos-1", "carlos")
    owner = carlos.create("violation", {"description": "silt"})
    steps = (
        "before_replace",
        "blob_kept",
        "blob_kept_twice",
        "before_journal",
        "after_journal_before_commit",
    )
    for number, step in enumerate(steps):

        def die(name: str, step: str = step) -> None:
            if name == step:
                raise KeyboardInterrupt

        fault.install(die)
        try:
            with pytest.raises(KeyboardInterrupt):
                shot(carlos, 100 + 10 * number, 50_000, owner)
        finally:
            fault.install(None)
        carlos.close()
        world.laptops.remove(carlos)
        carlos = world.open(carlos.folder)
        for row in photos(carlos.store, PROJECT):
            assert row.here == EVERY
    assert await carlos.sync()
    assert left(carlos).photos == 0
