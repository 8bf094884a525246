"""What is queued of one record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from bravetui.db.device import UNACKNOWLEDGED, Outbox
from bravetui.db.moves import RecordKey
from bravetui.wire.change import Change

_outbox = Outbox.__table__  # type: ignore[attr-defined]

OF_RECORD = (
    _outbox.c.scope_id == bindparam("scope"),
    _outbox.c.kind == bindparam("kind"),
    _outbox.c.record_id == bindparam("record"),
)
"""For a statement that is built once, and executed with `binding`."""

_QUEUED = (
    select(_outbox.c.state, _outbox.c.body, _outbox.c.verdict).where(*OF_RECORD).order_by(_outbox.c.counter)
)


def binding(record: RecordKey) -> dict[str, str]:
    """The record, for `OF_RECORD`."""
    scope_id, kind, record_id = record
    return {"scope": scope_id, "kind": kind, "record": record_id}


def queued(connection: Connection, record: RecordKey) -> Sequence[Row[Any]]:
    """State, body and verdict of each change, oldest first."""
    return connection.execute(_QUEUED, binding(record)).all()


def decided_here(connection: Connection, scope_id: str, record_id: str, conflict_id: str) -> Change | None:
    """The decision about a conflict that is on its way to central, if there is one; the last of several."""
    bodies = connection.execute(
        select(_outbox.c.body).where(
            _outbox.c.scope_id == scope_id,
            _outbox.c.record_id == record_id,
            _outbox.c.state.in_(UNACKNOWLEDGED),
        )
    ).scalars()
    found = [body for body in bodies if f'"conflict_id":"{conflict_id}"' in body]
    return Change.model_validate_json(found[-1]) if found else None
