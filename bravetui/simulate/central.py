"""Central as a machine: its database, its application, its deaths, its backups, and the office that works at it."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime
from itertools import count

import httpx
from sqlalchemy import Connection, Engine, select, update

from bravetui.base.canonical import Json
from bravetui.base.clock import SeededIds
from bravetui.base.errors import Transient
from bravetui.base.runner import InlineRunner
from bravetui.central.app import make_app
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.founding import add_person, found_organization, open_project
from bravetui.central.keys import CentralKeys
from bravetui.central.service import Central, Writing
from bravetui.central.state import begin_epoch, state_of
from bravetui.central.tables import STATE
from bravetui.db.engine import share_statements
from bravetui.simulate.chaos import Chaos
from bravetui.simulate.crash import CENTRAL, CONSOLE, MACHINE, Died, running_on
from bravetui.simulate.database import Databases
from bravetui.simulate.loop import START, SkewedClock
from bravetui.simulate.network import Headers, Reply, is_of_bytes
from bravetui.simulate.older import Programs
from bravetui.simulate.paper import published, template_id

KEYS = CentralKeys(bytes(range(32)))
ORGANIZATION, PROJECT = "org", "site"
FOREMEN = ("carlos", "dana", "rosa", "tom", "wei", "amir")
OFFICE = "olga"
DOWN_S = 45.0
"""How long central takes to be started again."""
UPDATE_S = (45.0, 600.0, 7200.0)
"""How long it is away for an update of its program, or until somebody sees that the update has failed."""
STARTS_MAX = 30
"""So often an update that is only stopped from outside has succeeded by all odds."""


def found_site(databases: Databases) -> str:
    """A database with a project, its people and one form, to be copied for every month; returns its name."""
    name = databases.make()
    engine = open_central_engine(databases.url(name))
    migrate(engine)
    clock = _Fixed()
    with engine.begin() as connection:
        # First of all: every receipt names it, and signatures make a packed answer some bytes longer or shorter, by which
        # the next process would live another month under the same seed.
        state_of(connection, clock.now())
        connection.execute(update(STATE).values(epoch="epoch-0"))
    central = Central(engine, KEYS, clock, SeededIds(clock))
    found_organization(central, "Acme Earthworks", new_id=ORGANIZATION)
    for user_id in FOREMEN:
        add_person(central, ORGANIZATION, user_id.capitalize(), "foreman", new_id=user_id)
    add_person(central, ORGANIZATION, OFFICE.capitalize(), "office", new_id=OFFICE)
    central.publish(ORGANIZATION, [Writing("form_template", template_id(1), published(1))])
    project: dict[str, Json] = {"name": "Mill Creek", "starts_on": "2026-01-05"}
    open_project(central, ORGANIZATION, project, dict.fromkeys(FOREMEN, "foreman"), new_id=PROJECT)
    engine.dispose()
    return name


class _Fixed(SkewedClock):
    """Before the story begins."""

    def monotonic_s(self) -> float:
        return 0.0

    def now(self) -> datetime:
        return START


class SimulatedCentral:
    """One central: `deliver` is its network card, `publish` its office."""

    def __init__(self, databases: Databases, template: str, seed: int, known: Programs) -> None:
        self._databases, self._programs = databases, known
        self.clock = SkewedClock()
        self._down_until = 0.0
        self._epochs = 0
        self._backups: list[tuple[float, str]] = []
        self._names = [databases.make(template)]
        self._ids = SeededIds(self.clock, seed)
        self._open(self._names[0])

    def _open(self, name: str) -> None:
        self.engine: Engine = open_central_engine(self._databases.url(name), doubts=False)
        self.engine.connect().close()
        self._programs.start_central(self.engine)
        share_statements(self.engine)
        self.central = Central(self.engine, KEYS, self.clock, self._ids)
        app = make_app(self.engine, KEYS, self.clock, self._ids, run=InlineRunner())
        self.transport = httpx.ASGITransport(app)

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return asyncio.get_running_loop().time() >= self._down_until

    async def comes_up(self) -> None:
        """Wait until it runs."""
        while not self.is_up:  # noqa: ASYNC110 -- a sleep costs nothing here, and there are many reasons
            await asyncio.sleep(DOWN_S)

    @property
    def is_old(self) -> bool:
        """Whether it still has last year's program."""
        return CENTRAL in self._programs.old

    async def update(self, chaos: Chaos) -> None:
        """Stop, and start as the newer program, which brings the schema up first; whatever stops it in that, it is started
        again. Raises Transient when it cannot be."""
        self._down_until, name = float("inf"), str(self.engine.url.database)
        self.engine.dispose()
        self._programs.old.remove(CENTRAL)
        for start in count(1):
            await asyncio.sleep(chaos.pick(UPDATE_S))
            try:
                with running_on(CENTRAL):
                    self._open(name)
                break
            except (Died, Transient) as stopped:
                self.engine.dispose()
                chaos.tell(f"central's update is stopped: {type(stopped).__name__}")
                if start == STARTS_MAX:
                    raise
        chaos.tell(f"central is updated, at start {start}")
        self._down_until = 0.0

    async def deliver(self, method: str, path: str, headers: Headers, body: bytes) -> Reply:
        """One request; those about photo bytes the older program does not know. Raises ConnectionError while central is
        down, or when it dies over it."""
        if not self.is_up:
            raise ConnectionRefusedError
        known = "/nothing" if self.is_old and is_of_bytes(path) else path
        request = httpx.Request(method, f"http://central.test{known}", headers=dict(headers), content=body)
        before = MACHINE.set(CENTRAL)
        try:
            response = await self.transport.handle_async_request(request)
            raw = await response.aread()
        except Died as death:
            self.engine.dispose()
            self._down_until = asyncio.get_running_loop().time() + DOWN_S
            raise ConnectionResetError from death
        finally:
            MACHINE.reset(before)
        return response.status_code, response.headers, raw

    def publish(self, kind: str, record_id: str, values: dict[str, Json], scope_id: str = PROJECT) -> None:
        """The office writes a record."""
        with running_on(CONSOLE):
            self.central.publish(scope_id, [Writing(kind, record_id, values)], OFFICE)

    def epoch(self, connection: Connection) -> str:
        """Which life of the database this is."""
        return str(connection.execute(select(STATE.c.epoch)).scalar_one())

    def back_up(self) -> None:
        """Copy the database as it is now."""
        self.engine.dispose()
        self._names.append(self._databases.make(str(self.engine.url.database)))
        self._backups.append((asyncio.get_running_loop().time(), self._names[-1]))

    def forget_backups(self) -> None:
        """Only what is backed up from here on can be restored."""
        self._backups.clear()

    def restore(self, dice: random.Random) -> float | None:
        """Go back to one of the last backups, in a new epoch; returns when that backup was made, None without one."""
        if not self._backups:
            return None
        at, backup = dice.choice(self._backups[-3:])
        self._go_on_with(backup)
        begin_epoch(self.engine, self.clock.now())
        self._epochs += 1
        with self.engine.begin() as connection:
            connection.execute(update(STATE).values(epoch=f"epoch-{self._epochs}"))
        return at

    def fail_over(self) -> float | None:
        """Go on with the last backup as a replica does that was behind when it took over, and that nobody has told so."""
        if not self._backups:
            return None
        at, stale = self._backups[-1]
        self._go_on_with(stale)
        return at

    def _go_on_with(self, backup: str) -> None:
        self.engine.dispose()
        self._names.append(self._databases.make(backup))
        self._open(self._names[-1])

    def close(self) -> None:
        """Drop everything."""
        self.engine.dispose()
        for name in self._names:
            self._databases.drop(name)
