"""At every start: what the journal holds and the database lacks is put back, and said.

The journal is written before the database commits, so it can only be ahead. It holds every change that central has not
confirmed, whole; for a dot that occurs twice the later frame is the one that counts. A change whose dot its record
already covers was applied, confirmed and pruned, and is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from bravetui.base.errors import Corrupt
from bravetui.db import meta
from bravetui.db.blob_rows import adopt
from bravetui.db.device import UNACKNOWLEDGED, Base, Outbox, OutboxState
from bravetui.db.kinds import KINDS
from bravetui.db.put_away import put_away_again
from bravetui.db.quarantine import TAKEN_OFF
from bravetui.db.records import Stored, load, save_many
from bravetui.db.store import Store
from bravetui.merge.state import Cell, RecordState, laid
from bravetui.merge.version import Dot
from bravetui.wire.change import Change

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_base = Base.__table__  # type: ignore[attr-defined]

_ENTRIES = select(_outbox.c.device, _outbox.c.counter, _outbox.c.state, _outbox.c.body)
_DROP_ENTRY = delete(_outbox).where(
    _outbox.c.device == bindparam("of"), _outbox.c.counter == bindparam("number")
)

JOURNAL_BYTES_MAX = 8 * 1024 * 1024
"""Past this size the journal is rewritten with what is not confirmed."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a start found."""

    replayed: int
    """Changes that only the journal still had."""
    missing: int
    """Changes that only the database still had, as they stand now."""
    damaged: int
    """Stretches of the journal that could not be read."""
    unreadable: int
    """Frames that hold no change that this version understands, or one of a record that does not read back; they stay in
    the journal."""


def recover(store: Store) -> Recovered:
    """Bring the database up to the journal, and a damaged journal up to the database."""
    latest: dict[Dot, tuple[Change, bytes]] = {}
    unreadable: list[bytes] = []
    unreplayed: list[bytes] = []
    for frame in store.journal.frames():
        change = _change_in(frame)
        if change is None:
            unreadable.append(frame)
        else:
            latest[change.dot] = (change, frame)
    damaged = len(store.journal.damage)
    with store.maintain() as connection:
        off = {dot: change for dot, (change, _) in latest.items() if change.reason == TAKEN_OFF}
        _take_off(connection, off)
        replayed, entries = 0, _entries(connection)
        for dot in last_dots(change for change, _ in latest.values()):
            try:
                replayed += _replay(connection, *latest[dot], entries.get(dot), off)
            except Corrupt:  # its record does not read back: the frame waits in the journal until it does
                unreplayed.append(latest[dot][1])
        put_away_again(connection, off.values())
        adopt(connection, store.photos, store.clock.now())
        _catch_up(connection, store, latest)
        store.folds_after = meta.get_counter(connection)
        entries = _entries(connection) if replayed else entries
        bodies = _unconfirmed(entries)
        missing = sum(dot not in latest or latest[dot][1] != body for dot, body in bodies.items())
        if damaged or missing:
            # The second copy is whole again before anything else is written; a damaged one is set aside by name. What
            # central has confirmed stays too: it may be the last copy, once central and this database are both put back.
            read = [frame for dot, (_, frame) in latest.items() if dot not in entries]
            held = [body.encode() for _, body in entries.values()]
            kept = [*unreadable, *read, *held, *unreplayed]  # of one dot the later frame counts
            store.journal.rewrite(kept, f"{store.clock.now():%Y%m%dT%H%M%S}")
    return Recovered(replayed, missing, damaged, len(unreadable) + len(unreplayed))


def compact(store: Store) -> bool:
    """Rewrite the journal without what central has confirmed, once it is large; returns whether it did.

    What `recover` could not put back waits in the journal still: frames that this version cannot read, changes of records
    that do not read back. What was taken off the queue is still said to be: a database or a card from before has it.
    """
    if store.journal.size_bytes < JOURNAL_BYTES_MAX:
        return False
    with store.maintain() as connection:
        entries = _entries(connection)
        read = [(frame, _change_in(frame)) for frame in store.journal.frames()]
        latest = {change.dot: (change, frame) for frame, change in read if change is not None}
        foreign = [frame for frame, change in read if change is None]
        off = [frame for change, frame in latest.values() if change.reason == TAKEN_OFF]
        waiting = [
            latest[dot][1]
            for dot in last_dots(change for change, _ in latest.values())
            if not _has(connection, latest[dot][0], entries.get(dot))
        ]
        # Of one dot the later frame counts, and of one stamp: what says it now stands behind what was taken off for it.
        kept = [*foreign, *off, *_unconfirmed(entries).values(), *waiting]
        if sum(map(len, kept)) * 2 > store.journal.size_bytes:
            return False
        store.journal.rewrite(kept)
    return True


def to_put_back(store: Store) -> int:
    """How many changes only the journal has: what `recover` would put back, where it cannot."""
    changes = [change for frame in store.journal.frames() if (change := _change_in(frame)) is not None]
    latest = {change.dot: change for change in changes}
    with store.read() as connection:
        entries = _entries(connection)
        return sum(not _has(connection, latest[dot], entries.get(dot)) for dot in last_dots(latest.values()))


