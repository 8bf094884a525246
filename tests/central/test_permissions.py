"""Who may write what, and in which words central says no."""

from __future__ import annotations

import pytest
from sqlalchemy import RowMapping, select

from bravetui.base.errors import BadInput, NeedsSignIn
from bravetui.central import quarantine
from bravetui.central.service import Writing, revoke
from bravetui.db.kinds import KINDS
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome, PullAsk
from bravetui.wire.receipt import is_genuine
from tests.support.central import (
    ORGANIZATION,
    OTHER_PROJECT,
    PROJECT,
    STRANGE_PROJECT,
    STRANGERS,
    Laptop,
    Site,
    genuine,
    ledger_size,
    only,
)


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


def test_a_key_or_a_grant_that_is_not_the_devices_opens_nothing(site: Site) -> None:
    carlos, sam = site.laptop("carlos"), site.laptop("sam", STRANGERS)
    for key, grant in ((sam.key, ""), (sam.key, sam.grant), (carlos.key, sam.grant), (carlos.key, "guess")):
        with pytest.raises(NeedsSignIn):
            Laptop(site, carlos.device, key, grant, "carlos").sync()


def test_what_a_revoked_laptop_and_a_person_who_left_hand_in_is_kept_for_the_office_and_they_read_nothing(
    site: Site,
) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    revoke(site.engine, carlos.device, site.clock.now())
    site.central.publish(ORGANIZATION, [Writing("user", "dana", {"deleted": True})])
    asks = (
        PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL),
        PullAsk(scope_id=ORGANIZATION, lane=Lane.FORMS),
    )
    for laptop, why in ((carlos, "revoked"), (dana, "left")):
        change = laptop.change(f"of-{laptop.user_id}", {"note": "the last walk"})
        answer = laptop.sync(change, pull=asks)
        assert (answer.closed, answer.pages, answer.scopes, answer.devices) == (why, (), (), {})
        assert (only(answer.verdicts).outcome, only(answer.verdicts).code) == (Outcome.REFUSED, why)
        assert change in [kept.change for kept in quarantine.waiting(site.central)]
    with pytest.raises(BadInput):
        revoke(site.engine, carlos.device, site.clock.now())


def test_work_written_before_a_right_was_taken_away_is_told_from_work_written_after(site: Site) -> None:
    """Both wait for the office; what was written in good faith says so, and is taken as it was written once released."""
    carlos = site.laptop("carlos")
    before = carlos.change("before", {"note": "walked on Monday"})
    site.clock.advance(hours=1)
    membership = next(one for one in members(site) if one["user_id"] == "carlos")
    site.central.publish(PROJECT, [Writing("project_member", membership["id"], {"deleted": True})])
    site.clock.advance(hours=1)
    after = carlos.change("after", {"note": "walked on Tuesday"})
    codes = {verdict.dot: verdict.code for verdict in carlos.sync(before, after).verdicts}
    assert codes == {before.dot: "right_lost", after.dot: "not_permitted"}
    told = {one.change.dot: one.code for one in quarantine.waiting(site.central)}
    assert told == codes
    assert quarantine.release(site.central, before.dot, "olga").outcome is Outcome.APPLIED
    never_his = carlos.change("o", {"name": "x"}, kind="project")
    codes = {verdict.dot: verdict.code for verdict in carlos.sync(never_his).verdicts}
    assert codes[never_his.dot] == "not_permitted"


def members(site: Site) -> list[RowMapping]:
    table = KINDS["project_member"].table
    with site.engine.connect() as connection:
        return list(connection.execute(select(table).where(table.c.scope_id == PROJECT)).mappings())
