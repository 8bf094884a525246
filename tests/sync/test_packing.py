"""How a laptop packs what it sends: in columns and with the shared dictionary once central has shown that it knows them,
plainly after any doubt."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from bravetui.base.errors import Refused, Transient
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.sync.client import CentralClient
from bravetui.wire.change import Op, make_change
from bravetui.wire.codec import COLUMNS_TYPE, JSON_TYPE, decode, encode
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Batch, Checkpoint, Problem, SyncAnswer, SyncRequest
from tests.support.laptop import any_prover

NOW = datetime(2026, 8, 3, tzinfo=UTC)
REQUEST = SyncRequest(device=1, sent_at=NOW)
ANSWER = SyncAnswer(epoch="e", now=NOW, checkpoint=Checkpoint(device=1, epoch="e", held=(), at=NOW))


class Central:
    """Answers in `speaks` and the form `says`; takes only what is in `reads`, and says `refuses` to the rest."""

    def __init__(
        self,
        *speaks: str,
        reads: tuple[str, ...] = ("dcz", "zstd", JSON_TYPE, COLUMNS_TYPE),
        refuses: int = 415,
        says: str = JSON_TYPE,
    ) -> None:
        self.speaks, self.reads, self.refuses, self.says = list(speaks), reads, refuses, says
        self.seen: list[str] = []
        self.forms: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        packing, form = request.headers["content-encoding"], request.headers["content-type"]
        self.seen.append(packing)
        self.forms.append(form)
        if not {packing, form} <= set(self.reads):
            problem = Problem(type="about:blank", title="What is this?", status=self.refuses)
            headers = {"Content-Type": "application/problem+json"}
            return httpx.Response(
                self.refuses, headers=headers, stream=httpx.ByteStream(problem.model_dump_json().encode())
            )
        assert request.headers["accept"] == f"{COLUMNS_TYPE}, {JSON_TYPE}"
        assert decode(SyncRequest, request.content, packing, form) == REQUEST
        speaks = self.speaks.pop(0) if len(self.speaks) > 1 else self.speaks[0]
        stream = httpx.ByteStream(encode(ANSWER, speaks, media_type=self.says))
        headers = {"Content-Encoding": speaks, "Content-Type": self.says}
        return httpx.Response(200, headers=headers, stream=stream)


async def contacts(central: Central, count: int) -> list[str]:
    client = CentralClient("http://central", any_prover(), transport=httpx.MockTransport(central))
    for _ in range(count):
        assert (await client.sync(REQUEST)).answer == ANSWER
    await client.close()
    return central.seen


async def test_the_dictionary_is_used_once_central_has_shown_that_it_has_it() -> None:
    assert await contacts(Central("dcz"), 3) == ["zstd", "dcz", "dcz"]


async def test_a_central_that_never_shows_it_gets_plain_zstd() -> None:
    assert await contacts(Central("zstd"), 3) == ["zstd", "zstd", "zstd"]


@pytest.mark.parametrize("status", [400, 415])
async def test_a_refused_packing_is_sent_again_plainly_and_never_tried_after(status: int) -> None:
    central = Central("dcz", reads=("zstd", JSON_TYPE), refuses=status)
    assert await contacts(central, 3) == ["zstd", "dcz", "zstd", "zstd"]


LOG = "Silt fence along the arroyo is sound. Inlets are clean. Two loads of rock arrived at gate 2. " * 2
EDIT = make_change(
    dot=Dot(1, 2), target=("s", "submission", "r"), op=Op.EDIT, context=VersionVector({1: 1}), before={"answers/log": LOG},
    after={"answers/log": f"{LOG}Crew left at noon."}, hlc=Hlc(1), author_id="c", at=NOW,
)  # fmt: skip
WITH_TEXT = REQUEST.model_copy(update={"push": (Batch(lane=Lane.FORMS, changes=(EDIT,)),)})


class Reader:
    """Takes changes in full; says `refuses` to edits, until it has said so often enough."""

    def __init__(self, refuses: int, times: int) -> None:
        self.refuses, self.times = refuses, times
        self.seen: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = decode(SyncRequest, request.content, request.headers["content-encoding"])
        in_full = asked == WITH_TEXT
        self.seen.append("in full" if in_full else "as edits")
        if not in_full and self.times > 0:
            self.times -= 1
            problem = Problem(type="about:blank", title="Not like this.", status=self.refuses)
            stream = httpx.ByteStream(problem.model_dump_json().encode())
            headers = {"Content-Type": "application/problem+json"}
            return httpx.Response(self.refuses, headers=headers, stream=stream)
        return httpx.Response(200, stream=httpx.ByteStream(encode(ANSWER, "identity")))


@pytest.mark.parametrize(
    ("refuses", "seen"),
    [
        (422, ["as edits", "in full", "as edits", "as edits"]),  # it lacks that text, this once
        (400, ["as edits", "in full", "in full", "in full"]),  # it is older, and knows no edits
    ],
)
async def test_long_texts_go_as_edits_and_in_full_to_whoever_cannot_use_them(
    refuses: int, seen: list[str]
) -> None:
    central = Reader(refuses, times=1)
    client = CentralClient("http://central", any_prover(), transport=httpx.MockTransport(central))
    for _ in range(3):
        assert (await client.sync(WITH_TEXT)).answer == ANSWER
    await client.close()
    assert central.seen == seen


async def test_a_refusal_of_something_else_is_not_taken_for_one_of_the_packing() -> None:
    central = Central("dcz")
    client = CentralClient("http://central", any_prover(), transport=httpx.MockTransport(central))
    await client.sync(REQUEST)
    central.reads, central.refuses = (), 422
    with pytest.raises(Refused, match="What is this"):
        await client.sync(REQUEST)
    assert central.seen == ["zstd", "dcz"]


async def test_columns_are_used_once_central_has_answered_in_them() -> None:
    central = Central("dcz", says=COLUMNS_TYPE)
    assert await contacts(central, 3) == ["zstd", "dcz", "dcz"]
    assert central.forms == [JSON_TYPE, COLUMNS_TYPE, COLUMNS_TYPE]


async def test_columns_travel_without_the_dictionary_too() -> None:
    central = Central("zstd", says=COLUMNS_TYPE)
    assert await contacts(central, 2) == ["zstd", "zstd"]
    assert central.forms == [JSON_TYPE, COLUMNS_TYPE]


async def test_a_central_that_answers_in_json_gets_json() -> None:
    central = Central("dcz")
    await contacts(central, 3)
    assert central.forms == [JSON_TYPE] * 3


@pytest.mark.parametrize("packing", ["dcz", "zstd"])
@pytest.mark.parametrize("status", [400, 415])
async def test_refused_columns_are_sent_again_as_json_and_never_tried_after(
    status: int, packing: str
) -> None:
    central = Central(packing, reads=("dcz", "zstd", JSON_TYPE), refuses=status, says=COLUMNS_TYPE)
    assert await contacts(central, 3) == ["zstd", packing, "zstd", "zstd"]
    assert central.forms == [JSON_TYPE, COLUMNS_TYPE, JSON_TYPE, JSON_TYPE]


async def test_damaged_columns_acknowledge_nothing_and_the_next_contact_is_as_before() -> None:
    central = Central("zstd", says=COLUMNS_TYPE)
    torn = False

    def line(request: httpx.Request) -> httpx.Response:
        answered = central(request)
        if torn:
            headers = {"Content-Type": COLUMNS_TYPE, "Content-Encoding": "identity"}
            return httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"\x01\x00\x00"))
        return answered

    client = CentralClient("http://central", any_prover(), transport=httpx.MockTransport(line))
    await client.sync(REQUEST)
    torn = True
    with pytest.raises(Transient):
        await client.sync(REQUEST)
    torn = False
    assert (await client.sync(REQUEST)).answer == ANSWER
    assert central.forms == [JSON_TYPE, COLUMNS_TYPE, COLUMNS_TYPE]
