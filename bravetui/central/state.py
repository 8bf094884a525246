"""Which life of the database this is: the epoch, and central's own dots in it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bravetui.central.tables import CENTRAL_DEVICE, DEVICES, STATE

NUMBERS_SKIPPED = 1000
"""Device numbers that a restored central leaves out at least: they may have been given out after the backup was made."""

LIVES_FROM = datetime(2020, 1, 1, tzinfo=UTC)
NUMBERS_A_MINUTE = 64
"""Numbers of a restored central begin with the minutes since `LIVES_FROM`, so many to each: what a life has given out that
began from the same backup, and is itself lost, is not given out again. Lasts until 2083 in 31 bits."""


@dataclass(frozen=True, slots=True)
class State:
    """The epoch and the device number of central's own changes."""

    epoch: str
    device: int


def state_of(connection: Connection, now: datetime) -> State:
    """The state; made at the first start."""
    row = connection.execute(select(STATE.c.epoch, STATE.c.device)).one_or_none()
    if row is None:
        fresh = {
            "id": 1,
            "epoch": secrets.token_hex(8),
            "device": CENTRAL_DEVICE,
            "counter": 0,
            "started_at": now,
        }
        connection.execute(upsert(STATE).values(fresh).on_conflict_do_nothing())
        row = connection.execute(select(STATE.c.epoch, STATE.c.device)).one()
    return State(row.epoch, row.device)


def begin_epoch(engine: Engine, now: datetime) -> State:
    """To be called once after a restore from a backup.

    Laptops then send again whatever they have no confirmation of. Numbers that the lost time may have given out, to
    laptops or to central's own changes, are never given out again.
    """
    with engine.begin() as connection:
        state_of(connection, now)
        highest = connection.execute(select(func.coalesce(func.max(DEVICES.c.number), 0))).scalar_one()
        last = connection.execute(select(STATE.c.device)).scalar_one()
        minutes = int((now - LIVES_FROM).total_seconds() // 60)
        number = max(highest + NUMBERS_SKIPPED, last + NUMBERS_SKIPPED, minutes * NUMBERS_A_MINUTE)
        restart = text(f"ALTER TABLE device ALTER COLUMN number RESTART WITH {int(number) + 1}")
        connection.execute(restart)
        fresh = State(secrets.token_hex(8), number)
        connection.execute(update(STATE).values(epoch=fresh.epoch, device=number, counter=0, started_at=now))
    return fresh
