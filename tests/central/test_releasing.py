"""The office releases while laptops hand in."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bravetui.base import fault
from bravetui.base.canonical import Json
from bravetui.central.quarantine import parse_mend, release
from bravetui.wire.messages import Outcome
from tests.support.central import TEMPLATE, Site


def test_a_release_and_a_push_of_the_same_laptop_never_wait_for_each_other_in_a_circle(site: Site) -> None:
    carlos = site.laptop("carlos")
    bad = carlos.change("s1", {"title": "Daily"}, kind="submission")
    assert [verdict.outcome for verdict in carlos.sync(bad).verdicts] == [Outcome.REFUSED]
    holds, releasing = threading.Event(), threading.local()

    def wait_while_holding(point: str) -> None:
        if point == "central_before_save" and getattr(releasing, "here", False):
            holds.set()
            time.sleep(0.5)  # long enough for the push to take its first lock

    def released() -> Outcome:
        releasing.here = True
        return release(site.central, bad.dot, "olga", {"template_id": TEMPLATE}).outcome

    def pushed() -> set[Outcome]:
        assert holds.wait(30)
        return {verdict.outcome for verdict in carlos.sync(carlos.change("i1", {"note": "x"})).verdicts}

    fault.install(wait_while_holding)
    try:
        with ThreadPoolExecutor() as pool:
            told = pool.submit(released), pool.submit(pushed)
            assert (told[0].result(60), told[1].result(60)) == (Outcome.APPLIED, {Outcome.APPLIED})
    finally:
        fault.install(None)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("answers/rain=0.42", "0.42"),
        ("answers/loads=3", 3),
        ("title=Daily, Monday", "Daily, Monday"),
        ("a=NaN", "NaN"),
    ],
)
def test_a_mend_is_typed_as_people_write_numbers(typed: str, meant: Json) -> None:
    """A number with a fraction travels as text; it was refused with a word about quotation marks."""
    assert parse_mend(typed)[1] == meant
