"""What may go wrong, how often, and what did: every fault has a name, a base rate, and a bias of this seed's own.

Each month favours some faults and is spared others, so that rare combinations occur (swarm testing, Groce et al. 2012).
Everything that happens is drawn from the one seed and written into the one trace.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

REQUEST_FAULTS: Mapping[str, float] = {
    "no line": 0.08,
    "request cut": 0.04,
    "answer cut": 0.06,
    "request doubled": 0.04,
    "request late again": 0.03,
    "slow line": 0.10,
    "central unwell": 0.03,
    "central busy": 0.02,
    "sign-in page": 0.02,
    "forged answer": 0.02,
    "newer row": 0.02,
}
"""For each request."""

POINT_FAULTS: Mapping[str, float] = {
    "laptop dies": 0.003,
    "power cut": 0.003,
    "central dies": 0.006,
    "disk full": 0.004,
    "disk full in sync": 0.004,
    "disk full in update": 0.02,
    "central's disk full": 0.01,
    "central dies in update": 0.03,
    "clock set in mid-exchange": 0.004,
}
"""At each named point that the code passes, or at each of its kind."""

DAY_FAULTS: Mapping[str, float] = {
    "clock stepped": 0.04,
    "database restored": 0.012,
    "disk restored": 0.006,
    "disk destroyed": 0.006,
    "record lost": 0.02,
    "file damaged": 0.012,
    "laptop cloned": 0.006,
    "central restored": 0.012,
    "central's clock wrong": 0.02,
    "right taken": 0.02,
    "membership ended": 0.02,
    "template changed": 0.04,
    "failover to a stale copy": 0.012,
    "program updated": 0.12,
    "central updated": 0.12,
}
"""For each laptop (or central) and day."""

RATES: Mapping[str, float] = {**REQUEST_FAULTS, **POINT_FAULTS, **DAY_FAULTS}
_BIASES = (0.0, 0.5, 1.0, 1.0, 3.0)


class Chaos:
    """One seed's dice, biases, counts and trace."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.bias = {name: self.dice.choice(_BIASES) for name in RATES}
        self.counts: Counter[str] = Counter()
        self.trace: list[str] = []
        self.is_on = True

    def happens(self, fault: str) -> bool:
        """Whether the fault strikes here and now."""
        if not self.is_on or self.dice.random() >= min(0.9, RATES[fault] * self.bias[fault]):
            return False
        self.counts[fault] += 1
        self.tell(f"! {fault}")
        return True

    @contextmanager
    def calm(self) -> Iterator[None]:
        """No fault strikes inside."""
        before, self.is_on = self.is_on, False
        try:
            yield
        finally:
            self.is_on = before

    def chance(self, probability: float) -> bool:
        """An ordinary accident of the day, no fault."""
        return self.dice.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[self.dice.randrange(len(choices))]

    def tell(self, words: str) -> None:
        """One line of the trace: the same seed must write the same lines."""
        self.trace.append(words)

    def fingerprint(self) -> str:
        """A hash of all that happened, in order."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()
