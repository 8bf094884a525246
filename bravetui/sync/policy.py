"""How long to wait after a failure: full jitter, doubling, capped, for ever (tenacity's strategies; Brooker 2015).

What central asks for (Retry-After) is honoured as a least, within reason, so that a laptop never wakes early and a bad
header never silences it.
"""

from __future__ import annotations

from tenacity import RetryCallState, wait_random_exponential

from bravetui.wire.lanes import LanePolicy

ASKED_WAIT_S_MAX = 3600.0
"""Longest Retry-After that is believed."""

WAIT_S_MIN = 0.25
"""Full jitter may draw zero; a line that has just failed deserves a moment."""


def wait_s(policy: LanePolicy, failures: int, asked_s: float | None = None) -> float:
    """Seconds before the next attempt of a lane after so many failures in a row."""
    drawn = wait_random_exponential(multiplier=policy.wait_first_s, max=policy.wait_max_s)(
        _attempt(max(1, failures))
    )
    least = min(asked_s or 0.0, ASKED_WAIT_S_MAX)
    return max(WAIT_S_MIN, least, drawn)


def _attempt(number: int) -> RetryCallState:
    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = number
    return state
