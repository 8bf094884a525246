"""Central's database failed over to a copy that was behind, with no operator near: nothing that was typed is missing, or
doubled, and nobody is told that all is handed in while it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from bravetui.base.canonical import Json
from bravetui.base.errors import BravetuiError
from bravetui.central.service import Writing
from bravetui.central.tables import PARKED
from bravetui.db import meta
from bravetui.db.device import OutboxState
from bravetui.sync.progress import AllHandedIn, SyncEvent
from bravetui.wire.lanes import Lane
from tests.support.central import PROJECT
from tests.support.postgres import TestServer
from tests.support.world import Here, World, a_world, findings, sync_all


@pytest.fixture
def world(postgres: TestServer, tmp_path: Path) -> Iterator[World]:
    """A central with a project in it, and no laptop yet."""
    with a_world(postgres, tmp_path) as made:
        yield made


def typed(here: Here, words: str, **values: Json) -> str:
    return here.create("violation", {"description": words, **values})


def watched(world: World, here: Here, mine: Callable[[], Mapping[str, Mapping[str, Json]]]) -> list[str]:
    """What was false at the moment when the laptop said that all was handed in; `mine` is what it must hold true by then."""
    false: list[str] = []

    def report(event: SyncEvent) -> None:
        here.events.append(event)
        if isinstance(event, AllHandedIn):
            held = world.central_records()
            for record_id, values in mine().items():
                stored = held.get((PROJECT, "violation", record_id))
                told = stored.state.values() if stored else {}
                false.extend(
                    f"{record_id} {path}" for path, value in values.items() if told.get(path) != value
                )

    here.worker._report = report
    return false


async def test_a_laptop_that_knows_more_than_the_copy_hands_it_in_again(world: World) -> None:
    """A confirmed edit, a confirmed record and one that was only acknowledged, made after the copy stopped following."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    base = typed(carlos, "fence down")
    await sync_all([carlos, dana])
    with world.backup_of_central() as stale:
        confirmed = typed(carlos, "confirmed")
        carlos.edit("violation", base, location="lot 7")
        assert await carlos.sync()
        carlos.line.cut_after_next = True
        applied = typed(carlos, "applied")
        carlos.edit("violation", base, severity="major")
        with suppress(BravetuiError):
            await carlos.sync()
        carlos.line.restore()
        assert OutboxState.APPLIED in carlos.states()
        await dana.sync()
        mine: dict[str, dict[str, Json]] = {
            base: {"location": "lot 7", "severity": "major"},
            confirmed: {"description": "confirmed"},
            applied: {"description": "applied"},
        }
        false = watched(world, carlos, lambda: mine)
        before = world.epoch()
        with world.failed_over(stale):
            await sync_all([carlos, dana])
            held = world.central_records()
            for record_id, values in mine.items():
                told = held[PROJECT, "violation", record_id].state.values()
                assert {path: told.get(path) for path in values} == values
            assert findings(world) == Counter(["fence down", "confirmed", "applied"])
            assert set(carlos.states()) == {OutboxState.CONFIRMED}
            assert carlos.records() == dana.records()
            assert await carlos.sync()
            assert await dana.sync()
            assert not false
            assert world.epoch() != before


async def test_numbers_that_were_given_anew_to_other_changes_hide_nothing_from_anybody(world: World) -> None:
    """The head is ahead again, by others' work, before whoever knew the lost numbers comes back."""
    names = (("a", "carlos"), ("b", "dana"), ("c", "olga"))
    carlos, dana, olga = [await world.laptop(name, user_id) for name, user_id in names]
    base = typed(carlos, "fence down")
    await sync_all([carlos, dana, olga])
    with world.backup_of_central() as stale:
        lost = {typed(carlos, f"lost {n}"): f"lost {n}" for n in range(6)}
        carlos.edit("violation", base, location="lot 7")
        assert await carlos.sync()
        await olga.sync()  # reads only, and now knows numbers that the copy will give to others
        for number in range(12):
            typed(dana, f"other {number}")
        dana.edit("violation", base, severity="major")
        false = watched(world, carlos, lambda: {one: {"description": words} for one, words in lost.items()})
        with world.failed_over(stale):
            before = world.epoch()
            assert await dana.sync()
            assert world.epoch() == before, "what she knows is all there"
            await olga.sync()
            assert world.epoch() != before
            assert await carlos.sync()
            await sync_all([dana, olga, carlos])
            words = ["fence down", *lost.values(), *(f"other {number}" for number in range(12))]
            assert findings(world) == Counter(words)
            assert carlos.records() == dana.records()
            assert carlos.records().items() <= olga.records().items()
            told = world.central_records()[PROJECT, "violation", base].state.values()
            assert (told["location"], told["severity"]) == ("lot 7", "major")
            assert all([await here.sync() for here in (carlos, dana)])
            assert not false


