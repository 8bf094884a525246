"""Whether central lacks what it had acknowledged, vouched for or sent: it is then on a copy that was behind, and refilled.

Central finds that out by its own word, which every request brings back (`standing`), and begins a new epoch. What is asked
here needs no epoch: it is about what that word does not cover, such as a change that waits for its parent and has no number,
and about a laptop that has no such word yet. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bravetui.merge.version import Dot
from bravetui.sync.taken import Prepared
from bravetui.wire.messages import Checkpoint, SyncAnswer, SyncRequest

AGAIN_AFTER = timedelta(hours=6)
"""So long a change that central takes and does not vouch for is not taken for lost anew: that would be its fault, and go on
for ever. It is not confirmed meanwhile."""


def is_lacking(
    prepared: Prepared, answer: SyncAnswer, genuine: Sequence[Checkpoint], last_at: datetime | None
) -> bool:
    """Whether the answer shows it; `last_at` is when one last did.

    Only an answer in the request's own epoch shows anything: another epoch says so by itself.
    """
    request = prepared.request
    if request.epoch != answer.epoch or answer.checkpoint not in genuine:
        return False
    return (
        _forgets(prepared.checkpoint, answer.checkpoint)
        or (
            (last_at is None or not last_at <= answer.checkpoint.at < last_at + AGAIN_AFTER)
            and any(not _is_held(dot, genuine) for dot in prepared.held_before)
        )
        or _ends_before_the_cursor(request, answer)
    )


def _forgets(before: Checkpoint | None, now: Checkpoint) -> bool:
    if before is None or (before.device, before.epoch) != (now.device, now.epoch):
        return False
    return not all(any(first <= had[0] and had[1] <= last for first, last in now.held) for had in before.held)


def _is_held(dot: Dot, genuine: Iterable[Checkpoint]) -> bool:
    return any(one.device == dot.device and one.covers(dot.counter) for one in genuine)


def _ends_before_the_cursor(request: SyncRequest, answer: SyncAnswer) -> bool:
    asked = {(ask.scope_id, ask.lane): ask.after for ask in request.pull}
    return any(page.after < asked.get((page.scope_id, page.lane), 0) for page in answer.pages)
