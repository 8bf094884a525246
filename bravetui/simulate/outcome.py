"""How large a month is to be, and what it came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from bravetui.simulate.ending import Fates

TRACED_MAX = 12
"""Last lines of the trace that are shown of a month that went wrong; replaying it shows all."""


@dataclass(frozen=True)
class Plan:
    """The size of a month."""

    laptops: int = 3
    days: int = 30
    visits: float = 0.25
    """Visits to each laptop a day, on average."""


@dataclass(frozen=True)
class Outcome:
    """What a month came to."""

    seed: int
    complaints: tuple[str, ...]
    faults: Counter[str]
    fates: Fates
    saved: int
    changes: int
    conflicts: int
    requests: int
    bytes: int
    fingerprint: str
    trace: tuple[str, ...]
    photos: Counter[str] = field(default_factory=Counter)
    """What became of the photos that were taken."""
    photo_bytes: int = 0
    """Of all sizes of those."""

    def with_complaint(self, words: str) -> Outcome:
        """The outcome with one more thing to complain of."""
        return replace(self, complaints=(*self.complaints, words))

    def without_trace(self) -> Outcome:
        """The outcome as it travels between processes: of a month that went wrong, with the last that was traced."""
        return replace(self, trace=self.trace[-TRACED_MAX:] if self.complaints else ())


def unlived(seed: int, why: str) -> Outcome:
    """The outcome of a month of which nothing is known."""
    return Outcome(seed, (why,), Counter(), Fates(), 0, 0, 0, 0, 0, "", ())