async def test_work_of_one_who_comes_last_is_taken_although_the_numbers_have_passed_him(world: World) -> None:
    """As before, and nobody but its author knows of what was lost."""
    carlos, dana = await world.laptop("a", "carlos"), await world.laptop("b", "dana")
    await sync_all([carlos, dana])
    with world.backup_of_central() as stale:
        lost = [typed(carlos, f"lost {n}") for n in range(3)]
        assert await carlos.sync()
        carlos.edit("violation", lost[0], location="not sent yet")
        with world.failed_over(stale):
            for number in range(8):
                typed(dana, f"other {number}")
            assert await dana.sync()
            assert await carlos.sync()
            await sync_all([dana, carlos])
            assert sorted(findings(world).elements()) == sorted(
                [*(f"lost {n}" for n in range(3)), *(f"other {n}" for n in range(8))]
            )
            assert carlos.records() == dana.records()
            assert carlos.value("violation", lost[0], "location") == "not sent yet"


async def test_a_laptop_that_kept_no_word_of_centrals_sees_it_by_its_cursor(world: World) -> None:
    """As one whose program was updated a moment ago: the page ends before the place from which it asked."""
    carlos = await world.laptop("a", "carlos")
    await carlos.sync()
    with world.backup_of_central() as stale:
        record = typed(carlos, "confirmed")
        assert await carlos.sync()
        with carlos.store.maintain() as connection:
            meta.put(connection, meta.CHECKPOINT, "")
        with world.failed_over(stale):
            assert await carlos.sync()
            assert (PROJECT, "violation", record) in world.central_records()


async def test_a_change_that_waits_for_its_parent_is_sent_again_when_the_copy_has_not_got_it(
    world: World,
) -> None:
    """It has no number, so only the signed word on what central holds of this laptop shows that it is gone."""
    carlos = await world.laptop("a", "carlos")
    await carlos.sync()
    with world.backup_of_central() as stale:
        carlos.create("corrective_action", {"violation_id": "still-to-come", "condition": "torn"})
        await carlos.sync()
        assert carlos.states() == [OutboxState.PARKED]
        with world.failed_over(stale):
            await sync_all([carlos])
            assert carlos.states() == [OutboxState.PARKED]
            with world.engine.connect() as connection:
                assert len(connection.execute(select(PARKED)).all()) == 1


async def test_dots_of_centrals_own_are_never_given_again_before_anybody_notices(world: World) -> None:
    """What the office wrote after the copy stopped following, and on the copy before any laptop came."""
    carlos = await world.laptop("a", "carlos")
    typed(carlos, "fence down")
    await carlos.sync()
    (record,) = [record_id for _, kind, record_id in carlos.records() if kind == "violation"]
    with world.backup_of_central() as stale:
        world.site.central.publish(PROJECT, [Writing("violation", record, {"location": "lot B"})], "olga")
        await carlos.sync()
        with world.failed_over(stale):
            world.clock.advance(seconds=5)
            world.site.central.publish(PROJECT, [Writing("violation", record, {"severity": "major"})], "olga")
            await sync_all([carlos])
            told = world.central_records()[PROJECT, "violation", record].state.values()
            assert (told["location"], told["severity"]) == ("lot B", "major")
            assert carlos.value("violation", record, "severity") == "major"


async def two_of(world: World, name: str, user_id: str) -> tuple[Here, Here]:
    """A laptop and a copy of it, each with work under the same number; the copy has not been told so yet."""
    original = await world.laptop(name, user_id)
    await original.sync()
    original, copy = world.copy(original, f"{name}2")
    for here in (original, copy):
        typed(here, f"made by {here.folder.name}")
    assert await original.sync()
    return original, copy


async def test_two_copies_of_laptops_never_bear_one_number_although_the_copy_of_central_knows_of_neither(
    world: World,
) -> None:
    """One was numbered in the lost time; the other on the stale copy, before anybody had shown it what it lacks."""
    _, first = await two_of(world, "a", "carlos")
    _, second = await two_of(world, "b", "dana")
    with world.backup_of_central() as stale:
        assert await first.sync()
        with world.failed_over(stale):
            assert await second.sync()
            assert second.device != first.device
            assert await first.sync()
            await sync_all(world.laptops)
            assert findings(world) == Counter(f"made by {name}" for name in ("a", "a2", "b", "b2"))
            assert all(set(here.states()) == {OutboxState.CONFIRMED} for here in world.laptops)


async def test_a_copy_goes_on_under_the_number_that_it_was_given_last_in_the_lost_time(world: World) -> None:
    """Nothing else was lost, so no number of a ledger's entry shows it."""
    _, copy = await two_of(world, "a", "carlos")
    with world.backup_of_central() as stale:
        assert await copy.worker._exchange((Lane.CRITICAL,)) is None  # told its number, and nothing handed in
        with world.failed_over(stale):
            before = world.epoch()
            assert await copy.sync()
            assert world.epoch() == before
            assert findings(world) == Counter(["made by a", "made by a2"])
