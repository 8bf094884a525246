"""Changes that came with texts as edits are taken as they were written, and nothing is told to whom it does not concern."""

from __future__ import annotations

import json

import pytest

from bravetui.base.canonical import Json
from bravetui.central.incoming import read
from bravetui.central.service import Writing
from bravetui.merge.version import VersionVector
from bravetui.wire.change import Change, Op
from bravetui.wire.codec import encode
from bravetui.wire.messages import Outcome, SyncAnswer
from bravetui.wire.texts import UnknownText, folded, folded_request
from tests.support.central import OTHER_PROJECT, Laptop, Site

BASE = "Silt fence along the arroyo is sound. Inlets are clean. Two loads of rock arrived at gate 2. " * 2
LATER = BASE + "Crew left at noon."
LAST = LATER + " Rain from 3 pm."
LOG = "description"


def sync(laptop: Laptop, *changes: Change) -> SyncAnswer:
    """One exchange with all long texts as edits."""
    request = folded_request(laptop.request(*changes))
    return laptop.site.central.exchange(laptop.shown(), read(encode(request), "zstd"))


def started(laptop: Laptop, text: str = BASE) -> Change:
    return laptop.change("v1", {LOG: text}, kind="violation")


def wrote(laptop: Laptop, before: str, after: str, seen: VersionVector) -> Change:
    return laptop.change("v1", {LOG: after}, before={LOG: before}, kind="violation", op=Op.EDIT, seen=seen)


def said(laptop: Laptop) -> Json:
    return laptop.values("violation", "v1")[LOG]


def test_an_edit_of_what_the_record_says_is_taken_as_it_was_written(site: Site) -> None:
    carlos = site.laptop("carlos")
    carlos.sync(started(carlos))
    change = wrote(carlos, BASE, LATER, VersionVector({carlos.device: 1}))
    assert folded(change).edits
    (verdict,) = sync(carlos, change).verdicts
    assert (verdict.outcome, verdict.hash) == (Outcome.APPLIED, change.hash)
    assert said(carlos) == LATER


def test_two_edits_of_one_text_in_one_request_and_again(site: Site) -> None:
    carlos = site.laptop("carlos")
    carlos.sync(started(carlos))
    first = wrote(carlos, BASE, LATER, VersionVector({carlos.device: 1}))
    then = wrote(carlos, LATER, LAST, VersionVector({carlos.device: 2}))
    verdicts = sync(carlos, first, then).verdicts
    assert [verdict.outcome for verdict in verdicts] == [Outcome.APPLIED] * 2
    assert sync(carlos, first, then).verdicts == verdicts
    assert said(carlos) == LAST


def test_an_edit_of_what_the_record_said_before_others_wrote_merges_with_theirs(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    carlos.sync(started(carlos))
    seen = VersionVector({carlos.device: 1})
    dana.sync(wrote(dana, BASE, "Gate 1 was shut. " + BASE, seen))
    (verdict,) = sync(carlos, wrote(carlos, BASE, LATER, seen)).verdicts
    assert verdict.outcome is Outcome.MERGED
    assert said(carlos) == "Gate 1 was shut. " + LATER


def test_an_edit_of_a_text_that_central_never_had_is_asked_for_in_full_and_nothing_is_taken(
    site: Site,
) -> None:
    carlos = site.laptop("carlos")
    carlos.sync(started(carlos))
    seen = VersionVector({carlos.device: 1})
    good = carlos.change("i1", {"note": "x"})
    with pytest.raises(UnknownText):
        sync(carlos, good, wrote(carlos, BASE.replace("sound", "torn"), LATER, seen))
    (verdict,) = carlos.sync(good).verdicts
    assert verdict.outcome is Outcome.APPLIED


def test_whether_a_text_is_in_a_project_of_others_is_not_told(site: Site) -> None:
    carlos = site.laptop("carlos")
    stored: dict[str, Json] = {LOG: BASE}
    site.central.publish(OTHER_PROJECT, [Writing("violation", "v9", stored)])
    change = carlos.change(
        "v9", {LOG: LATER}, before={LOG: BASE}, kind="violation", op=Op.EDIT, scope_id=OTHER_PROJECT
    )
    with pytest.raises(UnknownText):
        sync(carlos, change)
    (verdict,) = carlos.sync(change).verdicts
    assert verdict.outcome is Outcome.REFUSED


def test_the_ledger_holds_the_change_whole(site: Site) -> None:
    carlos = site.laptop("carlos")
    carlos.sync(started(carlos))
    change = wrote(carlos, BASE, LATER, VersionVector({carlos.device: 1}))
    sync(carlos, change)
    with site.engine.connect() as connection:
        body = connection.exec_driver_sql(
            f"SELECT body FROM ledger WHERE device = {carlos.device} AND counter = 2"
        ).scalar_one()
    assert json.loads(body)["after"] == {LOG: LATER}
    assert "edits" not in body
