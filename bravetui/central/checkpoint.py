"""Ranges of counters, for the signed word on what central holds of a device. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Ranges = tuple[tuple[int, int], ...]
"""First and last, inclusive, ascending, never touching."""


def with_counters(held: Iterable[Sequence[int]], counters: Iterable[int]) -> Ranges:
    """The ranges, with more counters in them.

    >>> with_counters([(1, 3)], [5, 4, 9])
    ((1, 5), (9, 9))
    """
    spans = sorted([(span[0], span[1]) for span in held] + [(counter, counter) for counter in counters])
    joined: list[tuple[int, int]] = []
    for first, last in spans:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def without_counter(held: Iterable[Sequence[int]], counter: int) -> Ranges:
    """The ranges, with one counter taken out of them.

    >>> without_counter([(1, 5)], 3)
    ((1, 2), (4, 5))
    """
    around = (
        ((first, counter - 1), (counter + 1, last)) if first <= counter <= last else ((first, last),)
        for first, last in held
    )
    return tuple((first, last) for spans in around for first, last in spans if first <= last)
