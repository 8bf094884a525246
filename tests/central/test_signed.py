"""What was signed stays as it was signed: what others wrote without having seen that is asked about."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.central.service import Writing
from bravetui.forms.library import shipped
from bravetui.merge.version import VersionVector
from bravetui.wire.change import Change, Op
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome
from tests.support.central import ORGANIZATION, Laptop, Site, only

EPA = "epa"
SAID: dict[str, Json] = {"answers/summary": "All in order.", "answers/location": "lot 8"}


def begun(site: Site, laptop: Laptop) -> VersionVector:
    """A report that was begun, and what all have seen of it."""
    form = shipped("cgp_site_inspection")
    body: dict[str, Json] = {"key": form.key, "title": form.title, "body": form.to_json()}
    site.central.publish(ORGANIZATION, [Writing("form_template", EPA, body)])
    made = laptop.change("r1", {"template_id": EPA, **SAID}, kind="submission")
    laptop.sync(made)
    return VersionVector().with_dot(made.dot)


def signing(laptop: Laptop, seen: VersionVector, **more: Json) -> Change:
    """Signs what was `seen`."""
    told: dict[str, Json] = {**more, "status": "submitted"}
    return laptop.change("r1", told, kind="submission", op=Op.EDIT, seen=seen)


def signed(site: Site, laptop: Laptop) -> VersionVector:
    """A report that was begun, seen by all, and then signed; what the others have seen of it."""
    seen = begun(site, laptop)
    laptop.sync(signing(laptop, seen))
    return seen


def values(laptop: Laptop) -> dict[str, Json]:
    return laptop.values("submission", "r1", Lane.FORMS)


def questions(laptop: Laptop) -> list[dict[str, Json]]:
    return [row.state().values() for (kind, _), row in laptop.rows().items() if kind == "conflict"]


def test_answers_that_come_after_the_signature_change_nothing_and_are_asked_about_together(
    site: Site,
) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = signed(site, carlos)
    late: dict[str, Json] = {
        "answers/summary": "All in order. Silt at 3.",
        "answers/location": "lot 9",
        "title": "EPA, lot 9",
    }
    verdict = only(
        dana.sync(dana.change("r1", late, kind="submission", op=Op.EDIT, seen=seen, before=SAID)).verdicts
    )
    assert verdict.outcome is Outcome.CONFLICT
    assert {path: values(carlos)[path] for path in SAID} == SAID
    assert values(carlos)["title"] == "EPA, lot 9"
    (question,) = questions(carlos)
    assert (question["rule"], question["status"]) == ("signed", "open")
    assert question["paths"] == ["answers/location", "answers/summary"]
    assert isinstance(question["local"], dict)
    assert question["local"]["values"] == {path: late[path] for path in SAID}


LATE: dict[str, Json] = {
    "answers/summary": "All in order. Silt at 3.",
    "answers/location": "lot 9",
    "answers/discharges/x1": 0,
    "answers/discharges/x1/action": "Pump shut off",
}


@pytest.mark.parametrize("order", [("late", "signature"), ("signature", "late")], ids=str)
def test_it_is_the_same_whichever_of_signature_and_answer_comes_first(
    site: Site, order: tuple[str, str]
) -> None:
    """Neither had seen the other."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = begun(site, carlos)
    late = dana.change("r1", LATE, kind="submission", op=Op.EDIT, seen=seen, before=SAID)
    come = {"signature": (carlos, signing(carlos, seen)), "late": (dana, late)}
    outcomes = [only(come[one][0].sync(come[one][1]).verdicts).outcome for one in order]
    assert outcomes[1] is Outcome.CONFLICT
    assert values(carlos)["status"] == "submitted"
    assert {path: values(carlos)[path] for path in LATE} == {**dict.fromkeys(LATE), **SAID}
    (question,) = questions(dana)
    assert (question["rule"], question["paths"]) == ("signed", sorted(LATE))
    local, remote = question["local"], question["remote"]
    assert isinstance(local, dict)
    assert isinstance(remote, dict)
    assert (local["values"], local["author_id"]) == (LATE, "dana")
    assert isinstance(remote["values"], dict)
    assert {path: remote["values"][path] for path in SAID} == SAID
    assert remote["author_id"] == "carlos"
    assert question["base"] == SAID


