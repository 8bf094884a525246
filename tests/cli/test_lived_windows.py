"""Lived through with other programs: the app, a shell, a session over SSH and the background all press sync at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, select, text

from bravetui.base.exits import EXIT_LATER
from bravetui.db.device import Outbox, OutboxState
from bravetui.views.status import scopes
from bravetui.wiring import Laptop, key_ring, open_laptop
from tests.cli.terminal import ROOT, Terminal

RECORDS = 30

_outbox = Outbox.__table__  # type: ignore[attr-defined]


def begin(terminal: Terminal, *words: str) -> subprocess.Popen[str]:
    """A command in a shell of its own."""
    environment = {**os.environ, "BRAVETUI_PASSPHRASE_FILE": str(terminal.passphrase)}
    return subprocess.Popen(
        [sys.executable, "-m", "bravetui", "--folder", str(terminal.folder), *words],
        cwd=ROOT, env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@contextmanager
def window(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    """The laptop as the app has it open that came too late for the lease: it shows, and people write in it."""
    monkeypatch.setenv("BRAVETUI_PASSPHRASE_FILE", str(terminal.passphrase))
    laptop = open_laptop(terminal.folder, key_ring(terminal.folder))
    try:
        yield laptop
    finally:
        laptop.close()


def write(laptop: Laptop, count: int) -> None:
    """Record so many findings, each saved by itself."""
    project = next(scope.id for scope in scopes(laptop.store) if scope.kind == "project")
    for number in range(count):
        with laptop.store.write() as writing:
            writing.create("violation", project, {"description": f"finding {number}", "location": "windows"})


def states(laptop: Laptop) -> set[str]:
    with laptop.store.read() as connection:
        return set(connection.execute(select(_outbox.c.state)).scalars())


def taken(database_url: str) -> tuple[int, int]:
    """Findings at central, and entries of its ledger about them."""
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT count(*) FROM violation WHERE location = 'windows'")
        ).scalar_one()
        entries = connection.execute(
            text('SELECT count(*) FROM ledger WHERE body LIKE \'%"location":"windows"%\'')
        ).scalar_one()
    engine.dispose()
    return found, entries


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signal to one process")
def test_whoever_presses_sync_beside_the_background_is_told_who_syncs_and_nothing_is_handed_in_twice(
    enrolled: Terminal, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled.run("sync", "--once")
    with window(enrolled, monkeypatch) as app:
        write(app, RECORDS)
        background = begin(enrolled, "sync", "--watch")
        assert background.stdout
        background.stdout.readline()
        others = [begin(enrolled, "sync", "--once") for _ in range(3)]
        write(app, RECORDS)
        for other in others:
            said, _ = other.communicate(timeout=120)
            assert (other.returncode, f"process {background.pid}" in said) == (EXIT_LATER, True), said
        background.send_signal(signal.SIGTERM)
        background.communicate(timeout=120)
        assert background.returncode == 0
        assert "All handed in" in enrolled.run("sync", "--once")
        assert states(app) == {OutboxState.CONFIRMED}
    assert taken(database_url) == (2 * RECORDS, 2 * RECORDS)


def test_three_that_press_sync_in_the_same_moment_hand_in_everything_once(
    enrolled: Terminal, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody holds the lease yet: one has it, the others are told so, or come after."""
    enrolled.run("sync", "--once")
    with window(enrolled, monkeypatch) as app:
        write(app, RECORDS)
        three = [begin(enrolled, "sync", "--once") for _ in range(3)]
        said = [one.communicate(timeout=120)[0] for one in three]
        codes = [one.returncode for one in three]
        assert set(codes) <= {0, EXIT_LATER}, said
        assert 0 in codes
        assert states(app) == {OutboxState.CONFIRMED}
    assert taken(database_url) == (RECORDS, RECORDS)
