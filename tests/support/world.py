"""A world: a real central on PostgreSQL, laptops opened as the program opens them, lines to cut, one clock moved by hand.

Requests run through httpx and the real ASGI application in this process, so a run is one thread and repeatable.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, Engine, select

from bravetui import wiring
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.canonical import Json
from bravetui.base.clock import ManualClock
from bravetui.base.runner import InlineRunner
from bravetui.central import checks, parked
from bravetui.central.app import make_app
from bravetui.central.database import open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.central.serve import serving
from bravetui.central.service import Central, Writing
from bravetui.central.state import begin_epoch, state_of
from bravetui.central.tables import LEDGER
from bravetui.db.device import Outbox, OutboxState
from bravetui.db.kinds import KINDS, Kind, kind_of
from bravetui.db.records import Stored, load, rows_of, stored_from_row
from bravetui.db.store import Store
from bravetui.sync.line import Line
from bravetui.sync.progress import SyncEvent
from bravetui.sync.worker import Worker
from bravetui.wire.change import Change
from bravetui.wire.lanes import POLICY
from tests.support.central import KEYS, ORGANIZATION, PROJECT, Site, central_site
from tests.support.postgres import TestServer

ADDRESS = "http://central.test"
PASSPHRASE = "a truck in the rain"
BALLAST_BYTES = 1024
"""Little: it is not what is tried, and to lay down the whole of it would be a tenth of the time of these tests."""

_OF_THE_LAPTOP = ("bravetui.sync.", "bravetui.actions.", "bravetui.views.", "bravetui.wiring.")

_outbox = Outbox.__table__  # type: ignore[attr-defined]

Records = Mapping[tuple[str, str, str], Stored]
"""By scope, kind and id."""


class LossyLine(Line):
    """A line that may also break after central has heard: the request arrives, the answer does not."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        super().__init__(inner)
        self.answers_to_lose = 0
        self.cut_after_next = False
        """Lets one exchange through whole and is dead from then on."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if self.cut_after_next:
            body = await response.aread()
            self.cut_after_next = False
            self.cut()
            return httpx.Response(
                response.status_code, headers=response.headers, stream=httpx.ByteStream(body)
            )
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            body = await response.aread()
            return httpx.Response(response.status_code, headers=response.headers, stream=_Half(body, request))
        return response


class _Half(httpx.AsyncByteStream):
    """The first half of an answer, and then nothing."""

    def __init__(self, body: bytes, request: httpx.Request) -> None:
        self._body, self._request = body, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body[: len(self._body) // 2]
        raise httpx.ReadError("the line broke in mid-answer", request=self._request)


@dataclass
class Here:
    """One laptop at work."""

    folder: Path
    laptop: wiring.Laptop
    line: LossyLine
    worker: Worker
    events: list[SyncEvent] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Its tables and its way into them."""
        return self.laptop.store

    @property
    def device(self) -> int:
        """The number that its next change will bear."""
        return self.store.identity.device

    async def sync(self) -> bool:
        """Sync to the end; whether all is handed in."""
        return await self.worker.run_once()

    def create(self, kind: str, values: Mapping[str, Json], scope_id: str = PROJECT) -> str:
        """Record something new."""
        with self.store.write() as writing:
            return writing.create(kind, scope_id, values)

    def edit(self, kind: str, record_id: str, scope_id: str = PROJECT, **values: Json) -> None:
        """Change values."""
        self.edit_paths(kind, record_id, values, scope_id)

    def edit_paths(
        self, kind: str, record_id: str, values: Mapping[str, Json], scope_id: str = PROJECT
    ) -> None:
        """Change values whose paths are no names, such as those of rows."""
        with self.store.write() as writing:
            writing.edit(kind, scope_id, record_id, values)

    def value(self, kind: str, record_id: str, path: str, scope_id: str = PROJECT) -> Json:
        """One field as the tables hold it."""
        with self.store.read() as connection:
            stored = load(connection, KINDS[kind], scope_id, record_id)
        assert stored is not None, f"there is no {kind} {record_id}"
        return stored.state.cells[path].value

    def outbox(self, *states: OutboxState) -> list[Change]:
        """The changes in these states (in any, where none is named), oldest first."""
        query = select(_outbox.c.body).order_by(_outbox.c.device, _outbox.c.counter)
        if states:
            query = query.where(_outbox.c.state.in_(states))
        with self.store.read() as connection:
            return [Change.model_validate_json(body) for body in connection.execute(query).scalars()]

    def states(self) -> list[str]:
        """The states of the outbox, oldest first."""
        with self.store.read() as connection:
            query = select(_outbox.c.state).order_by(_outbox.c.device, _outbox.c.counter)
            return list(connection.execute(query).scalars())

    def records(self) -> Records:
        """Every record that central sends out, as this laptop holds it."""
        with self.store.read() as connection:
            return _records(connection)

    def close(self) -> None:
        """Shut the lid."""
        asyncio.run(self.worker.close()) if not _in_loop() else None
        self.laptop.close()


