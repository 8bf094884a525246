"""What encryption at rest costs: the same statements on SQLCipher and on the same build of SQLite without a key, in turn.

Both are the library that the laptop runs on, with the settings that it runs with; a ratio of the two travels to other
machines, their times do not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import sqlcipher3.dbapi2 as sqlcipher  # type: ignore[import-untyped]

from bravetui.base.clock import SystemClock

ROWS, COMMITS, LOOKUPS = 5000, 200, 2000
RUNS = 5
_BODY = "x" * 600
_SETTINGS = ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", "wal_autocheckpoint=0")


@dataclass(frozen=True, slots=True)
class Cost:
    """One kind of work, both ways."""

    what: str
    per_run: int
    """Rows, commits or lookups."""
    plain_s: float
    """Median of the runs without a key."""
    sealed_s: float
    """Median of the runs with one."""

    @property
    def ratio(self) -> float:
        """How many times as long it takes encrypted."""
        return self.sealed_s / self.plain_s


def sealing_costs(folder: Path, runs: int = RUNS) -> Iterator[Cost]:
    """Measure in `folder`; the two take turns, so that a neighbour on the machine disturbs both alike."""
    times: dict[tuple[str, bool], list[float]] = {}
    for run in range(runs):
        for key in (None, os.urandom(32)):
            path = folder / f"cost-{run}-{'plain' if key is None else 'sealed'}.db"
            for what, took_s in _once(path, key):
                times.setdefault((what, key is None), []).append(took_s)
    for what, per_run in (("commits", COMMITS), ("inserts", ROWS), ("lookups", LOOKUPS), ("full scan", ROWS)):
        yield Cost(what, per_run, median(times[what, True]), median(times[what, False]))


def _once(path: Path, key: bytes | None) -> Iterator[tuple[str, float]]:
    """Each kind of work on a new database; reading begins with a cold cache of its own."""
    clock = SystemClock()
    for what, work in _WORK.items():
        with closing(_opened(path, key)) as connection:
            began_s = clock.monotonic_s()
            work(connection)
            yield what, clock.monotonic_s() - began_s


def _opened(path: Path, key: bytes | None) -> Any:
    connection = sqlcipher.connect(str(path), isolation_level=None)
    if key is not None:
        connection.execute("PRAGMA cipher_log_level=NONE")
        connection.execute(f"PRAGMA key=\"x'{key.hex()}'\"")
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}").fetchall()
    connection.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, body TEXT)")
    return connection


def _commits(connection: Any) -> None:
    for number in range(COMMITS):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (?, ?)", (number, _BODY))
        connection.execute("COMMIT")


def _inserts(connection: Any) -> None:
    connection.execute("BEGIN IMMEDIATE")
    rows = ((number, _BODY) for number in range(COMMITS, COMMITS + ROWS))
    connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _lookups(connection: Any) -> None:
    for number in range(LOOKUPS):
        connection.execute("SELECT body FROM t WHERE id = ?", (number * 997 % ROWS,)).fetchone()


def _scan(connection: Any) -> None:
    connection.execute("SELECT sum(length(body)) FROM t").fetchone()


_WORK: dict[str, Callable[[Any], None]] = {
    "commits": _commits,
    "inserts": _inserts,
    "lookups": _lookups,
    "full scan": _scan,
}
