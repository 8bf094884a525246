"""Questions that a restored central has lost: what is taken of them from a laptop, and that nobody makes one up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from bravetui.base.canonical import Json
from bravetui.merge.hlc import MAX_DRIFT_MS, Hlc
from bravetui.merge.version import VersionVector
from bravetui.wire.change import REFILLED, Op
from bravetui.wire.messages import Outcome, Verdict
from tests.central.test_merging import in_conflict
from tests.support.central import Site, central_site, only
from tests.support.postgres import TestServer

SIDE = {
    "values": {"inspector_id": "eve"},
    "dots": ["999.1"],
    "author_id": "dana",
    "at": "2026-08-01T00:00:00Z",
    "device": 999,
}


def lost_question(postgres: TestServer) -> tuple[str, dict[str, Json]]:
    """The id and the values of a question, as another central asked it."""
    with central_site(postgres) as before:
        _, dana, conflict_id, _ = in_conflict(before)
        return conflict_id, dana.values("conflict", conflict_id)


def handed_in(
    site: Site, record_id: str, values: Mapping[str, Json], user: str = "carlos", **told: Any
) -> Verdict:
    """The verdict on a question from a laptop; the record that it is about is there."""
    laptop = site.laptop(user)
    laptop.sync(laptop.change("i1", {"note": "?"}))
    change = laptop.change(record_id, values, kind="conflict", **{"reason": REFILLED, **told})
    return only(laptop.sync(change).verdicts)


def test_it_is_taken_once_and_says_who_handed_it_in(site: Site, postgres: TestServer) -> None:
    key, values = lost_question(postgres)
    first, again = handed_in(site, key, values), handed_in(site, key, values, "dana")
    assert (first.outcome, first.code) == (Outcome.APPLIED, None)
    assert (again.outcome, again.code) == (Outcome.APPLIED, "again")
    told = site.laptop("dana").values("conflict", key)
    assert told == {**values, "resolution": {"handed_in_by": "carlos"}}


def test_what_central_makes_of_it_is_stamped_after_it(site: Site, postgres: TestServer) -> None:
    """Found by simulate in month 53: central had seen it, and its own clock was behind the laptop's."""
    key, values = lost_question(postgres)
    ahead = Hlc(int(site.clock.now().timestamp() * 1000) + MAX_DRIFT_MS // 2)
    handed_in(site, key, values, hlc=ahead)
    assert min(cell.hlc for cell in site.laptop("dana").row("conflict", key).state().cells.values()) > ahead


def test_it_waits_for_its_record(site: Site, postgres: TestServer) -> None:
    key, values = lost_question(postgres)
    carlos = site.laptop("carlos")
    parked = only(carlos.sync(carlos.change(key, values, kind="conflict", reason=REFILLED)).verdicts)
    assert (parked.outcome, parked.field) == (Outcome.PARKED, "inspection/i1")
    carlos.sync(carlos.change("i1", {"note": "?"}))
    assert carlos.values("conflict", key)["status"] == "open"


@pytest.mark.parametrize(
    "spoil",
    [
        {"paths": ["note"]},
        {"paths": []},
        {"record_id": "i2"},
        {"record_kind": "user"},
        {"record_kind": "no such kind"},
        {"local": SIDE},
        {"local": "Carlos"},
        {"local": {**SIDE, "dots": ["one"]}},
        {"local": ("at", 1785672000)},
        {"local": ("values", {"inspector_id": ["carlos"]})},
        {"remote": ("values", {"inspector_id": "dana", "note": "what nobody asked about"})},
        {"provisional": {"inspector_id": {"is": "dana"}}},
        {"local": ("at", "1785672000")},
        {"local": ("at", "0001-01-01T00:00:00+14:00")},
        {"local": ("at", "9999-12-31T23:59:59-14:00")},
        {"opened_at": 1785672000},
        {"status": "undecided"},
        {"rule": "duplicate"},
        {"opened_at": None},
        {"resolution": []},
        {"resolution": {"values": ["dana"]}},
        {"resolution": {"values": {"note": "what nobody asked about"}}},
        {"resolution": {"reason": 7}},
        {"resolution": {"anything": "else"}},
    ],
    ids=str,
)
def test_a_question_that_central_would_not_have_asked_is_refused(
    site: Site, postgres: TestServer, spoil: Mapping[str, Any]
) -> None:
    key, values = lost_question(postgres)
    sides: dict[str, Json] = {
        name: {**cast("dict[str, Json]", values[name]), told[0]: told[1]}
        for name, told in spoil.items()
        if isinstance(told, tuple)
    }
    verdict = handed_in(site, key, {**values, **spoil, **sides})
    assert verdict.outcome is Outcome.REFUSED
    assert verdict.code in ("invalid_question", "invalid_field")
    assert ("conflict", key) not in site.laptop("dana").rows()


@pytest.mark.parametrize(
    ("user", "told", "code"),
    [
        ("carlos", {"reason": None}, "not_permitted"),
        ("olga", {"reason": None}, "invalid_question"),
        ("olga", {"op": Op.EDIT}, "invalid_question"),
    ],
    ids=["a member without the reason", "the office without the reason", "the office as an edit"],
)
def test_nobody_writes_a_question_in_any_other_way(
    site: Site, postgres: TestServer, user: str, told: Mapping[str, Any], code: str
) -> None:
    key, values = lost_question(postgres)
    verdict = handed_in(site, key, values, user, **told)
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, code)


def test_an_edit_closes_it_only_if_its_author_has_seen_what_stands_now(
    site: Site, postgres: TestServer
) -> None:
    """The dots of both sides went with the changes that bore them: no vector covers them any more."""
    key, values = lost_question(postgres)
    carlos = site.laptop("carlos")
    carlos.sync(made := carlos.change("i1", {"inspector_id": "carlos"}))
    carlos.sync(carlos.change(key, values, kind="conflict", reason=REFILLED))
    dana, edit = site.laptop("dana"), {"inspector_id": "dana"}
    dana.sync(dana.change("i1", edit, op=Op.EDIT, seen=VersionVector()))
    assert dana.values("conflict", key)["status"] == "open"
    seen = dana.row("inspection", "i1").version
    assert seen.covers([made.dot])
    dana.sync(dana.change("i1", edit, op=Op.EDIT, seen=seen))
    assert dana.values("conflict", key)["status"] == "resolved"
