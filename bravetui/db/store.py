"""The laptop's truth, and the one way into it: record and change in one transaction, journalled before it counts.

Order of a save: the rows inside `BEGIN IMMEDIATE`, the change into the journal (fsync), COMMIT (fsync), and only then may
a screen say "Saved". Typing folds into the one unsent change of its record, so the outbox does not swell; a change that
has ever been sent is never touched again. Knows nothing of screens or of the network.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine

from bravetui.base.clock import Clock, IdSource
from bravetui.base.errors import BravetuiError, StorageFull
from bravetui.base.fault import fault
from bravetui.db import meta
from bravetui.db.ballast import Ballast
from bravetui.db.blobs import BlobFiles
from bravetui.db.engine import fold_wal, read_transaction, wal_of, write_transaction
from bravetui.db.journal import Journal
from bravetui.db.reading import narrow
from bravetui.db.writing import Writing
from bravetui.merge.hlc import Hlc, observe

WAL_BYTES_MAX = 4 * 1024 * 1024
"""Past this size the database's log is folded in after a save."""

DOTS_RESERVED = 64
"""Counters reserved at a time in the high-water file; a crash leaves a gap of at most so many, which harms nobody."""


class CounterMark(Protocol):
    """The highest counter that may have been used, kept beside the key and outside the database (`auth.high_water`)."""

    @property
    def reserved(self) -> int: ...

    def reserve(self, up_to: int) -> None: ...

    def settle(self, used: int) -> None: ...


