"""A laptop for tests: a real encrypted database, journal and counter mark in a folder, a clock moved by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from bravetui.auth.grant import LIVES, Grant, sign_grant
from bravetui.auth.high_water import HighWater
from bravetui.auth.proof import Prover
from bravetui.auth.signing import public_key_of
from bravetui.auth.time_floor import TimeFloor
from bravetui.base.clock import Clock, ManualClock, SeededIds
from bravetui.db.ballast import Ballast
from bravetui.db.blobs import BlobFiles
from bravetui.db.engine import open_laptop_engine
from bravetui.db.journal import Journal
from bravetui.db.migrate import migrate
from bravetui.db.recover import recover
from bravetui.db.store import Identity, Store
from bravetui.views.sign_in import sign_in_of

KEY = bytes(range(32))
_CENTRAL = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
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
        BlobFiles(folder / "photos", KEY),
        HighWater.open(folder / "mark", KEY),
        TimeFloor.open(folder / "time", KEY, clock, MORNING),
        clock,
        SeededIds(clock, next(_seeds)),
        replace(CARLOS, device=device),
        _reads_all,
    )
    recover(store)
    return store


def granted(identity: Identity, issued_at: datetime) -> Identity:
    """The same person, with a grant of thirty days from a central of which nothing is known but its key."""
    grant = Grant(
        id=f"grant of {issued_at:%d %b}", generation=1, organization_id=identity.organization_id,
        user_id=identity.user_id, device=identity.device, role="foreman", scopes=None, thumbprint="",
        issued_at=issued_at, expires_at=issued_at + LIVES,
    )  # fmt: skip
    key = public_key_of(_CENTRAL.private_bytes_raw())
    return replace(identity, central_key=key, grant=sign_grant(grant, _CENTRAL))


def _reads_all(store: Store, connection: Connection) -> bool:
    """The reading lock, for tests that have given their laptop a grant; the others are not about it."""
    return not store.identity.grant or sign_in_of(connection, store.identity, store.passed).reads
