"""Which unsent records go before all others: safety alerts, and rain that starts a clock. `db/kinds` says which."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, literal, select, union_all

from bravetui.db.device import UNACKNOWLEDGED, Outbox
from bravetui.db.kinds import KINDS, Jump, Kind

_outbox = Outbox.__table__  # type: ignore[attr-defined]


def jumping(connection: Connection) -> frozenset[tuple[str, str, str]]:
    """(scope id, kind, id) of records with unsent changes that go first in their lane."""
    return frozenset((row.scope_id, row.kind, row.record_id) for row in connection.execute(_WAITING))


def urgent_at(connection: Connection) -> datetime | None:
    """When the newest unsent change that has to go at once was saved."""
    at_once = (row.updated_at for row in connection.execute(_WAITING) if row.at_once)
    return max(at_once, default=None)


def _waiting(kind: Kind, jump: Jump) -> Select[Any]:
    query = select(
        literal(kind.name).label("kind"), literal(jump.at_once).label("at_once"),
        _outbox.c.scope_id, _outbox.c.record_id, _outbox.c.updated_at,
    )  # fmt: skip
    query = query.where(_outbox.c.kind == kind.name, _outbox.c.state.in_(UNACKNOWLEDGED))
    if jump.column is not None:
        there = (kind.table.c.scope_id == _outbox.c.scope_id) & (kind.table.c.id == _outbox.c.record_id)
        query = query.join(kind.table, there).where(_meets(kind.table.c[jump.column], jump.at_least))
    return query


def _meets(column: ColumnElement[Any], at_least: int | None) -> ColumnElement[bool]:
    return column.is_not(None) if at_least is None else column >= at_least


_WAITING = union_all(*(_waiting(kind, kind.jumps) for kind in KINDS.values() if kind.jumps is not None))
