"""The outbox, line by line, as anyone can read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, select

from bravetui.base.text import safe_line
from bravetui.db.device import UNACKNOWLEDGED, Outbox, OutboxState
from bravetui.db.kinds import KINDS
from bravetui.db.store import Store
from bravetui.db.tables.conflict import RESOLVED
from bravetui.views.occasion import titled
from bravetui.views.status import SyncSummary, summary_of
from bravetui.views.unworded import unworded
from bravetui.views.words import DECIDED_WORDS, named_by, paths_words, state_words
from bravetui.wire.lanes import LANES, POLICY, Lane

WHY_MAX = 300
"""Characters of a reason; `refused` has all of it."""

_outbox = Outbox.__table__  # type: ignore[attr-defined]

_PLACE = case({policy.lane.value: place for place, policy in enumerate(LANES)}, value=_outbox.c.lane)
_FIRST = case(
    {OutboxState.REFUSED.value: 0, **{state.value: 1 for state in UNACKNOWLEDGED}},
    value=_outbox.c.state,
    else_=2,
)

_SHOWN = _outbox.c.state != OutboxState.PUT_AWAY


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One change."""

    dot: str
    lane: str
    label: str
    """The lane's name."""
    kind: str
    record_id: str
    what: str
    """The record and how much of it, in words."""
    title: str
    """The record alone."""
    changed: str
    """How much of it alone."""
    state: str
    state_words: str
    attempts: int
    next_attempt_at: datetime | None
    why: str | None
    """Why it waits or was refused; None when nothing holds it."""
    made_at: datetime
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits, in the order in which it will go, then what has gone."""

    summary: SyncSummary
    items: tuple[QueueItem, ...]
    total: int
    """Changes in all, however many are shown."""


def queue(store: Store, limit: int = 500, *, titles: bool = True) -> Queue:
    """The outbox: refused first, then waiting in lane order, then what is at central already, newest first. Without `titles`
    no record is named by what somebody wrote."""
    columns = [
        _outbox.c[name]
        for name in ("device", "counter", "lane", "scope_id", "kind", "record_id", "body", "state")
    ]
    more = [_outbox.c[name] for name in ("attempts", "error", "verdict", "made_at")]
    newest_last = case((_FIRST == 2, -_outbox.c.counter), else_=_outbox.c.counter)
    query = select(*columns, *more).where(_SHOWN).order_by(_FIRST, _PLACE, newest_last).limit(limit)
    with store.look() as connection:
        summary = summary_of(connection, store.clock.now(), store.identity.user_id)
        total = connection.execute(select(func.count()).select_from(_outbox).where(_SHOWN)).scalar_one()
        next_attempts = {lane.lane: (lane.next_attempt_at, lane.why) for lane in summary.lanes}
        rows, decided = connection.execute(query).all(), _decided(connection)
        title_of = titled if titles else unworded
        items = tuple(_item(connection, row, next_attempts, decided, title_of) for row in rows)
    return Queue(summary, items, total)


def refused(store: Store) -> tuple[dict[str, Any], ...]:
    """What central refused, in full, oldest first: the change as it was sent, and central's answer."""
    query = select(_outbox.c.body, _outbox.c.verdict).where(_outbox.c.state == OutboxState.REFUSED)
    with store.look() as connection:
        rows = connection.execute(query.order_by(_outbox.c.device, _outbox.c.counter)).all()
    return tuple({"change": json.loads(row.body), "verdict": row.verdict} for row in rows)


def _decided(connection: Connection) -> frozenset[str]:
    """The conflicts that are closed."""
    table = KINDS["conflict"].table
    return frozenset(connection.execute(select(table.c.id).where(table.c.status == RESOLVED)).scalars())


def _item(connection: Connection, row, next_attempts, decided, title_of) -> QueueItem:  # type: ignore[no-untyped-def]
    state, waits = OutboxState(row.state), row.state in UNACKNOWLEDGED
    next_attempt_at, lane_why = next_attempts.get(row.lane, (None, None))
    reason = (row.verdict or {}).get("reason")
    title = named_by(title_of, connection, row.kind, row.scope_id, row.record_id)
    changed = paths_words(json.loads(row.body)["after"])
    words = state_words(state, row.verdict)
    opened = (row.verdict or {}).get("conflicts") or ()
    if opened and not waits and decided.issuperset(opened):
        words = DECIDED_WORDS
    return QueueItem(
        dot=f"{row.device}.{row.counter}",
        lane=row.lane,
        label=POLICY[Lane(row.lane)].label,
        kind=row.kind,
        record_id=row.record_id,
        what=f"{title} ({changed})",
        title=title,
        changed=changed,
        state=state.value,
        state_words=words,
        attempts=row.attempts,
        next_attempt_at=next_attempt_at if waits else None,
        why=safe_line(reason or row.error or (lane_why if waits else None) or "", WHY_MAX) or None,
        made_at=row.made_at,
        size_bytes=len(row.body.encode()),
    )
