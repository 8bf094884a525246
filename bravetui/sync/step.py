"""What to do next, decided from the tables at every turn: pure, and never remembered in a callback.

Liveness: while the outbox is not empty and the line is not held, the answer is an exchange now or a wait whose end is
computed here and shown on screen. No lane waits for another's failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bravetui.wire.lanes import LANES, PAUSE_MAX, POLICY, PRIORITY, Lane

MOST_URGENT = LANES[0].lane

URGENT_APART = timedelta(seconds=5)
"""Least time between an attempt and the one that something urgent asks for."""


@dataclass(frozen=True, slots=True)
class LaneSituation:
    """One lane as the tables have it."""

    waiting: int
    """Changes that may be sent: pending or sent without a verdict, and not behind a refused one."""
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything the decision needs."""

    lanes: Mapping[Lane, LaneSituation]
    unfinished: bool
    """Whether pages are known to be left at central."""
    unconfirmed: int
    """Changes acknowledged but not yet under a checkpoint."""
    next_poll_at: datetime | None
    """None: ask now."""
    pull_not_before: datetime | None = None
    """End of the pause that a failed pull has to keep."""
    urgent_at: datetime | None = None
    """When the newest unsent change that has to go at once was saved: rain of 0.25 inch, a safety alert."""
    attempted_at: datetime | None = None
    """When this laptop last tried to reach central."""
    on_battery: bool = False
    """Whether lanes that may wait go only with a contact that is made anyway."""
    bytes_at: datetime | None = None
    """When photo bytes may go next; None where none may."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Go to central now: push these lanes, most urgent first, and ask for news."""

    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Carry:
    """Carry some photo bytes to central, and then look again."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before then."""

    until: datetime


def next_step(situation: Situation, now: datetime) -> Exchange | Carry | Wait:
    """An exchange if anything is due, else photo bytes, else the moment at which something will be."""
    at_once = _at_once(situation)
    ready = [
        lane
        for lane, state in situation.lanes.items()
        if state.waiting
        and (_due(state.next_attempt_at, now) or (lane is MOST_URGENT and at_once and at_once <= now))
    ]
    may_pull = _due(situation.pull_not_before, now)
    wants_pull = situation.unfinished or _due(situation.next_poll_at, now)
    patient = {lane for lane in situation.lanes if situation.on_battery and POLICY[lane].may_wait}
    if not patient.issuperset(ready) or (may_pull and wants_pull):
        return Exchange(tuple(sorted(ready, key=PRIORITY.__getitem__)))
    bytes_at = (
        situation.bytes_at if may_pull else situation.pull_not_before
    )  # a line that is lost is lost for them too
    if situation.bytes_at is not None and may_pull and _due(bytes_at, now):
        return Carry()
    moments = [
        state.next_attempt_at
        for lane, state in situation.lanes.items()
        if state.waiting and state.next_attempt_at and lane not in patient
    ]  # none of them lies beyond `PAUSE_MAX`: that lane would be ready
    if situation.bytes_at is not None and bytes_at is not None:
        moments.append(bytes_at)
    if at_once and situation.lanes[MOST_URGENT].waiting:
        moments.append(at_once)
    poll = now if situation.unfinished or _due(situation.next_poll_at, now) else situation.next_poll_at or now
    pause_ends = None if _due(situation.pull_not_before, now) else situation.pull_not_before
    moments.append(max(poll, pause_ends) if pause_ends else poll)
    return Wait(max(min(moments), now + timedelta(milliseconds=1)))


def _at_once(situation: Situation) -> datetime | None:
    """When what has to go at once is tried, whatever pause its lane keeps: once for each time that one is saved."""
    urgent_at, attempted_at = situation.urgent_at, situation.attempted_at
    if urgent_at is None or attempted_at is None:
        return urgent_at
    return attempted_at + URGENT_APART if urgent_at > attempted_at else None


def _due(moment: datetime | None, now: datetime) -> bool:
    return moment is None or moment <= now or moment > now + PAUSE_MAX
