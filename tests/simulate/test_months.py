"""Fifty hostile months in which everything must hold, and planted bugs that must not go unnoticed.

A month that fails prints its complaints; `bravetui simulate --seed N` lives through it again and prints all that happened.
"""

from __future__ import annotations

from dataclasses import fields

import pytest

from bravetui.simulate.planted import PLANTED, likeliest, planted
from tests.simulate.conftest import Site

MONTHS = range(1, 51)
FOUND = (153, 297, 314, 331)
"""Months of longer runs in which something was found. 153: two copies hand in one edit of a form that is signed by then, and
the tester took the second number for a word that is nowhere. 297 and 314: at a restored central a laptop hands in its own
part of a record after it has read the rest, and what central lost of it passed for what everybody has. 331: the tester held
a copy's word against what its original, put back from yesterday, had written since under the same number."""
LIVED_TWICE = frozenset(MONTHS[2::5])
"""`bravetui simulate` does it with all."""


@pytest.mark.parametrize("seed", [*MONTHS, *FOUND])
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
    """Within fifty months; those that favour the faults it needs are lived first."""
    with planted(bug):
        assert any(site.lived(seed).complaints for seed in likeliest(bug))
