"""Receipts: every verdict of central's is kept long after its change was forgotten, and can be checked with no line."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bravetui.auth import signing
from bravetui.base.clock import ManualClock
from bravetui.base.errors import BadInput
from bravetui.db.device import OutboxState
from bravetui.views.receipts import check, receipts
from tests.support.central import KEYS, PROJECT
from tests.support.world import Here, World


async def worked(world: World) -> tuple[Here, str]:
    """A laptop with one change taken and one refused."""
    here = await world.laptop("carlos", "carlos")
    await here.sync()
    record = here.create("violation", {"description": "fence"})
    with here.store.write("somebody-else") as writing:
        writing.create("violation", PROJECT, {"description": "not mine \u202e"})
    assert not await here.sync()
    return here, record


async def test_a_receipt_outlives_the_outbox_and_ends_after_400_days(world: World) -> None:
    """The change is forgotten a week after it was confirmed; its receipt is not."""
    here, record = await worked(world)
    (one,) = receipts(here.store, record)
    assert (one.outcome, one.kind, one.title, one.seq > 0) == (
        "applied",
        "violation",
        "Violation: fence",
        True,
    )
    for days, kept in ((30, 2), (369, 2), (2, 0)):
        world.clock.advance(days=days)
        here.create("violation", {"description": f"after {days}"})
        await here.sync()
        await here.sync()
        old = [
            row for row in receipts(here.store) if row.seq < 100 and row.dot in (one.dot, f"{here.device}.2")
        ]
        assert len(old) == kept
    assert one.dot not in {str(change.dot) for change in here.outbox()}


async def test_lists_are_newest_first_by_record_by_its_beginning_and_by_dot(world: World) -> None:
    here, record = await worked(world)
    refused, taken = receipts(here.store)
    assert (refused.outcome, taken.record_id) == ("refused", record)
    assert receipts(here.store, taken.dot) == receipts(here.store, record[:30]) == (taken,)
    assert receipts(here.store, "%") == receipts(here.store, "nothing") == ()
    assert receipts(here.store, limit=1) == (refused,)


async def test_a_check_needs_nothing_but_centrals_key_and_finds_any_change(world: World) -> None:
    """As JSON, as a printed page, one or many; by another key, or with one sign changed, nothing passes."""
    here, _ = await worked(world)
    bodies = [row.body for row in receipts(here.store)]
    as_json = json.dumps({"receipts": [{"receipt": json.loads(body)} for body in bodies]})
    for text in (as_json, "A page\n\n" + "\n".join(bodies), bodies[1]):
        found = check(text, KEYS.public)
        assert found
        assert all(one.genuine for one in found)
    other = signing.public_key_of(signing.new_private_key())
    assert not any(one.genuine for one in check(as_json, other))
    told = json.loads(bodies[1])
    for name, value in (
        ("seq", 99),
        ("outcome", "refused"),
        ("hash", "0" * 64),
        ("at", "2026-01-01T00:00:00Z"),
    ):
        (one,) = check(json.dumps({**told, name: value}), KEYS.public)
        assert (one.genuine, "did not sign" in one.words) == (False, True)
    (rubbish,) = check('{"dot": "x", "signature": 7}', KEYS.public)
    assert not rubbish.genuine
    for text in ("", "no receipt", "[]", "[" * 100_000):
        with pytest.raises(BadInput, match="no receipt in this file"):
            check(text, KEYS.public)
    with pytest.raises(BadInput, match="not a public key"):
        check(as_json, "nonsense")


async def test_a_clock_years_ahead_makes_a_laptop_forget_neither_receipts_nor_what_is_confirmed(
    world: World,
) -> None:
    """A central restored from a backup is refilled from them; how old they are is told by central's signed time."""
    here = await world.laptop("a", "carlos")
    here.create("violation", {"description": "fence down"})
    assert await here.sync()
    right = here.store.clock
    here.store.clock = ManualClock(world.clock.now() + timedelta(days=800))
    here.create("violation", {"description": "made in 2028"})
    assert await here.sync()
    here.store.clock = ManualClock(world.clock.now() - timedelta(days=20 * 365))
    here.create("violation", {"description": "made in 2006"})
    assert await here.sync()
    here.store.clock = right
    assert await here.sync()
    assert here.states() == [OutboxState.CONFIRMED] * 3
    assert len(receipts(here.store)) == 3
