"""Fifty hostile months in which everything must hold, and planted bugs that must not go unnoticed.

A month that fails prints its complaints; `bravetui simulate --seed N` lives through it again and prints all that happened.
"""

from __future__ import annotations

from dataclasses import fields

import pytest

from bravetui.simulate.planted import PLANTED, planted
from tests.simulate.conftest import Site

MONTHS = range(1, 51)
LIVED_TWICE = frozenset(MONTHS[2::5])
"""`bravetui simulate` does it with all."""

FOUND_IN = {
    "dropped-when-sent": 1,
    "one-verdict-for-all": 1,
    "cursor-too-far": 1,
    "clock-not-advanced": 1,
    "not-idempotent": 1,
    "stamps-not-ticked": 1,
    "gives-up": 1,
    "epoch-ignored": 1,
    "never-unparked": 1,
    "said-too-early": 1,
    "later-than-shown": 1,
    "ended-by-a-full-disk": 1,
    "never-compared": 1,
    "newer-field-dropped": 1,
    "moved-to-newest": 2,
    "journal-not-read": 2,
    "heads-not-compared": 6,
    "anybody-believed": 3,
    "half-a-migration": 3,
    "new-column-written": 3,
    "full-disk-ignored": 4,
    "newer-kind-dropped": 4,
    "unsent-overwritten": 4,
    "ids-used-again": 7,
    "forgotten-when-applied": 8,
    "news-dropped": 9,
    "last-arrival-wins": 11,
}
"""The month in which each planted bug was found last: looked at first, since any change of the program deals anew."""


@pytest.mark.parametrize("seed", MONTHS)
def test_everything_holds_in_month(site: Site, seed: int) -> None:
    """Some are lived again: the same seed is the same month."""
    outcome = site.lived(seed)
    assert not outcome.complaints, "\n".join(outcome.complaints)
    fates = outcome.fates
    assert sum(getattr(fates, field.name) for field in fields(fates)) == outcome.saved, (
        "a value has no fate, or two"
    )
    if seed in LIVED_TWICE:
        assert site.lived(seed).trace == outcome.trace


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_stands_where_the_program_has_something(bug: str) -> None:
    assert hasattr(PLANTED[bug].place, PLANTED[bug].name)


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(site: Site, bug: str) -> None:
    first = FOUND_IN.get(bug, 1)
    with planted(bug):
        assert any(site.lived(seed).complaints for seed in (first, *(set(MONTHS) - {first})))
