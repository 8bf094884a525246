"""How sync stands: what waits, since when, why, and when it is tried next. Read from tables, so every window agrees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, case, func, select

from bravetui.base.text import safe_line
from bravetui.db import blob_rows, meta
from bravetui.db.device import (
    BYTES_LANE,
    UNACKNOWLEDGED,
    Cursor,
    LaneState,
    Outbox,
    OutboxState,
    ScopeSeen,
    SyncLog,
)
from bravetui.db.kinds import KINDS
from bravetui.db.site import calendar_of, project_of
from bravetui.db.store import Store
from bravetui.db.tables.conflict import OPEN, SETTLED
from bravetui.merge.join import Side
from bravetui.sync.log import SUPPORT, WHO
from bravetui.wire.lanes import LANES, Lane

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_lanes = LaneState.__table__  # type: ignore[attr-defined]
_cursor = Cursor.__table__  # type: ignore[attr-defined]
_log = SyncLog.__table__  # type: ignore[attr-defined]
_scopes = ScopeSeen.__table__  # type: ignore[attr-defined]

WORDS_MAX = 300
"""Characters of a line of the log, and of why a lane waits."""
TOLD_FOR = timedelta(days=30)
"""How long a person is told of a value that a rule set aside, which the list of conflicts shows for ever, and of support's
last visit, which the log shows longer."""
LOCK_AFTER_MIN = 10
"""Minutes without a key after which the screen locks, unless a person has set others."""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One lane."""

    lane: str
    label: str
    carries: str
    waiting: int
    """Changes that central has not acknowledged."""
    refused: int
    failures: int
    next_attempt_at: datetime | None
    why: str | None
    last_done_at: datetime | None
    oldest_at: datetime | None
    """When the oldest change waiting was made."""
    rows_left: int
    """Rows still to come down."""
    carries_bytes: bool = False
    """Whether photo bytes ride beside its records (`SyncSummary.photos`)."""
    eta_s: float | None = None
    """Seconds until this lane and those before it are done, at the pace of the last exchanges; None where nothing is left
    or no pace is known."""


@dataclass(frozen=True, slots=True)
class PhotosLeft:
    """Photos whose bytes central has not signed for, in full."""

    photos: int = 0
    size_bytes: int = 0
    oldest_at: datetime | None = None
    sick: int = 0
    """Of those, how many wait by themselves, since something of theirs did not go through."""
    next_attempt_at: datetime | None = None
    """When the bytes, or the first of the sick, are tried again; None where nothing holds them."""
    why: str | None = None
    eta_s: float | None = None
    """Seconds until they have gone, at the pace of the last ones."""


@dataclass(frozen=True, slots=True)
class Visited:
    """Somebody looked at this laptop as support."""

    at: datetime
    who: str
    did: str


@dataclass(frozen=True, slots=True)
class SyncSummary:
    """The whole of it in one row."""

    now: datetime
    waiting: int
    unconfirmed: int
    """Acknowledged, but not yet under a signed checkpoint."""
    refused: int
    conflicts_open: int
    set_aside: int
    """Values of this person's that a rule set aside lately, and about which nobody has decided since."""
    oldest_only_here: datetime | None
    """The age of the oldest thing that exists only on this laptop."""
    all_handed_in_at: datetime | None
    """When central was last found to have signed for all there is here, and both ends to be equal where it shows anything;
    None while anything of this laptop's is not confirmed by central."""
    last_contact_at: datetime | None
    next_attempt_at: datetime | None
    why: str | None
    line: str
    """`up`, `down`, `held` or `unknown`."""
    lanes: tuple[LaneRow, ...]
    photos: PhotosLeft = PhotosLeft()
    support: Visited | None = None
    """Who was here last as support, if that is not long ago."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the sync log."""

    at: datetime
    event: str
    lane: str | None
    words: str


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """A project or organization that this laptop may sync."""

    id: str
    name: str
    kind: str


def sync_summary(store: Store) -> SyncSummary:
    """How sync stands now."""
    with store.look() as connection:
        return summary_of(connection, store.clock.now(), store.identity.user_id)


def summary_of(connection: Connection, now: datetime, user_id: str) -> SyncSummary:
    """`sync_summary` inside a transaction that is open already."""
    lanes = _lane_rows(connection)
    unconfirmed = select(func.count()).where(_outbox.c.state.in_((OutboxState.APPLIED, OutboxState.PARKED)))
    conflict = KINDS["conflict"].table
    open_conflicts = select(func.count()).where(conflict.c.status == OPEN, conflict.c.deleted.is_(False))
    waiting = sum(lane.waiting for lane in lanes)
    busy = [lane for lane in lanes if lane.waiting and lane.next_attempt_at]
    soonest = min(busy, key=lambda lane: lane.next_attempt_at or now, default=None)
    photos = _photos_left(connection)
    oldest = [moment for moment in (*(lane.oldest_at for lane in lanes), photos.oldest_at) if moment]
    not_confirmed = connection.execute(unconfirmed).scalar_one()
    refused = sum(lane.refused for lane in lanes)
    is_over = not (waiting or refused or not_confirmed or photos.photos)
    return SyncSummary(
        now=now,
        waiting=waiting,
        unconfirmed=not_confirmed,
        refused=refused,
        conflicts_open=connection.execute(open_conflicts).scalar_one(),
        set_aside=_set_aside(connection, user_id, now),
        oldest_only_here=min(oldest, default=None),
        all_handed_in_at=meta.get_moment(connection, meta.ALL_HANDED_IN_AT) if is_over else None,
        last_contact_at=meta.get_moment(connection, meta.LAST_CONTACT_AT),
        next_attempt_at=soonest.next_attempt_at if soonest else None,
        why=next((lane.why for lane in lanes if lane.why), None),
        line=meta.get(connection, meta.LINE, "unknown"),
        lanes=lanes,
        photos=photos,
        support=_visited(connection, now),
    )


