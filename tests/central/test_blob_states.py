"""By which everybody's laptop learns what of a photo can be fetched; and a central that was restored, and lacks some."""

from __future__ import annotations

import asyncio
import json

import httpx
import psycopg
import pytest
from sqlalchemy import delete, select

from bravetui.central import database
from bravetui.central.announcing import CHANNEL
from bravetui.central.app import make_app
from bravetui.central.serve import serving
from bravetui.central.state import begin_epoch
from bravetui.central.tables import BLOB_PARTS, BLOBS, HEADS, LEDGER
from bravetui.central.taking import AUTHOR, Taking
from bravetui.merge.version import VersionVector
from bravetui.wire.blobs import RENDITIONS, BlobName, Rendition
from bravetui.wire.change import Op
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import PullAsk
from tests.support.blobs import Carrier, blob_state, carrier, central_at, hash_of, receipt_of, recorded
from tests.support.central import PROJECT, Site

BYTES = {
    Rendition.THUMBNAIL: b"thumbnail",
    Rendition.PREVIEW: b"a preview",
    Rendition.ORIGINAL: b"the original",
}
ORIGINAL = BYTES[Rendition.ORIGINAL]


@pytest.fixture
def carlos(site: Site) -> Carrier:
    return carrier(site, site.laptop("carlos"))


@pytest.fixture
def picture(carlos: Carrier) -> BlobName:
    return recorded(carlos.laptop, ORIGINAL)


async def hand_in(line: Carrier, name: BlobName, rendition: Rendition) -> None:
    await line.hand_in(name._replace(rendition=rendition), BYTES[rendition])


def said_by_central(site: Site) -> int:
    """Changes of central's own in the project."""
    with site.engine.connect() as connection:
        bodies = connection.execute(
            select(LEDGER.c.body).where(LEDGER.c.scope_id == PROJECT, LEDGER.c.kind == "photo")
        )
        return sum(json.loads(body)["author_id"] == AUTHOR for body in bodies.scalars())


