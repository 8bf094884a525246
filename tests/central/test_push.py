"""What becomes of changes that laptops hand in: verdicts, replays, twins, poison and parking."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from bravetui.base.errors import Corrupt
from bravetui.central import checks, intake, taking
from bravetui.central.ledger import audit
from bravetui.central.tables import LEDGER, PARKED
from bravetui.merge.version import VersionVector
from bravetui.wire.change import Change, Op
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome, PullAsk
from bravetui.wire.receipt import is_genuine
from tests.support.central import (
    PROJECT,
    TEMPLATE,
    Laptop,
    Site,
    genuine,
    ledger_size,
    only,
)


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

    twin = Laptop(site, int(answer.new_device or 0), carlos.key, carlos.grant, "carlos")
    redotted = twin.change("i3", {"note": "copy"})
    assert only(twin.sync(redotted).verdicts).outcome is Outcome.APPLIED
    other = carlos.sync(shared, copied, later)
    assert other.new_device not in (None, carlos.device, twin.device), (
        "another copy, with the same unsent work"
    )
    asked = twin.sync()
    assert (asked.checkpoint.device, asked.checkpoint.held) == (twin.device, ((1, 1),))
    assert [(old.device, old.held, is_genuine(old, genuine)) for old in asked.earlier] == [
        (carlos.device, ((1, 2),), True),
    ]
    assert (
        only(carlos.sync(carlos.change("i5", {"note": "goes on"}, counter=3)).verdicts).outcome
        is Outcome.APPLIED
    )


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


def test_the_chain_shows_a_past_that_was_edited(site: Site) -> None:
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
