"""Which life of the database this is: the epoch, and the numbers that are given in it.

A life ends when an operator says that a backup was restored, or when central is shown its own word on what it has not got.
Numbers go on elsewhere as soon as the server is another one: it may be a copy that lacks the last of them, and nobody knows.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, Row, Text, bindparam, cast, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.dialects.postgresql import insert as upsert

from bravetui.central.tables import CENTRAL_DEVICE, STATE
from bravetui.central.tenants import operator

LIVES_FROM = datetime(2020, 1, 1, tzinfo=UTC)
"""On another server the numbers of laptops begin with the seconds since then: what a life has given that began from the same
copy, and is itself lost, lies before. Lasts until 2088 in 31 bits."""

NUMBERS_SKIPPED = 1000
"""Left out where numbers have outrun the clock, or the clock is wrong."""

OWN_FROM = 1 << 31
"""Central's own numbers there: the same seconds from here on, above all that laptops get."""

SERVER = literal_column(
    "(extract(epoch FROM pg_postmaster_start_time())::text"
    " || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database())::text)",
    Text,
)
"""Which running server this is: a copy that takes over was started at another time, or is another database of the same."""

_IS_SAME = (STATE.c.server == SERVER).label("same")
_NUMBERS = func.pg_get_serial_sequence("device", "number")

# Built once: every exchange asks.
_ROW = select(STATE.c.epoch, STATE.c.device, _IS_SAME, SERVER.label("here"))
_LOCKED = _ROW.with_for_update()
_TAKING = (
    update(STATE)
    .values(counter=STATE.c.counter + bindparam("count"))
    .returning(STATE.c.device, STATE.c.counter, _IS_SAME)
)


@dataclass(frozen=True, slots=True)
class State:
    """The epoch, the device number of central's own changes, and the server (`SERVER`) that said so."""

    epoch: str
    device: int
    server: str


def state_of(connection: Connection, now: datetime) -> State:
    """The state; made at the first start."""
    row = _row(connection, now)
    return State(row.epoch, row.device, row.here)


def arrive(connection: Connection, now: datetime) -> State:
    """The state, before numbers are given or asked for: on another server than last time they go on elsewhere."""
    row = _row(connection, now)
    return State(row.epoch, row.device if row.same else _arrived(connection, now), row.here)


def begin_epoch(engine: Engine, now: datetime) -> State:
    """To be called once after a restore from a backup.

    Laptops then send again whatever they have no confirmation of. Numbers that the lost time may have given out, to
    laptops or to central's own changes, are never given out again.
    """
    with engine.begin() as connection:
        operator(connection)
        ended = state_of(connection, now).epoch
        return begin_epoch_after(connection, ended, secrets.token_hex(8), now)


def begin_epoch_after(connection: Connection, ended: str, epoch: str, now: datetime) -> State:
    """The same where central itself notices, unless `ended` is the epoch no more: of all that notice, one begins."""
    row = connection.execute(_LOCKED).one()
    if row.epoch != ended:
        return State(row.epoch, row.device, row.here)
    connection.execute(update(STATE).values(epoch=epoch, started_at=now))
    return State(epoch, _moved_on(connection, row.device, now), row.here)


def own_dots(connection: Connection, count: int, now: datetime) -> tuple[int, int]:
    """So many dots of central's own: (device number, last counter). The state's row stays locked until the commit."""
    row = connection.execute(_TAKING, {"count": count}).one()
    if not row.same:
        _arrived(connection, now)
        row = connection.execute(_TAKING, {"count": count}).one()
    return row.device, row.counter


def give_back(connection: Connection, count: int) -> None:
    """The last so many of the dots that this transaction took: nobody has seen them."""
    connection.execute(_TAKING, {"count": -count})


def last_number(connection: Connection) -> int:
    """The last device number that was given or left out: what is not above it is never given by itself any more."""
    return connection.execute(select(func.pg_sequence_last_value(cast(_NUMBERS, REGCLASS)))).scalar_one() or 0


def _row(connection: Connection, now: datetime) -> Row[tuple[str, int, bool, str]]:
    row = connection.execute(_ROW).one_or_none()
    if row is None:
        fresh = {
            "id": 1,
            "epoch": secrets.token_hex(8),
            "device": CENTRAL_DEVICE,
            "counter": 0,
            "server": SERVER,
            "started_at": now,
        }
        connection.execute(upsert(STATE).values(fresh).on_conflict_do_nothing())
        row = connection.execute(_ROW).one()
    return row


def _arrived(connection: Connection, now: datetime) -> int:
    """Central's own number on a server new to it: of all requests that find it so, one moves the numbers on."""
    row = connection.execute(_LOCKED).one()
    return row.device if row.same else _moved_on(connection, row.device, now)


def _moved_on(connection: Connection, own: int, now: datetime) -> int:
    """Leave out all numbers that may have been given and lost; returns central's own new one.

    For central's own dots a counter further on would not do: whoever has seen a later dot passes for having seen the lost.
    A laptop still bears what it got in the lost time, so the next number may be taken.
    """
    seconds, last = (now - LIVES_FROM) // timedelta(seconds=1), last_number(connection)
    laptops = seconds if seconds > last else last + NUMBERS_SKIPPED
    # Altering the table would wait for every push under way, and they for the row that is locked here.
    connection.execute(select(func.setval(_NUMBERS, laptops)))
    device = max(own + 1, OWN_FROM + seconds)
    connection.execute(update(STATE).values(device=device, counter=0, server=SERVER))
    return device
