"""How often Python looks for cycles to free.

Pages of records are hundreds of thousands of small, living objects, and by default Python walks them again for every few
hundred made: it was a quarter of the time of a month's return (docs/figures.md).
"""

from __future__ import annotations

import gc
from functools import cache

OBJECTS = 50_000
"""Made since the last look before the next: some ten megabytes at most wait to be freed."""


@cache
def collect_seldom() -> None:
    """Leave what the start has made alone for good, and look at what comes later seldom. Once a process."""
    gc.freeze()
    gc.set_threshold(OBJECTS, 20, 20)
