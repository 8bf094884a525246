"""A laptop for tests: a real encrypted database, journal and counter mark in a folder, a clock moved by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bravetui.auth.high_water import HighWater
from bravetui.auth.proof import Prover
from bravetui.auth.time_floor import TimeFloor
from bravetui.base.clock import Clock, ManualClock, SeededIds
from bravetui.db.ballast import Ballast
from bravetui.db.engine import open_laptop_engine
from bravetui.db.journal import Journal
from bravetui.db.migrate import migrate
from bravetui.db.recover import recover
from bravetui.db.store import Identity, Store

KEY = bytes(range(32))
MORNING = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
PROJECT = "01980000-0000-7000-8000-000000000001"

CARLOS = Identity(
    device=3,
    user_id="carlos",
    user_name="Carlos Medina",
    organization_id="org",
    central_url="http://127.0.0.1:1",
    central_key="",
)


def any_prover() -> Prover:
    """Of a laptop that a made-up central does not look at."""
    clock = ManualClock(MORNING)
    return Prover(bytes(32), str, clock, SeededIds(clock))


_seeds = itertools.count()


def open_store(folder: Path, *, clock: Clock | None = None, device: int = 3) -> Store:
    """Open the laptop in `folder` as a start of the program does, recovery included."""
    clock = clock or ManualClock(MORNING)
    engine = open_laptop_engine(folder / "site.db", KEY)
    migrate(engine)
    store = Store(
        engine,
        Journal.open(folder / "journal", KEY),
        Ballast(folder / "ballast", 1 << 20),
        HighWater.open(folder / "mark", KEY),
        TimeFloor.open(folder / "time", KEY, clock, MORNING),
        clock,
        SeededIds(clock, next(_seeds)),
        replace(CARLOS, device=device),
    )
    recover(store)
    return store