def _photos_left(connection: Connection) -> PhotosLeft:
    left, rate = blob_rows.left(connection), meta.get_rate(connection, meta.BYTES_RATE)
    if not left.photos:
        return PhotosLeft()
    paused = connection.execute(select(_lanes).where(_lanes.c.lane == BYTES_LANE)).one_or_none()
    why, until = (paused.why, paused.next_attempt_at) if paused else (left.why, left.next_attempt_at)
    return PhotosLeft(
        left.photos, left.size_bytes, left.oldest_at, left.sick, until,
        safe_line(why, WORDS_MAX) if why else None, left.size_bytes / rate if rate else None,
    )  # fmt: skip


def _visited(connection: Connection, now: datetime) -> Visited | None:
    at, _, rest = meta.get(connection, meta.SUPPORT).partition("\n")
    who, _, did = rest.partition("\n")
    if not did or now - (moment := datetime.fromisoformat(at)) > TOLD_FOR:
        return None
    return Visited(moment, safe_line(who, WORDS_MAX), safe_line(did, WORDS_MAX))


def _set_aside(connection: Connection, user_id: str, now: datetime) -> int:
    table = KINDS["conflict"].table
    loser = case(
        (func.json_extract(table.c.resolution, "$.set_aside") == Side.LOCAL.value, table.c.local),
        else_=table.c.remote,
    )
    query = select(func.count()).where(
        table.c.status == SETTLED, table.c.deleted.is_(False), table.c.opened_at > now - TOLD_FOR,
        func.json_extract(loser, "$.author_id") == user_id,
    )  # fmt: skip
    return connection.execute(query).scalar_one()


def log(store: Store, limit: int = 500, since: datetime | None = None) -> tuple[LogLine, ...]:
    """What sync did, newest first; `since` leaves out what was before."""
    columns = (_log.c[name] for name in ("at", "event", "lane", "words", "numbers"))
    query = select(*columns).order_by(_log.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(_log.c.at >= since)
    with store.look() as connection:
        return tuple(
            LogLine(row.at, row.event, row.lane, safe_line(_said(row), WORDS_MAX))
            for row in connection.execute(query)
        )


def _said(row: Any) -> str:
    """The line in words; of support with the name, so that the foreman reads who it was."""
    return f"{row.numbers.get(WHO, '')} {row.words}" if row.event == SUPPORT else row.words


def scopes(store: Store) -> tuple[ScopeRow, ...]:
    """What this laptop may sync, projects first."""
    query = select(_scopes.c.scope_id, _scopes.c.name, _scopes.c.kind).order_by(
        _scopes.c.kind.desc(), _scopes.c.name
    )
    with store.look() as connection:
        return tuple(ScopeRow(*row) for row in connection.execute(query))


def project_zone(store: Store, scope_id: str) -> ZoneInfo:
    """The time zone in which a project's times are read; UTC before it has arrived."""
    with store.look() as connection:
        return calendar_of(project_of(connection, scope_id)).zone


def theme(store: Store) -> str:
    """The colours that this person chose; empty for the default."""
    with store.look() as connection:
        return meta.get(connection, meta.THEME)


def lock_after_min(store: Store) -> int:
    """Minutes without a key after which the screen locks; 0: never."""
    with store.look() as connection:
        return int(meta.get(connection, meta.LOCK_AFTER) or LOCK_AFTER_MIN)


def _lane_rows(connection: Connection) -> tuple[LaneRow, ...]:
    counts: dict[tuple[str, str], tuple[int, datetime]] = {}
    grouped = select(_outbox.c.lane, _outbox.c.state, func.count(), func.min(_outbox.c.made_at)).group_by(
        _outbox.c.lane, _outbox.c.state
    )
    for lane, state, count, oldest in connection.execute(grouped):
        counts[lane, state] = (count, oldest)
    states = {row.lane: row for row in connection.execute(select(_lanes))}
    left: dict[str, int] = dict(
        connection.execute(
            select(_cursor.c.lane, func.sum(_cursor.c.rows_left)).group_by(_cursor.c.lane)
        ).all()
    )
    rows, before, rate = [], 0, meta.get_rate(connection)
    for policy in LANES:
        only_here = [
            counts[policy.lane, s]
            for s in (*UNACKNOWLEDGED, OutboxState.REFUSED)
            if (policy.lane, s) in counts
        ]
        refused = counts.get((policy.lane, OutboxState.REFUSED), (0, None))[0]
        state = states.get(policy.lane)
        waiting = sum(count for count, _ in only_here) - refused
        rows_left = left.get(policy.lane.value) or 0
        before += waiting + rows_left
        rows.append(
            LaneRow(
                lane=policy.lane.value,
                label=policy.label,
                carries=policy.carries,
                waiting=waiting,
                refused=refused,
                failures=state.failures if state else 0,
                next_attempt_at=state.next_attempt_at if state else None,
                why=safe_line(state.why, WORDS_MAX) if state and state.why else None,
                last_done_at=state.last_done_at if state else None,
                oldest_at=min((oldest for _, oldest in only_here), default=None),
                rows_left=rows_left,
                carries_bytes=policy.lane is Lane.PHOTOS,
                eta_s=before / rate if rate and waiting + rows_left else None,
            )
        )
    return tuple(rows)
