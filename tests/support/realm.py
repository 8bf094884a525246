"""A world for sync: the real central on real PostgreSQL, laptops on real encrypted SQLite, lines that can be cut.

HTTP goes through httpx into central's ASGI application in one process; clocks are moved by hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import Engine, select, text

from bravetui import wiring
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.clock import ManualClock, SeededIds
from bravetui.base.runner import InlineRunner
from bravetui.central.app import make_app
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.central.keys import make_keys
from bravetui.central.sampling import found_sample
from bravetui.central.service import Central
from bravetui.db.kinds import KINDS
from bravetui.db.records import rows_of, stored_from_row
from bravetui.db.store import Store
from bravetui.forms.library import shipped
from bravetui.sample.site import Form, Site, make_site
from bravetui.sync.line import Line
from bravetui.sync.progress import SyncEvent
from bravetui.sync.worker import Worker
from bravetui.wiring import Laptop
from tests.support.seeded import NOON, TODAY
from tests.support.world import BALLAST_BYTES

ADDRESS = "http://central.test"
_seeds = itertools.count(1)
"""No two starts draw the same ids: not even two copies of one laptop do."""


@dataclass
class Device:
    """A laptop in the world."""

    laptop: Laptop
    line: Line
    worker: Worker
    events: list[SyncEvent] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Its store."""
        return self.laptop.store

    async def sync(self) -> bool:
        """Sync to the end; whether all is handed in."""
        return await self.worker.run_once()


@dataclass
class World:
    """One central and its laptops."""

    folder: Path
    engine: Engine
    central: Central
    clock: ManualClock
    site: Site
    devices: list[Device] = field(default_factory=list)

    async def enrol(self, name: str, user_id: str) -> Device:
        """Add a laptop for a person of the site, and bring it everything."""
        code = issue_code(self.engine, self.clock.now(), self.site.organization_id, user_id)
        folder = self.folder / name
        folder.mkdir()
        ring = SealedFile(folder / wiring.KEYS, [Passphrase("test test test", memory_kib=8192)])
        await wiring.enrol(folder, ring, ADDRESS, code, name, self._transport())
        return await self.open(name)

    async def open(self, name: str) -> Device:
        """Open the laptop in that folder, as a start of the program does, and sync it."""
        folder = self.folder / name
        ring = SealedFile(folder / wiring.KEYS, [Passphrase("test test test", memory_kib=8192)])
        laptop = wiring.open_laptop(folder, ring, self.clock, ballast_bytes=BALLAST_BYTES)
        laptop.store.ids = SeededIds(self.clock, next(_seeds))
        line, events = Line(self._transport()), list[SyncEvent]()
        worker = wiring.make_worker(laptop, events.append, InlineRunner(), line)
        device = Device(laptop, line, worker, events)
        self.devices.append(device)
        await device.sync()
        return device

    def _transport(self) -> httpx.ASGITransport:
        app = make_app(self.engine, self.central.keys, self.clock, self.central.ids, run=InlineRunner())
        return httpx.ASGITransport(app)

    def cells(self, at: Engine, scope_id: str) -> dict[tuple[str, str], dict[str, object]]:
        """Every record of a scope as values by path: the same question asked of a laptop and of central."""
        found: dict[tuple[str, str], dict[str, object]] = {}
        with at.connect() as connection:
            for kind in KINDS.values():
                rows = rows_of(connection, select(kind.table).where(kind.table.c.scope_id == scope_id))
                for row in rows:
                    values = stored_from_row(kind, row).state.values()
                    found[kind.name, row["id"]] = {
                        path: value for path, value in values.items() if value is not None
                    }
        return found

    def ask(self, query: str, **values: object) -> list[tuple]:  # type: ignore[type-arg]
        """Central's own rows."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]


@contextmanager
def make_world(folder: Path, database_url: str, scale: float = 0.03) -> Iterator[World]:
    """A central with the sample site, and no laptop yet."""
    engine = open_central_engine(database_url)
    migrate(engine)
    clock = ManualClock(NOON)
    central = Central(engine, make_keys(), clock, SeededIds(clock, 99))
    form = shipped("cgp_site_inspection")
    body = Form(form.key, form.version, form.title, "EPA permit", form.to_json())
    site = make_site(body, today=TODAY, scale=scale)
    found_sample(central, site)
    world = World(folder, engine, central, clock, site)
    try:
        yield world
    finally:
        for device in world.devices:
            device.laptop.close()
        engine.dispose()
