"""How often things are done here: one record a day, device and thing counted, however often it happens."""

from __future__ import annotations

from uuid import UUID, uuid5

from bravetui.base.canonical import Json
from bravetui.db.kinds import KINDS
from bravetui.db.records import load
from bravetui.db.store import Changed, Store

_NAMES = UUID("2f0d8a44-5a8e-5d0f-8a53-0c7a5d7a9f10")
"""Namespace of the ids: the same day, device and metric are the same record (RFC 9562 section 5.5)."""


def count(store: Store, scope_id: str, metric: str, *, times: int = 1, took_ms: int = 0) -> Changed:
    """Add to today's count (UTC) of `metric`, and to the milliseconds it took. Unsent additions fold into one change."""
    day, device = store.clock.now().date().isoformat(), store.identity.device
    record_id = str(uuid5(_NAMES, f"{scope_id} {device} {day} {metric}"))
    with store.write() as writing:
        stored = load(writing.connection, KINDS["usage_day"], scope_id, record_id)
        if stored is None:
            first: dict[str, Json] = {
                "day": day,
                "device": device,
                "metric": metric,
                "count": times,
                "total_ms": took_ms,
            }
            writing.create("usage_day", scope_id, first, record_id=record_id)
        else:
            known = stored.state.values()
            sums = {
                "count": _whole(known.get("count")) + times,
                "total_ms": _whole(known.get("total_ms")) + took_ms,
            }
            writing.edit("usage_day", scope_id, record_id, sums)
    return Changed(frozenset(writing.touched))


def _whole(value: Json) -> int:
    return value if isinstance(value, int) else 0
