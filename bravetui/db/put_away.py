"""A new record that central refused, and that is then removed here, leaves the queue; its removal is put away.

Central never had the record, so there is nobody to tell that it is gone: what makes it is taken off the queue, and the
journal keeps what was written. The office has its copy of what was refused, and may release that at any time. Then the
record comes down like any other, and the removal goes up after all, by somebody who had seen no more than what was refused:
it removes that, and where more was written meanwhile a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.sqlite import insert

from bravetui.base.canonical import canonical_bytes
from bravetui.db.device import Base, Outbox, OutboxState
from bravetui.db.kinds import KINDS
from bravetui.db.moves import RecordKey, record_of
from bravetui.db.outbox import queued
from bravetui.db.quarantine import release, take_out, taken_off
from bravetui.db.records import load_readable
from bravetui.merge.state import DELETED
from bravetui.merge.version import Dot
from bravetui.wire.change import Change, Op

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_base = Base.__table__  # type: ignore[attr-defined]

_HAD_BY_NOBODY = (OutboxState.PENDING, OutboxState.REFUSED, OutboxState.PARKED, OutboxState.PUT_AWAY)
"""States of changes of which central has nothing in its records, and can have nothing."""

_RECORD = (_outbox.c.scope_id, _outbox.c.kind, _outbox.c.record_id)
_removal = _outbox.alias("removal")
_REFUSED_AND_REMOVED = (
    select(*_RECORD)
    .where(
        _outbox.c.state == OutboxState.REFUSED,
        func.json_extract(_outbox.c.body, "$.op") == Op.CREATE.value,
        _removal.c.scope_id == _outbox.c.scope_id,
        _removal.c.kind == _outbox.c.kind,
        _removal.c.record_id == _outbox.c.record_id,
        func.json_extract(_removal.c.body, "$.op") == Op.DELETE.value,
    )
    .distinct()
    .order_by(*_RECORD)
)
_PUT_AWAY = select(_outbox.c.device, _outbox.c.counter, *_RECORD).where(
    _outbox.c.state == OutboxState.PUT_AWAY
)


def never_taken(connection: Connection, record: RecordKey) -> tuple[Change, ...]:
    """All that is queued of a record, oldest first, if central refused what makes it; nothing once it may have any of it."""
    told = _queued(connection, record)
    is_refused = any(
        state == OutboxState.PUT_AWAY or (state == OutboxState.REFUSED and change.op is Op.CREATE)
        for state, change in told
    )
    if not is_refused or any(state not in _HAD_BY_NOBODY for state, _ in told):
        return ()
    return () if _is_there(connection, record) else tuple(change for _, change in told)


def put_away(connection: Connection, off: Iterable[Change], removal: Dot) -> None:
    """Take the changes off the queue, and the removal with them: it waits for the record to come."""
    take_out(connection, off)
    aside = {"state": OutboxState.PUT_AWAY, "verdict": None, "settled_at": None, "error": None}
    one = (_outbox.c.device == removal.device, _outbox.c.counter == removal.counter)
    connection.execute(update(_outbox).where(*one).values(aside))


def frames_of(off: Iterable[Change]) -> list[bytes]:
    """How the journal says that these were taken off the queue."""
    return [canonical_bytes(taken_off(change).to_json()) for change in off]


def put_away_refused(connection: Connection) -> list[bytes]:
    """Put away what was removed here before central's refusal came; returns what the journal must have before the commit."""
    frames: list[bytes] = []
    for scope_id, kind, record_id in connection.execute(_REFUSED_AND_REMOVED).all():
        told = never_taken(connection, (scope_id, kind, record_id))
        if told and told[-1].op is Op.DELETE:
            frames += frames_of(told[:-1])
            put_away(connection, told[:-1], told[-1].dot)
    return frames


def put_away_again(connection: Connection, off: Iterable[Change]) -> None:
    """After a start: put away the removals of new records that the journal says were taken off the queue (`off`).

    A removal that was put back in an empty database, of a record that central has after all, goes once that has come.
    """
    for record in dict.fromkeys(record_of(change) for change in off if change.op is Op.CREATE):
        told = _queued(connection, record)
        is_removed = bool(told) and told[-1][1].op is Op.DELETE and told[-1][0] != OutboxState.CONFIRMED
        if is_removed and len(told) == 1 and not _is_there(connection, record):
            put_away(connection, (), told[-1][1].dot)


def let_go(connection: Connection) -> None:
    """Send the removals whose records have come: the office has released what was refused."""
    for device, counter, scope_id, kind_name, record_id in connection.execute(_PUT_AWAY).all():
        kind = KINDS.get(kind_name)
        stored = load_readable(connection, kind, scope_id, [record_id]).get(record_id) if kind else None
        if stored is None or not stored.seq:
            continue
        agreed = {path: value for path, value in stored.state.values().items() if path != DELETED}
        base = {"scope_id": scope_id, "kind": kind_name, "record_id": record_id, "agreed": agreed}
        connection.execute(insert(_base).values(base).on_conflict_do_nothing())
        release(connection, Dot(device, counter))


def _queued(connection: Connection, record: RecordKey) -> list[tuple[str, Change]]:
    return [(row.state, Change.model_validate_json(row.body)) for row in queued(connection, record)]


def _is_there(connection: Connection, record: RecordKey) -> bool:
    """Whether central has numbered the record; so it may have one of a kind that this version does not know."""
    scope_id, name, record_id = record
    kind = KINDS.get(name)
    if kind is None:
        return True
    query = select(kind.table.c.seq).where(kind.table.c.scope_id == scope_id, kind.table.c.id == record_id)
    return bool(connection.execute(query).scalar_one_or_none())
