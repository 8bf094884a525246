"""How long to wait after a failure: full jitter, doubling, capped, for ever (tenacity's strategies; Brooker 2015).

What central asks for (Retry-After) is honoured as a least, within reason, so that a laptop never wakes early and a bad
header never silences it.
"""

from __future__ import annotations

import random

from tenacity import RetryCallState, wait_random_exponential

from bravetui.wire.lanes import LanePolicy

ASKED_WAIT_S_MAX = 3600.0
"""Longest Retry-After that is believed."""

WAIT_S_MIN = 0.25
"""Full jitter may draw zero; a line that has just failed deserves a moment."""


LISTENING_POLLS = 10
"""How many times longer the pause between polls is while news come by themselves."""

POLL_JITTER = 0.2
STREAM_WAIT_S_MAX = 300.0


def wait_s(policy: LanePolicy, failures: int, asked_s: float | None = None) -> float:
    """Seconds before the next attempt of a lane after so many failures in a row."""
    drawn = wait_random_exponential(multiplier=policy.wait_first_s, max=policy.wait_max_s)(
        _attempt(max(1, failures))
    )
    least = min(asked_s or 0.0, ASKED_WAIT_S_MAX)
    return max(WAIT_S_MIN, least, drawn)


def poll_in_s(poll_s: float, *, listening: bool) -> float:
    """Seconds to the next contact of a laptop with nothing to do: spread, so that laptops do not come together."""
    return poll_s * (LISTENING_POLLS if listening else 1) * random.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)


def stream_wait_s(failures: int) -> float:
    """Seconds before the next try to have a stream of news: full jitter."""
    return max(WAIT_S_MIN, wait_random_exponential(multiplier=2.0, max=STREAM_WAIT_S_MAX)(_attempt(failures)))


def _attempt(number: int) -> RetryCallState:
    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = number
    return state
