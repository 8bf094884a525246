"""Changes as the very requests that a line would carry, for a bundle that travels by hand instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from bravetui.db.kinds import KINDS
from bravetui.wire.change import Change
from bravetui.wire.lanes import POLICY, PRIORITY, Lane
from bravetui.wire.messages import Batch, SyncRequest

PIECE_BYTES = 1024 * 1024
"""JSON of one request, before it is packed; a single large change may exceed it."""


def requests_of(changes: Iterable[Change], sent_at: datetime) -> Iterator[SyncRequest]:
    """The requests that hand these changes in: one number of the laptop at a time, lanes in their order, oldest first."""
    by_device: dict[int, list[tuple[Lane, Change]]] = {}
    for change in changes:
        by_device.setdefault(change.dot.device, []).append((_lane_of(change), change))
    for device, told in sorted(by_device.items()):
        told.sort(key=lambda one: (PRIORITY[one[0]], one[1].dot.counter))
        for batches in _pieces(told):
            yield SyncRequest(device=device, sent_at=sent_at, push=batches)


def _pieces(told: Sequence[tuple[Lane, Change]]) -> Iterator[tuple[Batch, ...]]:
    batches: list[tuple[Lane, list[Change]]] = []
    left = PIECE_BYTES
    for lane, change in told:
        size = len(change.model_dump_json(exclude_defaults=True))
        if batches and size > left:
            yield _closed(batches)
            batches, left = [], PIECE_BYTES
        if not batches or batches[-1][0] is not lane or len(batches[-1][1]) >= POLICY[lane].batch_changes_max:
            batches.append((lane, []))
        batches[-1][1].append(change)
        left -= size
    if batches:
        yield _closed(batches)


def _closed(batches: Iterable[tuple[Lane, list[Change]]]) -> tuple[Batch, ...]:
    return tuple(Batch(lane=lane, changes=tuple(changes)) for lane, changes in batches)


def _lane_of(change: Change) -> Lane:
    """A kind that this version does not know goes last: central may know it."""
    return KINDS[change.kind].lane if change.kind in KINDS else Lane.ANALYTICS
