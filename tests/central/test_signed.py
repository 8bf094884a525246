"""What was signed stays as it was signed: what others wrote without having seen that is asked about."""

from __future__ import annotations

from bravetui.base.canonical import Json
from bravetui.central.service import Writing
from bravetui.forms.library import shipped
from bravetui.merge.version import VersionVector
from bravetui.wire.change import Op
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome
from tests.support.central import ORGANIZATION, Laptop, Site, only

EPA = "epa"
SAID: dict[str, Json] = {"answers/summary": "All in order.", "answers/location": "lot 8"}


def signed(site: Site, laptop: Laptop) -> VersionVector:
    """A report that was begun, seen by all, and then signed; what the others have seen of it."""
    form = shipped("cgp_site_inspection")
    body: dict[str, Json] = {"key": form.key, "title": form.title, "body": form.to_json()}
    site.central.publish(ORGANIZATION, [Writing("form_template", EPA, body)])
    made = laptop.change("r1", {"template_id": EPA, **SAID}, kind="submission")
    seen = VersionVector().with_dot(made.dot)
    sign = laptop.change("r1", {"status": "submitted"}, kind="submission", op=Op.EDIT, seen=seen)
    laptop.sync(made, sign)
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
