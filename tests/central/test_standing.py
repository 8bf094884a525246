"""Whose word makes central begin a new epoch: its own, on what it has not got, and nobody else's. And what does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bravetui.auth import signing
from bravetui.central.incoming import read
from bravetui.central.keys import CentralKeys
from bravetui.central.service import Writing
from bravetui.central.standing import standing
from bravetui.central.state import begin_epoch_after, state_of
from bravetui.db.device import OutboxState
from bravetui.sync.progress import Exchanged
from bravetui.wire.codec import encode
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import PullAsk, SyncAnswer
from bravetui.wire.receipt import is_genuine
from tests.support.central import ORGANIZATION, PROJECT, Laptop
from tests.support.postgres import TestServer
from tests.support.world import World, a_world, sync_all

ASK = PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL)


@pytest.fixture
def world(postgres: TestServer, tmp_path: Path) -> Iterator[World]:
    """A central with a project in it, and no laptop yet."""
    with a_world(postgres, tmp_path) as made:
        yield made


def showing(laptop: Laptop, standing: str, epoch: str) -> SyncAnswer:
    """One contact of a laptop that brings back this word of central's."""
    request = laptop.request(pull=(ASK,)).model_copy(update={"epoch": epoch, "standing": standing})
    return laptop.site.central.exchange(laptop.shown(), read(encode(request), "zstd"))


def word_on_what_is_lost(laptop: Laptop) -> tuple[str, str]:
    laptop.sync(laptop.change("lost", {"note": "x"}))
    answer = showing(laptop, "", "")
    return answer.checkpoint.standing, answer.epoch


async def test_a_genuine_word_begins_one_epoch_and_no_second(world: World) -> None:
    laptop = world.site.laptop("carlos")
    laptop.sync(laptop.change("kept", {"note": "x"}))
    with world.backup_of_central() as stale:
        told, epoch = word_on_what_is_lost(laptop)
        with world.failed_over(stale):
            laptop.site = world.site
            first = showing(laptop, told, epoch)
            assert first.epoch == first.checkpoint.epoch != epoch
            assert {row.id for page in first.pages for row in page.rows} >= {"kept", PROJECT}, (
                "from the start"
            )
            assert showing(laptop, told, epoch).epoch == first.epoch
            assert showing(laptop, told, first.epoch).epoch == first.epoch, "it holds in its own epoch only"
            assert showing(laptop, first.checkpoint.standing, first.epoch).epoch == first.epoch
            with world.engine.begin() as connection:
                again = begin_epoch_after(connection, epoch, "another", world.clock.now())
            assert again.epoch == first.epoch == world.epoch()


async def test_only_centrals_own_word_on_what_it_lacks_begins_an_epoch(world: World) -> None:
    """Neither one that somebody else made, nor an altered one, nor one on a past that is here."""
    laptop = world.site.laptop("carlos")
    laptop.sync(laptop.change("kept", {"note": "x"}))
    true = showing(laptop, "", "").checkpoint.standing
    with world.backup_of_central() as stale:
        told, epoch = word_on_what_is_lost(laptop)
        heads, chain, mark = told.rsplit(" ", 2)
        rogue = CentralKeys(signing.new_private_key())
        with world.engine.connect() as connection:
            state = replace(state_of(connection, world.clock.now()), epoch=epoch)
            forged = standing(connection, [ORGANIZATION, PROJECT], state, rogue.mark)
        others = [
            forged, heads, f"{heads} {chain}", f"{heads} {chain} ", f"{heads} {chain} {true.rsplit(' ', 1)[1]}",
            f"{heads} {mark} {chain}", f"{heads}0 {chain} {mark}", true, "", " ", "site:x y z", "\u00e9 \u00e9 \u00e9",
        ]  # fmt: skip
        with world.failed_over(stale):
            laptop.site = world.site
            for one in others:
                assert showing(laptop, one, epoch).epoch == epoch
            assert world.epoch() == epoch
            assert showing(laptop, told, epoch).epoch != epoch


async def test_a_laptop_that_the_copy_does_not_know_can_still_show_it_that_it_is_behind(world: World) -> None:
    """It was enrolled after the copy stopped following: its grant is central's own, so it is let in under its number."""
    with world.backup_of_central() as stale:
        unknown = world.site.laptop("dana")
        told, epoch = word_on_what_is_lost(unknown)
        with world.failed_over(stale):
            unknown.site = world.site
            assert not showing(unknown, told, epoch).closed
            assert world.epoch() != epoch
            assert world.site.laptop("carlos").device > unknown.device


async def test_a_word_of_centrals_is_about_all_that_came_with_it(world: World) -> None:
    """The numbers are those of the moment at which the rows were read: after what the same contact handed in."""
    laptop = world.site.laptop("carlos")
    request = laptop.request(laptop.change("i1", {"note": "x"}), pull=(ASK,))
    answer = world.site.central.exchange(laptop.shown(), read(encode(request), "zstd"))
    heads = dict(one.split(":") for one in answer.checkpoint.standing.split()[:-2])
    assert int(heads[PROJECT]) == answer.verdicts[0].seq == answer.pages[0].after
    assert ORGANIZATION in heads, "also of what was not asked for this time"
    assert answer.checkpoint.held == (), "as before it, for who forgets what a checkpoint covers"
    assert is_genuine(answer.checkpoint, signing.signed_by(world.site.central.keys.public))


# ---------------------------------------------------------------------- no false alarm


@contextmanager
def vacuumed(world: World) -> Iterator[None]:
    with world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM FULL")
    yield


@contextmanager
def killed_and_started(world: World) -> Iterator[None]:
    world.server.kill()
    world.server.start_again()
    yield


@contextmanager
def taken_over_by_a_replica_that_had_followed(world: World) -> Iterator[None]:
    with world.server.base_backup() as replica:
        world.server.kill()
        world.server.fail_over(replica)
        yield


@contextmanager
def dumped_and_restored(world: World) -> Iterator[None]:
    """As for a newer PostgreSQL."""
    with world.server.dumped(str(world.engine.url.database)) as url, world.failed_over(url):
        yield


@pytest.mark.parametrize(
    "happens", [vacuumed, killed_and_started, taken_over_by_a_replica_that_had_followed, dumped_and_restored]
)
async def test_a_database_that_lacks_nothing_begins_no_epoch_and_nobody_refills_it(
    happens: Callable[[World], AbstractContextManager[None]], durable: TestServer, tmp_path: Path
) -> None:
    """New numbers are all that another server costs."""
    with a_world(durable, tmp_path) as world:
        laptops = [await world.laptop("a", "carlos"), await world.laptop("b", "dana")]
        for here in laptops:
            record = here.create("violation", {"description": f"by {here.folder.name}"})
            here.create("corrective_action", {"violation_id": "still-to-come", "condition": "torn"})
        await sync_all(laptops)
        epoch, changes = world.epoch(), len(world.ledger())
        with happens(world):
            assert [here.outbox(OutboxState.SENT) for here in laptops] == [[], []]
            for here in laptops:
                here.events.clear()
            await sync_all(laptops)
            assert not [
                e
                for here in laptops
                for e in here.events
                if isinstance(e, Exchanged) and any(e.rows.values())
            ]
            world.site.central.publish(PROJECT, [Writing("violation", record, {"severity": "major"})], "olga")
            laptops[0].create("violation", {"description": "afterwards"})
            await sync_all(laptops)
            assert world.epoch() == epoch
            assert len(world.ledger()) == changes + 2
            assert all({OutboxState.CONFIRMED, OutboxState.PARKED} == set(here.states()) for here in laptops)
            assert world.site.laptop("carlos").device > laptops[1].device