class _Address(httpx.AsyncBaseTransport):
    """Central's address: whichever central answers there now."""

    def __init__(self, site: Site) -> None:
        self._inner: httpx.AsyncBaseTransport
        self._host: httpx.URL | None = None
        self.lead_to(site)

    def lead_to(self, site: Site) -> None:
        """Answer in this process."""
        app = make_app(site.engine, KEYS, site.clock, site.central.ids, run=InlineRunner())
        self._inner = httpx.ASGITransport(app)

    def lead_over(self, wire: httpx.AsyncBaseTransport, address: str) -> None:
        """Go over a real line to whoever serves at the address."""
        self._inner, self._host = wire, httpx.URL(address)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._host is not None:
            request.url = request.url.copy_with(
                scheme=self._host.scheme, host=self._host.host, port=self._host.port
            )
        return await self._inner.handle_async_request(request)


@dataclass
class World:
    """Central, its clock and its laptops."""

    site: Site
    folder: Path
    server: TestServer
    app: _Address
    laptops: list[Here] = field(default_factory=list)

    @property
    def clock(self) -> ManualClock:
        """One clock for all."""
        return self.site.clock

    @property
    def engine(self) -> Engine:
        """Central's database."""
        return self.site.engine

    async def laptop(self, name: str, user_id: str) -> Here:
        """A newly enrolled laptop that has never synced."""
        folder = self.folder / name
        code = issue_code(self.engine, self.clock.now(), ORGANIZATION, user_id)
        folder.mkdir()
        await wiring.enrol(folder, ring_of(folder), ADDRESS, code, name, transport=self.app)
        return self.open(folder)

    async def two_that_have(
        self, values: Mapping[str, Json], kind: str = "violation"
    ) -> tuple[Here, Here, str]:
        """Carlos' laptop and Dana's, and the id of a record that he made and both have."""
        carlos, dana = await self.laptop("carlos-1", "carlos"), await self.laptop("dana-1", "dana")
        record_id = carlos.create(kind, values)
        for here in (carlos, dana):
            assert await here.sync()
        return carlos, dana, record_id

    async def sign_in(self, here: Here) -> Here:
        """Its person signs in again, and the program is started anew: the laptop goes on as it was."""
        user_id = here.store.identity.user_id
        here.close()
        self.laptops.remove(here)
        code, ring = issue_code(self.engine, self.clock.now(), ORGANIZATION, user_id), ring_of(here.folder)
        await wiring.enrol(here.folder, ring, ADDRESS, code, here.folder.name, transport=self.app, again=True)
        return self.open(here.folder)

    def open(self, folder: Path) -> Here:
        """Open what a folder holds, as a start of the program does."""
        laptop = wiring.open_laptop(folder, ring_of(folder), self.clock, ballast_bytes=BALLAST_BYTES)
        line = LossyLine(self.app)
        events: list[SyncEvent] = []
        worker = wiring.make_worker(laptop, events.append, InlineRunner(), line)
        here = Here(folder, laptop, line, worker, events)
        self.laptops.append(here)
        return here

    def copy(self, original: Here, name: str) -> tuple[Here, Here]:
        """Shut a laptop, copy its disk, and open both."""
        original.close()
        self.laptops.remove(original)
        shutil.copytree(original.folder, self.folder / name)
        return self.open(original.folder), self.open(self.folder / name)

    def epoch(self) -> str:
        """In which life central's database is."""
        with self.engine.begin() as connection:
            return state_of(connection, self.clock.now()).epoch

    def central_records(self) -> Records:
        """Every record that central sends out."""
        with self.engine.connect() as connection:
            return _records(connection)

    def ledger(self) -> list[Change]:
        """Every change that central has taken, in its order by scope."""
        query = select(LEDGER.c.body).order_by(LEDGER.c.scope_id, LEDGER.c.seq)
        with self.engine.connect() as connection:
            return [Change.model_validate(json.loads(body)) for body in connection.execute(query).scalars()]

    @contextmanager
    def backup_of_central(self) -> Iterator[str]:
        """The address of a copy of central's database as it is now."""
        self.engine.dispose()
        with self.server.database(str(self.engine.url.database)) as url:
            yield url

    @contextmanager
    def restored(self, backup: str) -> Iterator[None]:
        """Central as its operator restored it from a backup, under a new epoch; what came since is gone there."""
        with self._moved_to(backup) as engine:
            begin_epoch(engine, self.clock.now())
            yield

    @contextmanager
    def failed_over(self, stale: str) -> Iterator[None]:
        """Central on a copy that was behind when it took over, and nobody has told it so."""
        with self._moved_to(stale):
            yield

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Central behind real HTTP, on threads of its own."""
        with serving(make_app(self.engine, KEYS, self.clock, self.site.central.ids)) as address:
            async with httpx.AsyncHTTPTransport() as wire:
                self.app.lead_over(wire, address)
                yield

    @contextmanager
    def _moved_to(self, address: str) -> Iterator[Engine]:
        engine = open_central_engine(address)
        self.site = Site(Central(engine, KEYS, self.clock, self.site.central.ids), self.clock, address)
        self.app.lead_to(self.site)
        try:
            yield engine
        finally:
            engine.dispose()

    def close(self) -> None:
        """Shut every lid."""
        for here in self.laptops:
            here.close()


@contextmanager
def a_world(postgres: TestServer, folder: Path) -> Iterator[World]:
    """A project with two foremen and an office, and no laptop yet."""
    with central_site(postgres) as site:
        world = World(site, folder, postgres, _Address(site))
        try:
            yield world
        finally:
            world.close()


async def sync_all(laptops: Iterable[Here]) -> None:
    """Each twice, so that everybody hears of everybody; none waits out its pause after a failure."""
    for _ in range(2):
        for here in laptops:
            here.worker.ask_now()
            with here.store.maintain() as connection:
                connection.exec_driver_sql("UPDATE lane_state SET next_attempt_at = NULL")
            await here.sync()


def findings(world: World) -> Counter[str]:
    """What central's violations say, each once for each record that says it."""
    records = world.central_records().items()
    return Counter(
        str(one.state.values()["description"]) for (_, kind, _), one in records if kind == "violation"
    )