def last_dots(changes: Iterable[Change]) -> list[Dot]:
    """The dots under which the changes go on, in their order. A change that got a new dot (of a copied laptop, or one that
    goes again) stands in the journal under both, with the same stamp; only the later one counts."""
    by_stamp = {
        (change.scope_id, change.kind, change.record_id, change.hlc): change.dot for change in changes
    }
    return sorted(by_stamp.values(), key=lambda dot: (dot.counter, dot.device))


def _take_off(connection: Connection, dots: Iterable[Dot]) -> None:
    """Of what other changes say by now, a database from before that must not send the old ones beside them."""
    waits = _outbox.c.state.in_([*UNACKNOWLEDGED, OutboxState.REFUSED, OutboxState.PARKED])
    for dot in dots:
        connection.execute(_DROP_ENTRY.where(waits), {"of": dot.device, "number": dot.counter})


def _entries(connection: Connection) -> dict[Dot, tuple[str, str]]:
    """The outbox, in order: (state, body) by dot. Read once: a journal has thousands of changes."""
    rows = connection.execute(_ENTRIES.order_by(_outbox.c.counter))
    return {Dot(row.device, row.counter): (row.state, row.body) for row in rows}


def _unconfirmed(entries: Mapping[Dot, tuple[str, str]]) -> dict[Dot, bytes]:
    """The changes that must be in the journal, in order, as it has them."""
    return {dot: body.encode() for dot, (state, body) in entries.items() if state != OutboxState.CONFIRMED}


def dot_in(frame: bytes) -> Dot | None:
    """The dot of the change that a frame of the journal holds; None for one that this version cannot read."""
    change = _change_in(frame)
    return change.dot if change is not None else None


def _change_in(frame: bytes) -> Change | None:
    try:
        return Change.model_validate_json(frame)
    except ValidationError:
        return None


def _has(connection: Connection, change: Change, entry: tuple[str, str] | None) -> bool:
    """Whether the database has a change of the journal's, as it stands there or later, or had it and it was settled."""
    if change.reason == TAKEN_OFF:
        return True
    if entry is not None:
        return entry[0] != OutboxState.PENDING or not _is_later(change, entry[1])
    kind = KINDS.get(change.kind)
    try:
        stored = load(connection, kind, change.scope_id, change.record_id) if kind else None
    except Corrupt:
        return False
    return stored is not None and stored.state.version.covers([change.dot])


def _replay(
    connection: Connection, change: Change, body: bytes, entry: tuple[str, str] | None, off: Collection[Dot]
) -> bool:
    """Put one change back if the database lacks it, or has it as it was before more was typed. Where the journal's end is
    lost, it is the journal that has it as it was before: the later stamp counts.

    What was handed in once more goes beside the record, as nobody's word here: its number covers own work that it lacks.

    It counts as sent, since it may have left in a rescue bundle: what is typed from here on is a change of its own.
    """
    kind = KINDS.get(change.kind)
    if kind is None:
        return False
    if _has(connection, change, entry):
        return False
    stored = load(connection, kind, change.scope_id, change.record_id) or Stored(RecordState())
    target = {"scope_id": change.scope_id, "kind": change.kind, "record_id": change.record_id}
    connection.execute(insert(_base).values(**target, agreed=stored.state.values()).on_conflict_do_nothing())
    if not change.said or not stored.state.cells:
        state = laid(stored.state, _standing(change, stored.state, off), change.dot)
        save_many(connection, kind, change.scope_id, {change.record_id: Stored(state, stored.seq)})
    connection.execute(_DROP_ENTRY, {"of": change.dot.device, "number": change.dot.counter})
    connection.execute(
        insert(_outbox).values(
            device=change.dot.device, counter=change.dot.counter, **target, lane=kind.lane.value,
            body=body.decode(), hash=change.hash, state=OutboxState.SENT,
            made_at=change.at, updated_at=change.at, attempts=0,
        )
    )  # fmt: skip
    return True


def _standing(change: Change, now: RecordState, off: Collection[Dot]) -> dict[str, Cell]:
    """What of a change comes to stand: it may have been outdone before it goes again. What goes in the place of one that was
    taken off (`off`) bears the stamp of that one."""
    return {
        path: cell
        for path, cell in change.cells().items()
        if path not in now.cells
        or now.cells[path].hlc < cell.hlc
        or change.context.covers(now.cells[path].dots)
        or set(now.cells[path].dots) <= set(off)
    }


def _is_later(change: Change, body: str) -> bool:
    return change.hlc > Change.model_validate_json(body).hlc


def _catch_up(connection: Connection, store: Store, latest: dict[Dot, tuple[Change, bytes]]) -> None:
    """Counter and clock never fall behind what the journal and the mark beside the key have seen."""
    seen = max((dot.counter for dot in latest if dot.device == store.identity.device), default=0)
    counter = max(seen, store.counter_floor)
    if counter > meta.get_counter(connection):
        meta.put(connection, meta.COUNTER, str(counter))
    stamp = max((change.hlc for change, _ in latest.values()), default=None)
    if stamp is not None and stamp > meta.get_hlc(connection):
        meta.put(connection, meta.HLC, str(stamp))
