"""Two people work on one record: what merges, what is asked, and how it is settled."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bravetui.central.state import state_of
from bravetui.central.tables import LEDGER
from bravetui.merge.hlc import MAX_DRIFT_MS, Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome
from tests.support.central import (
    Laptop,
    Site,
    only,
)


def test_fields_that_two_people_set_apart_merge_without_a_question(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    made = carlos.change("v1", {"description": "silt fence down", "severity": "minor"}, kind="violation")
    carlos.sync(made)
    seen = VersionVector().with_dot(made.dot)
    carlos.sync(carlos.change("v1", {"location": "north"}, kind="violation", op=Op.EDIT, seen=seen))
    severity = dana.change(
        "v1", {"severity": "major"}, kind="violation", op=Op.EDIT, seen=seen, before={"severity": "minor"}
    )
    verdict = only(dana.sync(severity).verdicts)
    assert (verdict.outcome, verdict.conflicts) == (Outcome.MERGED, ())
    assert dana.values("violation", "v1") == {
        "description": "silt fence down", "severity": "major", "location": "north",
    }  # fmt: skip


def test_the_earlier_of_two_compliance_dates_stands_and_its_other_author_is_told(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    made = carlos.change("v1", {"description": "d"}, kind="violation")
    carlos.sync(made)
    seen = VersionVector().with_dot(made.dot)

    def dated(laptop: Laptop, at: str) -> Change:
        return laptop.change("v1", {"identified_at": at}, kind="violation", op=Op.EDIT, seen=seen)

    carlos.sync(dated(carlos, "2026-08-01T10:00:00Z"))
    verdict = only(dana.sync(dated(dana, "2026-08-02T10:00:00Z")).verdicts)
    assert (verdict.outcome, verdict.superseded) == (Outcome.MERGED, ("identified_at",))
    assert dana.values("violation", "v1")["identified_at"] == "2026-08-01T10:00:00Z"


@pytest.mark.parametrize("impossible", ["1970-01-01T00:00:00Z", "2027-01-01T00:00:00Z"])
def test_a_compliance_date_from_a_dead_clock_goes_to_a_person(site: Site, impossible: str) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    made = carlos.change("v1", {"description": "d"}, kind="violation")
    carlos.sync(made)
    seen = VersionVector().with_dot(made.dot)
    for laptop, at in ((carlos, "2026-08-01T10:00:00Z"), (dana, impossible)):
        change = laptop.change("v1", {"identified_at": at}, kind="violation", op=Op.EDIT, seen=seen)
        verdict = only(laptop.sync(change).verdicts)
    assert verdict.outcome is Outcome.CONFLICT
    assert dana.values("violation", "v1")["identified_at"] == "2026-08-01T10:00:00Z"


def in_conflict(site: Site) -> tuple[Laptop, Laptop, str, VersionVector]:
    """Carlos and Dana have set one field apart; the conflict's id, and a vector that has seen both."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    made = carlos.change("i1", {"note": "?"})
    carlos.sync(made)
    seen = VersionVector().with_dot(made.dot)
    first = carlos.change("i1", {"inspector_id": "carlos"}, op=Op.EDIT, seen=seen)
    second = dana.change("i1", {"inspector_id": "dana"}, op=Op.EDIT, seen=seen)
    carlos.sync(first)
    verdict = only(dana.sync(second).verdicts)
    assert verdict.outcome is Outcome.CONFLICT
    (conflict_id,) = verdict.conflicts
    return carlos, dana, conflict_id, seen.with_dot(first.dot).with_dot(second.dot)


def test_a_conflict_holds_both_values_with_their_authors_and_is_a_record_like_any_other(site: Site) -> None:
    carlos, dana, conflict_id, _ = in_conflict(site)
    question = dana.values("conflict", conflict_id)
    assert question["status"] == "open"
    assert (question["record_kind"], question["record_id"], question["paths"]) == (
        "inspection", "i1", ["inspector_id"],
    )  # fmt: skip
    local, remote = question["local"], question["remote"]
    assert isinstance(local, dict)
    assert isinstance(remote, dict)
    assert (local["values"], local["author_id"], local["device"]) == (
        {"inspector_id": "dana"},
        "dana",
        dana.device,
    )
    assert (remote["values"], remote["author_id"], remote["device"]) == (
        {"inspector_id": "carlos"}, "carlos", carlos.device,
    )  # fmt: skip
    assert question["provisional"] == {"inspector_id": dana.values("inspection", "i1")["inspector_id"]}


def test_a_decision_that_has_seen_both_values_closes_the_conflict(site: Site) -> None:
    carlos, dana, conflict_id, seen = in_conflict(site)
    decision = carlos.change(
        "i1",
        {"inspector_id": "dana"},
        op=Op.DECIDE,
        seen=seen,
        conflict_id=conflict_id,
        reason="Dana was there",
    )
    assert only(carlos.sync(decision).verdicts).outcome is Outcome.APPLIED
    question = dana.values("conflict", conflict_id)
    assert (question["status"], question["resolved_by"]) == ("resolved", "carlos")
    assert question["resolution"] == {"values": {"inspector_id": "dana"}, "reason": "Dana was there"}


