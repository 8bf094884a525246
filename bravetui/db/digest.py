"""What both ends compare to know that they hold the same: a number for each row, summed over the rows of a lane.

A sum does not depend on order, and 64 bits of SHA-256 tell damage and faults apart from luck; nothing rests on it against
an attacker. Only values and vector count: two ends may have come to them along different roads. The rows that a sum speaks
of are those whose seq lies in a window, so that what once was found equal is not read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Select,
    Table,
    bindparam,
    literal,
    select,
    union_all,
    update,
)

from bravetui.base.canonical import Json, canonical_bytes, sha256_hex
from bravetui.base.errors import Corrupt
from bravetui.db.device import Cursor
from bravetui.db.kinds import KINDS, Kind, tables_in
from bravetui.db.records import rows_of, values_from_row
from bravetui.wire.lanes import Lane

_cursor = Cursor.__table__  # type: ignore[attr-defined]

BUCKETS = 256
"""Into which rows fall by the hash of their key, to narrow a difference down to a few of them."""

UNREADABLE = 0
"""The digest of a row that does not read back as it was written."""

_MODULUS = 1 << 64


def key_of(kind: str, record_id: str) -> str:
    """How a record is called in a comparison; with an empty id, all records of the kind."""
    return f"{kind}/{record_id}"


def row_digest(key: str, version: Json, values: Mapping[str, Json]) -> int:
    """The number of one row, 64 bits."""
    said: Json = [key, version, values]
    return int.from_bytes(hashlib.sha256(canonical_bytes(said)).digest()[:8], "big")


def compare_anew(connection: Connection, scope_id: str, lanes: Collection[str]) -> None:
    """Let nothing count as found equal in these lanes of the scope: a record that was left out need not be any more, and
    central may have numbered it before."""
    here = (_cursor.c.scope_id == scope_id, _cursor.c.lane.in_(lanes))
    connection.execute(update(_cursor).where(*here).values(agreed=0))


def window_digests(
    connection: Connection,
    scope_id: str,
    lane: Lane,
    window: tuple[int, int],
    without: Collection[str] = (),
) -> dict[str, int]:
    """Digests by key of the scope's rows in the lane with `window[0] < seq <= window[1]`."""
    found: dict[str, int] = {}
    bounds = {"scope": scope_id, "above": window[0], "upto": window[1]}
    for name in connection.execute(_kinds_in_window(tables_in(lane)), bounds).scalars().all():
        kind = KINDS[name]
        if key_of(name, "") in without:
            continue
        try:
            for row in rows_of(connection, _in_window(kind.table), bounds):
                key = key_of(kind.name, row["id"])
                if key not in without:
                    found[key] = row_digest(key, row["version"], values_from_row(kind, row))
        except Corrupt:
            found |= _one_by_one(connection, kind, bounds, without)
    return found


def _one_by_one(
    connection: Connection, kind: Kind, bounds: Mapping[str, Any], without: Collection[str]
) -> dict[str, int]:
    """Of a table with a record that does not read back: that one is like nothing that central could have."""
    found: dict[str, int] = {}
    ids = connection.execute(select(kind.table.c.id).where(*_within(kind.table)), bounds).scalars().all()
    for record_id in ids:
        key = key_of(kind.name, record_id)
        if key in without:
            continue
        one = _in_window(kind.table).where(kind.table.c.id == record_id)
        try:
            for row in rows_of(connection, one, bounds):
                found[key] = row_digest(key, row["version"], values_from_row(kind, row))
        except Corrupt:
            found[key] = UNREADABLE
    return found


@cache
def _kinds_in_window(tables: tuple[tuple[str, Table], ...]) -> Executable:
    """Which kinds have a row there: mostly none, and then this is the only statement."""
    return union_all(
        *(
            select(literal(name)).where(select(table.c.id).where(*_within(table)).exists())
            for name, table in tables
        )
    )


@cache
def _in_window(table: Table) -> Select[Any]:
    """Built once a table: building a statement costs more than running it."""
    return select(table).where(*_within(table))


def _within(table: Table) -> tuple[ColumnElement[bool], ...]:
    seq = table.c.seq
    return table.c.scope_id == bindparam("scope"), seq > bindparam("above"), seq <= bindparam("upto")


def bucket_of(key: str) -> int:
    """Which bucket a record falls into."""
    return int(sha256_hex(key.encode())[:2], 16)


def total(digests: Mapping[str, int]) -> str:
    """The sum of all, 16 hexadecimal digits."""
    return spelled(sum(digests.values()))


def sums(digests: Mapping[str, int]) -> str:
    """The sums of all buckets one after the other, 16 hexadecimal digits each."""
    by_bucket = [0] * BUCKETS
    for key, digest in digests.items():
        by_bucket[bucket_of(key)] += digest
    return "".join(map(spelled, by_bucket))


def differing(own: str, others: str) -> frozenset[int]:
    """The buckets in which two `sums` differ."""
    return frozenset(
        bucket for bucket in range(BUCKETS)
        if own[bucket * 16 : bucket * 16 + 16] != others[bucket * 16 : bucket * 16 + 16]
    )  # fmt: skip


def spelled(number: int) -> str:
    """A digest or a sum as it travels."""
    return f"{number % _MODULUS:016x}"
