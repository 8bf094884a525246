"""One exchange with central: gather what goes, mark it sent, send it, and take the answer in one transaction.

What central's words do to the outbox stands in `acknowledge`, what they do to the records in `apply`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from bravetui.auth.grant import read_grant
from bravetui.auth.signing import signed_by
from bravetui.base.errors import NeedsSignIn
from bravetui.base.fault import fault
from bravetui.db import blob_rows, meta
from bravetui.db.device import (
    AT_REST,
    UNACKNOWLEDGED,
    Cursor,
    DeviceSeen,
    LaneState,
    Outbox,
    OutboxState,
    Receipt,
    ScopeSeen,
)
from bravetui.db.requests import taken_before
from bravetui.db.site import signs
from bravetui.db.store import Identity, Store
from bravetui.db.urgent import jumping
from bravetui.merge.version import Dot
from bravetui.sync import again, agreement, credible, lacking, refill
from bravetui.sync.acknowledge import confirm, forget_old, take_verdicts
from bravetui.sync.apply import drop_settled_bases
from bravetui.sync.batch import Entry, Refusals, next_batches, sendable
from bravetui.sync.log import write_exchange
from bravetui.sync.pages import take_pages
from bravetui.sync.taken import Prepared, Taken
from bravetui.wire.change import Change
from bravetui.wire.lanes import LANES, POLICY, PRIORITY, Direction, Lane
from bravetui.wire.messages import (
    Batch,
    Checkpoint,
    PullAsk,
    ScopeGrant,
    SyncAnswer,
    SyncRequest,
)
from bravetui.wire.receipt import is_genuine

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_cursor = Cursor.__table__  # type: ignore[attr-defined]
_lanes = LaneState.__table__  # type: ignore[attr-defined]
_receipts = Receipt.__table__  # type: ignore[attr-defined]
_devices = DeviceSeen.__table__  # type: ignore[attr-defined]
_scopes = ScopeSeen.__table__  # type: ignore[attr-defined]

_ONE = (_outbox.c.device == bindparam("of"), _outbox.c.counter == bindparam("number"))
_MARK_SENT = (
    update(_outbox)
    .where(*_ONE)
    .values(state=OutboxState.SENT.value, sent_at=bindparam("at"), attempts=_outbox.c.attempts + 1)
)
# Built once: for a month's verdicts, building statements would cost more than running them.
_ASKS = select(_cursor, _scopes.c.kind).join(_scopes, _scopes.c.scope_id == _cursor.c.scope_id)
_SCOPES, _CURSORS = select(_scopes), select(_cursor.c.scope_id, _cursor.c.lane)
_LAST_DEVICE = select(func.max(_devices.c.device))
_BY_STATE = (
    select(_outbox.c.state, func.count()).where(_outbox.c.state.not_in(AT_REST)).group_by(_outbox.c.state)
)
_DONE = insert(_lanes).values(next_attempt_at=None, why=None)
_DONE = _DONE.on_conflict_do_update(
    index_elements=["lane"],
    set_={name: _DONE.excluded[name] for name in ("failures", "next_attempt_at", "why", "last_done_at")},
)
_UNSEND = update(_outbox).where(*_ONE).values(state=OutboxState.PENDING.value, sent_at=None)

_ACKNOWLEDGED = (OutboxState.APPLIED, OutboxState.PARKED)

ANSWER_BYTES_MIN = 256 * 1024
"""Asked for on the thinnest line, too: compressed it is a fifth of that, and every answer costs a round trip."""

RATE_MOVED_MIN = 20
"""Records and changes in one exchange from which its speed says something."""


def prepare(store: Store, lanes: Sequence[Lane], budget_bytes: int) -> Prepared:
    """Choose what goes, and durably mark it as sent before it is."""
    now = store.clock.now()
    with store.maintain() as connection:
        agreement.begin_anew_if_due(connection, now)
        changes = agreement.open_changes(connection)
        entries, refused = _waiting(connection, changes)
        device, batches = _chosen(entries, refused, lanes, budget_bytes, store.identity.device)
        bodies = _bodies(connection, [entry for _, entries in batches for entry in entries])
        for _, some in batches:
            _mark_sent(connection, some, now)
        checkpoint = meta.get_checkpoint(connection)
        going = {Dot(entry.device, entry.counter) for _, some in batches for entry in some}
        fresh = {Dot(entry.device, entry.counter) for _, some in batches for entry in some if entry.fresh}
        left = {e.lane for e in sendable(entries, refused, lanes) if (e.device, e.counter) not in going}
        push = tuple(
            Batch(lane=lane, changes=tuple(bodies[entry.device, entry.counter] for entry in entries))
            for lane, entries in batches
        )
        request = SyncRequest(
            device=device,
            epoch=meta.get(connection, meta.EPOCH),
            sent_at=now,
            push=push,
            pull=tuple(_asks(connection, agreement.busy(connection, changes, going), left)),
            answer_bytes_max=max(ANSWER_BYTES_MIN, budget_bytes),
            wants_sealing_key=not store.identity.sealing_key,
            spares_hashes=True,
            knows_devices=connection.execute(_LAST_DEVICE).scalar_one() or 0,
            asks_known=() if push or not refused else again.asked(connection),
            standing=checkpoint.standing if checkpoint else "",
            taken_before=taken_before(connection, sorted(going - fresh)),
        )
    fault("marked_sent")
    counts: dict[Lane, int] = {}
    for batch in push:
        counts[batch.lane] = counts.get(batch.lane, 0) + len(batch.changes)
    held = {Dot(row.device, row.counter): row.state for row in changes if row.state in _ACKNOWLEDGED}
    applied = [(dot.device, dot.counter) for dot, state in held.items() if state == OutboxState.APPLIED]
    return Prepared(
        request, counts, frozenset(fresh), frozenset(applied), frozenset(held), checkpoint, bool(left)
    )


def going_on(request: SyncRequest) -> Prepared:
    """A request that pushes nothing and goes on from the last answer (`sync.ahead`)."""
    return Prepared(request, {}, frozenset(), frozenset())


def take(store: Store, prepared: Prepared, answer: SyncAnswer, took_s: float = 0.0) -> Taken:
    """Write all that the answer says, in one transaction; half an answer is none. `took_s` is how long it was on its way."""
    taken, now = Taken(), store.clock.now()
    fault("answer_received")
    with store.maintain() as connection:
        genuine = [one for one in (answer.checkpoint, *answer.earlier) if _is_genuine(store, one, answer)]
        credible.check_pages(prepared.request, answer)
        _pass_numbers(connection, store.identity.device, answer, genuine)
        if answer.checkpoint in genuine:
            _epoch(connection, answer.epoch)
            meta.put(connection, meta.CHECKPOINT, answer.checkpoint.model_dump_json(exclude_defaults=True))
            if not answer.closed:
                again.let_in(connection, now)
            meta.put(connection, meta.CLOSED, answer.closed)
        if lacking.is_lacking(prepared, answer, genuine, meta.get_moment(connection, meta.LACKED_AT)):
            refill.begin(connection)
            meta.put(connection, meta.LACKED_AT, answer.checkpoint.at.isoformat())
        take_verdicts(connection, store, answer.verdicts, taken, now)
        confirm(connection, prepared, genuine)
        if answer.checkpoint in genuine:
            forget_old(connection, answer.checkpoint.at)
        take_pages(connection, store, prepared, answer, taken, now)
        drop_settled_bases(connection)
        _take_scopes(connection, answer.scopes, now)
        _take_devices(connection, answer.devices)
        if meta.is_refilling(connection) and not prepared.request.push:
            refill.Refill(store, connection).finish()
        again.understood(connection, answer.known, now)
        taken.new_device, taken.closed = answer.new_device, answer.closed
        taken.silent = _silent(prepared, taken)
        taken.elsewhere = prepared.request.epoch not in ("", answer.epoch)
        _settle(connection, taken, now, heard=answer.checkpoint in genuine)
        _note_rate(connection, taken, took_s)
        moved = sum(taken.acknowledged.values()), sum(taken.rows.values())
        write_exchange(connection, now, *moved)
    if answer.checkpoint in genuine:
        store.passed.told(answer.checkpoint.at)
    _take_sealing_key(store, answer)
    _take_grant(store, answer)
    fault("answer_taken")
    return taken


def unsend(connection: Connection, prepared: Prepared) -> None:
    """No byte has left: what went for the first time has never been sent, and further typing folds into it again; unless it
    has left in a rescue bundle meanwhile."""
    left_to = int(meta.get(connection, meta.LEFT_TO, "0"))
    never = [{"of": device, "number": counter} for device, counter in prepared.fresh if counter > left_to]
    if never:
        connection.execute(_UNSEND, never)


def _chosen(
    entries: Sequence[Entry], refused: Refusals, lanes: Sequence[Lane], budget_bytes: int, own: int
) -> tuple[int, list[tuple[Lane, tuple[Entry, ...]]]]:
    """Whose changes go, and which. What a copy may share with its original goes first, under the number that both had
    (`sync.twin`); all of a request bears one number."""
    for device in sorted({entry.device for entry in entries} - {own}):
        batches = next_batches([e for e in entries if e.device == device], refused, lanes, budget_bytes)
        if batches:
            return device, batches
    return own, next_batches([e for e in entries if e.device == own], refused, lanes, budget_bytes)


def _waiting(connection: Connection, changes: Sequence[Row[Any]]) -> tuple[list[Entry], Refusals]:
    entries, refused = [], []
    first = jumping(connection) if any(row.state in UNACKNOWLEDGED for row in changes) else frozenset()
    sent: dict[tuple[str, str, str], int] = {}
    for row in changes:
        if row.state == OutboxState.SENT:
            sent[_record(row)] = min(row.counter, sent.get(_record(row), row.counter))
    for row in changes:
        if row.state == OutboxState.REFUSED:
            refused.append((_record(row), row.counter))
        elif row.state in UNACKNOWLEDGED:
            fresh, record = row.state == OutboxState.PENDING, _record(row)
            unanswered = fresh and sent.get(record, row.counter) < row.counter and _signs(connection, row)
            lane, jumps = Lane(row.lane), record in first
            entries.append(Entry(row.device, row.counter, lane, record, row.size, fresh, jumps, unanswered))
    return entries, refused


def _record(row: Row[Any]) -> tuple[str, str, str]:
    return row.scope_id, row.kind, row.record_id


def _signs(connection: Connection, row: Row[Any]) -> bool:
    if row.kind != "submission":
        return False
    body = select(_outbox.c.body).where(_outbox.c.device == row.device, _outbox.c.counter == row.counter)
    change = Change.model_validate_json(connection.execute(body).scalar_one())
    return signs(row.kind, change.after)


def _bodies(connection: Connection, entries: Sequence[Entry]) -> dict[tuple[int, int], Change]:
    found: dict[tuple[int, int], Change] = {}
    counters = [entry.counter for entry in entries]
    for start in range(0, len(counters), 500):
        some = counters[start : start + 500]
        query = select(_outbox.c.device, _outbox.c.counter, _outbox.c.body).where(_outbox.c.counter.in_(some))
        for device, counter, body in connection.execute(query):
            found[device, counter] = Change.model_validate_json(body)
    return found


def _mark_sent(connection: Connection, entries: Sequence[Entry], now: datetime) -> None:
    if entries:
        marks = [{"of": entry.device, "number": entry.counter, "at": now} for entry in entries]
        connection.execute(_MARK_SENT, marks)


def _asks(connection: Connection, under_way: agreement.Busy, left: Collection[Lane]) -> list[PullAsk]:
    """News and history of every scope known, lane by lane; the organization's own before its projects'.

    Lanes of which something is `left` to go up may have to wait for that.
    """
    rows = sorted(
        connection.execute(_ASKS), key=lambda row: (PRIORITY[Lane(row.lane)], row.kind, row.scope_id)
    )
    return [
        PullAsk(
            scope_id=row.scope_id,
            lane=Lane(row.lane),
            after=row.after,
            before=row.before,
            rows_max=POLICY[Lane(row.lane)].page_rows,
            **agreement.asked(connection, row, under_way),
        )
        for row in rows
        if Lane(row.lane) not in left or POLICY[Lane(row.lane)].direction is not Direction.UPLOAD_FIRST
    ]


def _epoch(connection: Connection, epoch: str) -> None:
    """A central with another epoch was restored or replaced: it is refilled (`sync.refill`)."""
    known = meta.get(connection, meta.EPOCH)
    if known and known != epoch:
        refill.begin(connection)
    if known != epoch:
        meta.put(connection, meta.EPOCH, epoch)


def _is_genuine(store: Store, checkpoint: Checkpoint, answer: SyncAnswer) -> bool:
    return checkpoint.epoch == answer.epoch and is_genuine(checkpoint, signed_by(store.identity.central_key))


def _pass_numbers(
    connection: Connection, device: int, answer: SyncAnswer, genuine: Sequence[Checkpoint]
) -> None:
    """Mint no dot that central knows under this laptop's number already: a copy of it, or its own lost past, made it."""
    used = meta.get_counter(connection)
    highest = credible.numbers_used(answer, genuine, device, used)
    if highest > used:
        meta.put(connection, meta.COUNTER, str(highest))


