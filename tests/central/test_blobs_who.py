"""Who may hand in and fetch photo bytes, and what everybody else hears: nothing that there is anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import func, select

from bravetui.auth import signing
from bravetui.central.founding import add_person
from bravetui.central.service import Writing, revoke
from bravetui.central.tables import BLOBS, SHOWN
from bravetui.merge.version import VersionVector
from bravetui.wire.blobs import PART_TYPE, TUS_VERSION, BlobName, Rendition
from bravetui.wire.change import Op
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome
from tests.support.blobs import (
    Answer,
    Carrier,
    app_of,
    blob_state,
    carrier,
    checksum,
    hash_of,
    problem_type,
    receipt_of,
    recorded,
)
from tests.support.central import (
    ORGANIZATION,
    OTHER_PROJECT,
    PROJECT,
    STRANGE_PROJECT,
    STRANGERS,
    Site,
    headers,
    only,
)

PICTURE = bytes(range(256)) * 8


@pytest.fixture
def carlos(site: Site) -> Carrier:
    return carrier(site, site.laptop("carlos"))


async def said(line: Carrier, name: BlobName) -> list[tuple[int, bytes]]:
    """All that somebody hears who tries everything with a blob."""
    answers: list[Answer] = [
        await line.begin(name, PICTURE, PICTURE[:10]),
        await line.go_on(name, 10, PICTURE[10:20]),
        await line.stand(name),
        await line.content(name),
        await line.content(name, "bytes=0-3"),
    ]
    lacking = await line.lacking(name)
    assert lacking["lacking"] == [name._asdict()]
    return [(answer.status_code, answer.content) for answer in answers]


async def test_another_organization_s_photo_and_one_that_is_nowhere_are_answered_alike(
    site: Site, carlos: Carrier
) -> None:
    sam = carrier(site, site.laptop("sam", STRANGERS))
    name = recorded(sam.laptop, PICTURE, scope_id=STRANGE_PROJECT)
    await sam.hand_in(name, PICTURE)
    half = name._replace(rendition=Rendition.PREVIEW)
    await sam.begin(half, PICTURE, PICTURE[:10])
    nowhere = await said(carlos, name._replace(scope_id="no-such-site"))
    assert [status for status, _ in nowhere] == [403, 403, 404, 404, 404]
    for there in (name, half, name._replace(photo=hash_of(b"another"))):
        assert await said(carlos, there) == nowhere
    assert (await sam.content(name)).content == PICTURE
    assert receipt_of(await sam.go_on(half, 10, PICTURE[10:])) is not None, "nobody has touched it"


async def test_a_project_of_one_s_own_organization_that_one_is_not_in_is_nowhere_too(
    site: Site, carlos: Carrier
) -> None:
    olga = carrier(site, site.laptop("olga"))
    name = recorded(olga.laptop, PICTURE, scope_id=OTHER_PROJECT)
    await olga.hand_in(name, PICTURE)
    assert await said(carlos, name) == await said(carlos, name._replace(scope_id="no-such-site"))


async def test_the_same_picture_in_two_organizations_is_two_blobs(site: Site, carlos: Carrier) -> None:
    """Who could hand in nothing and have it would know that somebody else has the picture."""
    sam = carrier(site, site.laptop("sam", STRANGERS))
    await sam.hand_in(recorded(sam.laptop, PICTURE, scope_id=STRANGE_PROJECT), PICTURE)
    name = recorded(carlos.laptop, PICTURE)
    answer = await carlos.begin(name, PICTURE)
    assert (answer.headers["Upload-Offset"], receipt_of(answer)) == ("0", None)


async def test_who_only_reads_fetches_and_hands_in_nothing(site: Site, carlos: Carrier) -> None:
    vic, name = carrier(site, site.laptop("vic")), recorded(carlos.laptop, PICTURE)
    await carlos.begin(name, PICTURE, PICTURE[:10])
    for answer in (await vic.begin(name, PICTURE), await vic.go_on(name, 10, PICTURE[10:])):
        assert (answer.status_code, problem_type(answer)) == (403, "refused")
    assert (await vic.stand(name)).headers["Upload-Offset"] == "10"
    await carlos.go_on(name, 10, PICTURE[10:])
    assert (await vic.content(name)).content == PICTURE


async def test_a_photo_s_bytes_are_held_to_the_rule_of_its_record(site: Site, carlos: Carrier) -> None:
    """Whoever may write the one may hand in the other, and nobody else."""
    add_person(site.central, ORGANIZATION, "Nina", "support", new_id="nina")
    name = recorded(carlos.laptop, PICTURE)
    for user_id in ("carlos", "dana", "olga", "vic", "nina"):
        line = carrier(site, site.laptop(user_id))
        change = line.laptop.change(f"photo-{user_id}", {"sha256": name.photo}, kind="photo")
        may = only(line.laptop.sync(change).verdicts).outcome is Outcome.APPLIED
        assert ((await line.begin(name, PICTURE)).status_code == 201) == may, user_id
        assert ((await line.stand(name)).status_code == 200) == (user_id != "nina")


async def test_a_revoked_laptop_a_person_who_left_and_an_old_sign_in_send_and_fetch_nothing(
    site: Site, carlos: Carrier
) -> None:
    name = recorded(carlos.laptop, PICTURE)
    await carlos.hand_in(name, PICTURE)
    revoked, left, expired = site.laptop("dana"), site.laptop("dana"), site.laptop("olga")
    revoke(site.engine, revoked.device, site.clock.now())
    lines = [carrier(site, revoked), carrier(site, replace(expired, grant=""))]
    assert (await carrier(site, left).content(name)).status_code == 200
    site.central.publish(ORGANIZATION, [Writing("user", "dana", {"deleted": True})])
    for line in (*lines, carrier(site, left)):
        for answer in (
            await line.begin(name, PICTURE), await line.go_on(name, 0, b"x"), await line.content(name),
            await line.ask("POST", "/v1/blobs/lacking", b'{"blobs":[]}'),
        ):  # fmt: skip
            assert (answer.status_code, problem_type(answer)) == (401, "sign-in"), line.laptop.user_id
        assert (await line.stand(name)).status_code == 401


async def test_a_laptop_whose_newer_grant_counts_shows_that_one_first(site: Site, carlos: Carrier) -> None:
    name, old = recorded(carlos.laptop, PICTURE), carlos.laptop.grant
    site.clock.advance(hours=25)
    carlos.laptop.grant = carlos.laptop.sync().grant
    assert (await carlos.begin(name, PICTURE)).status_code == 201
    carlos.laptop.grant = old
    assert (await carlos.begin(name, PICTURE)).status_code == 401


async def test_a_proof_for_one_blob_opens_no_other_and_none_twice(site: Site, carlos: Carrier) -> None:
    name = recorded(carlos.laptop, PICTURE)
    await carlos.hand_in(name, PICTURE)
    shown = carlos.laptop.headers(name.path, "GET")
    address = "http://central"
    assert (await carlos.http.get(address + name.path, headers=shown)).status_code == 200
    assert (await carlos.http.get(address + name.path, headers=shown)).status_code == 401
    other = name._replace(rendition=Rendition.PREVIEW)
    shown = carlos.laptop.headers(name.path, "GET")
    assert (await carlos.http.get(address + other.path, headers=shown)).status_code == 401
    shown = carlos.laptop.headers(name.path, "HEAD")
    assert (await carlos.http.get(address + name.path, headers=shown)).status_code == 401


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_of_a_key_that_is_nobody_s_no_byte_is_read_and_no_row_is_kept(
    site: Site, carlos: Carrier, method: str
) -> None:
    name, read_bytes = recorded(carlos.laptop, PICTURE), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read_bytes
        for _ in range(64):
            read_bytes += 65_536
            yield b" " * 65_536

    def count() -> int:
        with site.engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(SHOWN)).scalar_one())

    before = count()
    told = {
        **headers(site, name.path, signing.new_private_key(), "", method), "Tus-Resumable": TUS_VERSION,
        "Upload-Offset": "0", "Content-Type": PART_TYPE, "Upload-Checksum": checksum(b""),
    }  # fmt: skip
    transport = httpx.ASGITransport(app_of(site))
    async with httpx.AsyncClient(transport=transport, base_url="http://central") as http:
        answer = await http.request(method, name.path, content=endless(), headers=told)
    assert (answer.status_code, read_bytes, count()) == (401, 0, before)


async def test_the_record_comes_first(site: Site, carlos: Carrier) -> None:
    """Nothing that nobody can find fills the disk: of the photo, and in that project."""
    name = BlobName(PROJECT, hash_of(PICTURE), Rendition.ORIGINAL)
    for one in (name, name._replace(rendition=Rendition.THUMBNAIL)):
        answer = await carlos.begin(one, PICTURE, PICTURE)
        assert (answer.status_code, problem_type(answer)) == (409, "record-first")
        assert "hands in the record" in answer.json()["detail"]
    olga = carrier(site, site.laptop("olga"))
    recorded(olga.laptop, PICTURE, scope_id=OTHER_PROJECT)
    assert (await carlos.begin(name, PICTURE, PICTURE)).status_code == 409, "it is another project's"
    assert (await carlos.stand(name)).status_code == 404
    with site.engine.connect() as connection:
        assert connection.execute(select(BLOBS)).all() == []
    recorded(carlos.laptop, PICTURE)
    assert receipt_of(await carlos.begin(name, PICTURE, PICTURE)) is not None


async def test_a_photo_whose_record_was_deleted_is_taken_all_the_same(carlos: Carrier) -> None:
    """A deletion can be taken back, and then the picture is wanted."""
    name, laptop = recorded(carlos.laptop, PICTURE), carlos.laptop
    seen = VersionVector({laptop.device: 1})
    laptop.sync(laptop.change("photo-1", {"deleted": True}, kind="photo", op=Op.DELETE, seen=seen))
    assert receipt_of(await carlos.begin(name, PICTURE, PICTURE)) is not None
    assert blob_state(laptop) == "original"
    assert laptop.values("photo", "photo-1", Lane.PHOTOS)["deleted"] is True


async def test_a_refused_record_s_bytes_are_not_taken(carlos: Carrier) -> None:
    change = carlos.laptop.change("photo-1", {"sha256": hash_of(PICTURE), "rain": "no field"}, kind="photo")
    assert only(carlos.laptop.sync(change).verdicts).outcome is Outcome.REFUSED
    name = BlobName(PROJECT, hash_of(PICTURE), Rendition.ORIGINAL)
    assert (await carlos.begin(name, PICTURE, PICTURE)).status_code == 409


async def test_without_any_check_in_code_no_byte_of_another_organization_is_read_or_written(
    site: Site, carlos: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL keeps them apart by itself."""
    from bravetui.central import service
    from bravetui.central.access import Access, access_of

    sam = carrier(site, site.laptop("sam", STRANGERS))
    name = recorded(sam.laptop, PICTURE, scope_id=STRANGE_PROJECT)
    await sam.begin(name, PICTURE, PICTURE[:10])
    with site.engine.connect() as connection:
        strange = access_of(connection, 0, STRANGERS, "sam", site.clock.now()).scopes

    def everything(*arguments: object) -> Access:
        real = access_of(*arguments)  # type: ignore[arg-type]
        return replace(real, role="admin", scopes={**real.scopes, **strange})

    monkeypatch.setattr(service, "access_of", everything)
    heard = await said(carlos, name)
    assert [status for status, _ in heard] == [409, 404, 404, 404, 404]
    monkeypatch.undo()
    assert receipt_of(await sam.go_on(name, 10, PICTURE[10:])) is not None
