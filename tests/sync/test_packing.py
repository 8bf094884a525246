"""How a laptop packs what it sends: with the shared dictionary once central has shown it, plainly after any doubt."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from bravetui.base.errors import Refused
from bravetui.sync.client import CentralClient
from bravetui.wire.codec import decode, encode
from bravetui.wire.messages import Checkpoint, Problem, SyncAnswer, SyncRequest

NOW = datetime(2026, 8, 3, tzinfo=UTC)
REQUEST = SyncRequest(device=1, sent_at=NOW)
ANSWER = SyncAnswer(epoch="e", now=NOW, checkpoint=Checkpoint(device=1, epoch="e", held=(), at=NOW))


class Central:
    """Answers in `speaks`; takes only the packings in `reads`, and says `refuses` to others."""

    def __init__(self, *speaks: str, reads: tuple[str, ...] = ("dcz", "zstd"), refuses: int = 415) -> None:
        self.speaks, self.reads, self.refuses = list(speaks), reads, refuses
        self.seen: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        packing = request.headers["content-encoding"]
        self.seen.append(packing)
        if packing not in self.reads:
            problem = Problem(type="about:blank", title="What is this?", status=self.refuses)
            headers = {"Content-Type": "application/problem+json"}
            return httpx.Response(
                self.refuses, headers=headers, stream=httpx.ByteStream(problem.model_dump_json().encode())
            )
        assert decode(SyncRequest, request.content, packing) == REQUEST
        speaks = self.speaks.pop(0) if len(self.speaks) > 1 else self.speaks[0]
        stream = httpx.ByteStream(encode(ANSWER, speaks))
        return httpx.Response(200, headers={"Content-Encoding": speaks}, stream=stream)


async def contacts(central: Central, count: int) -> list[str]:
    client = CentralClient("http://central", transport=httpx.MockTransport(central))
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
    central = Central("dcz", reads=("zstd",), refuses=status)
    assert await contacts(central, 3) == ["zstd", "dcz", "zstd", "zstd"]


async def test_a_refusal_of_something_else_is_not_taken_for_one_of_the_packing() -> None:
    central = Central("dcz")
    client = CentralClient("http://central", transport=httpx.MockTransport(central))
    await client.sync(REQUEST)
    central.reads, central.refuses = (), 422
    with pytest.raises(Refused, match="What is this"):
        await client.sync(REQUEST)
    assert central.seen == ["zstd", "dcz"]
