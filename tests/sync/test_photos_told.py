"""What becomes of photos that wait, are shown, make room, or are gone: told truly, and let go of by nobody too early."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text

from bravetui.actions.photos import Owner, attach
from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import Transient
from bravetui.base.runner import InlineRunner
from bravetui.central.tenants import operator
from bravetui.db import blob_rows
from bravetui.views.outline import summary_outline
from bravetui.views.photos import PhotoRow, photos, to_fetch
from bravetui.views.status import sync_summary
from bravetui.wire.blobs import Blob, BlobName, Rendition
from bravetui.wire.lanes import Lane
from bravetui.wiring.photos import fetch, photo_source
from tests.support.central import PROJECT
from tests.support.world import World, set_member
from tests.sync.test_photos import (
    EVERY,
    MIDDLE,
    SMALL,
    answer,
    bytes_of,
    left,
    picture,
    same_at_another,
    shot,
)


async def test_support_is_told_how_many_photos_wait_and_nothing_that_central_said_of_them(
    world: World,
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    shot(carlos)
    said = {"type": "urn:bravetui:problem:refused", "title": "No SECRET here.", "status": 403}
    refusal = httpx.Response(403, json=said, headers={"Content-Type": "application/problem+json"})
    answer(carlos, lambda request: refusal if "/v1/blobs/" in request.url.path else None)
    await carlos.sync()
    assert "SECRET" in (sync_summary(carlos.store).photos.why or "")
    told = summary_outline(carlos.store).photos
    assert (told.photos, told.sick) == (1, 1)
    assert "SECRET" not in (told.why or "")


async def test_hanging_up_in_mid_photo_is_no_failure_and_no_reason_to_wait(world: World) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    shot(carlos)
    await carlos.worker._exchange(())
    await carlos.worker._exchange(tuple(Lane))

    def hangs_up(request: httpx.Request) -> httpx.Response | None:
        if "/v1/blobs/" in request.url.path:
            carlos.worker._hung_up = True
            raise httpx.ReadError("closed", request=request)
        return None

    answer(carlos, hangs_up)
    await carlos.worker._carry()
    with carlos.store.read() as connection:
        assert blob_rows.due(connection, world.clock.now(), 9, EVERY)
        assert not connection.exec_driver_sql("SELECT 1 FROM lane_state WHERE lane = 'bytes'").all()


async def test_what_a_colleague_took_is_brought_small_first_and_kept(world: World) -> None:
    """As the photos screen asks for it; without a line, it is not here."""
    carlos, dana = await world.laptop("carlos-1", "carlos"), await world.laptop("dana-1", "dana")
    photo = shot(carlos)
    assert await carlos.sync()
    await dana.sync()

    def seen() -> PhotoRow:
        return next(row for row in photos(dana.store) if row.sha256 == photo)

    bring, brought = photo_source(dana.laptop, InlineRunner(), dana.line), []
    dana.line.cut()
    assert to_fetch(seen()) is Rendition.THUMBNAIL
    with pytest.raises(Transient, match="No line to central"):
        await bring(seen(), Rendition.THUMBNAIL)
    dana.line.restore()
    while (wanted := to_fetch(seen())) is not None:
        await bring(seen(), wanted)
        brought.append(wanted)
    assert brought == [Rendition.THUMBNAIL, Rendition.ORIGINAL]
    assert dana.store.photos.read(Blob(photo, Rendition.ORIGINAL)) == bytes_of(10, 600_000)


async def test_small_pictures_that_another_program_made_otherwise_go_as_they_lie_here(world: World) -> None:
    """The same picture taken in twice, by two versions that make a thumbnail differently: the first one's file stays."""
    carlos = await world.laptop("carlos-1", "carlos")
    data = bytes_of(10, 50_000)
    for made in (10, 70):
        record = carlos.create("violation", {"description": f"silt {made}"})
        attach(carlos.store, PROJECT, Owner("violation", record), data, picture(made))
    with carlos.store.maintain() as connection:
        connection.exec_driver_sql("DELETE FROM blob")
        blob_rows.adopt(connection, carlos.store.photos, world.clock.now())
    for blob in [*carlos.store.photos.kept()]:
        if blob.rendition is Rendition.PREVIEW:  # made again, and cut off before that was noted
            carlos.store.photos.forget(blob)
            carlos.store.photos.keep(blob, bytes_of(72, MIDDLE + 7))
    assert await carlos.sync()
    dana = await world.laptop("dana-1", "dana")
    await dana.sync()
    thumbnail, preview = (
        BlobName(PROJECT, sha256_hex(data), one) for one in (Rendition.THUMBNAIL, Rendition.PREVIEW)
    )
    assert await fetch(dana.laptop, thumbnail, world.app) == bytes_of(11, SMALL)
    assert await fetch(dana.laptop, preview, world.app) == bytes_of(72, MIDDLE + 7)


async def test_a_week_old_photo_is_let_go_of_only_once_central_has_said_that_it_has_it_still(
    world: World,
) -> None:
    """Of two the copy that took over lacks one, and nothing else of it tells so."""
    carlos = await world.laptop("carlos-1", "carlos")
    lost, kept = shot(carlos, 10), shot(carlos, 20)
    assert await carlos.sync()
    with world.engine.begin() as connection:
        operator(connection)
        connection.execute(text("DELETE FROM blob_part WHERE photo = :photo"), {"photo": lost})
        connection.execute(text("DELETE FROM blob WHERE photo = :photo"), {"photo": lost})
    world.clock.advance(days=8)
    for _ in range(3):
        world.clock.advance(hours=2)
        await carlos.sync()
    here = {blob.photo for blob in carlos.store.photos.kept() if blob.rendition is Rendition.ORIGINAL}
    assert here == {lost}
    await same_at_another(world, lost, 10)
    await same_at_another(world, kept, 20)


async def test_a_database_of_yesterday_asks_after_photos_that_have_gone_since_and_is_done_with_them(
    world: World,
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    shot(carlos)
    assert await carlos.sync()
    with carlos.store.maintain() as connection:
        connection.exec_driver_sql(
            "UPDATE blob SET state = 'waiting', sent_bytes = 0, receipt = NULL, settled_at = NULL"
        )
    for blob in carlos.store.photos.kept():
        carlos.store.photos.forget(blob)
    for _ in range(3):
        world.clock.advance(minutes=10)
        await carlos.sync()
    assert left(carlos).photos == 0
    assert sync_summary(carlos.store).photos.sick == 0


async def test_photos_of_a_project_that_was_taken_away_are_not_asked_after_and_stay_handed_in(
    world: World,
) -> None:
    carlos = await world.laptop("carlos-1", "carlos")
    photo = shot(carlos)
    assert await carlos.sync()
    set_member(world, "carlos", to_date="2026-01-01")
    world.clock.advance(days=8)
    for _ in range(3):
        world.clock.advance(hours=2)
        await carlos.sync()
    assert left(carlos).photos == 0
    assert carlos.store.photos.read(Blob(photo, Rendition.ORIGINAL)) == bytes_of(10, 600_000)
