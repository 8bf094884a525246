"""What is queued of one record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from bravetui.db.device import Outbox
from bravetui.db.moves import RecordKey

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
