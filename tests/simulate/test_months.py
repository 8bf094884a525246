"""Fifty hostile months in which everything must hold, and seventeen planted bugs that must not go unnoticed.

A month that fails prints its complaints; `bravetui simulate --seed N` lives through it again and prints all that happened.
"""

from __future__ import annotations

import pytest

from bravetui.simulate.planted import PLANTED, planted
from tests.simulate.conftest import Site

MONTHS = range(1, 51)
LIVED_TWICE = (3, 8, 12)
"""Each costs a month more; `bravetui simulate` does it with all."""

FOUND_IN = {
    "dropped-when-sent": 1,
    "one-verdict-for-all": 1,
    "cursor-too-far": 1,
    "clock-not-advanced": 1,
    "ids-used-again": 1,
    "not-idempotent": 1,
    "stamps-not-ticked": 1,
    "waits-for-ever": 1,
    "anybody-believed": 2,
    "journal-not-read": 2,
    "full-disk-ignored": 3,
    "unsent-overwritten": 3,
    "heads-not-compared": 6,
    "epoch-ignored": 6,
    "forgotten-when-applied": 8,
    "news-dropped": 9,
    "last-arrival-wins": 11,
}
"""The month in which each planted bug was found last: looked at first, since any change of the program deals anew."""


@pytest.mark.parametrize("seed", MONTHS)
def test_everything_holds_in_month(site: Site, seed: int) -> None:
    outcome = site.lived(seed)
    assert not outcome.complaints, "\n".join(outcome.complaints)
    fates = outcome.fates
    counted = fates.kept + fates.in_conflict + fates.superseded + fates.folded + fates.gone_with_disk
    assert counted == outcome.saved, "a value has no fate, or two"


@pytest.mark.parametrize("seed", LIVED_TWICE)
def test_the_same_seed_is_the_same_month(site: Site, seed: int) -> None:
    first, second = site.lived(seed), site.lived(seed)
    assert first.trace == second.trace


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(site: Site, bug: str) -> None:
    first = FOUND_IN.get(bug, 1)
    with planted(bug):
        assert any(site.lived(seed).complaints for seed in (first, *(set(MONTHS) - {first})))
