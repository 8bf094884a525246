"""A moment for which UTC has no date: its author is not refused for it, and nobody else's work waits."""

from __future__ import annotations

from datetime import datetime

import pytest

from bravetui.merge.version import VersionVector
from bravetui.wire.change import Change, Op
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome
from tests.support.central import Laptop, Site, only

OFF_THE_CALENDAR = ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"]


def made_at(change: Change, at: str) -> Change:
    return change.model_copy(update={"at": datetime.fromisoformat(at)})


def one_record_of_two(site: Site) -> tuple[Laptop, Laptop, VersionVector]:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    made = carlos.change("i1", {"note": "?"})
    carlos.sync(made)
    return carlos, dana, VersionVector().with_dot(made.dot)


@pytest.mark.parametrize("at", OFF_THE_CALENDAR)
@pytest.mark.parametrize("odd_comes_first", [True, False])
def test_a_question_about_a_change_of_an_impossible_moment_is_asked(
    site: Site, at: str, odd_comes_first: bool
) -> None:
    carlos, dana, seen = one_record_of_two(site)
    odd = made_at(carlos.change("i1", {"inspector_id": "carlos"}, op=Op.EDIT, seen=seen), at)
    sound = dana.change("i1", {"inspector_id": "dana"}, op=Op.EDIT, seen=seen)
    for laptop, change in (
        ((carlos, odd), (dana, sound)) if odd_comes_first else ((dana, sound), (carlos, odd))
    ):
        verdict = only(laptop.sync(change).verdicts)
    assert verdict.outcome is Outcome.CONFLICT
    (question,) = verdict.conflicts
    told = dana.values("conflict", question)
    years = {datetime.fromisoformat(told[side]["at"]).year for side in ("local", "remote")}  # type: ignore[index, call-overload, arg-type]
    assert years == {site.clock.now().year, 9998 if at.startswith("9") else 2}


@pytest.mark.parametrize("at", OFF_THE_CALENDAR)
def test_whether_two_are_one_thing_is_asked_about_a_change_of_an_impossible_moment(
    site: Site, at: str
) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    ticket = {"supplier": "Rio Ready-Mix", "ticket_number": "T-1207"}
    carlos.sync(made_at(carlos.change("d1", ticket, kind="delivery"), at))
    assert only(dana.sync(dana.change("d2", ticket, kind="delivery")).verdicts).outcome is Outcome.APPLIED
    assert [kind for kind, _ in dana.rows(Lane.CRITICAL)].count("conflict") == 1


@pytest.mark.parametrize("at", OFF_THE_CALENDAR)
def test_whoever_may_not_write_is_told_so_whatever_his_clock_says(site: Site, at: str) -> None:
    vic = site.laptop("vic")
    verdict = only(vic.sync(made_at(vic.change("i1", {"note": "?"}), at)).verdicts)
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, "not_permitted")
