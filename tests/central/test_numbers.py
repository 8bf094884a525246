"""A laptop always has numbers to go on with: no change is taken under the last of all that there are."""

from __future__ import annotations

import pytest

from bravetui.base.errors import Refused
from bravetui.central.quarantine import release
from bravetui.merge.version import Dot
from bravetui.wire.messages import Outcome
from tests.support.central import Site

LAST = 10**18 - 1
"""The largest number that can be told."""


def test_a_change_under_the_last_number_there_is_is_refused_and_the_next_is_taken(site: Site) -> None:
    carlos = site.laptop("carlos")
    far, near = carlos.change("i1", {"note": "far"}, counter=LAST), carlos.change("i2", {"note": "near"})
    refused, taken = carlos.sync(far, near).verdicts
    assert (refused.outcome, refused.code, taken.outcome) == (
        Outcome.REFUSED,
        "invalid_number",
        Outcome.APPLIED,
    )
    assert carlos.sync().checkpoint.held == ((1, 1),)


def test_the_office_cannot_release_what_would_leave_a_laptop_no_numbers(site: Site) -> None:
    carlos = site.laptop("carlos")
    carlos.sync(carlos.change("i1", {"note": "far"}, counter=LAST))
    for mends in (None, {"note": "near"}):
        with pytest.raises(Refused, match="cannot have come to"):
            release(site.central, Dot(carlos.device, LAST), "olga", mends)
    assert carlos.sync().checkpoint.held == ()