def _take_scopes(connection: Connection, scopes: Sequence[ScopeGrant], now: datetime) -> None:
    if not scopes:
        return
    again.given_back(connection, scopes, now)
    rows = {
        scope.scope_id: {
            **scope.model_dump(include={"scope_id", "name", "kind"}), "permissions": list(scope.permissions),
        }
        for scope in scopes
    }  # fmt: skip
    here = {row["scope_id"]: dict(row) for row in connection.execute(_SCOPES).mappings()}
    if rows != here:
        connection.execute(delete(_scopes))
        connection.execute(insert(_scopes), list(rows.values()))
    fresh = [
        {"scope_id": scope.scope_id, "lane": policy.lane.value, "after": 0, "before": 0, "rows_left": 0}
        for scope in scopes
        for policy in LANES
        if policy.comes_down
    ]
    known = {(*row,) for row in connection.execute(_CURSORS)}
    if {(one["scope_id"], one["lane"]) for one in fresh} == known:
        return
    connection.execute(insert(_cursor).on_conflict_do_nothing(), fresh)
    # Nothing more comes of a scope that was taken away; given back, it is fetched anew. What is here of it stays.
    granted = {scope.scope_id for scope in scopes}
    connection.execute(delete(_cursor).where(_cursor.c.scope_id.not_in(granted)))
    refill.go_on(connection, granted - {scope_id for scope_id, _ in known})


