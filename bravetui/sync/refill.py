"""A central that was restored, or failed over to a stale copy, is refilled by its laptops: what it lost and they hold is
handed in again.

A new epoch, or its own word (`sync.lacking`), says that it has forgotten an unknown stretch of time. The laptop's own
changes are sent again as they were, and taken once. What others had written, and only this laptop still shows, goes in as a
change of its own that says so: nobody's name is put under words again without a laptop that vouches for them. Absence at
central is never deletion. A project that could not be read all that while is refilled once it can be.

A record that central has not at all is handed in as it was before what central refused of it (`sync.handing_in`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from sqlalchemy import Connection, delete, func, select, update

from bravetui.base.canonical import Json
from bravetui.db import meta
from bravetui.db.device import Base, Cursor, Outbox, OutboxState
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.outbox import queued
from bravetui.db.quarantine import CAN_GO, NOT_GOING
from bravetui.db.records import Stored, load, load_many
from bravetui.db.store import Store
from bravetui.db.tables.conflict import DUPLICATE
from bravetui.db.templates import rules_of
from bravetui.db.writing import Writing
from bravetui.merge.state import RecordState
from bravetui.merge.version import Dot
from bravetui.sync import former
from bravetui.sync.handing_in import OwnWords, in_parts, without_refused
from bravetui.wire.change import REFILLED, Change, Op
from bravetui.wire.lanes import POLICY

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_base = Base.__table__  # type: ignore[attr-defined]
_cursor = Cursor.__table__  # type: ignore[attr-defined]

_QUESTION = KINDS["conflict"]

_op = func.json_extract(_outbox.c.body, "$.op")

_HEARD = (OutboxState.APPLIED, OutboxState.PARKED, OutboxState.REFUSED, OutboxState.CONFIRMED)
"""What the central of before had taken, or kept for its office."""


def begin(connection: Connection) -> None:
    """Central has forgotten something: everything of ours goes again, and everything of its is asked for anew."""
    former.keep(connection)
    again = {"state": OutboxState.SENT, "verdict": None, "settled_at": None}
    connection.execute(update(_outbox).where(_outbox.c.state.in_(_HEARD)).values(again))
    connection.execute(delete(_cursor))
    for kind in KINDS.values():
        connection.execute(update(kind.table).values(seq=0))
    meta.put(connection, meta.REFILLING, meta.YES)


def go_on(connection: Connection, scope_ids: Collection[str]) -> None:
    """These scopes can be read, and could not be before: of one that was left out of a refill, it goes on."""
    if not _left_out(connection).isdisjoint(scope_ids):
        meta.put(connection, meta.REFILLING, meta.YES)


def _left_out(connection: Connection) -> set[str]:
    return {*json.loads(meta.get(connection, meta.NOT_REFILLED, "[]"))}


def can_be_told(question: Mapping[str, Json]) -> bool:
    """Whether a question can be handed in. The id of one about two records follows from both: where an older version decided
    it, nobody knows the other now."""
    resolution = question["resolution"]
    return question["rule"] != DUPLICATE or (isinstance(resolution, Mapping) and "same_as" in resolution)


class Refill:
    """Hands values back to central inside the transaction that found them missing."""

    def __init__(self, store: Store, connection: Connection) -> None:
        self._store, self._connection = store, connection

    def offer(self, kind: Kind, scope_id: str, lost: Mapping[str, RecordState]) -> None:
        """Write the cells, by record id, as changes of this laptop's that have seen what it had seen with them."""
        if (kind.office_only and kind is not _QUESTION) or not lost:
            return
        writing = self._writing()
        here = load_many(self._connection, kind, scope_id, lost)
        for record_id, state in lost.items():
            stored, seen = here.get(record_id) or Stored(RecordState()), state.version
            there = stored.state.cells if stored.seq else {}
            rules = partial(rules_of, self._connection, kind, stored.state)
            for cells in in_parts(state.cells, there, rules):
                part = RecordState(cells, seen)
                seen = seen.with_dot(writing.offer(kind.name, scope_id, record_id, part, REFILLED))
        self._store.keep_counters(writing.counter, writing.finish())

    def _writing(self) -> Writing:
        who = self._store.identity
        return Writing(self._connection, self._store.clock, self._store.ids, who.device, who.user_id)

    def finish(self) -> None:
        """Once all that central has is here: offer the records that it has not, and be done."""
        query = select(func.count()).select_from(_outbox).where(CAN_GO)
        more = select(func.count()).select_from(_cursor).where(_cursor.c.before.is_not(None))
        if any(self._connection.execute(count).scalar_one() for count in (query, more)):
            return
        left_out = former.not_seen(self._connection)
        for kind in KINDS.values():
            if POLICY[kind.lane].comes_down:
                self._offer_absent(kind)
                left_out |= self._not_seen(kind)
        self._pass_on()
        meta.put(self._connection, meta.NOT_REFILLED, json.dumps(sorted(left_out)))
        meta.put(self._connection, meta.REFILLING, "")

    def _not_seen(self, kind: Kind) -> set[str]:
        """Projects that are not seen just now, and of which nothing was compared."""
        table, seen = kind.table, select(_cursor.c.scope_id)
        query = select(table.c.scope_id).where(table.c.seq == 0, table.c.scope_id.not_in(seen)).distinct()
        return {*self._connection.execute(query).scalars()}

    def _offer_absent(self, kind: Kind) -> None:
        # What makes the record is at central, or will be when it is released; an edit may wait there for this very record.
        waits = _outbox.c.state.in_((OutboxState.REFUSED, OutboxState.PARKED))
        on_its_way = waits & (_op == Op.CREATE.value)
        own = select(_outbox.c.record_id).where(_outbox.c.kind == kind.name, on_its_way)
        table = kind.table
        absent: dict[str, list[str]] = {}
        # Of a project that is not seen just now nothing was compared: central may have all of it.
        compared = table.c.scope_id.in_(select(_cursor.c.scope_id).where(_cursor.c.lane == kind.lane.value))
        query = select(table.c.scope_id, table.c.id).where(table.c.seq == 0, table.c.id.not_in(own), compared)
        for scope_id, record_id in self._connection.execute(query.order_by(table.c.scope_id, table.c.id)):
            absent.setdefault(scope_id, []).append(record_id)
        for scope_id, ids in absent.items():
            self.offer_records(
                kind, scope_id, [key for key in ids if not self._is_fragment(kind, scope_id, key)]
            )

    def _pass_on(self) -> None:
        """Hand in what a central of before had told of a record in which own work was under way, and this one lacks: as a
        colleague's word that nobody had seen here, upon what central now has."""
        all_kept = former.kept(self._connection)
        if not all_kept:
            return
        writing = self._writing()
        for kept in all_kept:
            target = (kept.kind.name, kept.scope_id, kept.record_id)
            makes = kept.is_whole and self._is_fragment(kept.kind, kept.scope_id, kept.record_id)
            rules = partial(rules_of, self._connection, kept.kind, kept.here)
            for told in former.lost(self._connection, kept, is_all=makes):
                for cells in in_parts(told.cells, {}, rules):
                    writing.pass_on(*target, RecordState(cells, told.version), REFILLED, makes=makes)
            former.drop(self._connection, kept)
        self._store.keep_counters(writing.counter, writing.finish())

    def _is_fragment(self, kind: Kind, scope_id: str, record_id: str) -> bool:
        """Whether nothing of a record was ever here but edits of one's own, put back from the journal of a database that was
        restored. They wait at central for the record; handed in as a record, they would pass for the whole of it."""
        query = select(_outbox.c.device, _outbox.c.counter, _outbox.c.body).where(
            _outbox.c.scope_id == scope_id, _outbox.c.kind == kind.name, _outbox.c.record_id == record_id
        )
        own = {Dot(row.device, row.counter): row.body for row in self._connection.execute(query)}
        stored = load(self._connection, kind, scope_id, record_id)
        seen = set(stored.state.version) if stored else set()
        edits = [Change.model_validate_json(body).op is not Op.CREATE for body in own.values()]
        return seen <= own.keys() and all(edits)

    def offer_records(self, kind: Kind, scope_id: str, ids: Sequence[str]) -> None:
        """Hand in whole records that central does not have, and so has not numbered either."""
        table, some = kind.table, (kind.table.c.scope_id == scope_id, kind.table.c.id.in_(ids))
        self._connection.execute(update(table).where(*some).values(seq=0))
        lost = {key: one.state for key, one in load_many(self._connection, kind, scope_id, ids).items()}
        if kind is _QUESTION:
            lost = {key: one for key, one in lost.items() if self._can_be_asked(scope_id, one.values())}
            not_asked = table.c.id.in_(set(ids) - lost.keys())
            self._connection.execute(delete(table).where(table.c.scope_id == scope_id, not_asked))
        self.offer(
            kind,
            scope_id,
            {key: self._without_refused(kind, scope_id, key, one) for key, one in lost.items()},
        )

    def _without_refused(self, kind: Kind, scope_id: str, record_id: str, here: RecordState) -> RecordState:
        """What is handed in of a record that is `here` as this laptop shows it (`sync.handing_in`)."""
        found = queued(self._connection, (scope_id, kind.name, record_id))
        rows = [(row.state, Change.model_validate_json(row.body)) for row in found]
        if not rows:
            return here
        rows.sort(key=lambda row: row[1].hlc)
        own = OwnWords(
            tuple(change for state, change in rows if state not in NOT_GOING),
            tuple(change for state, change in rows if state in NOT_GOING and not change.said),
        )
        at = (_base.c.scope_id == scope_id, _base.c.kind == kind.name, _base.c.record_id == record_id)
        agreed = self._connection.execute(select(_base.c.agreed).where(*at)).scalar_one_or_none() or {}
        return without_refused(here, own, agreed, rules_of(self._connection, kind, here))

    def _can_be_asked(self, scope_id: str, question: Mapping[str, Json]) -> bool:
        """Whether central could take a question of its own: its record is handed in as well, or is there."""
        kind, record_id = KINDS.get(str(question["record_kind"])), str(question["record_id"])
        if kind is None or not can_be_told(question):
            return False
        stored = load(self._connection, kind, scope_id, record_id)
        return stored is not None and (stored.seq > 0 or not self._is_fragment(kind, scope_id, record_id))
