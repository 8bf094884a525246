"""A genuine answer, spoiled at one place: nothing but an error that is the project's own, nothing lost, and the next honest
contact hands all in."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bravetui.base.errors import BravetuiError, Transient
from bravetui.db.device import UNACKNOWLEDGED
from tests.support.postgres import TestServer
from tests.support.tampering import Told, altered
from tests.support.world import Here, World, a_world, findings

Place = tuple[str | int, ...]
SPOILED: list[Any] = [
    2**63 - 1, 2**63, 2**64, -1, -(2**63) - 1, 10**400, 0, None, True, "", [], {}, [[]], {"": None}, [None], 1.5,
    float("nan"), float("inf"), "\x1b[2J\x1b]0;x\x07", "a\u202eb", "x" * 5000, "1.1", "9" * 30 + ".1",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
]  # fmt: skip


def places(told: Any, at: Place = ()) -> Iterator[Place]:
    """Every place in an answer but the whole."""
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for name, one in inner:
        yield (*at, name)
        yield from places(one, (*at, name))


def spoiled(told: Any, at: Place, value: Any) -> Any:
    made = copy.deepcopy(told)
    inner = made
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = value
    return made


async def one_contact(here: Here, place: int, value: Any) -> None:
    """Of which one answer after the other is spoiled at a place of its own."""
    turns = iter(range(place, place + 10**6))

    def alter(told: Told) -> Told:
        found = [*places(told)]
        made: Told = spoiled(told, found[next(turns) % len(found)], value)
        return made

    with altered(here, alter, asked_max=50), suppress(BravetuiError):
        await here.sync()


async def honest(world: World, here: Here, record: str) -> None:
    here.create("violation", {"description": record})
    world.clock.advance(days=8)
    here.worker.ask_now()
    with suppress(
        BravetuiError
    ):  # an epoch or a number that was not central's is put right by the first contact
        await here.sync()
    here.worker.ask_now()
    await here.sync()
    assert not here.outbox(*UNACKNOWLEDGED)
    assert findings(world)[record] == 1


def test_a_spoiled_answer_loses_nothing_and_ends_nothing(postgres: TestServer, tmp_path: Path) -> None:
    with a_world(postgres, tmp_path) as world:
        carlos, dana = (asyncio.run(world.laptop(name, name)) for name in ("carlos", "dana"))
        asyncio.run(carlos.sync())
        asyncio.run(dana.sync())
        made: list[str] = []

        @settings(max_examples=20, deadline=None)
        @given(st.integers(0, 400), st.sampled_from(SPOILED))
        def spoil(place: int, value: Any) -> None:
            word = f"word {len(made)}"
            made.append(word)
            dana.create("violation", {"description": f"by dana: {word}"})
            asyncio.run(dana.sync())
            carlos.create("violation", {"description": word})
            asyncio.run(one_contact(carlos, place, value))
            asyncio.run(honest(world, carlos, f"after {word}"))
            assert findings(world)[word] == 1

        spoil()


AT: dict[str, tuple[Place, Any]] = {
    "rows left past the database": (("pages", 0, "rows_left"), 2**63),
    "a cursor past the database": (("pages", 0, "after"), 2**63),
    "a negative cursor": (("pages", 0, "after"), -1),
    "a laptop's number past the database": (("devices",), {str(2**63): "x"}),
    "a new number past the database": (("new_device",), 2**63),
    "half a pair of signs": (("scopes",), [{"scope_id": "site", "name": "\ud83d", "kind": ""}]),
    "the first moment, elsewhere": (("now",), "0001-01-01T00:00:00+14:00"),
    "the last moment, elsewhere": (("now",), "9999-12-31T23:59:59-14:00"),
}


@pytest.mark.parametrize("name", AT)
async def test_an_answer_that_no_database_or_calendar_holds_is_not_central_s(world: World, name: str) -> None:
    carlos = await world.laptop("a", "carlos")
    assert await carlos.sync()
    carlos.create("violation", {"description": "fence down"})
    with (
        altered(carlos, lambda told: spoiled(told, *AT[name])),
        pytest.raises(Transient, match="is not central"),
    ):
        await carlos.sync()
    world.clock.advance(hours=2)
    assert await carlos.sync()
    assert findings(world) == {"fence down": 1}
