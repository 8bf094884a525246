"""kill -9 of the foreman's process and of central at many points: nothing saved is missing, nothing is doubled.

Real processes, a real PostgreSQL, real HTTP, real files. The foreman's process is killed at a moment drawn from a seed;
so is central's. Whoever is killed is started again.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from bravetui import wiring
from bravetui.actions import forms
from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.clock import SystemClock, SystemIds
from bravetui.base.runner import InlineRunner
from bravetui.central.database import migrate, open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.central.keys import load_keys
from bravetui.central.sampling import found_sample
from bravetui.central.service import Central
from bravetui.views.forms import form
from tests.support.seeded import sample_site

KILLS = 16
ROOT = Path(__file__).parents[2]


class CentralProcess:
    """`bravetui central` as an operator starts it, on a port that stays the same."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder, self._url = folder, database_url
        self.port = _free_port()
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = [sys.executable, "-m", "bravetui", "--folder", str(self._folder), "central"]
        choices = ["--port", str(self.port), "--database-url", self._url]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen([*program, *choices], cwd=ROOT, stdout=quiet, stderr=quiet)
        _wait_for_port(self.port)

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int) -> None:
    import socket

    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("central did not start")


@contextmanager
def central_process(folder: Path, database_url: str) -> Iterator[CentralProcess]:
    central = CentralProcess(folder, database_url)
    try:
        yield central
    finally:
        central.kill()


def type_and_kill(folder: Path, target: tuple[str, str], first: int, after_s: float) -> tuple[int, set[int]]:
    """Let the foreman type for so long and kill him; the last save he was told of, and the findings he was told of."""
    command = [sys.executable, "-m", "tests.demo.typist", str(folder), *target, str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        time.sleep(after_s)
        process.kill()
        lines += process.stdout.readlines()
    told = [line.split() for line in lines if line.endswith("\n")]
    assert not [line for line in told if line[0] == "FAILED"]
    saved = max((int(line[1]) for line in told if line[0] == "SAVED"), default=0)
    return saved, {int(line[1]) for line in told if line[0] == "MADE"}


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_saved_is_missing_and_nothing_is_doubled(
    tmp_path: Path, database_url: str, seed: int
) -> None:
    """Many kills of both sides, in between and under way; in the end laptop and central hold every save, once."""
    chance = random.Random(seed)
    engine = open_central_engine(database_url)
    migrate(engine)
    central_folder, laptop_folder = tmp_path / "central", tmp_path / "laptop"
    central_folder.mkdir()
    clock = SystemClock()
    central = Central(engine, load_keys(central_folder / "signing.key"), clock, SystemIds(clock))
    site = sample_site()
    found_sample(central, site)
    code = issue_code(engine, clock.now(), site.organization_id, site.foreman_id)
    ring = SealedFile(laptop_folder / wiring.KEYS, [Passphrase("kill me if you can", memory_kib=8192)])
    with central_process(central_folder, database_url) as server:
        asyncio.run(wiring.enrol(laptop_folder, ring, server.address, code, "laptop"))
        submission_id = _begin(laptop_folder, ring, site.project_id, site.template_id)
        saved, made = 0, set[int]()
        for turn in range(KILLS // 2):
            told = type_and_kill(
                laptop_folder,
                (site.project_id, submission_id),
                (turn + 1) * 10_000,
                chance.uniform(0.0, 0.5),
            )
            saved, made = max(saved, told[0]), made | told[1]
            if chance.random() < 0.5:
                server.kill()
                server.start()
        _check(laptop_folder, ring, engine, (site.project_id, submission_id), saved, made)
    engine.dispose()


def _begin(folder: Path, ring: SealedFile, scope_id: str, template_id: str) -> str:
    laptop = wiring.open_laptop(folder, ring)
    _sync(laptop)
    begun = forms.start_form(laptop.store, scope_id, template_id)
    laptop.close()
    return begun.submission_id


def _sync(laptop: wiring.Laptop) -> bool:
    worker = wiring.make_worker(laptop, lambda event: None, InlineRunner())

    async def once() -> bool:
        try:
            return await worker.run_once()
        finally:
            await worker.close()

    return asyncio.run(once())


def _check(
    folder: Path, ring: SealedFile, engine: Engine, target: tuple[str, str], saved: int, made: set[int]
) -> None:
    scope_id, submission_id = target
    laptop = wiring.open_laptop(folder, ring)
    try:
        assert _sync(laptop)
        summary = str(form(laptop.store, scope_id, submission_id).answers["summary"])
        with laptop.store.read() as reading:
            here = set(reading.execute(text("SELECT id FROM violation WHERE id LIKE 'finding-%'")).scalars())
    finally:
        laptop.close()
    assert int(summary.split()[1]) >= saved
    with engine.connect() as connection:
        rows = [
            tuple(row)
            for row in connection.execute(text("SELECT device, counter FROM ledger WHERE device > 0"))
        ]
        query = text("SELECT answers->>'summary' FROM submission WHERE id = :id")
        at_central = connection.execute(query, {"id": submission_id}).scalars().all()
        found = set(connection.execute(text("SELECT id FROM violation WHERE id LIKE 'finding-%'")).scalars())
    assert at_central == [summary]
    assert len(rows) == len(set(rows))
    assert {f"finding-{number:06d}" for number in made} <= found == here
