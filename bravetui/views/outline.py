"""Queue and lanes in outline, as support may see them: numbers, kinds, states and codes, and not a word that anybody typed.

Titles, answers and names are left out because nothing here asks for them. Central's sentences on a refusal are left out too,
since they may quote what was refused: its code and the path of the field stand for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, select

from bravetui.db.device import UNACKNOWLEDGED, Outbox, OutboxState, SyncLog
from bravetui.db.store import Store
from bravetui.sync.log import FAILURE_WORDS
from bravetui.views.status import SyncSummary, summary_of
from bravetui.wire.lanes import LANES

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_log = SyncLog.__table__  # type: ignore[attr-defined]

_PLACE = case({policy.lane.value: place for place, policy in enumerate(LANES)}, value=_outbox.c.lane)
_WAITS = case(
    {OutboxState.REFUSED.value: 0, **{state.value: 1 for state in UNACKNOWLEDGED}},
    value=_outbox.c.state, else_=2,
)  # fmt: skip
_SHOWN = _outbox.c.state != OutboxState.PUT_AWAY
_CODE = re.compile(r"[a-z0-9_-]{1,60}")
_PATH = re.compile(r"[A-Za-z0-9_./-]{1,160}")
"""What a path of a field is made of: names in a form, and ids of rows."""
UNSAID = "The last attempt failed"


@dataclass(frozen=True, slots=True)
class OutlineItem:
    """One change, without what it says."""

    dot: str
    lane: str
    state: str
    kind: str
    scope_id: str
    record_id: str
    attempts: int
    made_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    size_bytes: int
    outcome: str
    """Central's verdict in a word; empty before there is one."""
    code: str
    """Why it was refused, in central's word for programs."""
    field: str
    """The path of the field at fault."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What waits in the order in which it will go, then what has gone."""

    total: int
    by_state: Mapping[str, int]
    items: tuple[OutlineItem, ...]


def queue_outline(store: Store, limit: int) -> Outline:
    """The outbox: refused first, then waiting in lane order, then what is at central already."""
    names = (
        "device", "counter", "lane", "state", "kind", "scope_id", "record_id", "attempts", "made_at", "sent_at",
        "settled_at", "verdict",
    )  # fmt: skip
    query = select(*(_outbox.c[name] for name in names), func.length(_outbox.c.body).label("size"))
    query = query.where(_SHOWN).order_by(_WAITS, _PLACE, _outbox.c.counter).limit(limit)
    counts = select(_outbox.c.state, func.count()).where(_SHOWN).group_by(_outbox.c.state)
    with store.look() as connection:
        by_state: dict[str, int] = dict(connection.execute(counts).all())
        items = tuple(_item(row) for row in connection.execute(query))
    return Outline(sum(by_state.values()), by_state, items)


def summary_outline(store: Store) -> SyncSummary:
    """How sync stands; why a lane waits in the sync log's words, since central's own may quote somebody."""
    with store.look() as connection:
        told = summary_of(connection, store.clock.now(), store.identity.user_id)
        why = last_failure(connection) or UNSAID
    lanes = tuple(replace(lane, why=why) if lane.why else lane for lane in told.lanes)
    photos = replace(told.photos, why=why) if told.photos.why else told.photos
    return replace(told, lanes=lanes, why=why if told.why else None, photos=photos)


def last_failure(connection: Connection) -> str:
    """The last line of the log about a contact that came to nothing; empty where none did."""
    query = select(_log.c.words).where(_log.c.words.in_(FAILURE_WORDS)).order_by(_log.c.id.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none() or ""


def _item(row: Any) -> OutlineItem:
    verdict = row.verdict if isinstance(row.verdict, Mapping) else {}
    return OutlineItem(
        dot=f"{row.device}.{row.counter}", lane=row.lane, state=row.state, kind=row.kind, scope_id=row.scope_id,
        record_id=row.record_id, attempts=row.attempts, made_at=row.made_at, sent_at=row.sent_at,
        settled_at=row.settled_at, size_bytes=row.size, outcome=_matching(_CODE, verdict.get("outcome")),
        code=_matching(_CODE, verdict.get("code")), field=_matching(_PATH, verdict.get("field")),
    )  # fmt: skip


def _matching(form: re.Pattern[str], value: object) -> str:
    """The value where it is of that form: a sentence is no code."""
    if value is None:
        return ""
    return value if isinstance(value, str) and form.fullmatch(value) else "?"