def _take_devices(connection: Connection, owners: Mapping[int, str]) -> None:
    if owners:
        rows = [{"device": device, "user_id": user_id} for device, user_id in owners.items()]
        connection.execute(insert(_devices).on_conflict_do_nothing(), rows)


def _take_sealing_key(store: Store, answer: SyncAnswer) -> None:
    """A laptop that enrolled before central gave a sealing key gets it now, if it is really central's."""
    given = answer.sealing_key
    if (
        given is not None
        and not store.identity.sealing_key
        and is_genuine(given, signed_by(store.identity.central_key))
    ):
        store.become(replace(store.identity, sealing_key=given.key))


def _take_grant(store: Store, answer: SyncAnswer) -> None:
    """Keep a newer grant, before it is first shown: from then on central counts no other."""
    here = store.identity
    if not answer.grant or answer.grant == here.grant:
        return
    try:
        given, kept = read_grant(answer.grant, here.central_key), _generation(here)
    except NeedsSignIn:
        return
    if (given.organization_id, given.user_id) == (
        here.organization_id,
        here.user_id,
    ) and given.generation >= kept:
        store.become(replace(here, grant=answer.grant))


def _generation(here: Identity) -> int:
    try:
        return read_grant(here.grant, here.central_key).generation
    except NeedsSignIn:
        return 0


