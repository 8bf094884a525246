"""Photo bytes that are at central: others under the same name, what is fetched, what the receipt says, and a crash."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base import fault
from bravetui.central.blob_faults import OutOfRange
from bravetui.central.blob_routes import range_of
from bravetui.wire.blobs import (
    BlobName,
    Rendition,
)
from bravetui.wire.receipt import is_genuine
from tests.support.blobs import (
    Answer,
    Carrier,
    blob_state,
    carrier,
    hash_of,
    receipt_of,
    recorded,
)
from tests.support.central import Site, genuine

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


# --- the same bytes, and others, under one name -----------------------------------------------------


async def test_a_thumbnail_that_another_laptop_made_differently_is_answered_by_the_first(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    dana, name, other = carrier(site, site.laptop("dana")), small(picture), SMALL[::-1]
    first = await carlos.hand_in(name, SMALL)
    answer = await dana.begin(name, other, other)
    assert (answer.status_code, receipt_of(answer), offset(answer)) == (201, first, len(SMALL))
    assert (await dana.content(name)).content == SMALL


async def test_one_that_was_begun_and_never_finished_makes_room_for_another_s(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    dana, name, other = carrier(site, site.laptop("dana")), small(picture), SMALL[::-1] + b"x"
    await carlos.begin(name, SMALL, SMALL[:300])
    answer = await dana.begin(name, other, other[:50])
    assert (answer.status_code, offset(answer)) == (201, 50)
    assert (await carlos.go_on(name, 300, SMALL[300:])).status_code == 409
    answer = await dana.go_on(name, 50, other[50:])
    assert receipt_of(answer) is not None
    assert (await carlos.content(name)).content == other


async def test_what_was_begun_goes_on_when_it_is_begun_again(carlos: Carrier, picture: BlobName) -> None:
    """A body is used only where it begins at what is here."""
    await carlos.begin(picture, PICTURE)
    assert offset(await carlos.begin(picture, PICTURE, PICTURE[:40])) == 40
    assert offset(await carlos.begin(picture, PICTURE, PICTURE[:100])) == 40
    assert offset(await carlos.go_on(picture, 40, b"")) == 40
    answer = await carlos.go_on(picture, 40, PICTURE[40:])
    assert receipt_of(answer) == receipt_of(await carlos.begin(picture, PICTURE, PICTURE)) is not None
    late = await carlos.go_on(picture, 40, PICTURE[40:])
    assert (late.status_code, offset(late)) == (409, len(PICTURE))
    assert receipt_of(late) == receipt_of(answer), "the answer that was lost"


# --- the way back -----------------------------------------------------------------------------------


async def test_what_is_fetched_is_bytes_and_nothing_that_a_browser_would_open(
    carlos: Carrier, picture: BlobName
) -> None:
    await carlos.begin(picture, PICTURE, PICTURE[:10])
    assert (await carlos.content(picture)).status_code == 404, "not before it is complete"
    await carlos.go_on(picture, 10, PICTURE[10:])
    answer = await carlos.content(picture)
    told = {
        "content-type": "application/octet-stream", "x-content-type-options": "nosniff", "content-disposition": "attachment",
        "etag": f'"{hash_of(PICTURE)}"', "accept-ranges": "bytes", "content-length": str(len(PICTURE)),
    }  # fmt: skip
    assert {key: answer.headers[key] for key in told} == told


@pytest.mark.parametrize(
    ("asked", "status", "cut"),
    [
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=10-19", 206, slice(10, 20)),
        ("bytes=2990-", 206, slice(2990, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=-99999", 206, slice(None)),
        ("bytes=5-99999", 206, slice(5, None)),
        ("Bytes=0-4", 206, slice(0, 5)),
        ("bytes=3000-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=0-1,4-5", 200, slice(None)),
        ("bytes=7-3", 200, slice(None)),
        ("bytes=x-3", 200, slice(None)),
        ("lines=0-3", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
    ],
)
async def test_a_range_of_bytes_is_given_or_said_not_to_be_there(
    carlos: Carrier, picture: BlobName, asked: str, status: int, cut: slice | None
) -> None:
    await carlos.hand_in(picture, PICTURE)
    answer = await carlos.content(picture, asked)
    assert answer.status_code == status
    size = len(PICTURE)
    if cut is None:
        assert answer.headers["Content-Range"] == f"bytes */{size}"
        return
    assert answer.content == PICTURE[cut]
    first, end, _ = cut.indices(size)
    assert answer.headers.get("Content-Range") == (
        f"bytes {first}-{end - 1}/{size}" if status == 206 else None
    )


@given(size=st.integers(1, 50), first=st.integers(0, 60), length=st.integers(1, 60))
def test_a_range_never_reaches_beyond_the_bytes_there_are(size: int, first: int, length: int) -> None:
    header = f"bytes={first}-{first + length - 1}"
    if first >= size:
        with pytest.raises(OutOfRange):
            range_of(header, size)
    else:
        assert range_of(header, size) == (first, min(size, first + length))


# --- receipts ---------------------------------------------------------------------------------------


async def test_a_receipt_is_central_s_own_word_on_these_bytes_under_this_name_alone(
    carlos: Carrier, picture: BlobName
) -> None:
    told = await carlos.hand_in(picture, PICTURE)
    assert is_genuine(told, genuine)
    changed: dict[str, object] = {
        "scope_id": "other-site", "photo": hash_of(SMALL), "rendition": Rendition.PREVIEW, "sha256": hash_of(SMALL),
        "size": 1, "epoch": "another",
    }  # fmt: skip
    for field, value in changed.items():
        assert not is_genuine(told.model_copy(update={field: value}), genuine), field


async def test_a_receipt_is_the_same_word_for_word_whoever_asks_and_when(
    site: Site, carlos: Carrier, picture: BlobName
) -> None:
    told = await carlos.hand_in(picture, PICTURE)
    site.clock.advance(hours=3)
    dana = carrier(site, site.laptop("dana"))
    assert receipt_of(await dana.stand(picture)) == told
    assert receipt_of(await dana.begin(picture, PICTURE)) == told


# --- a crash ----------------------------------------------------------------------------------------


@pytest.fixture
def crash_at() -> object:
    """Stops the world at a point, once."""

    def install(point: str) -> None:
        def hook(name: str) -> None:
            if name == point:
                fault.install(None)
                raise RuntimeError(point)

        fault.install(hook)

    yield install
    fault.install(None)


async def test_a_crash_before_the_commit_costs_the_last_part_and_no_more(
    carlos: Carrier, picture: BlobName, crash_at: Callable[[str], None]
) -> None:
    await carlos.begin(picture, PICTURE, PICTURE[:2000])
    crash_at("central_before_blob")
    assert (await carlos.go_on(picture, 2000, PICTURE[2000:])).status_code == 500
    stand = await carlos.stand(picture)
    assert (offset(stand), receipt_of(stand)) == (2000, None)
    assert receipt_of(await carlos.go_on(picture, 2000, PICTURE[2000:])) is not None


@pytest.mark.parametrize("heals", ["begin", "go_on", "stand"])
async def test_a_crash_between_the_bytes_and_their_record_is_mended_by_whoever_asks_next(
    carlos: Carrier, picture: BlobName, crash_at: Callable[[str], None], heals: str
) -> None:
    crash_at("central_after_blob")
    assert (await carlos.begin(picture, PICTURE, PICTURE)).status_code == 500
    assert blob_state(carlos.laptop) == "here"
    ways = {
        "begin": carlos.begin(picture, PICTURE),
        "go_on": carlos.go_on(picture, len(PICTURE), b""),
        "stand": carlos.stand(picture),
    }
    answer = await ways.pop(heals)
    for left in ways.values():
        left.close()
    assert receipt_of(answer) is not None
    assert blob_state(carlos.laptop) == "original"
