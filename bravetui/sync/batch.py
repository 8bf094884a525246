"""Which changes travel in one request: lanes in their order, urgent records, then oldest first, within a budget. Pure.

Nothing overtakes an earlier change of its own record, and a refused change holds back only later ones of that record.
The budget follows the measured line: an exchange should take a few seconds, on any line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bravetui.wire.lanes import POLICY, PRIORITY, Lane

BUDGET_BYTES_MIN = 8 * 1024
BUDGET_BYTES_MAX = 4 * 1024 * 1024
BUDGET_BYTES_FIRST = 1024 * 1024

BUDGET_BYTES_THIN = 64 * 1024
"""A line whose budget is no more than this is thin: lanes that may wait do, while anything else travels."""

_TARGET_S = 4.0
"""How long an exchange should take: long enough to amortise a round trip, short enough to show progress and be cut."""


Refusals = Sequence[tuple[tuple[str, str, str], int]]
"""Record and counter of every change in quarantine."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change in the outbox, as batching sees it."""

    device: int
    counter: int
    lane: Lane
    record: tuple[str, str, str]
    """(scope id, kind, record id)"""
    size_bytes: int
    fresh: bool = True
    """Whether it has never been sent."""
    jumps: bool = False
    """Whether its record goes before all others of its lane."""
    signs_unanswered: bool = False
    """Whether it signs a report of which central has not answered something yet: were that refused, it would go without."""


def sendable(waiting: Iterable[Entry], refused: Refusals, lanes: Sequence[Lane]) -> list[Entry]:
    """What nothing holds back, in the order in which it goes inside its lane.

    What has been sent before goes again, whatever stands before it: central may have it, and only its verdict tells.
    """
    blocked: dict[tuple[str, str, str], int] = {}
    for record, counter in refused:
        blocked[record] = min(counter, blocked.get(record, counter))
    waiting = list(waiting)
    for entry in waiting:
        if entry.signs_unanswered:
            blocked[entry.record] = min(entry.counter, blocked.get(entry.record, entry.counter))
    first = {entry.record for entry in waiting if entry.jumps}
    return [
        entry
        for entry in sorted(waiting, key=lambda each: (each.record not in first, each.counter))
        if entry.lane in lanes
        and (not entry.fresh or entry.counter < blocked.get(entry.record, entry.counter + 1))
    ]


def next_batches(
    waiting: Iterable[Entry], refused: Refusals, lanes: Sequence[Lane], budget_bytes: int
) -> list[tuple[Lane, tuple[Entry, ...]]]:
    """The batches of one request, in the order in which central is to take them.

    The first change always goes, whatever its size.
    """
    by_lane: dict[Lane, list[Entry]] = {lane: [] for lane in sorted(lanes, key=PRIORITY.__getitem__)}
    for entry in sendable(waiting, refused, lanes):
        by_lane[entry.lane].append(entry)
    batches: list[tuple[Lane, tuple[Entry, ...]]] = []
    left = budget_bytes
    for lane, entries in by_lane.items():
        if batches and POLICY[lane].may_wait and budget_bytes <= BUDGET_BYTES_THIN:
            break
        taken = 0
        while taken < len(entries) and (left > 0 or not batches):
            batch, left = _fill(entries[taken:], POLICY[lane].batch_changes_max, left)
            batches.append((lane, batch))
            taken += len(batch)
    return batches


def _fill(entries: Sequence[Entry], changes_max: int, budget_bytes: int) -> tuple[tuple[Entry, ...], int]:
    batch: list[Entry] = []
    for entry in entries[:changes_max]:
        if batch and entry.size_bytes > budget_bytes:
            return tuple(batch), 0
        batch.append(entry)
        budget_bytes -= entry.size_bytes
    return tuple(batch), budget_bytes


def next_budget(budget_bytes: int, moved_bytes: int, took_s: float) -> int:
    """The budget after an exchange that moved so many bytes in so long: it aims at a few seconds, at most doubling."""
    if took_s <= 0:
        return min(budget_bytes * 2, BUDGET_BYTES_MAX)
    fitting = int(moved_bytes / took_s * _TARGET_S)
    grown = min(budget_bytes * 2, max(fitting, budget_bytes) if took_s < _TARGET_S else fitting)
    return max(BUDGET_BYTES_MIN, min(grown, BUDGET_BYTES_MAX))


def shrunk(budget_bytes: int) -> int:
    """The budget after an exchange that did not come through."""
    return max(BUDGET_BYTES_MIN, budget_bytes // 2)


def count_by_lane(batches: Iterable[tuple[Lane, Sequence[Entry]]]) -> Mapping[Lane, int]:
    """How many changes travel in each lane."""
    counts: dict[Lane, int] = {}
    for lane, entries in batches:
        counts[lane] = counts.get(lane, 0) + len(entries)
    return counts
