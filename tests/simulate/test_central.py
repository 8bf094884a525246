"""Central's update in mid-month: it is away for it, comes back with its rows, and a half-done one leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import inspect, select, text

from bravetui.base import fault
from bravetui.base.errors import Refused
from bravetui.central.tables import LEDGER
from bravetui.db.kinds import KINDS
from bravetui.simulate.central import SimulatedCentral
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.crash import CENTRAL, UPDATING, Died
from bravetui.simulate.loop import live
from bravetui.simulate.older import CENTRALS_STEP, CENTRALS_UPDATE, NEWER_FIELD, programs
from bravetui.simulate.oversight import invented
from tests.simulate.conftest import Site

KIND, FIELD = NEWER_FIELD


@dataclass
class Stopped:
    """Kills central once, at that passing of a point of its update."""

    at: int
    passed: list[str] = field(default_factory=list)

    def __call__(self, point: str) -> None:
        if point == UPDATING:
            self.passed.append(point)
            if len(self.passed) == self.at:
                raise Died(CENTRAL)


@contextmanager
def an_older_central(site: Site) -> Iterator[SimulatedCentral]:
    """With a daily log of its office's."""
    with programs() as known:
        known.old.add(CENTRAL)
        central = SimulatedCentral(site.databases, site.template, 1, known)
        try:
            yield central
        finally:
            central.close()


def rows(central: SimulatedCentral) -> list[object]:
    with central.engine.connect() as connection:
        return [
            tuple(row) for row in connection.execute(select(LEDGER).order_by(LEDGER.c.scope_id, LEDGER.c.seq))
        ]


def test_an_older_central_does_not_know_the_newer_field_until_its_update(site: Site) -> None:
    async def story(central: SimulatedCentral) -> None:
        central.publish(KIND, "log-1", {"narrative": "rain"})
        with pytest.raises(Refused):
            central.publish(KIND, "log-1", {FIELD: "wet"})
        before = rows(central)
        await central.update(Chaos(1))
        assert rows(central) == before
        with central.engine.connect() as connection:
            assert invented(connection, KINDS) == []
        central.publish(KIND, "log-1", {FIELD: "wet"})

    with an_older_central(site) as central:
        live(story(central))


def test_nobody_is_answered_while_central_is_updated(site: Site) -> None:
    async def story(central: SimulatedCentral) -> None:
        updating = central.update(Chaos(1))
        updating.send(None)
        with pytest.raises(ConnectionRefusedError):
            await central.deliver("GET", "/v1/health", {}, b"")
        updating.close()

    with an_older_central(site) as central:
        live(story(central))


@pytest.mark.parametrize("at", range(1, len(CENTRALS_UPDATE) + 3))
def test_an_update_that_is_stopped_leaves_all_as_it_was_and_is_done_at_the_next_start(
    site: Site, at: int
) -> None:
    async def story(central: SimulatedCentral) -> None:
        central.publish(KIND, "log-1", {"narrative": "rain"})
        before = rows(central)
        fault.install(Stopped(at))
        chaos = Chaos(1)
        await central.update(chaos)
        assert chaos.trace == ["central's update is stopped: Died", "central is updated, at start 2"]
        assert rows(central) == before
        with central.engine.connect() as connection:
            assert (
                connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
                == CENTRALS_STEP
            )
            assert not inspect(connection).has_table("kept_meanwhile")

    with an_older_central(site) as central:
        try:
            live(story(central))
        finally:
            fault.install(None)


def test_a_backup_of_before_the_update_is_brought_up_when_it_is_put_back(site: Site) -> None:
    async def story(central: SimulatedCentral) -> None:
        central.publish(KIND, "log-1", {"narrative": "rain"})
        central.back_up()
        await central.update(Chaos(1))
        assert central.fail_over() is not None
        central.publish(KIND, "log-1", {FIELD: "wet"})

    with an_older_central(site) as central:
        live(story(central))
