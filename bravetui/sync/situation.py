"""What the loop asks of the tables before each step, and what it writes down when one failed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from bravetui.base.errors import BravetuiError, NeedsSignIn, Refused, Transient
from bravetui.db import blob_rows, meta
from bravetui.db.device import AT_REST, BYTES_LANE, Cursor, LaneState, Outbox, OutboxState
from bravetui.db.quarantine import CAN_GO
from bravetui.sync.agreement import is_agreed, may_agree
from bravetui.sync.log import write_failure
from bravetui.sync.step import LaneSituation
from bravetui.wire.blobs import Rendition
from bravetui.wire.lanes import LANES, Lane

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_lanes = LaneState.__table__  # type: ignore[attr-defined]
_cursor = Cursor.__table__  # type: ignore[attr-defined]


# Asked at every wake-up, and built once: building a statement costs more than running it.
_TO_SEND = select(_outbox.c.lane, func.count()).where(CAN_GO).group_by(_outbox.c.lane)
_ATTEMPTS = select(_lanes.c.lane, _lanes.c.next_attempt_at)
_HISTORY_LEFT = select(func.count()).select_from(_cursor).where(_cursor.c.before.is_not(None))
_IN_STATE = select(func.count()).select_from(_outbox).where(_outbox.c.state == bindparam("state"))
_BYTES_PAUSE = select(_lanes.c.next_attempt_at).where(_lanes.c.lane == BYTES_LANE)
_FAILURES = select(_lanes.c.lane, _lanes.c.failures)
_PAUSE = insert(_lanes)
_PAUSE = _PAUSE.on_conflict_do_update(
    index_elements=["lane"],
    set_={
        "next_attempt_at": _PAUSE.excluded.next_attempt_at, "why": _PAUSE.excluded.why,
        "failures": _lanes.c.failures + 1,
    },
)  # fmt: skip
_NOT_CONFIRMED = select(func.count()).select_from(_outbox).where(_outbox.c.state.not_in(AT_REST))


def lane_situations(connection: Connection) -> Mapping[Lane, LaneSituation]:
    """How much each lane could send, and until when it pauses."""
    counts: dict[str, int] = dict(connection.execute(_TO_SEND).all())
    attempts: dict[str, datetime | None] = dict(connection.execute(_ATTEMPTS).all())
    return {p.lane: LaneSituation(counts.get(p.lane.value, 0), attempts.get(p.lane.value)) for p in LANES}


def has_history_left(connection: Connection) -> bool:
    """Whether a lane's beginning has not been reached yet."""
    return connection.execute(_HISTORY_LEFT).scalar_one() > 0


def unconfirmed(connection: Connection) -> int:
    """Changes that central has taken and not yet vouched for under a checkpoint."""
    return connection.execute(_IN_STATE, {"state": OutboxState.APPLIED}).scalar_one()


def wants_closing(connection: Connection, contacts: int) -> bool:
    """Whether, after so many contacts that moved nothing, one more would confirm work or show both ends equal."""
    return bool(unconfirmed(connection) and not contacts) or may_agree(connection)


def is_all_handed_in(connection: Connection) -> bool:
    """Whether central vouches for every change, and both ends were found equal; not while nothing may be read here."""
    if meta.get(connection, meta.CLOSED):
        return False
    settled = connection.execute(_NOT_CONFIRMED).scalar_one() == 0 and is_agreed(connection)
    return settled and blob_rows.is_all_handed_in(connection, meta.get(connection, meta.EPOCH))


def is_behind(connection: Connection, heads: Mapping[str, int]) -> bool:
    """Whether central, whose scopes have got so far, has something that is not here."""
    query = select(_cursor.c.scope_id, func.max(_cursor.c.after)).group_by(_cursor.c.scope_id)
    here: dict[str, int] = dict(connection.execute(query).all())
    return any(seq > here.get(scope_id, 0) for scope_id, seq in heads.items())


def write_pauses(
    connection: Connection,
    lanes: Iterable[Lane],
    pause_s: Callable[[Lane, int], float],
    error: BravetuiError,
    now: datetime,
) -> dict[Lane, datetime]:
    """Until when each lane waits and why, for every window to show; `pause_s` says how long after so many failures."""
    failures: dict[str, int] = dict(connection.execute(_FAILURES).all())
    until = {lane: now + timedelta(seconds=pause_s(lane, failures.get(lane, 0) + 1)) for lane in lanes}
    if until:
        told = [
            {"lane": lane.value, "failures": 1, "next_attempt_at": at, "why": error.what}
            for lane, at in until.items()
        ]
        connection.execute(_PAUSE, told)
    _note_failure(connection, error, now)
    return until


def bytes_due_at(connection: Connection, renditions: Collection[Rendition]) -> datetime | None:
    """When the next photo bytes may go; None where none of these renditions waits and nothing is to be asked."""
    due = blob_rows.due_at(connection, renditions)
    if due is None and blob_rows.unasked(connection, meta.get(connection, meta.EPOCH), 1):
        due = datetime.fromtimestamp(0, UTC)
    pause = connection.execute(_BYTES_PAUSE).scalar_one_or_none()
    return due if due is None or pause is None else max(due, pause)


def pause_bytes(
    connection: Connection, pause_s: Callable[[int], float], error: BravetuiError, now: datetime
) -> datetime:
    """Until when all photo bytes wait: nothing of them went through."""
    failures: dict[str, int] = dict(connection.execute(_FAILURES).all())
    until = now + timedelta(seconds=pause_s(failures.get(BYTES_LANE, 0) + 1))
    told = {"lane": BYTES_LANE, "failures": 1, "next_attempt_at": until, "why": error.what}
    connection.execute(_PAUSE, told)
    _note_failure(connection, error, now)
    return until


def _note_failure(connection: Connection, error: BravetuiError, now: datetime) -> None:
    if isinstance(error, Transient | Refused | NeedsSignIn):  # of the line nothing else tells
        meta.put(connection, meta.LINE, "down" if isinstance(error, Transient) else "refused")
    write_failure(connection, now, error)


def bytes_went(connection: Connection) -> None:
    """Some did: no pause holds the others."""
    connection.execute(delete(_lanes).where(_lanes.c.lane == BYTES_LANE))


def forget_pauses(connection: Connection) -> None:
    """Every lane may go at once."""
    connection.execute(update(_lanes).values(next_attempt_at=None, failures=0))
    blob_rows.forget_pauses(connection)