async def test_what_is_here_of_a_photo_arrives_as_a_row_at_everybody_s_laptop(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    dana = site.laptop("dana")
    ask = PullAsk(scope_id=PROJECT, lane=Lane.PHOTOS, after=0, before=0)
    (page,) = dana.sync(pull=(ask,)).pages
    assert blob_state(dana) == "here"
    for rendition in RENDITIONS:
        await hand_in(carlos, picture, rendition)
        ask = PullAsk(scope_id=PROJECT, lane=Lane.PHOTOS, after=page.after)
        (page,) = dana.sync(pull=(ask,)).pages
        (row,) = page.rows
        assert (row.kind, row.id, row.whole) == ("photo", "photo-1", False)
        assert row.state().values() == {"blob_state": rendition.value}
    assert said_by_central(site) == 3


async def test_the_best_size_that_is_complete_stands_in_whatever_order_they_come(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    await hand_in(carlos, picture, Rendition.PREVIEW)
    assert blob_state(carlos.laptop) == "preview"
    await hand_in(carlos, picture, Rendition.THUMBNAIL)
    assert blob_state(carlos.laptop) == "preview"
    await carlos.begin(picture, ORIGINAL, ORIGINAL[:5])
    assert blob_state(carlos.laptop) == "preview", "half of it is not it"
    await carlos.go_on(picture, 5, ORIGINAL[5:])
    assert blob_state(carlos.laptop) == "original"
    before = said_by_central(site)
    for _ in range(3):
        await carlos.begin(picture, ORIGINAL, ORIGINAL)
        await carlos.stand(picture)
    assert said_by_central(site) == before == 2, "said once"


async def test_two_records_of_the_same_picture_both_say_it(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    recorded(carlos.laptop, ORIGINAL, "photo-2")
    await carlos.hand_in(picture, ORIGINAL)
    assert [blob_state(carlos.laptop, one) for one in ("photo-1", "photo-2")] == ["original"] * 2


async def test_a_second_record_made_later_says_it_once_its_laptop_asks(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    """Its bytes are here: not one of them travels again."""
    await carlos.hand_in(picture, ORIGINAL)
    dana = carrier(site, site.laptop("dana"))
    recorded(dana.laptop, ORIGINAL, "photo-2")
    assert blob_state(dana.laptop, "photo-2") == "here"
    answer = await dana.begin(picture, ORIGINAL)
    assert receipt_of(answer) is not None
    assert blob_state(dana.laptop, "photo-2") == "original"


async def test_a_caption_written_meanwhile_and_what_is_here_stand_beside_each_other(
    carlos: Carrier, picture: BlobName
) -> None:
    await carlos.hand_in(picture, ORIGINAL)
    laptop = carlos.laptop
    edit = laptop.change(
        "photo-1", {"caption": "fence"}, kind="photo", op=Op.EDIT, seen=VersionVector({laptop.device: 1})
    )
    laptop.sync(edit)
    told = laptop.values("photo", "photo-1", Lane.PHOTOS)
    assert (told["caption"], told["blob_state"]) == ("fence", "original")


async def test_a_question_about_the_photo_is_not_settled_by_its_bytes(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    laptop, dana = carlos.laptop, site.laptop("dana")
    seen = VersionVector({laptop.device: 1})
    for one, width in ((laptop, 640), (dana, 1280)):
        edit = one.change("photo-1", {"width": width}, kind="photo", op=Op.EDIT, seen=seen)
        one.sync(edit)

    def asked() -> list[object]:
        rows = laptop.rows().values()
        return [row.state().values()["status"] for row in rows if row.kind == "conflict"]

    assert asked() == ["open"]
    await carlos.hand_in(picture, ORIGINAL)
    assert blob_state(laptop) == "original"
    assert asked() == ["open"]


async def test_nobody_can_say_that_bytes_are_here_that_are_not(carlos: Carrier, picture: BlobName) -> None:
    laptop = carlos.laptop
    recorded_as = {"sha256": picture.photo, "blob_state": "original"}
    laptop.sync(laptop.change("photo-2", recorded_as, kind="photo"))
    await hand_in(carlos, picture, Rendition.THUMBNAIL)
    assert blob_state(laptop, "photo-2") == "thumbnail"


async def test_a_record_that_breaks_the_program_costs_its_picture_nothing(
    carlos: Carrier, picture: BlobName, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(Taking, "author", breaks)
    receipt = await carlos.hand_in(picture, ORIGINAL)
    assert blob_state(carlos.laptop) == "here"
    monkeypatch.undo()
    assert receipt_of(await carlos.stand(picture)) == receipt
    assert blob_state(carlos.laptop) == "original"


def test_a_project_that_is_busy_costs_no_byte_and_the_answer_says_when_to_ask_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = site.laptop("carlos")
    name = recorded(laptop, ORIGINAL)
    monkeypatch.setattr(database, "LOCK_WAIT", "300ms")
    engine = database.open_central_engine(site.url)

    async def hands_in(address: str) -> None:
        async with httpx.AsyncClient(timeout=30) as http:
            line = Carrier(laptop, http, address)
            with site.engine.begin() as pushing:
                pushing.execute(select(HEADS).where(HEADS.c.scope_id == PROJECT).with_for_update())
                answer = await line.begin(name, ORIGINAL, ORIGINAL)
                assert (answer.status_code, receipt_of(answer)) == (503, None)
                assert "retry-after" in answer.headers
            assert receipt_of(await line.go_on(name, len(ORIGINAL), b"")) is not None

    with serving(make_app(engine, site.central.keys, site.clock, site.central.ids)) as address:
        asyncio.run(hands_in(address))
    engine.dispose()
    assert blob_state(laptop) == "original"


def test_sizes_that_are_complete_at_the_same_moment_leave_the_best_of_them(site: Site) -> None:
    laptop = site.laptop("carlos")
    names = [recorded(laptop, ORIGINAL + bytes([number]), f"photo-{number}") for number in range(6)]

    async def together(address: str) -> None:
        async with httpx.AsyncClient(timeout=30) as http:
            line = Carrier(laptop, http, address)
            for number, name in enumerate(names):
                sizes = {**BYTES, Rendition.ORIGINAL: ORIGINAL + bytes([number])}
                await asyncio.gather(
                    *(line.hand_in(name._replace(rendition=one), data) for one, data in sizes.items())
                )

    with central_at(site) as address:
        asyncio.run(together(address))
    assert {blob_state(laptop, f"photo-{number}") for number in range(6)} == {"original"}


async def test_news_of_it_go_out_as_of_any_change(site: Site, carlos: Carrier, picture: BlobName) -> None:
    address = site.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as hearing:
        hearing.execute(f"LISTEN {CHANNEL}")
        await carlos.hand_in(picture, ORIGINAL)
        (heard,) = [json.loads(told.payload) for told in hearing.notifies(timeout=10, stop_after=1)]
    with site.engine.connect() as connection:
        head = connection.execute(select(HEADS.c.seq).where(HEADS.c.scope_id == PROJECT)).scalar_one()
    assert heard == [PROJECT, head]


# --- restored ---------------------------------------------------------------------------------------


async def test_a_restored_central_says_which_of_the_blobs_it_lacks_and_takes_them_again(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    for rendition in RENDITIONS:
        await hand_in(carlos, picture, rendition)
    first = receipt_of(await carlos.stand(picture))
    names = [picture._replace(rendition=one) for one in RENDITIONS]
    assert (await carlos.lacking(*names))["lacking"] == []
    with site.engine.begin() as connection:  # the backup was older than these
        connection.execute(delete(BLOB_PARTS).where(BLOB_PARTS.c.rendition != "thumbnail"))
        connection.execute(delete(BLOBS).where(BLOBS.c.rendition != "thumbnail"))
    epoch = begin_epoch(site.engine, site.clock.now()).epoch
    told = await carlos.lacking(*names)
    assert told == {"epoch": epoch, "lacking": [one._asdict() for one in names[1:]]}
    await carlos.begin(picture, ORIGINAL, ORIGINAL[:5])
    half = await carlos.lacking(*names, *names)
    assert half["lacking"] == told["lacking"], "what is begun is lacking still, and each is told once"
    dana = carrier(site, site.laptop("dana"))
    await dana.go_on(picture, 5, ORIGINAL[5:])
    again = receipt_of(await dana.stand(picture))
    assert again is not None
    assert first is not None
    assert (again.epoch, first.epoch == epoch) == (epoch, False)
    assert (await carlos.lacking(picture))["lacking"] == []


async def test_what_a_restored_central_has_is_said_where_the_record_says_more(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    """The record came back from a laptop before the bytes did."""
    await hand_in(carlos, picture, Rendition.ORIGINAL)
    with site.engine.begin() as connection:
        connection.execute(delete(BLOB_PARTS))
        connection.execute(delete(BLOBS))
    begin_epoch(site.engine, site.clock.now())
    assert blob_state(carlos.laptop) == "original"
    await hand_in(carlos, picture, Rendition.THUMBNAIL)
    assert blob_state(carlos.laptop) == "thumbnail"
    await hand_in(carlos, picture, Rendition.ORIGINAL)
    assert blob_state(carlos.laptop) == "original"


async def test_a_question_after_blobs_that_is_none_gets_a_sentence(
    carlos: Carrier, picture: BlobName
) -> None:
    one = picture._asdict()
    for blobs in ([{**one, "photo": "x"}], [{**one, "rendition": "poster"}], [one] * 501, "all", None):
        answer = await carlos.ask("POST", "/v1/blobs/lacking", json.dumps({"blobs": blobs}).encode())
        assert answer.status_code == 400, blobs
    many = [picture._replace(photo=hash_of(bytes([n % 256, n // 256]))) for n in range(500)]
    assert len((await carlos.lacking(*many))["lacking"]) == 500  # type: ignore[arg-type]
