"""Asking for the next page while this one is being taken: on a long fetch, line and laptop work at the same time. Pure.

The request that goes on from an answer follows from the two alone, since a cursor is what a page says it is. It pushes
nothing, and asks only for lanes that said there is more. Whether its answer still fits is looked at when it is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bravetui.wire.lanes import POLICY
from bravetui.wire.messages import PullAsk, SyncAnswer, SyncRequest


def continuation(request: SyncRequest, answer: SyncAnswer, now: datetime) -> SyncRequest | None:
    """The request that goes on from an answer; None where it brought nothing to go on with, or something to see to first."""
    asks = tuple(_more(request, answer))
    same_central = request.epoch in ("", answer.epoch)
    if not asks or not same_central or answer.new_device is not None:
        return None
    return SyncRequest(
        device=request.device,
        epoch=answer.epoch,
        sent_at=now,
        pull=asks,
        answer_bytes_max=request.answer_bytes_max,
        standing=answer.checkpoint.standing,
    )


def _more(request: SyncRequest, answer: SyncAnswer) -> Iterator[PullAsk]:
    asked = {(ask.scope_id, ask.lane): ask for ask in request.pull}
    for page in answer.pages:
        ask = asked.get((page.scope_id, page.lane))
        one_at_a_time = POLICY[page.lane].concurrency == 1
        if page.more and page.rows and ask is not None and not ask.sums and not one_at_a_time:
            yield ask.model_copy(update={"after": page.after, "before": page.before, "want": ()})
