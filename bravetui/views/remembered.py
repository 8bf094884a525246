"""Remembered decisions: when the same two values meet again in the same fields of a record, how it was decided before.

Offered and never taken by itself: who decided then may not have known what is known now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from bravetui.base.canonical import Json, canonical_bytes
from bravetui.db.kinds import KINDS
from bravetui.db.tables.conflict import DUPLICATE, RESOLVED

_conflict = KINDS["conflict"].table


@dataclass(frozen=True, slots=True)
class Remembered:
    """An earlier decision between the same values."""

    conflict_id: str
    values: Mapping[str, Json]
    """What was decided, by path: what `actions.conflicts.decide` takes."""
    decided_by: str
    """A user id."""
    decided_at: datetime | None
    reason: str


def remembered(connection: Connection, row: RowMapping) -> Remembered | None:
    """The latest decision between the values of the conflict `row`, whichever of the two stood on which side."""
    if row["rule"] == DUPLICATE:
        return None
    query = select(_conflict).where(
        _conflict.c.scope_id == row["scope_id"],
        _conflict.c.record_kind == row["record_kind"],
        _conflict.c.record_id == row["record_id"],
        _conflict.c.status == RESOLVED,
        _conflict.c.deleted.is_(False),
        _conflict.c.id != row["id"],
    )
    met = _pair(row)
    for earlier in connection.execute(query.order_by(_conflict.c.resolved_at.desc())).mappings():
        if _pair(earlier) == met:
            told = earlier["resolution"]
            return Remembered(
                conflict_id=earlier["id"],
                values=told.get("values", {}),
                decided_by=str(earlier["resolved_by"] or ""),
                decided_at=earlier["resolved_at"],
                reason=str(told.get("reason") or ""),
            )
    return None


def _pair(row: RowMapping) -> frozenset[bytes]:
    """The two sides' values at the conflict's paths, in no order."""
    paths = sorted(row["paths"])
    return frozenset(
        canonical_bytes([[path, row[side].get("values", {}).get(path)] for path in paths])
        for side in ("local", "remote")
    )
