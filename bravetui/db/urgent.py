"""Which unsent records go before all others: safety alerts, and rain that starts a clock. `db/kinds` says which."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from bravetui.db.device import UNACKNOWLEDGED, Outbox
from bravetui.db.kinds import KINDS, Jump, Kind

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_JUMPING = tuple((kind, kind.jumps) for kind in KINDS.values() if kind.jumps is not None)


def jumping(connection: Connection) -> frozenset[tuple[str, str, str]]:
    """(scope id, kind, id) of records with unsent changes that go first in their lane."""
    return frozenset(
        (row.scope_id, kind.name, row.record_id)
        for kind, jump in _JUMPING
        for row in _waiting(connection, kind, jump)
    )


def urgent_at(connection: Connection) -> datetime | None:
    """When the newest unsent change that has to go at once was saved."""
    return max(
        (
            row.updated_at
            for kind, jump in _JUMPING
            if jump.at_once
            for row in _waiting(connection, kind, jump)
        ),
        default=None,
    )


def _waiting(connection: Connection, kind: Kind, jump: Jump) -> list[Row[Any]]:
    columns = _outbox.c.scope_id, _outbox.c.record_id, _outbox.c.updated_at
    query = select(*columns).where(_outbox.c.kind == kind.name, _outbox.c.state.in_(UNACKNOWLEDGED))
    if jump.column is not None:
        there = (kind.table.c.scope_id == _outbox.c.scope_id) & (kind.table.c.id == _outbox.c.record_id)
        query = query.join(kind.table, there).where(_meets(kind.table.c[jump.column], jump.at_least))
    return list(connection.execute(query))


def _meets(column: ColumnElement[Any], at_least: int | None) -> ColumnElement[bool]:
    return column.is_not(None) if at_least is None else column >= at_least
