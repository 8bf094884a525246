"""kill -9 of both sides while they talk: a foreman who saves and hands in, and central on a PostgreSQL of its own.

Each is killed at a moment drawn from the seed, often in the middle of an exchange, and started again; the foreman in three
cases of ten once more while he recovers. The trials of one process share one world, which goes on from kill to kill: what a
trial broke, a later one finds too. Every tenth ends with a sync to the end, after which both sides must hold the same, once.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Self

from sqlalchemy import select

from bravetui import wiring
from bravetui.base.clock import SystemClock, SystemIds
from bravetui.base.runner import InlineRunner, ThreadRunner
from bravetui.central.app import make_app
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.central.founding import add_person, found_organization, open_project
from bravetui.central.ledger import audit
from bravetui.central.postgres import embedded_postgres
from bravetui.central.serve import listen, serve
from bravetui.central.service import Central
from bravetui.central.tables import LEDGER
from bravetui.db.kinds import KINDS
from bravetui.simulate.photographs import Held, held
from bravetui.wire.blobs import BlobName, Rendition
from tests.durability.checking import Told, demand, hold_photos
from tests.durability.foreman import Foreman, Tell, lay_ballast, ring_of
from tests.durability.lab import Lab, in_child
from tests.support.central import KEYS

SORT = "both"
WORK_S, START_S = 0.6, 0.1
SECOND_KILL = 0.3
COMPARED_EVERY = 10
PHOTO_EVERY = 10
ORGANIZATION, PROJECT, FOREMAN = "org", "site", "carlos"
NOTE = "note"
"""The one record that he writes in again and again."""

_violation = KINDS["violation"].table


def trial(lab: Lab, case: int) -> str:
    """Kill one or both, and check; returns who was killed. Raises Lost."""
    world = lab.kept(World)
    came = world.turn(case, lab.chance(SORT, case))
    world.check()
    if case % COMPARED_EVERY == COMPARED_EVERY - 1:
        world.compare()
    return came


class World:
    """A laptop, a central, a PostgreSQL, and what the foreman was told."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._laptop = folder, folder / "truck"
        self._stack = ExitStack()
        self._process = 0
        self.made: set[int] = set()
        """Findings that he was told are saved."""
        self.photos: dict[str, dict[str, str]] = {}
        """By record, the hash of each size of a photo that he was told is saved."""
        self.noted = 0
        """The last number that he was told is in the note."""

    def __enter__(self) -> Self:
        (self._folder / "central").mkdir(parents=True)
        self._url = self._stack.enter_context(embedded_postgres(self._folder / "central"))
        self._engine = open_central_engine(self._url)
        self._stack.callback(self._engine.dispose)
        migrate(self._engine)
        clock = SystemClock()
        central = Central(self._engine, KEYS, clock, SystemIds(clock))
        found_organization(central, "Acme Earthworks", new_id=ORGANIZATION)
        add_person(central, ORGANIZATION, "Carlos", "foreman", new_id=FOREMAN)
        open_project(central, ORGANIZATION, {"name": "Mill Creek"}, {FOREMAN: "foreman"}, new_id=PROJECT)
        probe = listen("127.0.0.1", 0)
        self._port = probe.getsockname()[1]
        probe.close()
        self._start_central()
        self._stack.callback(self._kill_central)
        code = issue_code(self._engine, clock.now(), ORGANIZATION, FOREMAN)
        address = f"http://127.0.0.1:{self._port}"
        asyncio.run(wiring.enrol(self._laptop, ring_of(self._laptop), address, code, "truck"))
        lay_ballast(self._laptop)
        self._sync()
        laptop = _open(self._laptop)
        with laptop.store.write() as writing:
            writing.create("violation", PROJECT, {"description": "note 0"}, record_id=NOTE)
        laptop.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def turn(self, case: int, chance: Random) -> str:
        """Let him work until he is killed; sometimes central dies meanwhile, and sometimes he dies again at his start."""
        self._start_central()
        lasts_s, first = chance.uniform(0, WORK_S), 10_000 * (case + 1)
        dies = chance.random() < 0.5
        timer = threading.Timer(chance.uniform(0, lasts_s), self._kill_central)
        if dies:
            timer.start()
        child = in_child(lambda tell: asyncio.run(_work(self._laptop, first, tell)), lasts_s)
        if dies:
            timer.join()
        self._hear(child.lines)
        again = chance.random() < SECOND_KILL
        if again:
            self._hear(in_child(self._start, chance.uniform(0, START_S)).lines)
        return ("foreman and central" if dies else "foreman") + (", he twice" if again else "")

    def check(self) -> None:
        """All that he was told is saved is on his laptop."""
        laptop = _open(self._laptop)
        try:
            with laptop.store.read() as reading:
                here = dict(reading.execute(select(_violation.c.id, _violation.c.description)).all())
            hold_photos(laptop.store, Told(photos=self.photos), PROJECT)
        finally:
            laptop.close()
        self._hold(here)

    def compare(self) -> None:
        """After a sync to the end, both hold the same, each change is in the ledger once, and its chain adds up."""
        self._start_central()
        demand(self._sync(), "not all is handed in after a sync to the end")
        laptop = _open(self._laptop)
        try:
            with laptop.store.read() as reading:
                here = dict(reading.execute(select(_violation.c.id, _violation.c.description)).all())
        finally:
            laptop.close()
        with self._engine.connect() as connection:
            there = dict(connection.execute(select(_violation.c.id, _violation.c.description)).all())
            begun = connection.execute(select(LEDGER.c.record_id).where(LEDGER.c.created)).scalars().all()
            audit(connection, PROJECT)
            photos = held(connection)
        self._hold(there)
        self._hold_photos(photos)
        demand(here == there, f"{len(set(here.items()) ^ set(there.items()))} records differ")
        demand(len(begun) == len(set(begun)), "a record was begun twice at central")

    def _hold(self, found: dict[str, str]) -> None:
        lost = [number for number in self.made if found.get(_finding(number)) != f"finding {number}"]
        demand(not lost, f"findings {sorted(lost)[:5]} were saved and are gone")
        written = int(found.get(NOTE, "note 0").split()[1])
        demand(written >= self.noted, f"note {self.noted} was saved, and note {written} is there")

    def _hold_photos(self, there: dict[BlobName, Held]) -> None:
        due = {
            BlobName(PROJECT, hashes[Rendition.ORIGINAL], Rendition(rendition)): digest
            for hashes in self.photos.values()
            for rendition, digest in hashes.items()
        }
        wrong = [name for name, digest in due.items() if name not in there or there[name].sha256 != digest]
        demand(not wrong, f"{len(wrong)} of {len(due)} sizes of photos are not whole at central")

    def _hear(self, lines: tuple[str, ...]) -> None:
        for line in lines:
            word, _, number = line.partition(" ")
            demand(word != "traceback", f"it failed: {line}")
            if word == "made":
                self.made.add(int(number))
            elif word == "photo":
                said = json.loads(number)
                self.photos[said["record"]] = said["hashes"]
            elif word == "noted":
                self.noted = max(self.noted, int(number))

    def _start(self, tell: Tell) -> None:
        _open(self._laptop)

    def _sync(self) -> bool:
        laptop = _open(self._laptop)
        try:
            return asyncio.run(_sync_once(laptop))
        finally:
            laptop.close()

    def _start_central(self) -> None:
        if self._process:
            return
        process = os.fork()
        if process == 0:
            try:
                _be_central(self._url, self._port)
            finally:
                os._exit(1)
        self._process = process
        _wait_for(self._port)

    def _kill_central(self) -> None:
        process, self._process = self._process, 0
        if process:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _finding(number: int) -> str:
    return f"finding-{number:09d}"


