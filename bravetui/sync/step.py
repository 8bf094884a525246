"""What to do next, decided from the tables at every turn: pure, and never remembered in a callback.

Liveness: while the outbox is not empty and the line is not held, the answer is an exchange now or a wait whose end is
computed here and shown on screen. No lane waits for another's failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bravetui.wire.lanes import PRIORITY, Lane


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


@dataclass(frozen=True, slots=True)
class Exchange:
    """Go to central now: push these lanes, most urgent first, and ask for news."""

    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before then."""

    until: datetime


def next_step(situation: Situation, now: datetime) -> Exchange | Wait:
    """An exchange if anything is due, else the moment at which something will be."""
    ready = [
        lane for lane, state in situation.lanes.items() if state.waiting and _due(state.next_attempt_at, now)
    ]
    may_pull = _due(situation.pull_not_before, now)
    wants_pull = situation.unfinished or _due(situation.next_poll_at, now)
    if ready or (may_pull and wants_pull):
        return Exchange(tuple(sorted(ready, key=PRIORITY.__getitem__)))
    moments = [
        state.next_attempt_at for state in situation.lanes.values() if state.waiting and state.next_attempt_at
    ]
    poll = now if situation.unfinished else situation.next_poll_at or now
    moments.append(max(poll, situation.pull_not_before) if situation.pull_not_before else poll)
    return Wait(max(min(moments), now + timedelta(milliseconds=1)))


def _due(moment: datetime | None, now: datetime) -> bool:
    return moment is None or moment <= now
