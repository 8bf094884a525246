"""The outbox in a person's hands: try again now, send a refused change again."""

from __future__ import annotations

from sqlalchemy import select, update

from bravetui.base.errors import BadInput
from bravetui.db.device import LaneState, Outbox, OutboxState
from bravetui.db.quarantine import release
from bravetui.db.store import Changed, Store
from bravetui.merge.version import Dot
from bravetui.wire.lanes import Lane

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_lanes = LaneState.__table__  # type: ignore[attr-defined]


def retry_now(store: Store, lane: Lane | None = None) -> Changed:
    """Forget the pause before the next attempt, of one lane or of all."""
    statement = update(_lanes).values(next_attempt_at=None)
    if lane is not None:
        statement = statement.where(_lanes.c.lane == lane.value)
    with store.maintain() as connection:
        connection.execute(statement)
    return Changed()


def send_again(store: Store, dot: Dot) -> Changed:
    """Take a refused change out of quarantine: the same change is sent again, and taken once."""
    by_dot = (_outbox.c.device == dot.device, _outbox.c.counter == dot.counter)
    with store.maintain() as connection:
        row = connection.execute(
            select(_outbox.c.state, _outbox.c.kind, _outbox.c.record_id).where(*by_dot)
        ).one_or_none()
        if row is None or row.state != OutboxState.REFUSED:
            raise BadInput(
                "Only a refused change can be sent again.", "Choose one that the queue shows as refused."
            )
        release(connection, dot)
    return Changed(frozenset({(row.kind, row.record_id)}))