def _open(folder: Path) -> wiring.Laptop:
    return wiring.open_laptop(folder, ring_of(folder))


async def _work(folder: Path, first: int, tell: Tell) -> None:
    """Save for ever, while sync hands in what is there."""
    laptop = _open(folder)
    worker = wiring.make_worker(laptop, lambda event: None, ThreadRunner())
    foreman = Foreman(laptop, Random(first), tell, project=PROJECT)
    syncing = asyncio.create_task(worker.watch())
    number = first
    while not syncing.done():
        number += 1
        with laptop.store.write() as writing:
            values = {"description": f"finding {number}"}
            writing.create("violation", PROJECT, values, record_id=_finding(number))
        tell(f"made {number}")
        with laptop.store.write() as writing:
            writing.edit("violation", PROJECT, NOTE, {"description": f"note {number}"})
        tell(f"noted {number}")
        if number % PHOTO_EVERY == 0:
            foreman.photograph(_finding(number))
        worker.nudge()
        await asyncio.sleep(0.002)
    await syncing


async def _sync_once(laptop: wiring.Laptop) -> bool:
    worker = wiring.make_worker(laptop, lambda event: None, InlineRunner())
    try:
        return await worker.run_once()
    finally:
        await worker.close()


def _be_central(url: str, port: int) -> None:
    clock = SystemClock()
    app = make_app(open_central_engine(url), KEYS, clock, SystemIds(clock))
    serve(app, listen("127.0.0.1", port), lambda address: None)


def _wait_for(port: int) -> None:
    import socket

    for _ in range(1000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError("central did not start")