def forget_kinds(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make every laptop an older program, which does not know these kinds (`kind`) and fields (`kind.field`)."""
    _know_only(monkeypatch, _OF_THE_LAPTOP, _without(names))


def older_central(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make central an older program, which does not know these kinds (`kind`) and fields (`kind.field`)."""
    known = _without(names)
    _know_only(monkeypatch, ("bravetui.central.",), known)

    def older_kind_of(name: str) -> Kind:
        return known[name] if name in known else kind_of("unheard of")

    for module in (checks, parked):
        monkeypatch.setattr(module, "kind_of", older_kind_of)
    monkeypatch.setattr(checks, "_belongs", checks._belongs.__wrapped__)


def _without(names: Sequence[str]) -> dict[str, Kind]:
    """The kinds less those named, and less the fields named."""
    found = {name: kind for name, kind in KINDS.items() if name not in names}
    for kind, _, gone in (name.partition(".") for name in names if "." in name):
        older = copy(found[kind])
        older.__dict__["columns"] = {name: one for name, one in older.columns.items() if name != gone}
        found[kind] = older
    return found


def _know_only(monkeypatch: pytest.MonkeyPatch, prefixes: tuple[str, ...], kinds: Mapping[str, Kind]) -> None:
    for module in [module for name, module in sys.modules.items() if name.startswith(prefixes)]:
        if hasattr(module, "KINDS"):
            monkeypatch.setattr(module, "KINDS", kinds)


def demote(world: World, user_id: str, role: str) -> None:
    """Take a person's right to write in the project, or give it back."""
    set_member(world, user_id, project_role=role)


def set_member(world: World, user_id: str, **values: Json) -> None:
    """Change a person's membership of the project."""
    members = KINDS["project_member"].table
    with world.engine.connect() as connection:
        member_id = connection.execute(select(members.c.id).where(members.c.user_id == user_id)).scalar_one()
    world.site.central.publish(PROJECT, [Writing("project_member", member_id, values)])


def ring_of(folder: Path) -> SealedFile:
    """The keys in a laptop's folder, or on its card."""
    return SealedFile(folder / wiring.KEYS, [Passphrase(PASSPHRASE, memory_kib=8 * 1024)])


def _records(connection: Connection) -> Records:
    found: dict[tuple[str, str, str], Stored] = {}
    for kind in KINDS.values():
        if POLICY[kind.lane].page_rows:
            found |= _of_kind(connection, kind)
    return found


def _of_kind(connection: Connection, kind: Kind) -> Records:
    rows = rows_of(connection, select(kind.table))
    return {(row["scope_id"], kind.name, row["id"]): stored_from_row(kind, row) for row in rows}


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
