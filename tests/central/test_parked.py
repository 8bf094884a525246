"""Changes that turn out not to fit, at once or when what they waited for arrives: nobody else's work or sync is touched."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text

from bravetui.central import intake, parked, taking
from bravetui.central.intake import Decision
from bravetui.central.quarantine import release, waiting
from bravetui.central.tables import PARKED
from bravetui.wire.change import Change, Op
from bravetui.wire.messages import Outcome
from bravetui.wire.receipt import MENDED
from tests.support.central import Laptop, Site

MOST = 2_000_000_000
"""Fits its column; twice as much does not."""


def count(laptop: Laptop, record_id: str, op: Op = Op.CREATE) -> Change:
    before = {"count": 0} if op is Op.EDIT else None
    return laptop.change(record_id, {"count": MOST}, kind="usage_day", op=op, before=before)


def outcomes(laptop: Laptop, *changes: Change) -> list[Outcome]:
    return [verdict.outcome for verdict in laptop.sync(*changes).verdicts]


def on_hold(site: Site) -> int:
    with site.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(PARKED)).scalar_one()


def test_two_counts_that_add_up_to_more_than_a_field_holds_cost_nothing_but_the_second(site: Site) -> None:
    """It was noticed when all were written, and the whole batch failed at every try."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    assert outcomes(carlos, count(carlos, "u1")) == [Outcome.APPLIED]
    finding = dana.change("v1", {"description": "fence"}, kind="violation")
    assert outcomes(dana, finding, count(dana, "u1", Op.EDIT)) == [Outcome.APPLIED, Outcome.REFUSED]


def test_a_change_on_hold_that_does_not_fit_what_arrives_is_refused_then_and_the_office_may_mend_it(
    site: Site,
) -> None:
    """It stopped the whole project for every laptop, for ever."""
    carlos, dana, other = site.laptop("carlos"), site.laptop("dana"), site.laptop("dana")
    late = count(carlos, "u1", Op.EDIT)
    assert outcomes(carlos, late) == [Outcome.PARKED]
    assert outcomes(dana, count(dana, "u1")) == [Outcome.APPLIED]
    assert outcomes(other, other.change("v1", {"description": "fence"}, kind="violation")) == [
        Outcome.APPLIED
    ]
    assert [one.change.dot for one in waiting(site.central)] == [late.dot]
    assert (on_hold(site), carlos.sync().checkpoint.held) == (0, ())
    assert outcomes(carlos, late) == [Outcome.REFUSED]
    assert release(site.central, late.dot, "olga", {"count": 5}).code == MENDED
    assert carlos.sync().checkpoint.held == ((1, 1),)


def refuse_nowhere(site: Site) -> None:
    """A rule of the database's that the program does not know: here as elsewhere the last to say no."""
    with site.engine.begin() as connection:
        connection.execute(text("SET ROLE NONE"))
        connection.execute(text("ALTER TABLE violation ADD CHECK (location <> 'nowhere')"))


def test_the_office_is_shown_what_the_database_chokes_on(site: Site) -> None:
    """It was refused with a verdict and no copy, against what the protocol says."""
    refuse_nowhere(site)
    carlos = site.laptop("carlos")
    made = [
        carlos.change(f"v{place}", {"location": place}, kind="violation")
        for place in ("north", "nowhere", "south")
    ]
    assert outcomes(carlos, *made) == [Outcome.APPLIED, Outcome.REFUSED, Outcome.APPLIED]
    assert [(one.change.dot, one.code) for one in waiting(site.central)] == [(made[1].dot, "unprocessable")]


def test_a_change_on_hold_that_the_database_chokes_on_is_refused_and_the_others_are_taken(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    refuse_nowhere(site)
    edits = [
        carlos.change(f"v{place}", {"location": place}, kind="violation", op=Op.EDIT)
        for place in ("north", "nowhere", "south")
    ]
    assert outcomes(carlos, *edits) == [Outcome.PARKED] * 3
    made = [
        dana.change(f"v{place}", {"description": "fence"}, kind="violation")
        for place in ("north", "nowhere", "south")
    ]
    assert outcomes(dana, *made) == [Outcome.APPLIED] * 3
    assert [(one.change.dot, one.code) for one in waiting(site.central)] == [(edits[1].dot, "unprocessable")]
    assert (on_hold(site), carlos.sync().checkpoint.held) == (0, ((1, 1), (3, 3)))
    assert [carlos.values("violation", f"v{place}").get("location") for place in ("north", "nowhere", "south")] == [
        "north", None, "south",
    ]  # fmt: skip


def test_a_change_on_hold_that_breaks_the_program_is_refused_and_what_came_behind_it_is_taken(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    edits = [
        carlos.change("v1", {"location": place}, kind="violation", op=Op.EDIT)
        for place in ("nowhere", "south")
    ]
    assert outcomes(carlos, *edits) == [Outcome.PARKED] * 2
    decide = intake.decide

    def breaks(change: Change, *rest: object) -> Decision:
        assert change.after.get("location") != "nowhere", "an assumption of ours"
        return decide(change, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(taking, "decide", breaks)
    assert outcomes(dana, dana.change("v1", {"description": "fence"}, kind="violation")) == [Outcome.APPLIED]
    assert [one.change.dot for one in waiting(site.central)] == [edits[0].dot]
    assert carlos.values("violation", "v1")["location"] == "south"


def test_what_waits_for_records_that_never_come_holds_up_nobody_else_s(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand edits of records of a dead laptop were read at every contact, and what came after them never."""
    monkeypatch.setattr(parked, "AT_ONCE", 2)
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    gone = [carlos.change(f"gone{number}", {"note": "x"}, op=Op.EDIT) for number in range(5)]
    assert outcomes(carlos, *gone) == [Outcome.PARKED] * 5
    waits = [
        dana.change(f"v{number}", {"inspection_id": f"i{number}"}, kind="violation") for number in range(5)
    ]
    below = [
        dana.change(f"c{number}", {"violation_id": f"v{number}"}, kind="corrective_action")
        for number in range(5)
    ]
    assert outcomes(dana, *below, *waits) == [Outcome.PARKED] * 10
    outcomes(carlos, *(carlos.change(f"i{number}", {"note": "after rain"}) for number in range(5)))
    assert on_hold(site) == 5
    assert dana.sync().checkpoint.held == ((1, 10),)