def test_an_edit_that_has_not_seen_both_values_leaves_the_conflict_open(site: Site) -> None:
    carlos, dana, conflict_id, _ = in_conflict(site)
    blind = carlos.change("i1", {"inspector_id": "olga"}, op=Op.EDIT, seen=VersionVector({carlos.device: 2}))
    assert only(carlos.sync(blind).verdicts).outcome is Outcome.CONFLICT
    assert dana.values("conflict", conflict_id)["status"] == "open"


def test_the_two_halves_of_one_batch_can_open_and_settle_a_conflict(site: Site) -> None:
    carlos, dana, conflict_id, seen = in_conflict(site)
    again = carlos.change("i1", {"inspector_id": "olga"}, op=Op.EDIT, seen=VersionVector({carlos.device: 2}))
    settled = carlos.change("i1", {"inspector_id": "carlos"}, op=Op.DECIDE, seen=seen.with_dot(again.dot))
    verdicts = carlos.sync(again, settled).verdicts
    assert [verdict.outcome for verdict in verdicts] == [Outcome.CONFLICT, Outcome.APPLIED]
    opened = verdicts[0].conflicts[0]
    assert {dana.values("conflict", one)["status"] for one in (conflict_id, opened)} == {"resolved"}


def test_a_record_deleted_by_one_and_worked_on_by_another_comes_back_and_is_asked_about(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    made = carlos.change("l1", {"narrative": "quiet"}, kind="daily_log")
    carlos.sync(made)
    seen = VersionVector().with_dot(made.dot)
    carlos.sync(carlos.change("l1", {"deleted": True}, kind="daily_log", op=Op.DELETE, seen=seen))
    edit = dana.change("l1", {"narrative": "busy"}, kind="daily_log", op=Op.EDIT, seen=seen)
    verdict = only(dana.sync(edit).verdicts)
    assert verdict.outcome is Outcome.CONFLICT
    values = dana.values("daily_log", "l1", Lane.FORMS)
    assert values["narrative"] == "busy"
    assert not values.get("deleted")
    question = dana.values("conflict", verdict.conflicts[0])
    remote = question["remote"]
    assert isinstance(remote, dict)
    assert (remote["values"], remote["author_id"]) == ({"deleted": True}, "carlos")


def test_making_a_record_that_exists_merges_into_it(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    carlos.sync(carlos.change("storm", {"kind": "rain", "station": "KDEN"}, kind="weather_event"))
    verdict = only(
        dana.sync(dana.change("storm", {"kind": "rain", "read_by": "dana"}, kind="weather_event")).verdicts
    )
    assert verdict.outcome is Outcome.MERGED
    assert dana.values("weather_event", "storm") == {"kind": "rain", "station": "KDEN", "read_by": "dana"}


def test_a_stamp_from_the_far_future_is_clamped_so_that_it_does_not_win_for_ever(site: Site) -> None:
    carlos = site.laptop("carlos")
    carlos.sync(carlos.change("i1", {"note": "2099"}, hlc=Hlc(4_070_908_800_000)))
    (stamp,) = carlos.row("inspection", "i1").stamps
    assert stamp.hlc == Hlc(int(site.clock.now().timestamp() * 1000) + MAX_DRIFT_MS)


def test_a_change_that_comes_out_of_quarantine_after_later_ones_loses_no_value(site: Site) -> None:
    carlos = site.laptop("carlos")
    made = carlos.change("i1", {"note": "made"})
    carlos.sync(made)
    seen = VersionVector().with_dot(made.dot)
    late = carlos.change("i1", {"note": "late", "assigned_to": "dana"}, op=Op.EDIT, seen=seen)
    later = carlos.change("i1", {"note": "later"}, op=Op.EDIT, seen=seen.with_dot(late.dot))
    carlos.sync(later)
    verdict = only(carlos.sync(late).verdicts)
    assert (verdict.outcome, verdict.superseded) == (Outcome.MERGED, ("note",))
    assert carlos.values("inspection", "i1") == {"note": "later", "assigned_to": "dana"}


def test_a_context_that_claims_the_future_hides_nobodys_later_changes(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    made = carlos.change("i1", {"note": "made"})
    carlos.sync(made)
    boast = VersionVector({carlos.device: 99})
    dana.sync(dana.change("i1", {"inspector_id": "dana"}, op=Op.EDIT, seen=boast))
    own = carlos.change("i1", {"inspector_id": "carlos"}, op=Op.EDIT, seen=VersionVector().with_dot(made.dot))
    assert only(carlos.sync(own).verdicts).outcome is Outcome.CONFLICT


def test_dots_of_central_itself_come_in_order(site: Site) -> None:
    _, dana, conflict_id, _ = in_conflict(site)
    dots = [dot for group in dana.row("conflict", conflict_id).stamps for dot in group.dots]
    with site.engine.connect() as connection:
        own = state_of(connection, site.clock.now()).device
        query = (
            select(LEDGER.c.counter)
            .where(LEDGER.c.device == own)
            .order_by(LEDGER.c.received_at, LEDGER.c.counter)
        )
        counters = list(connection.execute(query).scalars())
    assert {dot.device for dot in dots} == {own}
    assert counters == sorted(set(counters))
    assert Dot(own, counters[-1]) in dots
