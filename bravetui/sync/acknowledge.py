"""What central's signed words do to the outbox: verdicts acknowledge, checkpoints confirm, time lets go.

An entry counts as acknowledged only when a genuine verdict of central's names its dot and its hash; as confirmed only by a
signed checkpoint of a later request. Whatever else comes back acknowledges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from bravetui.auth.signing import signed_by
from bravetui.db.device import Outbox, OutboxState, Receipt
from bravetui.db.digest import compare_anew
from bravetui.db.store import Store
from bravetui.merge.version import Dot
from bravetui.sync.log import write_log
from bravetui.sync.taken import Prepared, Taken
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Checkpoint, Outcome, Verdict
from bravetui.wire.receipt import is_genuine

KEPT_AFTER_CONFIRMED = timedelta(days=90)
"""How long a confirmed change is kept here: a central restored from a backup that young is refilled from it."""

RECEIPTS_KEPT = timedelta(days=400)
"""As long as central keeps everything that a laptop may still ask about."""

DOTS_PER_QUERY = 500
"""Below SQLite's limit on bound parameters."""

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_receipts = Receipt.__table__  # type: ignore[attr-defined]

# Built once: for a month's verdicts, building statements would cost more than running them.
_ONE = (_outbox.c.device == bindparam("of"), _outbox.c.counter == bindparam("number"))
_HEARD = (
    select(_receipts.c.counter)
    .where(_receipts.c.device == _outbox.c.device, _receipts.c.counter == _outbox.c.counter)
    .exists()
)
_SENT = select(
    *(
        _outbox.c[name]
        for name in ("device", "counter", "hash", "lane", "state", "scope_id", "kind", "record_id")
    ),
    _HEARD.label("was_heard"),
).where(_outbox.c.counter.in_(bindparam("numbers", expanding=True)))

_SETTLE = (
    update(_outbox)
    .where(*_ONE)
    .values(
        state=bindparam("becomes"),
        verdict=bindparam("receipt"),
        settled_at=bindparam("at"),
        error=bindparam("why"),
    )
)

_KEEP_RECEIPT = insert(_receipts)
_KEEP_RECEIPT = _KEEP_RECEIPT.on_conflict_do_update(
    index_elements=["device", "counter"], set_={name: _KEEP_RECEIPT.excluded[name] for name in ("at", "body")}
)

# Only what is still acknowledged: what this very answer, of a restored central, has put back to be sent again is not.
_CONFIRM = (
    update(_outbox)
    .where(*_ONE, _outbox.c.state == OutboxState.APPLIED)
    .values(state=OutboxState.CONFIRMED.value, settled_at=bindparam("at"))
)

_STATE_OF: Mapping[Outcome, OutboxState] = {
    Outcome.APPLIED: OutboxState.APPLIED,
    Outcome.MERGED: OutboxState.APPLIED,
    Outcome.CONFLICT: OutboxState.APPLIED,
    Outcome.PARKED: OutboxState.PARKED,
    Outcome.REFUSED: OutboxState.REFUSED,
}


_NOT_TAKEN = (OutboxState.PARKED, OutboxState.REFUSED)


def take_verdicts(
    connection: Connection, store: Store, verdicts: Sequence[Verdict], taken: Taken, now: datetime
) -> None:
    """Write down what the verdicts say, and keep them as receipts."""
    sent = _sent(connection, [verdict.dot for verdict in verdicts])
    for verdict in verdicts:
        _take_verdict(connection, store, sent.get(verdict.dot), verdict, taken, now)
    # Central may have had it from a copy of this laptop, and then sends the record no more, which was left out of what was
    # found equal, and merged here with what central sent by what was known here.
    settled = [one for one in taken.settled if one["becomes"] not in _NOT_TAKEN]
    again = [row for one in settled if (row := sent[Dot(one["of"], one["number"])]).was_heard]
    for scope_id, lane in sorted({(row.scope_id, row.lane) for row in again}):
        compare_anew(connection, scope_id, [lane])
    if taken.settled:
        connection.execute(_SETTLE, taken.settled)
        connection.execute(_KEEP_RECEIPT, taken.receipts)


def _sent(connection: Connection, dots: Sequence[Dot]) -> dict[Dot, Any]:
    """What the outbox holds under these dots."""
    found: dict[Dot, Any] = {}
    for start in range(0, len(dots), DOTS_PER_QUERY):
        counters = [dot.counter for dot in dots[start : start + DOTS_PER_QUERY]]
        for row in connection.execute(_SENT, {"numbers": counters}):
            found[Dot(row.device, row.counter)] = row
    return found


def _take_verdict(
    connection: Connection, store: Store, row: Any, verdict: Verdict, taken: Taken, now: datetime
) -> None:
    if row is None or row.state in (OutboxState.CONFIRMED, OutboxState.PENDING):
        return
    verdict = verdict if verdict.hash else verdict.model_copy(update={"hash": row.hash})
    if row.hash != verdict.hash or not is_genuine(verdict, signed_by(store.identity.central_key)):
        taken.forged += 1
        return
    if verdict.outcome is Outcome.TWIN:
        taken.first_strange = min(verdict.dot, taken.first_strange or verdict.dot)
    state = _STATE_OF.get(verdict.outcome)
    if state is None:
        return
    dot, told = verdict.dot, verdict.model_dump_json(exclude_defaults=True)
    taken.settled.append(
        {
            "of": dot.device, "number": dot.counter, "becomes": state, "at": verdict.at, "why": verdict.reason,
            "receipt": verdict.model_dump(mode="json"),
        }
    )  # fmt: skip
    taken.receipts.append(
        {
            "device": dot.device, "counter": dot.counter, "scope_id": row.scope_id, "kind": row.kind,
            "record_id": row.record_id, "at": verdict.at, "body": told,
        }
    )  # fmt: skip
    lane = Lane(row.lane)
    if state is OutboxState.REFUSED:
        taken.refused.append((lane, verdict.reason or "no reason was given"))
        write_log(connection, now, "refused", verdict.code or "refused", lane)
    else:
        taken.acknowledged[lane] = taken.acknowledged.get(lane, 0) + 1


def confirm(connection: Connection, prepared: Prepared, genuine: Sequence[Checkpoint]) -> None:
    """Confirm what was acknowledged before this request and central vouches for now."""
    held = [
        {"of": device, "number": counter, "at": checkpoint.at}
        for device, counter in prepared.applied_before
        for checkpoint in genuine
        if device == checkpoint.device and checkpoint.covers(counter)
    ]
    if held:
        connection.execute(_CONFIRM, held)


def forget_old(connection: Connection, told_at: datetime) -> None:
    """Let go of what has been kept long enough, by central's signed time: this laptop's own clock may be years off."""
    old = (_outbox.c.state == OutboxState.CONFIRMED, _outbox.c.settled_at < told_at - KEPT_AFTER_CONFIRMED)
    connection.execute(delete(_outbox).where(*old))
    connection.execute(delete(_receipts).where(_receipts.c.at < told_at - RECEIPTS_KEPT))
