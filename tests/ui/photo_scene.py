"""Photos of the draft: taken here, taken by a colleague, held back; and the screen that shows them."""

from __future__ import annotations

from datetime import datetime, timedelta

from textual.pilot import Pilot

from bravetui.actions.photos import Attached, Owner, attach
from bravetui.base.canonical import Json
from bravetui.db.blob_rows import failed
from bravetui.pictures.picture import Picture
from bravetui.sample.site import Seed
from bravetui.screens.form import FormScreen
from bravetui.screens.photos import PhotosScreen
from bravetui.views.photos import PhotoRow, photos
from bravetui.wire.blobs import BlobName, Rendition
from tests.support.pictures import encoded, image
from tests.support.seeded import NOON
from tests.ui.scene import Scene, press

CAPTIONS = ("Undercut at SF-2", "Inlet at lot C, clean", "Track-out at the gate, swept before noon")


def site_picture(seed: int = 0) -> bytes:
    """Sky, a slope and a fence: something that one recognizes in a few hundred half blocks."""
    picture = image(320, 240, ((135, 180, 225),) * 4)
    points = picture.load()
    assert points is not None
    for x in range(320):
        for y in range(90 + (x + 40 * seed) // 5, 240):
            points[x, y] = (150 - y // 4, 110 - y // 5, 70)
        for y in range(130, 190) if x % 40 < 5 else range(145, 175):
            points[x, y] = (40, 40, 45) if x % 40 < 5 else (225, 130, 40)
    return encoded(picture, quality=90)


def picture_of(seed: int) -> Picture:
    small = site_picture(seed)
    return Picture(4032, 3024, "image/jpeg", datetime(2026, 8, 3, 9, 10 + seed), None, None, small, small)


def shot(scene: Scene, caption: str, seed: int = 0, size_bytes: int = 2_400_000) -> Attached:
    """A photo of the draft, as if it had been added here."""
    owner, where = Owner("submission", scene.submission_id), (scene.store, scene.site.project_id)
    return attach(*where, owner, bytes([seed]) * size_bytes, picture_of(seed), caption)


def three(scene: Scene) -> list[Attached]:
    return [shot(scene, caption, seed) for seed, caption in enumerate(CAPTIONS)]


def own(scene: Scene) -> tuple[PhotoRow, ...]:
    """The draft's photos."""
    return photos(scene.store, scene.site.project_id, ("submission", scene.submission_id))


def hold_back(scene: Scene, why: str) -> None:
    """Every size of the draft's newest photo waits by itself, for a reason."""
    photo = own(scene)[0]
    with scene.store.maintain() as connection:
        for rendition in Rendition:
            name = BlobName(photo.scope_id, photo.sha256, rendition)
            failed(connection, name, scene.clock.now() + timedelta(minutes=5), why)


def colleagues(scene: Scene, caption: str = "Basin B after the storm", state: str = "original") -> str:
    """A photo that a colleague has taken for the draft: central has its bytes, this laptop has not. Its original's hash."""
    fields: dict[str, Json] = {
        "owner_kind": "submission", "owner_id": scene.submission_id, "sha256": "ab" * 32, "size_bytes": 3_100_000,
        "width": 4032, "height": 3024, "taken_at": "2026-08-03T15:20:00Z", "caption": caption, "blob_state": state,
    }  # fmt: skip
    key = "01980000-0000-7000-8000-00000000f001"
    scene.arrive(Seed("photo", scene.site.project_id, key, fields, NOON))
    return "ab" * 32


async def open_photos(pilot: Pilot[None], scene: Scene) -> PhotosScreen:
    """From the draft, by F12."""
    scene.app.open(FormScreen(scene.submission_id))
    await pilot.pause()
    await press(pilot, "f12")
    await pilot.pause()
    assert isinstance(scene.app.screen, PhotosScreen)
    return scene.app.screen


async def settled(pilot: Pilot[None]) -> None:
    """What was begun in the background has ended."""
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.pause()


def said(scene: Scene) -> str:
    """Every notice that is up."""
    return "\n".join(notice.message for notice in scene.app._notifications)
