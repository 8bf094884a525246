"""One transaction's worth of edits: rows, bases and outbox entries kept in step, dots minted, typing folded.

Lives inside `Store.write`. Loads each record once, and leaves all rows written when `finish` returns the journal frames.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from bravetui.base.canonical import Json, canonical_bytes, sha256_hex
from bravetui.base.clock import Clock, IdSource
from bravetui.base.errors import BadInput
from bravetui.base.text import clean
from bravetui.db import meta
from bravetui.db.device import Base, Outbox, OutboxState
from bravetui.db.kinds import Kind, kind_of
from bravetui.db.outbox import OF_RECORD, binding
from bravetui.db.put_away import frames_of, never_taken, put_away
from bravetui.db.quarantine import Run, again, can_grow, goes_on_in, moved, refused_run, release, take_out
from bravetui.db.records import Stored, load, normalised, save_many
from bravetui.db.site import signs
from bravetui.db.templates import rules_of
from bravetui.merge.hlc import Hlc, tick
from bravetui.merge.join import ADDS
from bravetui.merge.record import merge
from bravetui.merge.rules import Rules
from bravetui.merge.state import DELETED, RecordState, edited, row_of
from bravetui.merge.version import Dot
from bravetui.wire.change import Change, Op, Said, make_change

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_base = Base.__table__  # type: ignore[attr-defined]

# Built once: on a save, building a statement costs more than running it.
_LAST_CHANGE = (
    select(_outbox.c.state, _outbox.c.body).where(*OF_RECORD).order_by(_outbox.c.counter.desc()).limit(1)
)
_KEEP_BASE = insert(_base).on_conflict_do_nothing()
_ENQUEUE = insert(_outbox)
_ENQUEUE = _ENQUEUE.on_conflict_do_update(
    index_elements=["device", "counter"],
    set_={name: _ENQUEUE.excluded[name] for name in ("body", "hash", "updated_at")},
)


class Writing:
    """The edits of one person in one transaction."""

    def __init__(
        self, connection: Connection, clock: Clock, ids: IdSource, device: int, author_id: str,
        *, spent: int = 0, folds_after: int = 0,
    ) -> None:  # fmt: skip
        self.connection = connection
        self._clock, self._ids, self._device, self._author_id = clock, ids, device, author_id
        self._folds_after = folds_after
        counter, last = meta.get_last_minted(connection)
        self.counter = max(counter, spent)
        self._hlc = tick(last, int(clock.now().timestamp() * 1000))
        self._frames: list[bytes] = []
        self.touched: set[tuple[str, str]] = set()

    def create(
        self,
        kind_name: str,
        scope_id: str,
        values: Mapping[str, Json],
        *,
        record_id: str | None = None,
        reason: str | None = None,
    ) -> str:
        """Make a record and return its id (UUIDv7 unless given)."""
        kind, new_id = kind_of(kind_name), record_id or self._ids.new_id()
        if load(self.connection, kind, scope_id, new_id) is not None:
            raise BadInput(
                f"A {kind.label} with this id exists already.", "Open it instead of making it again."
            )
        after = self._storable(kind, values)
        self._write(kind, scope_id, new_id, Stored(RecordState()), after, Op.CREATE, reason, None)
        return new_id

    def edit(
        self,
        kind_name: str,
        scope_id: str,
        record_id: str,
        values: Mapping[str, Json],
        *,
        op: Op = Op.EDIT,
        reason: str | None = None,
        conflict_id: str | None = None,
    ) -> bool:
        """Set values by path; returns whether anything changed. A decision is recorded even where it keeps the value."""
        kind = kind_of(kind_name)
        stored = self._existing(kind, scope_id, record_id)
        after = self._storable(kind, values)
        if op is not Op.DECIDE:
            now = stored.state.values()
            after = {path: value for path, value in after.items() if path not in now or now[path] != value}
        if not after:
            return False
        after = self._with_groups(kind, stored, after)
        is_removed = DELETED in stored.state.cells and stored.state.cells[DELETED].value is True
        if (
            op is Op.EDIT
            and is_removed
            and (away := never_taken(self.connection, (scope_id, kind.name, record_id)))
        ):
            self._make_again(kind, stored, away, after)
            return True
        # To take back a removal that waits is no word of its own: it makes an edit of that (`_foldable`).
        is_typed = op is Op.EDIT and not reason and after.get(DELETED) is not False
        run = refused_run(self.connection, scope_id, kind.name, record_id) if is_typed else None
        if run and run.changes[0].author_id == self._author_id and not _waits(kind, run, stored, after):
            self._mend(kind, stored, run, after)
            return True
        self._write(kind, scope_id, record_id, stored, after, op, reason, conflict_id)
        return True

    def delete(self, kind_name: str, scope_id: str, record_id: str, reason: str | None = None) -> None:
        """Leave a tombstone. If somebody else is working in the record, it comes back and a person decides. Of a new record
        that central refused nothing goes any more (`db.put_away`)."""
        kind = kind_of(kind_name)
        stored = self._existing(kind, scope_id, record_id)
        off = never_taken(self.connection, (scope_id, kind.name, record_id))
        self._frames += frames_of(off)
        self._write(kind, scope_id, record_id, stored, {DELETED: True}, Op.DELETE, reason, None)
        if off:
            put_away(self.connection, off, Dot(self._device, self.counter))

    def offer(self, kind_name: str, scope_id: str, record_id: str, lost: RecordState, reason: str) -> Dot:
        """Say once more what this laptop holds, to a central that has lost it: `lost` is that, and all that had been seen
        with it. A cell of which nobody knows who said it has no dots, and goes under the change's own, which is returned.

        The record, if central has it, is here as central has it, and is shown merged as central will; else as it is."""
        kind = kind_of(kind_name)
        stored = load(self.connection, kind, scope_id, record_id) or Stored(RecordState())
        is_begun = stored.seq > 0 or (kind.name, record_id) in self.touched
        there = stored.state if stored.seq else RecordState()
        op = Op.EDIT if is_begun else Op.CREATE
        change = self._once_more(kind, (scope_id, record_id), there, lost, op, reason)
        self._keep_base(kind, scope_id, record_id, stored)
        held = RecordState(change.cells(), lost.version)
        if there.cells:
            rules = self._rules(kind, stored.state)
            shown = merge(change.before, held, there, rules).record
            # A count stands as it is held here, and what had not been seen comes to it at central (`central.past`). Until
            # that is known here, nothing made upon it has seen what is not in it.
            counts = {path: cell for path, cell in held.cells.items() if rules.of(path).rule in ADDS}
            unseen = any(
                not lost.version.covers(there.cells[path].dots) for path in counts.keys() & there.cells.keys()
            )
            version = held.version if unseen else shown.version
            shown = RecordState({**shown.cells, **counts}, version)
        else:
            shown = RecordState(
                {**held.cells, **stored.state.cells}, held.version.joined(stored.state.version)
            )
        state = RecordState(shown.cells, shown.version.with_dot(change.dot))
        # As sent already: it is no word of this laptop's, and waits behind nothing of its own that was refused.
        self._lay_down(kind, Stored(state, stored.seq), change, OutboxState.SENT)
        return change.dot

    def pass_on(
        self, kind_name: str, scope_id: str, record_id: str, told: RecordState, reason: str, *, makes: bool
    ) -> None:
        """Say what a central of before had told and nobody has seen here, with all that it had seen with it.

        The record here stays as it is, and has not seen it: its vector would cover own work that is not in what is told.
        What comes of it comes from central. `makes`: it is a whole record, which central may lack; else it waits for that.
        """
        kind = kind_of(kind_name)
        stored = load(self.connection, kind, scope_id, record_id) or Stored(RecordState())
        there = stored.state if stored.seq else RecordState()
        op = Op.CREATE if makes else Op.EDIT
        change = self._once_more(kind, (scope_id, record_id), there, told, op, reason)
        self._queue(kind, change, OutboxState.SENT)

    def fold_no_more(self) -> None:
        """Leave the changes made before as they are: what follows is a change of its own, and the history has both."""
        self._folds_after = self.counter

    def finish(self) -> list[bytes]:
        """Write counter and clock back; the frames are for the journal, in order."""
        if self._frames:
            meta.put_last_minted(self.connection, self.counter, self._hlc)
        return self._frames

    def _existing(self, kind: Kind, scope_id: str, record_id: str) -> Stored:
        stored = load(self.connection, kind, scope_id, record_id)
        if stored is None:
            raise BadInput(f"This {kind.label} is not on this laptop.", "Go back and open it from its list.")
        return stored

    def _storable(self, kind: Kind, values: Mapping[str, Json]) -> dict[str, Json]:
        cleaned = clean(dict(values))
        assert isinstance(cleaned, dict)
        return normalised(kind, cleaned)

    def _rules(self, kind: Kind, state: RecordState) -> Rules:
        return rules_of(self.connection, kind, state)

    def _with_groups(self, kind: Kind, stored: Stored, after: dict[str, Json]) -> dict[str, Json]:
        """Add the untouched members of every group touched: a group travels whole, so that no merge can split it."""
        rules, now = self._rules(kind, stored.state), stored.state.values()
        groups = {(row_of(path), rules.of(path).group) for path in after if rules.of(path).group}
        if not groups:
            return after
        whole = {
            path: now[path]
            for path in now
            if path not in after and (row_of(path), rules.of(path).group) in groups
        }
        return {**whole, **after}

    def _write(
        self, kind: Kind, scope_id: str, record_id: str, stored: Stored, after: dict[str, Json],
        op: Op, reason: str | None, conflict_id: str | None,
    ) -> None:  # fmt: skip
        folds = op is Op.EDIT and reason is None
        pending = self._foldable(kind, scope_id, record_id, after) if folds else None
        change = self._folded(pending, stored, after) if pending else None
        if change is None:
            change = self._new_change(kind, scope_id, record_id, stored, after, op, reason, conflict_id)
            self._keep_base(kind, scope_id, record_id, stored)
        state = edited(stored.state, change.after, change.dot, change.hlc)
        self._lay_down(kind, Stored(state, stored.seq), change)

    def _lay_down(
        self, kind: Kind, stored: Stored, change: Change, state: OutboxState = OutboxState.PENDING
    ) -> None:
        """The record as it is with the change, which goes on its way to central."""
        save_many(self.connection, kind, change.scope_id, {change.record_id: stored})
        self._queue(kind, change, state)
        self.touched.add((kind.name, change.record_id))

    def _mend(self, kind: Kind, stored: Stored, run: Run, after: dict[str, Json]) -> None:
        """Send again what central refused, corrected or as it is, and say behind it what is typed now (`db.quarantine`)."""
        scope_id, record_id = run.changes[0].scope_id, run.changes[0].record_id
        now = stored.state.values()
        plan = again(
            run,
            after,
            stored.state,
            self._rules(kind, stored.state),
            lambda one: self._grown(one, now, after),
        )
        first = Dot(self._device, self.counter + 1)
        changes, state = moved(plan, run, stored.state, first, after)
        self.counter += len(changes)
        if plan.behind:
            seen = Stored(state, stored.seq)
            behind = self._new_change(kind, scope_id, record_id, seen, plan.behind, Op.EDIT, None, None)
            changes.append(behind.upon(self._agreed(kind, scope_id, record_id, plan.upon)))
            state = edited(state, plan.behind, changes[-1].dot, changes[-1].hlc)
        save_many(self.connection, kind, scope_id, {record_id: Stored(state, stored.seq)})
        self._frames += frames_of(plan.replaced)
        for change in changes:
            self._queue(kind, change)
        for change in plan.as_they_are:
            release(self.connection, change.dot)
        take_out(self.connection, plan.replaced)
        self.touched.add((kind.name, record_id))

    def _make_again(self, kind: Kind, stored: Stored, away: Sequence[Change], after: dict[str, Json]) -> None:
        """Go on in a record whose removal was put away: central has nothing of it, so it is made anew, with all in it,
        and says that it is not removed, since the removal may wait there."""
        self._frames += frames_of(away)
        take_out(self.connection, away)
        values: dict[str, Json] = {**stored.state.values(), **after, DELETED: False}
        begun = Stored(RecordState(), stored.seq)
        self._write(kind, away[0].scope_id, away[0].record_id, begun, values, Op.CREATE, None, None)

    def _queue(self, kind: Kind, change: Change, state: OutboxState = OutboxState.PENDING) -> None:
        """Into the outbox, and into the journal with all that this save makes."""
        body = canonical_bytes(change.to_json())
        self._enqueue(kind, change, body.decode(), sha256_hex(body), state)
        self._frames.append(body)

    def _foldable(
        self, kind: Kind, scope_id: str, record_id: str, after: Mapping[str, Json]
    ) -> Change | None:
        """The record's last change, if it has never been sent, was made by the same person and may grow: an edit, or a
        removal that is taken back. Sent, that would be asked about wherever a colleague had worked in the record."""
        row = self.connection.execute(_LAST_CHANGE, binding((scope_id, kind.name, record_id))).one_or_none()
        if row is None or row.state != OutboxState.PENDING:
            return None
        change = Change.model_validate_json(row.body)
        plain = change.op in (Op.CREATE, Op.EDIT) and change.reason is None and change.conflict_id is None
        plain |= change.op is Op.DELETE and after.get(DELETED) is False
        own = change.author_id == self._author_id and change.dot.device == self._device
        return change if plain and own and change.dot.counter > self._folds_after else None

    def _folded(self, pending: Change, stored: Stored, after: Mapping[str, Json]) -> Change | None:
        """The pending change grown by `after`. None when the record has since moved on at central: then a new change
        must say that its author had seen that."""
        if not goes_on_in(pending, stored.state):
            return None
        return self._grown(pending, stored.state.values(), after)

    def _grown(self, change: Change, now: Mapping[str, Json], after: Mapping[str, Json]) -> Change:
        """The change, going on with `after` in the record that says `now`."""
        fresh = {path: now[path] for path in after if path in now and path not in change.after}
        return change.model_copy(
            update={
                "op": Op.EDIT if change.op is Op.DELETE else change.op,
                "before": {} if change.op is Op.CREATE else {**change.before, **fresh},
                "after": {**change.after, **after},
                "hlc": self._next_hlc(),
                "at": self._clock.now(),
            }
        )

    def _new_change(
        self, kind: Kind, scope_id: str, record_id: str, stored: Stored, after: dict[str, Json],
        op: Op, reason: str | None, conflict_id: str | None,
    ) -> Change:  # fmt: skip
        self.counter += 1
        now = stored.state.values()
        return make_change(
            dot=Dot(self._device, self.counter),
            target=(scope_id, kind.name, record_id),
            op=op,
            context=stored.state.version,
            before={path: now[path] for path in after if path in now},
            after=after,
            hlc=self._next_hlc(),
            author_id=self._author_id,
            at=self._clock.now(),
            reason=reason,
            conflict_id=conflict_id,
        )

    def _once_more(
        self, kind: Kind, record: tuple[str, str], there: RecordState, lost: RecordState, op: Op, reason: str
    ) -> Change:
        """A change that says `lost` again, in its authors' names, to a central that has `there`."""
        # Beside what was refused, what is lost is on the screen too, and there it has replaced nothing.
        replaced = {
            path: cell
            for path, cell in there.cells.items()
            if lost.version.covers(cell.dots) and cell != lost.cells.get(path)
        }
        seen = Stored(RecordState(replaced, lost.version))
        change = self._new_change(kind, *record, seen, lost.values(), op, reason, None)
        said = {
            path: Said(dots=cell.dots or (change.dot,), hlc=cell.hlc) for path, cell in lost.cells.items()
        }
        return change.model_copy(update={"said": said})

    def _next_hlc(self) -> Hlc:
        stamp = self._hlc
        self._hlc = tick(stamp, 0)
        return stamp

    def _keep_base(self, kind: Kind, scope_id: str, record_id: str, stored: Stored) -> None:
        """Remember what both sides agreed on before the first unsent edit; a later edit must not overwrite that."""
        agreed = stored.state.values()
        row = {"scope_id": scope_id, "kind": kind.name, "record_id": record_id, "agreed": agreed}
        self.connection.execute(_KEEP_BASE, row)

    def _agreed(self, kind: Kind, scope_id: str, record_id: str, paths: Collection[str]) -> dict[str, Json]:
        """What both sides last agreed on, of these paths."""
        key = (_base.c.scope_id == scope_id, _base.c.kind == kind.name, _base.c.record_id == record_id)
        agreed = (
            self.connection.execute(select(_base.c.agreed).where(*key)).scalar_one_or_none()
            if paths
            else None
        )
        return {path: value for path, value in (agreed or {}).items() if path in paths}

    def _enqueue(self, kind: Kind, change: Change, body: str, content_hash: str, state: OutboxState) -> None:
        now = self._clock.now()
        fresh: dict[str, Any] = {"body": body, "hash": content_hash, "updated_at": now}
        key = {"device": change.dot.device, "counter": change.dot.counter}
        target = {
            "scope_id": change.scope_id,
            "kind": kind.name,
            "record_id": change.record_id,
            "lane": kind.lane.value,
        }
        row = {**key, **target, **fresh, "state": state, "made_at": now, "attempts": 0}
        self.connection.execute(_ENQUEUE, row)


def _waits(kind: Kind, run: Run, stored: Stored, after: Mapping[str, Json]) -> bool:
    """Whether a signature stays behind what central will not have. It corrects nothing, and said in a change of its own it
    would be taken without that."""
    return signs(kind.name, after) and run.is_faulty and not can_grow(run, stored.state)
