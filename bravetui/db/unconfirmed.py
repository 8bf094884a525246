"""All changes that central has not confirmed, from whatever of this laptop still reads: database, journal, or either alone.

Writes one thing only: what is about to leave in a bundle counts as sent, whatever becomes of an attempt that is under way,
so that further typing makes a change of its own instead of altering one that has left. Neither repairs nor moves
anything: that is for the next start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError

from bravetui.base.errors import BadInput, BravetuiError, Corrupt, StorageFull, WrongKey
from bravetui.base.files import foreign_file_errors
from bravetui.db import meta
from bravetui.db.ballast import Ballast
from bravetui.db.device import AT_REST, Outbox, OutboxState
from bravetui.db.engine import open_laptop_engine, read_transaction, write_transaction
from bravetui.db.frames import journal_cipher, scan
from bravetui.db.kinds import KINDS
from bravetui.db.outbox import OF_RECORD, binding
from bravetui.db.photos_leaving import LeavingBlob, leaving_by_files, leaving_by_tables
from bravetui.db.quarantine import TAKEN_OFF, refused_run
from bravetui.db.records import load
from bravetui.db.recover import last_dots
from bravetui.db.requests import taken_before
from bravetui.db.site import signs
from bravetui.merge.version import Dot
from bravetui.wire.blobs import Blob
from bravetui.wire.change import Change

_outbox = Outbox.__table__  # type: ignore[attr-defined]

_MARK = (
    update(_outbox)
    .where(_outbox.c.device == bindparam("of"), _outbox.c.counter == bindparam("number"))
    .values(state=OutboxState.SENT.value, sent_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class FromJournal:
    """What a journal's file holds."""

    changes: Mapping[Dot, Change] = field(default_factory=dict)
    taken_off: Collection[Dot] = ()
    """What other changes say by now."""
    damaged: int = 0
    """Stretches that could not be read."""
    unreadable: int = 0
    """Frames that read well and hold no change that this version understands."""


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """What may exist on this laptop alone."""

    changes: tuple[Change, ...]
    """Oldest first; of one record in the order made."""
    damaged: int
    unreadable: int
    database_read: bool
    """False: the journal alone was read, and what central has confirmed may be among the changes."""
    marked: bool
    """Whether the database knows that they leave."""
    taken_before: frozenset[Dot] = frozenset()
    """Of all that leaves, what central has taken, or had before it was restored."""
    beneath: tuple[Change, ...] = ()
    """What central has confirmed of the same records, made before: one that was restored and lost it needs it first, or
    whoever reads what was made upon it would pass for having seen it."""
    signatures_left: int = 0
    """Signatures that stay here: they wait behind what central will not have, and would sign a report without that."""
    photos: tuple[LeavingBlob, ...] = ()
    """Bytes of photos that central has not signed for, the small sizes first."""

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest was made."""
        return min((change.at for change in self.changes), default=None)


def read_journal(path: Path, key: bytes) -> FromJournal:
    """The changes in a journal, as they stand last; the file is not touched. Raises WrongKey and BadInput as `scan` does."""
    with foreign_file_errors():
        data = path.read_bytes() if path.exists() else b""
    found = scan(journal_cipher(key), data)
    latest: dict[Dot, Change] = {}
    unreadable = 0
    for payload in (payload for frame in found.frames for payload in frame.payloads):
        try:
            change = Change.model_validate_json(payload)
        except ValidationError:
            unreadable += 1
        else:
            latest.pop(change.dot, None)
            latest[change.dot] = change
    kept = {dot: latest[dot] for dot in last_dots(latest.values()) if latest[dot].reason != TAKEN_OFF}
    taken_off = {dot for dot, change in latest.items() if change.reason == TAKEN_OFF}
    return FromJournal(kept, taken_off, len(found.damage), unreadable)


def gather(
    database: Path,
    journal: Path,
    key: bytes,
    ballast: Ballast,
    now: datetime,
    photos: Mapping[Blob, int] | None = None,
) -> Unconfirmed:
    """All that is unconfirmed on this laptop. `photos`: the files of photos that are here, and their sizes. Raises Busy, or
    WrongKey when neither database nor journal opens."""
    kept = photos or {}
    told, failure = _try_journal(journal, key)
    try:
        if not database.exists():
            raise Corrupt("There is no database here.")
        engine = open_laptop_engine(database, key)
    except (WrongKey, Corrupt, StorageFull, BadInput):
        engine = None
    if engine is not None:
        try:
            return _leaving(engine, told, ballast, now, kept)
        except (Corrupt, StorageFull, WrongKey, ValidationError, SQLAlchemyError):
            pass  # whatever is wrong with the database, the journal is a second road
        finally:
            engine.dispose()
    if failure is not None:
        raise failure
    return _of_journal(told, kept)


def gather_journal(journal: Path, key: bytes, photos: Mapping[Blob, int] | None = None) -> Unconfirmed:
    """All that a journal alone holds: a mirror's, of a laptop that is no more; and the photos that lie beside it."""
    return _of_journal(read_journal(journal, key), photos or {})