def _silent(prepared: Prepared, taken: Taken) -> tuple[Lane, ...]:
    """Lanes that brought something and heard nothing of it: a central in another epoch takes nothing yet."""
    if taken.first_strange is not None:
        return ()
    heard = {*taken.acknowledged, *(lane for lane, _ in taken.refused)}
    return tuple(lane for lane in prepared.counts if lane not in heard)


def _note_rate(connection: Connection, taken: Taken, took_s: float) -> None:
    """Remember how fast things move, the last exchanges counting most; a handful of changes tells nothing."""
    moved = max(
        sum(taken.acknowledged.values()), sum(taken.rows.values())
    )  # what went up comes back as a row
    if moved >= RATE_MOVED_MIN and took_s > 0:
        before, now = meta.get_rate(connection), moved / took_s
        meta.put(connection, meta.RATE, f"{now if before is None else (before + now) / 2:.3g}")


def _settle(connection: Connection, taken: Taken, now: datetime, *, heard: bool) -> None:
    """Lane states, last contact, and whether everything is handed in: said only where central's own word was `heard`, since
    what it has may be less than it was."""
    done = [policy.lane.value for policy in LANES if policy.lane not in taken.silent]
    if done:
        connection.execute(_DONE, [{"lane": lane, "failures": 0, "last_done_at": now} for lane in done])
    told = {meta.LAST_CONTACT_AT: now.isoformat(), meta.LINE: "up"}
    counts: dict[str, int] = dict(connection.execute(_BY_STATE).all())
    taken.waiting = sum(counts.get(state, 0) for state in UNACKNOWLEDGED)
    taken.narrowing = agreement.is_narrowing(connection)
    waits = bool(counts) or not blob_rows.is_all_handed_in(connection, meta.get(connection, meta.EPOCH))
    confirmed = heard and not waits
    # Where central tells nothing, nothing was compared either; yet it has signed for it all.
    taken.all_handed_in = confirmed and not taken.closed and agreement.is_agreed(connection)
    if taken.all_handed_in or (confirmed and taken.closed):
        told[meta.ALL_HANDED_IN_AT] = now.isoformat()
    elif waits:  # an earlier time says nothing of this work, also once it is confirmed
        told[meta.ALL_HANDED_IN_AT] = ""
    meta.put_all(connection, told)
