"""Photo bytes on their way to central over a bad line, and back: whatever is cut, doubled or crossed, the same bytes."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from bravetui.central.tables import BLOB_PARTS
from bravetui.wire.blobs import (
    BYTES_MAX,
    PART_BYTES_MAX,
    PART_TYPE,
    TUS_VERSION,
    BlobName,
    BlobTaken,
    Rendition,
)
from tests.support.blobs import (
    Answer,
    Carrier,
    app_of,
    blob_state,
    carrier,
    central_at,
    checksum,
    hash_of,
    metadata,
    problem_type,
    receipt_of,
    recorded,
)
from tests.support.central import PROJECT, Laptop, Site

PICTURE = random.Random(1).randbytes(3000)
SMALL = random.Random(2).randbytes(400)
"""A thumbnail of it."""


@pytest.fixture
def carlos(site: Site) -> Carrier:
    return carrier(site, site.laptop("carlos"))


@pytest.fixture
def picture(carlos: Carrier) -> BlobName:
    """A photo whose record is at central."""
    return recorded(carlos.laptop, PICTURE)


def small(name: BlobName) -> BlobName:
    return name._replace(rendition=Rendition.THUMBNAIL)


def offset(answer: Answer) -> int:
    return int(answer.headers["Upload-Offset"])


# --- one way there ----------------------------------------------------------------------------------


async def test_a_thumbnail_is_one_round_trip(carlos: Carrier, picture: BlobName) -> None:
    name = small(picture)
    answer = await carlos.begin(name, SMALL, SMALL)
    assert (answer.status_code, offset(answer)) == (201, len(SMALL))
    assert answer.headers["Location"] == name.path
    assert answer.headers["Tus-Resumable"] == TUS_VERSION
    told = receipt_of(answer)
    assert told is not None
    assert (told.scope_id, told.photo, told.rendition, told.sha256, told.size) == (
        *name,
        hash_of(SMALL),
        len(SMALL),
    )
    fetched = await carlos.content(name)
    assert (fetched.status_code, fetched.content) == (200, SMALL)


async def test_a_picture_goes_part_by_part_and_its_stand_is_told_after_each(
    carlos: Carrier, picture: BlobName
) -> None:
    answer = await carlos.begin(picture, PICTURE)
    assert (answer.status_code, offset(answer), receipt_of(answer)) == (201, 0, None)
    for start in range(0, len(PICTURE), 700):
        answer = await carlos.go_on(picture, start, PICTURE[start : start + 700])
        assert (answer.status_code, offset(answer)) == (204, min(start + 700, len(PICTURE)))
        stand = await carlos.stand(picture)
        assert (stand.status_code, offset(stand)) == (200, offset(answer))
        assert (stand.headers["Upload-Length"], stand.headers["Cache-Control"]) == (
            str(len(PICTURE)),
            "no-store",
        )
    assert receipt_of(answer) == receipt_of(stand) is not None
    assert (await carlos.content(picture)).content == PICTURE


async def test_a_whole_of_many_megabytes_is_hashed_and_given_out(carlos: Carrier) -> None:
    """Parts that lie across where it is read."""
    data = random.Random(3).randbytes(3 * PART_BYTES_MAX + 12_345)
    name = recorded(carlos.laptop, data)
    await carlos.begin(name, data, data[:777])
    held = 777
    while held < len(data):
        held = offset(await carlos.go_on(name, held, data[held : held + PART_BYTES_MAX - 1000]))
    assert (await carlos.content(name)).content == data
    at = PART_BYTES_MAX
    assert (await carlos.content(name, f"bytes={at - 5}-{2 * at + 5}")).content == data[at - 5 : 2 * at + 6]


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "part", "stand", "spoilt"]), st.integers(0, 120), st.integers(0, 120)
    ),
    max_size=12,
)
NUMBERS = itertools.count()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(min_size=1, max_size=120), operations=OPERATIONS)
def test_however_the_bytes_are_cut_doubled_and_crossed_they_are_the_same_and_have_one_receipt(
    site: Site, data: bytes, operations: list[tuple[str, int, int]]
) -> None:
    laptop = site.laptop("carlos")
    number = next(NUMBERS)
    data += number.to_bytes(4)  # a picture of this run's own
    name, app = recorded(laptop, data, f"photo-{number}"), app_of(site)

    async def live() -> set[BlobTaken]:
        line, held, receipts = carrier(site, laptop, app), -1, set[BlobTaken]()

        def heard(answer: Answer, now_held: int) -> int:
            assert offset(answer) == now_held
            told = receipt_of(answer)
            assert (told is not None) == (now_held == len(data))
            receipts.update([told] if told else [])
            return now_held

        for kind, one, other in operations:
            start, end = sorted((one % (len(data) + 1), other % (len(data) + 1)))
            part = data[start:end]
            if kind == "begin":
                answer = await line.begin(name, data, data[:end])
                assert answer.status_code == 201
                held = heard(answer, end if held <= 0 else held)
            elif kind == "stand" or held < 0:
                answer = await line.stand(name)
                assert answer.status_code == (404 if held < 0 else 200)
                held = heard(answer, held) if held >= 0 else held
            elif kind == "spoilt":
                answer = await line.go_on(name, start, part, Upload_Checksum=checksum(part + b"x"))
                assert answer.status_code == 460
            else:
                answer = await line.go_on(name, start, part)
                assert answer.status_code == (204 if start == held else 409)
                held = heard(answer, end if start == held else held)
        held = offset(await line.begin(name, data))
        while held < len(data):
            held = offset(await line.go_on(name, held, data[held : held + 50]))
        heard(await line.stand(name), held)
        assert (await line.content(name)).content == data
        return receipts

    assert len(asyncio.run(live())) == 1


def test_a_line_that_is_cut_at_any_byte_leaves_the_bytes_of_before_and_goes_on_from_there(site: Site) -> None:
    """Over sockets: the body stops, and so does the connection."""
    laptop = site.laptop("carlos")
    name = recorded(laptop, PICTURE)
    with central_at(site) as address:

        async def goes_on(held: int, end: int) -> int:
            async with httpx.AsyncClient() as http:
                line = Carrier(laptop, http, address)
                if held < 0:
                    return offset(await line.begin(name, PICTURE))
                stand = await line.stand(name)
                assert offset(stand) == held
                return offset(await line.go_on(name, held, PICTURE[held:end]))

        held = asyncio.run(goes_on(-1, 0))
        for cut in (0, 1, 499, 500, 999):
            cut_short(laptop, name, address, held, PICTURE[held : held + 1000], cut)
            held = asyncio.run(goes_on(held, held + 500))
        assert held == 2500
        asyncio.run(goes_on(held, len(PICTURE)))
        fetched = httpx.get(f"{address}{name.path}", headers=laptop.headers(name.path, "GET", address))
        assert fetched.content == PICTURE


def cut_short(laptop: Laptop, name: BlobName, address: str, at: int, part: bytes, cut: int) -> None:
    """Send so many bytes of a part and hang up."""
    headers = {
        **laptop.headers(name.path, "PATCH", address), "Host": urlsplit(address).netloc, "Content-Type": PART_TYPE,
        "Tus-Resumable": TUS_VERSION, "Upload-Offset": str(at), "Upload-Checksum": checksum(part),
        "Content-Length": str(len(part)),
    }  # fmt: skip
    head = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port)) as line:
        line.sendall(f"PATCH {name.path} HTTP/1.1\r\n{head}\r\n".encode() + part[:cut])


def test_of_many_writers_at_once_each_part_is_taken_once_and_all_hear_one_receipt(site: Site) -> None:
    laptops = [site.laptop(user) for user in ("carlos", "dana", "carlos", "dana")]
    name = recorded(laptops[0], PICTURE)

    async def writes(laptop: Laptop, address: str) -> BlobTaken:
        async with httpx.AsyncClient(timeout=30) as http:
            line = Carrier(laptop, http, address)
            answer = await line.begin(name, PICTURE, PICTURE[:100])
            while receipt_of(answer) is None:
                held = offset(answer)
                answer = await line.go_on(name, held, PICTURE[held : held + 300])
                assert answer.status_code in (204, 409), answer.text
            told = receipt_of(answer)
            assert told is not None
            return told

    async def together(address: str) -> list[BlobTaken]:
        return await asyncio.gather(*(writes(laptop, address) for laptop in laptops))

    with central_at(site) as address:
        receipts = asyncio.run(together(address))
    assert len(set(receipts)) == 1
    with site.engine.connect() as connection:
        size = func.sum(func.octet_length(BLOB_PARTS.c.content))
        assert connection.execute(select(size)).scalar_one() == len(PICTURE)


# --- what is wrong ----------------------------------------------------------------------------------


async def test_a_part_that_was_spoilt_on_its_way_changes_nothing(carlos: Carrier, picture: BlobName) -> None:
    spoilt = await carlos.begin(picture, PICTURE, PICTURE[:10], Upload_Checksum=checksum(b"other"))
    assert (spoilt.status_code, problem_type(spoilt)) == (460, "wrong-bytes")
    assert (await carlos.stand(picture)).status_code == 404
    await carlos.begin(picture, PICTURE, PICTURE[:10])
    spoilt = await carlos.go_on(picture, 10, PICTURE[10:20], Upload_Checksum=checksum(PICTURE[:10]))
    assert spoilt.status_code == 460
    assert spoilt.headers["Tus-Resumable"] == TUS_VERSION
    assert offset(await carlos.stand(picture)) == 10


async def test_a_whole_that_is_not_that_of_its_hash_begins_anew(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    """Each part was right by its own hash; the file behind them had changed meanwhile."""
    name = small(picture)
    await carlos.begin(name, SMALL, SMALL[:100])
    answer = await carlos.go_on(name, 100, bytes(len(SMALL) - 100))
    assert (answer.status_code, receipt_of(answer)) == (460, None)
    assert offset(await carlos.stand(name)) == 0
    with site.engine.connect() as connection:
        assert connection.execute(select(BLOB_PARTS)).all() == []
    assert (await carlos.content(name)).status_code == 404
    assert blob_state(carlos.laptop) == "here"
    assert (await carlos.go_on(name, 0, SMALL)).status_code == 204
    assert (await carlos.content(name)).content == SMALL


async def test_more_bytes_than_were_announced_or_than_are_kept_are_refused(
    carlos: Carrier, picture: BlobName
) -> None:
    for rendition, most in BYTES_MAX.items():
        name = picture._replace(rendition=rendition)
        answer = await carlos.begin(name, PICTURE, Upload_Length=str(most + 1))
        assert (answer.status_code, answer.headers["Tus-Max-Size"]) == (413, str(most))
    large = bytes(PART_BYTES_MAX + 1)
    assert (await carlos.begin(picture, PICTURE, large)).status_code == 413
    assert (await carlos.begin(picture, PICTURE, PICTURE + b"x")).status_code == 400
    await carlos.begin(picture, PICTURE)
    assert (await carlos.go_on(picture, 0, large)).status_code == 413
    assert (await carlos.go_on(picture, 0, PICTURE + b"x")).status_code == 400
    assert offset(await carlos.stand(picture)) == 0
    whole = recorded(carlos.laptop, bytes(PART_BYTES_MAX), "photo-2")
    assert receipt_of(await carlos.begin(whole, bytes(PART_BYTES_MAX), bytes(PART_BYTES_MAX))) is not None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus_Resumable": None}, 412),
        ({"Tus_Resumable": "0.2.2"}, 412),
        ({"Upload_Length": None}, 400),
        ({"Upload_Length": "-1"}, 400),
        ({"Upload_Length": "0"}, 400),
        ({"Upload_Length": "9" * 400}, 400),
        ({"Upload_Metadata": None}, 400),
        ({"Upload_Metadata": "sha256"}, 400),
        ({"Upload_Metadata": f"sha256 {hash_of(PICTURE)}"}, 400),
        ({"Upload_Metadata": metadata(hash_of(PICTURE) + "\n")}, 400),
        ({"Upload_Metadata": metadata(hash_of(SMALL))}, 400),
        ({"Upload_Checksum": None}, 400),
        ({"Upload_Checksum": "md5 " + "A" * 24}, 400),
        ({"Upload_Checksum": "sha256 !"}, 400),
        ({"Content_Type": "image/jpeg"}, 415),
        ({"Content_Encoding": "zstd"}, 415),
    ],
)
async def test_a_creation_that_is_none_gets_a_sentence_and_begins_nothing(
    carlos: Carrier, picture: BlobName, headers: dict[str, str | None], status: int
) -> None:
    answer = await carlos.begin(picture, PICTURE, PICTURE, **headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("Tus-Version") == (TUS_VERSION if status == 412 else None)
    assert (await carlos.stand(picture)).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus_Resumable": "2.0.0"}, 412),
        ({"Upload_Offset": None}, 400),
        ({"Upload_Offset": "1_0"}, 400),
        ({"Upload_Offset": "7"}, 409),
        ({"Upload_Checksum": None}, 400),
        ({"Content_Type": None}, 415),
    ],
)
async def test_a_part_that_is_none_gets_a_sentence_and_changes_nothing(
    carlos: Carrier, picture: BlobName, headers: dict[str, str | None], status: int
) -> None:
    await carlos.begin(picture, PICTURE, PICTURE[:10])
    answer = await carlos.go_on(picture, 10, PICTURE[10:20], **headers)
    assert answer.status_code == status, answer.text
    assert answer.headers.get("Upload-Offset") == ("10" if status == 409 else None)
    assert offset(await carlos.stand(picture)) == 10


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
async def test_a_method_that_a_blob_has_not_is_told_those_it_has(
    carlos: Carrier, picture: BlobName, method: str
) -> None:
    answer = await carlos.ask(method, picture.path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, PATCH, POST")


@pytest.mark.parametrize("photo", ["0" * 63, "0" * 65, "0" * 64 + "%0A", "A" * 64, "..", hash_of(PICTURE)])
@pytest.mark.parametrize("rendition", ["thumbnail", "ORIGINAL", "x"])
async def test_an_address_that_names_no_blob_is_nowhere(carlos: Carrier, photo: str, rendition: str) -> None:
    path = f"/v1/blobs/{PROJECT}/{photo}/{rendition}"
    for method in ("POST", "PATCH", "HEAD", "GET"):
        answer = await carlos.ask(method, path, Tus_Resumable=TUS_VERSION)
        if (photo, rendition) != (hash_of(PICTURE), "thumbnail"):
            assert answer.status_code in (401, 404), (method, answer.text)