def _of_journal(told: FromJournal, kept: Mapping[Blob, int]) -> Unconfirmed:
    photos = leaving_by_files(kept, told.changes.values())
    changes = _ordered(told.changes)
    return Unconfirmed(changes, told.damaged, told.unreadable, False, False, photos=photos)


def _try_journal(path: Path, key: bytes) -> tuple[FromJournal, BravetuiError | None]:
    """What the journal holds, or why it cannot be read: the database may do."""
    try:
        return read_journal(path, key), None
    except (WrongKey, BadInput, Corrupt) as error:
        return FromJournal(damaged=1), error


def _leaving(
    engine: Engine, journal: FromJournal, ballast: Ballast, now: datetime, kept: Mapping[Blob, int]
) -> Unconfirmed:
    """What leaves, as far as it can be noted that it does; on a full disk the ballast makes the room for the note."""
    for _ in range(2):
        try:
            with write_transaction(engine) as connection:
                changes, fresh, left = _from_both(connection, journal)
                if fresh:
                    told = [{"of": dot.device, "number": dot.counter, "at": now} for dot in fresh]
                    connection.execute(_MARK, told)
                last = max([meta.get_counter(connection), *(dot.counter for dot in changes)])
                meta.put(connection, meta.LEFT_TO, str(last))
                return _told(connection, journal, changes, left, kept, marked=True)
        except StorageFull:
            if not ballast.give_up():
                break
    with read_transaction(engine) as connection:
        changes, _, left = _from_both(connection, journal)
        return _told(connection, journal, changes, left, kept, marked=False)


def _told(
    connection: Connection,
    journal: FromJournal,
    changes: Mapping[Dot, Change],
    left: int,
    kept: Mapping[Blob, int],
    *,
    marked: bool,
) -> Unconfirmed:
    beneath = _beneath(connection, changes.values())
    before = frozenset(taken_before(connection, [*changes, *beneath]))
    photos = leaving_by_tables(connection, kept, changes.values())
    return Unconfirmed(
        _ordered(changes),
        journal.damaged,
        journal.unreadable,
        True,
        marked,
        before,
        _ordered(beneath),
        left,
        photos,
    )


def _beneath(connection: Connection, changes: Iterable[Change]) -> dict[Dot, Change]:
    """Of the same records what is confirmed and was made before the last of these."""
    last: dict[tuple[str, str, str], int] = {}
    for change in changes:
        key = (change.scope_id, change.kind, change.record_id)
        last[key] = max(last.get(key, 0), change.dot.counter)
    found: dict[Dot, Change] = {}
    for (scope_id, kind, record_id), counter in last.items():
        confirmed = (*OF_RECORD, _outbox.c.state == OutboxState.CONFIRMED, _outbox.c.counter < counter)
        query = select(_outbox.c.body).where(*confirmed)
        for body in connection.execute(query, binding((scope_id, kind, record_id))).scalars():
            change = Change.model_validate_json(body)
            found[change.dot] = change
    return found


def _from_both(connection: Connection, told: FromJournal) -> tuple[dict[Dot, Change], list[Dot], int]:
    """The outbox, and what only the journal has; those of it that were never sent; and how many signatures stay here.

    A change that its record does not know was lost from the database. Where the journal is one save ahead, it counts, and
    the next start brings the database up to it.
    """
    query, journal = (
        select(_outbox.c.device, _outbox.c.counter, _outbox.c.state, _outbox.c.body),
        told.changes,
    )
    found: dict[Dot, Change] = {}
    known: set[Dot] = set()
    fresh: list[Dot] = []
    for row in connection.execute(query.order_by(_outbox.c.counter)):
        dot = Dot(row.device, row.counter)
        known.add(dot)
        if row.state in AT_REST or dot in told.taken_off:
            continue
        found[dot] = Change.model_validate_json(row.body)
        if row.state == OutboxState.PENDING:
            if dot in journal and journal[dot].hlc > found[dot].hlc:
                found[dot] = journal[dot]
            else:
                fresh.append(dot)
    lost = {dot: change for dot, change in journal.items() if dot not in known}
    found |= {dot: change for dot, change in lost.items() if not _covered(connection, change)}
    stay = {dot for dot in fresh if _waits(connection, found[dot])}
    return (
        {dot: change for dot, change in found.items() if dot not in stay},
        [dot for dot in fresh if dot not in stay],
        len(stay),
    )


def _waits(connection: Connection, change: Change) -> bool:
    """Whether it signs a report, and waits behind what central will not have (`Writing.change`)."""
    if not signs(change.kind, change.after):
        return False
    run = refused_run(connection, change.scope_id, change.kind, change.record_id)
    return run is not None and run.is_faulty and any(change.dot == one.dot for one in run.changes)


def _covered(connection: Connection, change: Change) -> bool:
    """Whether the record contains the change, which was then confirmed and forgotten."""
    kind = KINDS.get(change.kind)
    stored = load(connection, kind, change.scope_id, change.record_id) if kind else None
    return stored is not None and stored.state.version.covers([change.dot])


def _ordered(changes: Mapping[Dot, Change]) -> tuple[Change, ...]:
    return tuple(changes[dot] for dot in sorted(changes, key=lambda dot: (dot.counter, dot.device)))
