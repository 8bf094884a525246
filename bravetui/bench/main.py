"""`bravetui bench`: measures on a central and laptops of its own, and prints a table.

Wall times belong to the machine they were taken on and to its neighbours: compare ratios and bytes. Raw JSON is the size
of the same rows, or the same values, written as plain JSON: what a sync without deltas and compression would move.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median

from sqlalchemy import select

from bravetui import wiring
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.clock import SystemClock, SystemIds
from bravetui.base.options import decimal
from bravetui.base.runner import ThreadRunner
from bravetui.bench.accounting import account
from bravetui.bench.heads import Heads
from bravetui.bench.paint import Unmeasurable, measure
from bravetui.bench.sealing import sealing_costs
from bravetui.bench.workload import People
from bravetui.central.app import make_app
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.central.keys import make_keys
from bravetui.central.postgres import embedded_postgres
from bravetui.central.sampling import found_sample
from bravetui.central.serve import serving
from bravetui.central.service import Central, Writing
from bravetui.central.tables import HEADS
from bravetui.forms.library import shipped
from bravetui.merge.hlc import Hlc
from bravetui.merge.record import merge
from bravetui.merge.rules import Rules
from bravetui.merge.state import Cell, RecordState
from bravetui.merge.version import Dot, VersionVector
from bravetui.sample.site import Form, Seed, Site, make_site
from bravetui.sync.client import Answered, CentralClient
from bravetui.sync.progress import SyncProgress
from bravetui.sync.worker import Worker
from bravetui.wire.codec import COLUMNS_TYPE, JSON_TYPE, encode
from bravetui.wire.messages import SyncAnswer, SyncRequest
from bravetui.wiring import Laptop

TODAY = date(2026, 8, 3)
RUNS = 5
"""What is cheap is measured so often, and the median given."""

PASSPHRASE = "bench only, no secret"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    value: float | None
    """None: it could not be measured here; `beside` says why."""
    unit: str
    asked: str = ""
    """What was asked for."""
    beside: str = ""
    """The floor, or the raw size, and the ratio."""


def options(parser: argparse.ArgumentParser) -> None:
    """How much, and how to print it."""
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--scale", type=decimal(0.01, 100), default=1.0, help="size of the site; 1 is the typical project"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to see that it runs")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    scale = arguments.scale / 10 if arguments.quick else arguments.scale
    figures: list[Figure] = []

    def add(figure: Figure) -> None:
        figures.append(figure)
        if not arguments.json:
            print(_line(figure), flush=True)

    if not arguments.json:
        print(f"{'figure':<38}{'value':>12} {'unit':<10}{'asked':<16}beside")
    with tempfile.TemporaryDirectory(prefix="bravetui-bench-") as name:
        for one in _figures(Path(name), scale):
            add(one)
    if arguments.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    return 0


def _line(figure: Figure) -> str:
    if figure.value is None:
        value = "-"
    else:
        value = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:,.3g}"
    return f"{figure.what:<38}{value:>12} {figure.unit:<10}{figure.asked:<16}{figure.beside}".rstrip()


@dataclass
class World:
    """A central and how to add laptops to it."""

    folder: Path
    central: Central
    address: str
    site: Site
    stack: ExitStack

    def laptop(self, name: str, user_id: str) -> Laptop:
        """An enrolled laptop that has never synced."""
        folder = self.folder / name
        folder.mkdir()
        ring = SealedFile(folder / wiring.KEYS, [Passphrase(PASSPHRASE, memory_kib=8 * 1024)])
        code = issue_code(self.central.engine, self.central.clock.now(), self.site.organization_id, user_id)
        asyncio.run(wiring.enrol(folder, ring, self.address, code, name))
        laptop = wiring.open_laptop(folder, ring)
        self.stack.callback(laptop.close)
        return laptop


@contextmanager
def _world(folder: Path, scale: float) -> Iterator[World]:
    form = shipped("cgp_site_inspection")
    body = Form(form.key, form.version, form.title, "EPA permit", form.to_json())
    site = make_site(body, today=TODAY, scale=scale)
    with ExitStack() as stack:
        url = stack.enter_context(embedded_postgres(folder / "central"))
        engine = open_central_engine(url)
        stack.callback(engine.dispose)
        migrate(engine)
        clock = SystemClock()
        central = Central(engine, make_keys(), clock, SystemIds(clock))
        found_sample(central, site)
        app = make_app(engine, central.keys, clock, central.ids)
        address = stack.enter_context(serving(app))
        yield World(folder, central, address, site, stack)


def _figures(folder: Path, scale: float) -> Iterator[Figure]:
    with _world(folder, scale) as world:
        here, others = (
            world.laptop("here", world.site.foreman_id),
            world.laptop("others", world.site.office_id),
        )
        yield from _first_sync(world, here)
        _sync(others)
        foreman, colleagues = People(here.store, world.site, 1), People(others.store, world.site, 2)
        yield from _day(here, others, foreman, colleagues, scale)
        yield from _month(world, here, foreman, colleagues, scale)
        yield from _saves(here, foreman, folder)
        yield from _sealing(folder)
        yield _detection()
        yield from _paint(world)


class _Keeping(CentralClient):
    """A client that keeps what was said, to see what another packing would have made of it."""

    def __init__(self, laptop: Laptop) -> None:
        self.heads = Heads()
        super().__init__(laptop.store.identity.central_url, laptop.prover(), transport=self.heads)
        self.contacts: list[tuple[SyncRequest, SyncAnswer]] = []

    async def sync(self, request: SyncRequest) -> Answered:
        answered = await super().sync(request)
        self.contacts.append((request, answered.answer))
        return answered

    def size(self, encoding: str, contacts: int | None = None, form: str = JSON_TYPE) -> int:
        """Bytes of the first so many contacts (of all) in that encoding and form."""
        return sum(
            len(encode(message, encoding, media_type=form))
            for contact in self.contacts[:contacts]
            for message in contact
        )


def _sync(laptop: Laptop, client: CentralClient | None = None) -> tuple[SyncProgress, float]:
    """Sync to the end; what it came to, and the wall time of the exchanges."""
    runner = ThreadRunner()  # as `bravetui sync` has it
    worker = Worker(laptop.store, client or _Keeping(laptop), lambda event: None, runner)

    async def once() -> None:
        try:
            await worker.run_once()
        finally:
            await worker.close()

    with closing(runner):
        asyncio.run(once())
    return worker.progress, worker.progress.busy_s


def _first_sync(world: World, laptop: Laptop) -> Iterator[Figure]:
    raw = sum(len(json.dumps(seed.values)) for seed in world.site.records)
    progress, wall_s = _sync(laptop)
    yield Figure("first sync", wall_s, "s", "< 60 s", f"{progress.rows_done:,} records")
    yield Figure("first sync, rate", progress.rows_done / wall_s, "records/s", ">= 100/s")
    yield Figure(
        "first sync, down",
        progress.bytes_down,
        "bytes",
        "",
        f"raw JSON {raw:,}: {_less(progress.bytes_down, raw)}",
    )


def _day(here: Laptop, others: Laptop, foreman: People, colleagues: People, scale: float) -> Iterator[Figure]:
    count = max(4, int(86 * scale))
    colleagues.edit(max(3, int(69 * scale)))
    _sync(others)
    _sync(here)
    colleagues.edit(max(3, int(69 * scale)))
    _sync(others)
    foreman.create(count // 4)
    foreman.edit(count - count // 4)
    full = sum(len(json.dumps(seed.values)) for seed in foreman.some(10**6))
    raw = _outbox_bytes(here)
    client = _Keeping(here)
    progress, wall_s = _sync(here, client)
    moved = progress.bytes_up + progress.bytes_down
    yield Figure(
        "a day's changes", wall_s, "s", "< 10 s", f"{progress.changes_done} up, {progress.rows_done} down"
    )
    yield Figure(
        "a day, up", progress.bytes_up, "bytes", "", f"raw JSON {raw:,}: {_less(progress.bytes_up, raw)}"
    )
    yield Figure("a day, down", progress.bytes_down, "bytes")
    yield Figure(
        "a day, both ways", moved, "bytes", "< 1 MB", f"a full sync as JSON {full:,}: {_less(moved, full)}"
    )
    heads = client.heads
    told = f"{heads.requests} requests; grant and proof {heads.signed_bytes:,}"
    yield Figure("a day, HTTP heads on top", heads.bytes, "bytes", "", told)
    yield from _packings("a day", client, None)
    foreman.edit(1)
    client = _Keeping(here)
    _sync(here, client)
    yield from _packings("one change", client, 1)


def _packings(what: str, client: _Keeping, contacts: int | None) -> Iterator[Figure]:
    """The same messages as JSON without and with the dictionary, and in columns with it."""
    plain, shared = client.size("zstd", contacts), client.size("dcz", contacts)
    columns = client.size("dcz", contacts, COLUMNS_TYPE)
    yield Figure(
        f"{what}, shared dictionary", shared, "bytes", "", f"plain zstd {plain:,}: {_less(shared, plain)}"
    )
    yield Figure(f"{what}, in columns", columns, "bytes", "", f"JSON {shared:,}: {_less(columns, shared)}")


def _month(world: World, here: Laptop, foreman: People, colleagues: People, scale: float) -> Iterator[Figure]:
    up, down = max(20, int(1500 * scale)), max(40, int(3000 * scale))
    began = _head(world)
    _others_write(world, colleagues, down, colleagues.some(max(30, int(2052 * scale))))
    foreman.create(up // 5)
    foreman.edit_each(foreman.some(up - up // 5))
    queued, raw = _outbox_count(here), _outbox_bytes(here)
    progress, wall_s = _sync(here)
    rate = (progress.changes_done + progress.rows_done) / wall_s
    told = f"{queued:,} changes up, {progress.rows_done:,} records down"
    yield Figure("30 days offline, then the line", wall_s, "s", "", told)
    yield Figure("30 days, rate", rate, "records/s", ">= 100/s")
    yield Figure(
        "30 days, up", progress.bytes_up, "bytes", "", f"raw JSON {raw:,}: {_less(progress.bytes_up, raw)}"
    )
    yield Figure("30 days, down", progress.bytes_down, "bytes")
    yield Figure("30 days, conflicts to decide", _conflicts(here), "conflicts")
    with world.central.engine.connect() as connection:
        counted = account(connection, world.site.project_id, began)
    yield Figure("30 days, values lost", counted.lost, "values", "0", counted.words)


OTHERS = 6
"""People at work while this laptop is away."""


def _others_write(world: World, people: People, count: int, records: Sequence[Seed]) -> None:
    """So many changes of others, each seen by the next, as people with a line work."""
    project_id, authors = world.site.project_id, [f"colleague-{number}" for number in range(1, OTHERS + 1)]
    for number in range(count):
        record = records[number * 7 % len(records)]
        path, value = people.drafted(record)
        world.central.publish(
            project_id, [Writing(record.kind, record.id, {path: value})], authors[number % OTHERS]
        )


def _head(world: World) -> int:
    with world.central.engine.connect() as connection:
        query = select(HEADS.c.seq).where(HEADS.c.scope_id == world.site.project_id)
        return int(connection.execute(query).scalar_one())


def _saves(laptop: Laptop, people: People, folder: Path) -> Iterator[Figure]:
    """Saves a second through the whole path, each durable twice (journal and database), beside bare durable commits."""
    clock, count = SystemClock(), 100
    took_s, bare_s = [], []
    for number in range(RUNS):
        took_s.append(_timed(clock, lambda: people.edit(count)))
        path = folder / f"floor-{number}.db"
        bare_s.append(_timed(clock, partial(_bare_commits, path, count)))
    ours, floor = count / median(took_s), count / median(bare_s)
    yield Figure(
        "durable saves",
        ours,
        "saves/s",
        ">= 100/s",
        f"bare SQLite commits {floor:,.0f}/s: {ours / floor:.2f} of it",
    )


def _bare_commits(path: Path, count: int) -> None:
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")
        for number in range(count):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO t VALUES (?, ?)", (number, "x" * 600))
            connection.execute("COMMIT")
    connection.close()


def _sealing(folder: Path) -> Iterator[Figure]:
    """The same statements with encryption and without, in turn."""
    for cost in sealing_costs(folder):
        beside = f"{cost.per_run / cost.sealed_s:,.0f}/s, plain SQLite {cost.per_run / cost.plain_s:,.0f}/s"
        yield Figure(f"encryption, {cost.what}", cost.ratio, "x plain", "", beside)


def _detection() -> Figure:
    """Merging one record of 200 cells of which ten were set apart."""
    cells = {f"answers/q{n}": Cell("base", (Dot(0, 1),), Hlc(1)) for n in range(200)}
    both = VersionVector({0: 1})

    def side(device: int) -> RecordState:
        own = {f"answers/q{n}": Cell(f"by {device}", (Dot(device, 1),), Hlc(2)) for n in range(10)}
        return RecordState({**cells, **own}, both.with_dot(Dot(device, 1)))

    local, remote, base = side(1), side(2), dict.fromkeys(cells, "base")
    clock, count = SystemClock(), 50
    took_s = median(
        _timed(clock, lambda: [merge(base, local, remote, Rules()) for _ in range(count)])
        for _ in range(RUNS)
    )
    return Figure(
        "conflict detection", took_s / count * 1000, "ms/record", "< 100 ms", "200 cells, 10 set apart"
    )


def _paint(world: World) -> Iterator[Figure]:
    laptop = world.laptop("painted", world.site.foreman_id)
    laptop.close()
    secret = world.folder / "passphrase"
    secret.write_text(PASSPHRASE, encoding="utf-8")
    try:
        seen = measure(world.folder / "painted", secret)
    except (Unmeasurable, TimeoutError) as error:
        yield Figure("first paint and key to screen", None, "", "", str(error))
        return
    yield Figure(
        "first paint, cold start",
        seen.first_s,
        "s",
        "",
        "process start, keys opened, first full sync beginning",
    )
    yield Figure(
        "key to next screen, median",
        seen.key_median_s * 1000,
        "ms",
        "",
        f"{seen.keys} keys while the first sync runs",
    )
    yield Figure("key to next screen, worst", seen.key_worst_s * 1000, "ms")


def _outbox_count(laptop: Laptop) -> int:
    return _outbox(laptop, "count(*)")


def _outbox_bytes(laptop: Laptop) -> int:
    return _outbox(laptop, "coalesce(sum(length(body)), 0)")


def _outbox(laptop: Laptop, what: str) -> int:
    with laptop.store.read() as connection:
        query = f"SELECT {what} FROM outbox WHERE state IN ('pending', 'sent')"
        return int(connection.exec_driver_sql(query).scalar_one())


def _conflicts(laptop: Laptop) -> int:
    with laptop.store.read() as connection:
        return int(
            connection.exec_driver_sql("SELECT count(*) FROM conflict WHERE status = 'open'").scalar_one()
        )


def _less(moved: float, raw: float) -> str:
    return f"{(1 - moved / raw) * 100:.1f} % less" if raw else ""


def _timed(clock: SystemClock, work: Callable[[], object]) -> float:
    began = clock.monotonic_s()
    work()
    return clock.monotonic_s() - began
