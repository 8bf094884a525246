"""A laptop that turned out to be a copy goes on under a number of its own: what was never acknowledged gets new dots.

Two laptops restored from one image mint the same dots for different work. Central notices (same dot, other hash), gives
this one a new device number, and here every unacknowledged change, with the cells and contexts that name it, is renumbered
in one transaction. Nothing is lost, and nothing is taken twice: the old dots of this copy were never taken at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from bravetui.base.canonical import canonical_bytes, sha256_hex
from bravetui.db import meta
from bravetui.db.device import UNACKNOWLEDGED, Outbox, OutboxState
from bravetui.db.kinds import kind_of
from bravetui.db.records import Stored, load, save_many
from bravetui.db.store import Store
from bravetui.merge.state import Cell, RecordState
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change

_outbox = Outbox.__table__  # type: ignore[attr-defined]


def renumber(store: Store, device: int) -> int:
    """Give every unacknowledged change a dot of `device`; returns how many there were. The journal holds the new ones
    before the database forgets the old."""
    states = [*UNACKNOWLEDGED, OutboxState.REFUSED]
    with store.maintain() as connection:
        query = select(_outbox).where(_outbox.c.state.in_(states)).order_by(_outbox.c.counter)
        rows = connection.execute(query).mappings().all()
        first = max(meta.get_counter(connection), store.counter_floor)
        old = [Dot(row["device"], row["counter"]) for row in rows]
        new = {dot: Dot(device, first + place) for place, dot in enumerate(old, start=1)}
        bodies = [_renumbered(Change.model_validate_json(row["body"]), new) for row in rows]
        for row, change in zip(rows, bodies, strict=True):
            connection.execute(
                delete(_outbox).where(_outbox.c.device == row["device"], _outbox.c.counter == row["counter"])
            )
            body = canonical_bytes(change.to_json())
            told = {
                "device": device, "counter": change.dot.counter, "body": body.decode(), "hash": sha256_hex(body),
                "state": OutboxState.PENDING, "sent_at": None, "attempts": 0, "verdict": None, "settled_at": None,
            }  # fmt: skip
            connection.execute(insert(_outbox).values({**row, **told}))
            _renumber_record(connection, change, new)
        meta.put(connection, meta.COUNTER, str(first + len(rows)))
        store.keep_counters(first + len(rows), [canonical_bytes(change.to_json()) for change in bodies])
    store.become(replace(store.identity, device=device))
    return len(rows)


def _renumbered(change: Change, new: Mapping[Dot, Dot]) -> Change:
    return change.model_copy(update={"dot": new[change.dot], "context": _vector(change.context, new)})


def _vector(vector: VersionVector, new: Mapping[Dot, Dot]) -> VersionVector:
    """The vector with renumbered dots; of the old number only what central has acknowledged stays."""
    counters: dict[int, int] = {}
    for dot in vector:
        moved = [new[old] for old in new if old.device == dot.device and old.counter <= dot.counter]
        kept = min((old.counter for old in new if old.device == dot.device), default=dot.counter + 1) - 1
        counters[dot.device] = max(counters.get(dot.device, 0), min(dot.counter, kept))
        for one in moved:
            counters[one.device] = max(counters.get(one.device, 0), one.counter)
    return VersionVector(counters)


def _renumber_record(connection: Connection, change: Change, new: Mapping[Dot, Dot]) -> None:
    kind = kind_of(change.kind)
    stored = load(connection, kind, change.scope_id, change.record_id)
    if stored is None:
        return
    cells = {
        path: Cell(cell.value, tuple(sorted(new.get(dot, dot) for dot in cell.dots)), cell.hlc)
        for path, cell in stored.state.cells.items()
    }
    state = RecordState(cells, _vector(stored.state.version, new))
    save_many(connection, kind, change.scope_id, {change.record_id: Stored(state, stored.seq)})
