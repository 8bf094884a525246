"""Changes as the very requests that a line would carry, for a bundle that travels by hand instead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from bravetui.db.device import Receipt
from bravetui.db.kinds import KINDS
from bravetui.merge.version import Dot
from bravetui.wire.change import Change
from bravetui.wire.lanes import POLICY, PRIORITY, Lane
from bravetui.wire.messages import Batch, Outcome, SyncRequest

PIECE_BYTES = 1024 * 1024
"""JSON of one request, before it is packed; a single large change may exceed it."""

_DOTS_PER_QUERY = 500
"""Below SQLite's limit on bound parameters."""

_receipts = Receipt.__table__  # type: ignore[attr-defined]


_outcome = func.json_extract(_receipts.c.body, "$.outcome")
_TAKEN = select(_receipts.c.device, _receipts.c.counter).where(
    _receipts.c.counter.in_(bindparam("numbers", expanding=True)),
    _outcome.in_([Outcome.APPLIED, Outcome.MERGED, Outcome.CONFLICT]),
)


def requests_of(
    changes: Iterable[Change], sent_at: datetime, taken_before: Collection[Dot] = ()
) -> Iterator[SyncRequest]:
    """The requests that hand these changes in: one number of the laptop at a time, lanes in their order, oldest first."""
    by_device: dict[int, list[tuple[Lane, Change]]] = {}
    for change in changes:
        by_device.setdefault(change.dot.device, []).append((_lane_of(change), change))
    for device, told in sorted(by_device.items()):
        told.sort(key=lambda one: (PRIORITY[one[0]], one[1].dot.counter))
        for batches in _pieces(told):
            dots = (change.dot for batch in batches for change in batch.changes)
            before = tuple(dot for dot in dots if dot in taken_before)
            yield SyncRequest(device=device, sent_at=sent_at, push=batches, taken_before=before)


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


def taken_before(connection: Connection, dots: Sequence[Dot]) -> tuple[Dot, ...]:
    """Of what goes again, that which central had taken by a receipt that is kept: it has been restored since."""
    taken: list[Dot] = []
    for start in range(0, len(dots), _DOTS_PER_QUERY):
        numbers = [dot.counter for dot in dots[start : start + _DOTS_PER_QUERY]]
        taken += [Dot(*row) for row in connection.execute(_TAKEN, {"numbers": numbers})]
    return tuple(sorted(set(taken).intersection(dots)))