def test_what_is_typed_with_the_signature_stands_as_it_was_signed(site: Site) -> None:
    """Both are in one change, of which central would otherwise join the answers by their own rules."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = begun(site, carlos)
    dana.sync(dana.change("r1", LATE, kind="submission", op=Op.EDIT, seen=seen, before=SAID))
    typed: dict[str, Json] = {"answers/summary": "All in order, as signed."}
    verdict = only(carlos.sync(signing(carlos, seen, **typed)).verdicts)
    assert verdict.outcome is Outcome.CONFLICT
    assert {path: values(dana)[path] for path in SAID} == {**SAID, **typed}
    (question,) = questions(dana)
    assert question["paths"] == sorted(LATE)


def test_who_signs_what_he_had_seen_is_asked_nothing(site: Site) -> None:
    """Another field than an answer has come since, and an answer that says the same."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = begun(site, carlos)
    same: dict[str, Json] = {"title": "EPA, lot 9", "answers/location": SAID["answers/location"]}
    dana.sync(dana.change("r1", same, kind="submission", op=Op.EDIT, seen=seen, before=SAID))
    assert only(carlos.sync(signing(carlos, seen)).verdicts).outcome is Outcome.MERGED
    assert not questions(carlos)


def test_what_was_changed_knowing_of_the_signature_stands_where_that_comes_later(site: Site) -> None:
    """At a central that was restored: who mended the report is back before who had signed it."""
    carlos, olga = site.laptop("carlos"), site.laptop("olga")
    seen = begun(site, carlos)
    sign = signing(carlos, seen)
    mended: dict[str, Json] = {"answers/location": "lot 8b"}
    known = seen.with_dot(sign.dot)
    olga.sync(olga.change("r1", mended, kind="submission", op=Op.EDIT, seen=known, before=SAID))
    assert only(carlos.sync(sign).verdicts).outcome is Outcome.MERGED
    assert values(carlos)["answers/location"] == "lot 8b"
    assert not questions(carlos)


def test_a_row_added_after_the_signature_is_not_there_until_a_person_says_so(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = signed(site, carlos)
    row: dict[str, Json] = {"answers/discharges/x1": 0, "answers/discharges/x1/action": "Pump shut off"}
    change = dana.change("r1", row, kind="submission", op=Op.EDIT, seen=seen)
    (conflict_id,) = only(dana.sync(change).verdicts).conflicts
    assert values(carlos)["answers/discharges/x1"] is None
    known = carlos.row("submission", "r1", Lane.FORMS).version
    decided = carlos.change(
        "r1",
        row,
        kind="submission",
        op=Op.DECIDE,
        seen=known,
        conflict_id=conflict_id,
        reason="Dana was there",
    )
    carlos.sync(decided)
    assert {path: values(dana)[path] for path in row} == row
    assert [question["status"] for question in questions(dana)] == ["resolved"]


def test_who_had_seen_the_signature_or_says_the_same_is_not_asked(site: Site) -> None:
    carlos, dana, olga = (site.laptop(name) for name in ("carlos", "dana", "olga"))
    seen = signed(site, carlos)
    same = dana.change("r1", SAID, kind="submission", op=Op.EDIT, seen=seen)
    assert only(dana.sync(same).verdicts).outcome is Outcome.MERGED
    known = carlos.row("submission", "r1", Lane.FORMS).version
    mended = olga.change("r1", {"answers/location": "lot 8b"}, kind="submission", op=Op.EDIT, seen=known)
    assert only(olga.sync(mended).verdicts).outcome is Outcome.APPLIED
    assert not questions(carlos)
