"""A share of each sort of trial, small enough for every run of the tests; `make durability` makes them all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.durability.campaign import run
from tests.durability.planted import PLANTED
from tests.durability.shim import ABSENT, built

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="processes are forked and killed as Linux does"
)

SHARES = {
    "kills": range(24), "both": range(10), "cuts": range(80), "damages": range(80), "refusals": range(0, 8400, 175),
}  # fmt: skip
"""Of refusals some of all over the day: the first of them only refuse what opens the files."""


@pytest.mark.parametrize("sort", SHARES)
def test_nothing_that_was_saved_is_ever_missing(tmp_path: Path, sort: str) -> None:
    """After a kill of one or both sides, a power cut, damage to one file, or a disk that says no."""
    shim = built(tmp_path)
    if shim is None and sort in ("cuts", "refusals"):
        pytest.skip(ABSENT)
    tally = run(sort, 0, SHARES[sort], shim)
    assert not tally.failures, f"again: python -m tests.durability --only {sort}/0/{tally.failures[0][0]}"
    assert tally.made == len(SHARES[sort])


@pytest.mark.parametrize("fault", PLANTED)
def test_the_trials_find_what_is_planted(tmp_path: Path, fault: str) -> None:
    """A trial that finds nothing proves nothing until it has found something."""
    shim = built(tmp_path)
    sort, count, _ = PLANTED[fault]
    if shim is None and sort in ("cuts", "refusals"):
        pytest.skip(ABSENT)
    assert run(sort, 0, range(count), shim, processes=1, planted=fault).failures
