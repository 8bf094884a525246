"""What becomes of changes that laptops hand in."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from bravetui.auth import signing
from bravetui.base.errors import BadInput, NeedsSignIn
from bravetui.central.ledger import audit
from bravetui.central.tables import LEDGER, PARKED
from bravetui.merge.hlc import MAX_DRIFT_MS, Hlc
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome, Verdict
from bravetui.wire.receipt import is_genuine
from tests.support.central import (
    KEYS,
    OTHER_PROJECT,
    PROJECT,
    STRANGE_PROJECT,
    STRANGERS,
    TEMPLATE,
    Laptop,
    Site,
)


def only(verdicts: tuple[Verdict, ...]) -> Verdict:
    (verdict,) = verdicts
    return verdict


def genuine(data: bytes, signature: str) -> bool:
    try:
        signing.verify(KEYS.public, data, signature)
    except BadInput:
        return False
    return True


def ledger_size(site: Site, laptop: Laptop) -> int:
    with site.engine.connect() as connection:
        query = select(func.count()).select_from(LEDGER).where(LEDGER.c.device == laptop.device)
        return int(connection.execute(query).scalar_one())


def test_a_change_is_applied_numbered_and_answered_with_a_signed_receipt(site: Site) -> None:
    carlos = site.laptop("carlos")
    change = carlos.change("i1", {"kind": "routine", "note": "after rain"})
    verdict = only(carlos.sync(change).verdicts)
    assert (verdict.outcome, verdict.dot, verdict.hash) == (Outcome.APPLIED, change.dot, change.hash)
    assert verdict.seq > 0
    assert is_genuine(verdict, genuine)
    assert not is_genuine(verdict.model_copy(update={"seq": verdict.seq + 1}), genuine)
    assert carlos.values("inspection", "i1") == {"kind": "routine", "note": "after rain"}


def test_the_same_change_again_gets_the_very_same_verdict_and_is_taken_once(site: Site) -> None:
    carlos = site.laptop("carlos")
    change = carlos.change("i1", {"note": "once"})
    first = only(carlos.sync(change).verdicts)
    site.clock.advance(hours=3)
    again = carlos.sync(change, change).verdicts
    assert [verdict.model_dump_json() for verdict in again] == [first.model_dump_json()] * 2
    assert ledger_size(site, carlos) == 1


def test_a_checkpoint_vouches_in_a_later_request_for_what_an_earlier_one_brought(site: Site) -> None:
    carlos = site.laptop("carlos")
    answer = carlos.sync(carlos.change("i1", {"note": "a"}), carlos.change("i2", {"note": "b"}))
    assert answer.checkpoint.held == ()
    refused = carlos.change("p", {"name": "mine"}, kind="project")
    assert only(carlos.sync(refused).verdicts).outcome is Outcome.REFUSED
    carlos.sync(carlos.change("i3", {"note": "c"}))
    checkpoint = carlos.sync().checkpoint
    assert checkpoint.held == ((1, 2), (4, 4))
    assert is_genuine(checkpoint, genuine)


def test_another_change_under_a_taken_dot_is_a_twin_that_keeps_its_new_number_however_often_it_asks(
    site: Site,
) -> None:
    carlos = site.laptop("carlos")
    shared = carlos.change("i1", {"note": "before the copy"}, counter=1)
    original = carlos.change("i2", {"note": "original"}, counter=2)
    carlos.sync(shared, original)
    copied = carlos.change("i3", {"note": "copy"}, counter=2)
    later = carlos.change("i4", {"note": "copy, later"}, counter=3)
    answer = carlos.sync(shared, copied, later)
    assert [verdict.outcome for verdict in answer.verdicts] == [Outcome.APPLIED, Outcome.TWIN, Outcome.TWIN]
    assert answer.new_device not in (None, carlos.device)
    again = carlos.sync(shared, copied, later)
    assert again.new_device == answer.new_device
    assert again.verdicts == answer.verdicts
    assert ledger_size(site, carlos) == 2

    twin = Laptop(site, int(answer.new_device or 0), carlos.token, "carlos")
    redotted = twin.change("i3", {"note": "copy"})
    assert only(twin.sync(redotted).verdicts).outcome is Outcome.APPLIED
    asked = twin.sync()
    assert (asked.checkpoint.device, asked.checkpoint.held) == (twin.device, ((1, 1),))
    assert [(old.device, old.held, is_genuine(old, genuine)) for old in asked.earlier] == [
        (carlos.device, ((1, 2),), True)
    ]
    assert (
        only(carlos.sync(carlos.change("i5", {"note": "goes on"}, counter=3)).verdicts).outcome
        is Outcome.APPLIED
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


@pytest.mark.parametrize(
    ("scope_id", "kind", "code"),
    [
        (OTHER_PROJECT, "inspection", "not_permitted"),
        (STRANGE_PROJECT, "inspection", "not_permitted"),
        ("no-such-scope", "inspection", "not_permitted"),
        (PROJECT, "project", "not_permitted"),
        (PROJECT, "conflict", "not_permitted"),
        (PROJECT, "starship", "unknown_kind"),
    ],
)
def test_a_change_that_is_not_permitted_is_refused_with_words(
    site: Site, scope_id: str, kind: str, code: str
) -> None:
    carlos = site.laptop("carlos")
    change = carlos.change("x", {"status": "due"}, kind=kind, scope_id=scope_id)
    verdict = only(carlos.sync(change).verdicts)
    assert (verdict.outcome, verdict.code, verdict.seq) == (Outcome.REFUSED, code, 0)
    assert verdict.reason
    assert is_genuine(verdict, genuine)
    assert ledger_size(site, carlos) == 0


def test_another_companys_project_and_one_that_does_not_exist_are_refused_in_the_same_words(
    site: Site,
) -> None:
    carlos = site.laptop("carlos")
    strange, absent = (
        only(carlos.sync(carlos.change("i1", {"note": "x"}, scope_id=scope_id)).verdicts)
        for scope_id in (STRANGE_PROJECT, "no-such-scope")
    )
    assert (strange.code, strange.reason) == (absent.code, absent.reason)


def test_the_office_may_write_reference_data_and_works_in_every_project(site: Site) -> None:
    olga = site.laptop("olga")
    change = olga.change("crew-1", {"name": "Night crew"}, kind="crew", scope_id=OTHER_PROJECT)
    assert only(olga.sync(change).verdicts).outcome is Outcome.APPLIED


def test_a_viewer_writes_nothing_and_nobody_writes_in_anothers_name(site: Site) -> None:
    vic, carlos = site.laptop("vic"), site.laptop("carlos")
    assert only(vic.sync(vic.change("i1", {"note": "x"})).verdicts).code == "not_permitted"
    forged = carlos.change("i1", {"note": "x"}, author_id="dana")
    assert only(carlos.sync(forged).verdicts).code == "not_permitted"
    lent = site.laptop("carlos").change("i1", {"note": "x"})
    assert only(carlos.sync(lent).verdicts).code == "wrong_device"


def test_a_permission_taken_away_holds_from_the_next_request_on_and_a_mended_refusal_is_taken(
    site: Site,
) -> None:
    from bravetui.central.service import Writing

    carlos = site.laptop("carlos")
    member = next(
        key for (kind, key), row in carlos.rows().items()
        if kind == "project_member" and row.state().values()["user_id"] == "carlos"
    )  # fmt: skip
    site.central.publish(PROJECT, [Writing("project_member", member, {"to_date": "2026-08-02"})])
    change = carlos.change("i1", {"note": "x"})
    answer = carlos.sync(change)
    assert only(answer.verdicts).outcome is Outcome.REFUSED
    assert PROJECT not in {scope.scope_id for scope in answer.scopes}
    site.central.publish(PROJECT, [Writing("project_member", member, {"to_date": None})])
    assert only(carlos.sync(change).verdicts).outcome is Outcome.APPLIED


@pytest.mark.parametrize(
    ("after", "code", "field"),
    [
        ({"colour": "red"}, "unknown_field", "colour"),
        ({"note": 5}, "invalid_field", "note"),
        ({"status": "x" * 21}, "invalid_field", "status"),
        ({"started_at": "yesterday"}, "invalid_field", "started_at"),
        ({"deleted": "perhaps"}, "invalid_field", "deleted"),
        ({}, "empty", None),
        ({"note": "x" * 2_000_000}, "too_large", None),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_field(
    site: Site, after: dict[str, str | int], code: str, field: str | None
) -> None:
    carlos = site.laptop("carlos")
    verdict = only(carlos.sync(carlos.change("i1", after)).verdicts)
    assert (verdict.outcome, verdict.code, verdict.field) == (Outcome.REFUSED, code, field)


def test_the_good_changes_around_a_refused_one_are_taken(site: Site) -> None:
    carlos = site.laptop("carlos")
    verdicts = carlos.sync(
        carlos.change("i1", {"note": "good"}),
        carlos.change("i2", {"note": 5}),
        carlos.change("i\x7f" * 30, {"note": "an id that fits no column"}),
        carlos.change("i3", {"note": "good"}),
    ).verdicts
    assert [verdict.outcome.value for verdict in verdicts] == ["applied", "refused", "refused", "applied"]


def test_a_change_that_breaks_the_program_is_refused_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bravetui.central import intake, taking

    real = intake.decide

    def breaks(change: Change, *rest: object) -> object:
        if change.record_id == "poison":
            raise ZeroDivisionError
        return real(change, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(taking, "decide", breaks)
    carlos = site.laptop("carlos")
    changes = [carlos.change(key, {"note": "x"}) for key in ("i1", "poison", "i2")]
    verdicts = carlos.sync(*changes).verdicts
    assert [verdict.outcome.value for verdict in verdicts] == ["applied", "refused", "applied"]
    assert verdicts[1].code == "unprocessable"
    assert carlos.sync().checkpoint.held == ((1, 1), (3, 3))


def test_a_change_that_the_database_chokes_on_is_refused_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bravetui.central import checks, taking

    # A value too long for its column, past checks that failed to look.
    monkeypatch.setattr(checks, "normalised", lambda kind, values: dict(values))
    monkeypatch.setattr(taking, "normalised", lambda kind, values: dict(values))
    monkeypatch.setattr("bravetui.db.records.to_column", lambda column, value: value)
    carlos = site.laptop("carlos")
    changes = [
        carlos.change(key, {"status": text})
        for key, text in (("i1", "due"), ("bad", "x" * 30), ("i2", "due"))
    ]
    verdicts = carlos.sync(*changes).verdicts
    assert [verdict.outcome.value for verdict in verdicts] == ["applied", "refused", "applied"]
    assert [verdict.outcome.value for verdict in carlos.sync(*changes).verdicts] == [
        "applied",
        "refused",
        "applied",
    ]
    assert ledger_size(site, carlos) == 2


def test_a_change_waits_for_its_parent_and_its_verdict_comes_until_the_cursor_has_passed_it(
    site: Site,
) -> None:
    from bravetui.wire.messages import PullAsk

    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    finding = carlos.change("v1", {"description": "d", "inspection_id": "i1"}, kind="violation")
    edit = carlos.change(
        "v1", {"location": "north"}, kind="violation", op=Op.EDIT, seen=VersionVector().with_dot(finding.dot)
    )
    first = carlos.sync(finding, edit).verdicts
    assert [verdict.outcome for verdict in first] == [Outcome.PARKED, Outcome.PARKED]
    assert carlos.sync(finding).verdicts[0] == first[0]
    assert carlos.sync().checkpoint.held == ((1, 2),)
    dana.sync(dana.change("i1", {"note": "the parent"}))
    for _ in range(2):  # the first answer may be lost
        ask = PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL, after=1, before=None)
        answer = carlos.sync(pull=(ask,))
        assert [(verdict.dot, verdict.outcome) for verdict in answer.verdicts] == [
            (finding.dot, Outcome.APPLIED),
            (edit.dot, Outcome.APPLIED),
        ]
    passed = ask.model_copy(update={"after": answer.pages[0].after})
    assert carlos.sync(pull=(passed,)).verdicts == ()
    assert carlos.values("violation", "v1")["location"] == "north"
    with site.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(PARKED)).scalar_one() == 0


def test_a_child_that_comes_before_its_parent_in_one_batch_ends_applied(site: Site) -> None:
    carlos = site.laptop("carlos")
    child = carlos.change("v1", {"inspection_id": "i1"}, kind="violation")
    parent = carlos.change("i1", {"note": "parent"})
    outcomes = {verdict.dot: verdict.outcome for verdict in carlos.sync(child, parent).verdicts}
    assert outcomes == {child.dot: Outcome.APPLIED, parent.dot: Outcome.APPLIED}


def test_a_parent_may_be_in_the_organizations_scope(site: Site) -> None:
    carlos = site.laptop("carlos")
    known = carlos.change("s1", {"template_id": TEMPLATE}, kind="submission")
    unknown = carlos.change("s2", {"template_id": "form-9"}, kind="submission")
    none = carlos.change("s3", {"title": "of what?"}, kind="submission")
    verdicts = carlos.sync(known, unknown, none).verdicts
    assert [verdict.outcome for verdict in verdicts] == [Outcome.APPLIED, Outcome.PARKED, Outcome.REFUSED]


def test_a_token_that_is_not_the_devices_opens_nothing(site: Site) -> None:
    carlos, sam = site.laptop("carlos"), site.laptop("sam", STRANGERS)
    for token, device in (("", carlos.device), ("guess", carlos.device), (sam.token, carlos.device)):
        with pytest.raises(NeedsSignIn):
            Laptop(site, device, token, "carlos").sync()


def test_a_revoked_laptop_and_a_person_who_left_are_let_in_no_more(site: Site) -> None:
    from bravetui.central.service import Writing, revoke
    from tests.support.central import ORGANIZATION

    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    revoke(site.engine, carlos.device, site.clock.now())
    site.central.publish(ORGANIZATION, [Writing("user", "dana", {"deleted": True})])
    for laptop in (carlos, dana):
        with pytest.raises(NeedsSignIn):
            laptop.sync()
    with pytest.raises(BadInput):
        revoke(site.engine, carlos.device, site.clock.now())


def test_the_chain_shows_a_past_that_was_edited(site: Site) -> None:
    from bravetui.base.errors import Corrupt

    carlos = site.laptop("carlos")
    carlos.sync(*(carlos.change(f"i{number}", {"note": "x"}) for number in range(5)))
    with site.engine.begin() as connection:
        assert audit(connection, PROJECT) >= 5
        where = (LEDGER.c.scope_id == PROJECT) & (LEDGER.c.record_id == "i2")
        connection.execute(
            LEDGER.update().where(where).values(body=func.replace(LEDGER.c.body, '"x"', '"y"'))
        )
        with pytest.raises(Corrupt, match="entry"):
            audit(connection, PROJECT)


def test_dots_of_central_itself_come_in_order(site: Site) -> None:
    _, dana, conflict_id, _ = in_conflict(site)
    dots = [dot for group in dana.row("conflict", conflict_id).stamps for dot in group.dots]
    assert {dot.device for dot in dots} == {0}
    with site.engine.connect() as connection:
        query = (
            select(LEDGER.c.counter)
            .where(LEDGER.c.device == 0)
            .order_by(LEDGER.c.received_at, LEDGER.c.counter)
        )
        counters = list(connection.execute(query).scalars())
    assert counters == sorted(set(counters))
    assert Dot(0, counters[-1]) in dots
