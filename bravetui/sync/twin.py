"""A laptop that turned out to be a copy goes on under a number of its own: what only it has done gets new dots.

Two laptops restored from one image mint the same dots for different work. Central notices (same dot, other hash), gives
this one a new device number, and here the unacknowledged changes from the first strange one on, with the cells and contexts
that name them, are renumbered in one transaction. Those before it may be shared with the original: they keep their dots, so
that whichever of the two hands them in first, they are taken once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sqlalchemy import Connection, RowMapping, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from bravetui.base.canonical import canonical_bytes, sha256_hex
from bravetui.base.fault import fault
from bravetui.db import meta
from bravetui.db.device import UNACKNOWLEDGED, Outbox, OutboxState, Parked
from bravetui.db.digest import compare_anew
from bravetui.db.kinds import KINDS, kind_of
from bravetui.db.moves import RecordKey, moves_of, record_of
from bravetui.db.records import Stored, load, save_many
from bravetui.db.store import Store
from bravetui.merge.version import Dot
from bravetui.wire.change import Change
from bravetui.wire.messages import Row

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_parked = Parked.__table__  # type: ignore[attr-defined]


def renumber(store: Store, device: int, first_strange: Dot) -> int:
    """Give the unacknowledged changes from `first_strange` on a dot of `device`; returns how many there were. The journal
    holds the new ones before the database forgets the old."""
    states = [*UNACKNOWLEDGED, OutboxState.REFUSED, OutboxState.PUT_AWAY]
    with store.maintain() as connection:
        query = select(_outbox).where(
            _outbox.c.state.in_(states),
            _outbox.c.device == first_strange.device,
            _outbox.c.counter >= first_strange.counter,
        )
        rows = connection.execute(query.order_by(_outbox.c.counter)).mappings().all()
        old = [Change.model_validate_json(row["body"]) for row in rows]
        seen = _seen(connection, device, old)
        first = max(meta.get_counter(connection), store.counter_floor, seen)
        dots = {change.dot: Dot(device, counter) for counter, change in enumerate(old, start=first + 1)}
        moves = moves_of(dots, old)
        for record, moved in moves.items():
            moved.keep(_shared(connection, record, first_strange))
        new = [moves[record_of(change)].change(change) for change in old]
        for row, change in zip(rows, new, strict=True):
            _replace(connection, row, change)
        for (scope_id, kind_name, record_id), moved in moves.items():
            kind = kind_of(kind_name)
            stored = load(connection, kind, scope_id, record_id)
            if stored is not None:
                told = Stored(moved.state(stored.state), stored.seq)
                save_many(connection, kind, scope_id, {record_id: told})
            # What the original did under the same number was taken for one's own, and left the record's vector with it.
            compare_anew(connection, scope_id, [kind.lane.value])
        meta.put(connection, meta.COUNTER, str(first + len(new)))
        store.keep_counters(first + len(new), [canonical_bytes(change.to_json()) for change in new])
        fault("renumbering")
    store.become(replace(store.identity, device=device))
    return len(new)


def _shared(connection: Connection, record: RecordKey, first_strange: Dot) -> Iterator[Dot]:
    """The dots of a record that keep their number: what was made before the first strange one."""
    scope_id, kind, record_id = record
    of = (_outbox.c.scope_id == scope_id, _outbox.c.kind == kind, _outbox.c.record_id == record_id)
    own = connection.execute(select(_outbox.c.device, _outbox.c.counter).where(*of))
    stored = load(connection, kind_of(kind), scope_id, record_id)
    cells = stored.state.cells.values() if stored is not None else ()
    for dot in (*(Dot(*row) for row in own), *(dot for cell in cells for dot in cell.dots)):
        if dot.device == first_strange.device and dot.counter < first_strange.counter:
            yield dot


def _seen(connection: Connection, device: int, old: Iterable[Change]) -> int:
    """The highest counter of `device` in anything here. An older central gives copies that share a change one number, so
    another copy may have written under it already; below what was seen of that, a change would claim to have seen itself."""
    counters = [change.context[device] for change in old]
    for kind in KINDS.values():
        told = func.json_extract(kind.table.c.version, f'$."{device}"')
        counters.append(connection.execute(select(func.max(told))).scalar_one() or 0)
    for (aside,) in connection.execute(select(_parked.c.row).where(_parked.c.kind.in_(KINDS))):
        rows = [*aside["rows"], *(one["row"] for one in aside.get("former", []))]
        counters += [Row.model_validate(part).version[device] for part in rows]
    return max(counters)


def _replace(connection: Connection, row: RowMapping, change: Change) -> None:
    """The entry under its new dot, as if it had never been sent; what was put away stays so."""
    connection.execute(
        delete(_outbox).where(_outbox.c.device == row["device"], _outbox.c.counter == row["counter"])
    )
    body = canonical_bytes(change.to_json())
    # What is handed in once more waits behind nothing that was refused (`Writing.offer`).
    state = OutboxState.SENT if change.said else OutboxState.PENDING
    state = OutboxState.PUT_AWAY if row["state"] == OutboxState.PUT_AWAY else state
    told = {
        "device": change.dot.device, "counter": change.dot.counter, "body": body.decode(), "hash": sha256_hex(body),
        "state": state, "sent_at": None, "attempts": 0, "verdict": None, "settled_at": None,
    }  # fmt: skip
    connection.execute(insert(_outbox).values({**row, **told}))