class PassedTime(Protocol):
    """The time that has certainly passed, whatever the clock says (`auth.time_floor`). None of it raises."""

    @property
    def note(self) -> str: ...

    @property
    def behind(self) -> timedelta: ...

    @property
    def ahead(self) -> timedelta: ...

    def now(self) -> datetime: ...

    def see(self) -> None: ...

    def told(self, at: datetime) -> None: ...

    def settle(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who works here, and as what central knows this laptop."""

    device: int
    user_id: str
    user_name: str
    organization_id: str
    central_url: str
    central_key: str
    """Central's public Ed25519 key, base64url."""
    grant: str = dataclasses.field(default="", repr=False)
    """Central's word on what this person may do here, and until when (`auth.grant`); empty where a program from before
    grants enrolled."""
    sealing_key: str = ""
    """Central's public X25519 key, base64url, to which rescue bundles are sealed; empty until central has given it."""

    @classmethod
    def parse(cls, text: str) -> Identity:
        """Read what is kept with the keys; entries that this version does not know are left out."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in known})


@dataclass(frozen=True, slots=True)
class Changed:
    """What an action changed, so that each open view can decide whether to read again."""

    records: frozenset[tuple[str, str]] = frozenset()
    """(kind, record id)"""

    def __or__(self, other: Changed) -> Changed:
        return Changed(self.records | other.records)


class Store:
    """Encrypted database, journal, photos and ballast of one laptop; safe to use from several threads."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        ballast: Ballast,
        photos: BlobFiles,
        high_water: CounterMark,
        passed: PassedTime,
        clock: Clock,
        ids: IdSource,
        identity: Identity,
        reads_all: Callable[[Store, Connection], bool],
        keep_identity: Callable[[Identity], None] = lambda identity: None,
    ) -> None:
        self.engine, self.journal, self.ballast, self.photos = engine, journal, ballast, photos
        self.clock, self.ids, self.identity = clock, ids, identity
        self.keep_identity = keep_identity
        """Puts a new identity where it outlives the database."""
        self.folds_after = 0
        """Typing folds only into changes minted after this counter: those from before the start may have been sent, and a
        log cut short by damage may have taken the note of that with it."""
        self._reads_all = reads_all
        self.passed = passed
        """By what time a sign-in is judged."""
        self._high_water = high_water
        self._noted = ""
        self._spent = 0
        self._writing = threading.RLock()

    @property
    def folder(self) -> Path:
        """Where this laptop's files are."""
        return self.journal.path.parent

    @property
    def counter_floor(self) -> int:
        """No new dot may have a counter up to this, whatever the database says: it may have been restored."""
        return self._high_water.reserved

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look at the tables, for the program itself; never blocks a writer."""
        with read_transaction(self.engine) as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """What a person is shown: everything while his sign-in lasts, his own unfinished work after it (`db.reading`)."""
        with read_transaction(self.engine) as connection:
            if not self._reads_all(self, connection):
                narrow(connection, self.identity.user_id)
            yield connection

    @contextmanager
    def maintain(self) -> Iterator[Connection]:
        """A write that makes no change of its own: verdicts, pages, lane states, the sync log."""
        with self._writing:
            with self._room(), write_transaction(self.engine) as connection:
                yield connection
                fault("before_maintained")
            fault("maintained")
            self._fold()

    @contextmanager
    def write(self, author_id: str | None = None) -> Iterator[Writing]:
        """One person's edit: everything inside becomes durable together, or not at all."""
        with self._writing:
            with self._room(), write_transaction(self.engine) as connection:
                writing = Writing(
                    connection, self.clock, self.ids, self.identity.device, author_id or self.identity.user_id,
                    spent=self._spent, folds_after=self.folds_after,
                )  # fmt: skip
                yield writing
                self._journal(writing)
                self._note_time(writing)
            fault("after_commit")
            self.passed.see()
            self._fold()

    def learn_stamp(self, connection: Connection, seen: Hlc, told_at: datetime) -> None:
        """Remember the greatest stamp seen from others, so that the next edit here sorts after what was read here.

        `told_at` is central's own time, so that a laptop whose clock has gone back by months still learns.
        """
        now_ms = int(max(self.clock.now(), told_at).timestamp() * 1000)
        last = meta.get_hlc(connection)
        learnt = observe(last, seen, now_ms)
        if learnt != last:
            meta.put(connection, meta.HLC, str(learnt))

    def keep_counters(self, counter: int, frames: Sequence[bytes]) -> None:
        """Journal changes that are written inside `maintain`, under dots up to `counter`."""
        self._reserve(counter)
        self.journal.append(frames)

    def become(self, identity: Identity) -> None:
        """Go on as somebody else: a copy of a laptop that was given a number of its own."""
        self.identity = identity
        self.keep_identity(identity)

    def close(self) -> None:
        """Let go of all files; what was saved stays saved, whatever the disk says now."""
        with self._writing:
            with contextlib.suppress(BravetuiError), self.read() as connection:
                self._high_water.settle(meta.get_counter(connection))
            self.passed.settle()
            self.journal.close()
            self.engine.dispose()

    def _journal(self, writing: Writing) -> None:
        frames = writing.finish()
        if not frames:
            return
        self._reserve(writing.counter)
        fault("before_journal")
        # Even if the commit fails: the journal has it now, and another change must not have its dot.
        self._spent = writing.counter
        self.journal.append(frames)
        fault("after_journal_before_commit")

    def _note_time(self, writing: Writing) -> None:
        """A save tells the database the floor of time too. Nothing else does: opening must not write on a full disk."""
        note = self.passed.note
        if writing.touched and note != self._noted:
            meta.put(writing.connection, meta.TIME_FLOOR, note)
            self._noted = note

    def _fold(self) -> None:
        """Keep the log short. What was just saved is saved, whatever comes of this."""
        with contextlib.suppress(OSError, BravetuiError):
            if wal_of(self.engine).stat().st_size > WAL_BYTES_MAX:
                fold_wal(self.engine)

    def _reserve(self, counter: int) -> None:
        """A dot must be known outside the database before it can be seen: a restored database must not mint it again."""
        if counter > self._high_water.reserved:
            self._high_water.reserve(counter + DOTS_RESERVED)

    @contextmanager
    def _room(self) -> Iterator[None]:
        """On a full disk give up the ballast, so that the next save and pruning have room; nothing saved is touched."""
        try:
            yield
        except StorageFull as error:
            if self.ballast.give_up():
                raise StorageFull(
                    "The disk is full; what was typed is still on screen and this save did not go through.",
                    "The reserve has been freed: save again now, then free room on this disk.",
                ) from error
            raise
