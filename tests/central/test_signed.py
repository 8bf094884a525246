"""What was signed stays as it was signed: what others wrote without having seen that is asked about."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.central.as_signed import Late
from bravetui.central.service import Writing
from bravetui.forms.library import shipped
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import Cell
from bravetui.merge.version import Dot, VersionVector
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


def late(laptop: Laptop, seen: VersionVector, after: dict[str, Json], **before: Json) -> Change:
    """Answers of somebody who knows of no signature."""
    had: dict[str, Json] = {f"answers/{path}": value for path, value in before.items()}
    return laptop.change("r1", after, kind="submission", op=Op.EDIT, seen=seen, before=had)


def answered(site: Site, laptop: Laptop, **answers: Json) -> VersionVector:
    """A report with these answers, too, and what all have seen of it."""
    seen = begun(site, laptop)
    told: dict[str, Json] = {f"answers/{path}": value for path, value in answers.items()}
    more = laptop.change("r1", told, kind="submission", op=Op.EDIT, seen=seen)
    laptop.sync(more)
    return seen.with_dot(more.dot)


BOTH_ORDERS = pytest.mark.parametrize("is_late_first", [True, False], ids=["late first", "signature first"])


def in_order(is_late_first: bool, late: tuple[Laptop, Change], sign: tuple[Laptop, Change]) -> None:
    for laptop, change in (late, sign) if is_late_first else (sign, late):
        laptop.sync(change)


@BOTH_ORDERS
def test_a_group_that_is_completed_with_the_signature_stands_as_it_was_signed(
    site: Site, is_late_first: bool
) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = answered(site, carlos, rain_in="0.30")
    own: dict[str, Json] = {"answers/rain_in": "0.30", "answers/rain_source": "rain_gauge"}
    other = late(dana, seen, {"answers/rain_in": "0.50"}, rain_in="0.30")
    in_order(is_late_first, (dana, other), (carlos, signing(carlos, seen, **own)))
    assert {path: values(dana)[path] for path in own} == own
    assert [question["rule"] for question in questions(dana)] == ["signed"]


def test_of_a_group_of_which_it_cannot_be_told_what_was_signed_no_half_is_put_back(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = answered(site, carlos, rain_in="0.30")
    first = late(carlos, seen, {"answers/rain_in": "0.40"}, rain_in="0.30")
    second = late(dana, seen, {"answers/rain_in": "0.50"}, rain_in="0.30")
    carlos.sync(first)
    dana.sync(second)
    own: dict[str, Json] = {"answers/rain_in": "0.70", "answers/rain_source": "weather_station"}
    dana.sync(late(dana, seen.with_dot(second.dot), own, rain_in="0.50"))
    carlos.sync(signing(carlos, seen.with_dots([first.dot, second.dot])))
    assert {path: values(carlos)[path] for path in own} == own


@BOTH_ORDERS
@pytest.mark.parametrize("is_removed_by", ["carlos", "dana"])
def test_a_row_is_there_or_not_as_it_was_signed(site: Site, is_removed_by: str, is_late_first: bool) -> None:
    """One removes it, the other works in it: nothing comes back, or goes, that was not so when it was signed."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    row, action = "answers/discharges/x1", "answers/discharges/x1/action"
    had: dict[str, Json] = {"discharges/x1": 0, "discharges/x1/action": "Pump"}
    seen = answered(site, carlos, **had)
    gone, worked = dict[str, Json]({row: None}), dict[str, Json]({action: "Pump shut off"})
    by_carlos, by_dana = (gone, worked) if is_removed_by == "carlos" else (worked, gone)
    told: dict[str, Json] = {**by_dana, "answers/location": "lot 9"}
    other = late(dana, seen, told, location="lot 8", **had)
    in_order(is_late_first, (dana, other), (carlos, signing(carlos, seen, **by_carlos)))
    signed = {row: 0, action: "Pump", **by_carlos}
    assert {path: values(dana)[path] for path in signed} == signed
    assert [question["rule"] for question in questions(dana)] == ["signed"]


def test_a_signature_that_the_office_had_turned_down_meanwhile_puts_nothing_back(site: Site) -> None:
    """The report was signed, rejected and corrected; then somebody comes who has signed it in the morning."""
    carlos, dana, olga = (site.laptop(name) for name in ("carlos", "dana", "olga"))
    seen = begun(site, carlos)
    sign = signing(carlos, seen)
    carlos.sync(sign)
    rejected = olga.change(
        "r1", {"status": "rejected"}, kind="submission", op=Op.EDIT, seen=seen.with_dot(sign.dot)
    )
    olga.sync(rejected)
    known = seen.with_dots([sign.dot, rejected.dot])
    carlos.sync(late(carlos, known, {"answers/location": "lot 9b"}, location="lot 8"))
    dana.sync(signing(dana, seen))
    assert (values(dana)["status"], values(dana)["answers/location"]) == ("rejected", "lot 9b")
    assert not [question for question in questions(dana) if question["rule"] == "signed"]


@pytest.mark.parametrize(
    ("path", "words"), [("storm_hours", ("2.0", "3.0")), ("phase", ("grading", "clearing"))]
)
def test_two_words_that_were_apart_before_the_signature_are_both_still_told(
    site: Site, path: str, words: tuple[str, str]
) -> None:
    """The question about these two is another one than that about what was signed, though the same two changes are in it."""
    carlos, dana, olga = (site.laptop(name) for name in ("carlos", "dana", "olga"))
    seen, at = begun(site, carlos), f"answers/{path}"
    dana.sync(late(dana, seen, {at: words[0]}))
    olga.sync(late(olga, seen, {at: words[1]}))
    carlos.sync(signing(carlos, seen))
    assert values(carlos)[at] is None
    sides = [question[side] for question in questions(carlos) for side in ("local", "remote")]
    assert {*words} <= {side["values"].get(at) for side in sides if isinstance(side, dict)}


def test_what_was_put_back_is_told_apart_from_what_came_late_also_where_two_words_had_been_joined(
    site: Site,
) -> None:
    """Nobody's change but the late one says what the signer had before him: his signature stands for it."""
    carlos, dana, olga = (site.laptop(name) for name in ("carlos", "dana", "olga"))
    seen = begun(site, carlos)
    added = [
        late(dana, seen, {"answers/prior_note": "Silt."}),
        late(olga, seen, {"answers/prior_note": "Mud."}),
    ]
    in_order(True, (dana, added[0]), (olga, added[1]))
    both = values(carlos)["answers/prior_note"]
    assert both == "Silt.\nMud."
    for change in added:
        seen = seen.with_dot(change.dot)
    upon = late(dana, seen, {"answers/prior_note": "None."}, prior_note=both)
    signature = signing(carlos, seen)
    in_order(True, (dana, upon), (carlos, signature))
    state = carlos.row("submission", "r1", Lane.FORMS).state()
    assert state.values()["answers/prior_note"] == both
    assert {*state.cells["answers/prior_note"].dots} == {upon.dot, signature.dot}


@BOTH_ORDERS
def test_who_goes_on_without_knowing_of_the_signature_decides_nothing(
    site: Site, is_late_first: bool
) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = begun(site, carlos)
    first = late(dana, seen, {"answers/location": "lot 9"}, location="lot 8")
    in_order(is_late_first, (dana, first), (carlos, signing(carlos, seen)))
    dana.sync(late(dana, seen.with_dot(first.dot), {"answers/location": "lot 10"}, location="lot 9"))
    assert values(carlos)["answers/location"] == "lot 8"
    assert not [question for question in questions(carlos) if question["status"] == "resolved"]


@BOTH_ORDERS
def test_who_counts_on_without_knowing_of_the_signature_is_asked_about_what_he_came_to(
    site: Site, is_late_first: bool
) -> None:
    """And not about his last step upon what was signed."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = answered(site, carlos, temp_f=2)
    first = late(dana, seen, {"answers/temp_f": 5}, temp_f=2)
    in_order(is_late_first, (dana, first), (carlos, signing(carlos, seen)))
    dana.sync(late(dana, seen.with_dot(first.dot), {"answers/temp_f": 6}, temp_f=5))
    asked = [question["local"] for question in questions(carlos)]
    assert 6 in [side["values"]["answers/temp_f"] for side in asked if isinstance(side, dict)]
    assert values(carlos)["answers/temp_f"] == 2


@BOTH_ORDERS
def test_both_sides_of_the_question_bear_their_writers_names(site: Site, is_late_first: bool) -> None:
    """Also where the signer had nothing there."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = begun(site, carlos)
    other = late(dana, seen, {"answers/company": "Acme"})
    in_order(is_late_first, (dana, other), (carlos, signing(carlos, seen)))
    (question,) = questions(carlos)
    sides = [question[side] for side in ("local", "remote")]
    assert [side["author_id"] for side in sides if isinstance(side, dict)] == ["dana", "carlos"]


def test_of_what_is_counted_each_has_counted_his_own() -> None:
    """Two that come to three apart are no two that say the same."""
    at = "answers/loads"
    carlos, dana = (Cell(3, (Dot(device, 1),), Hlc(1)) for device in (1, 2))
    question = Late({at: dana}, {at: carlos}).question({at: 2}, [at])
    assert question is not None
    assert question.paths == (at,)
    assert Late({at: dana}, {at: carlos}).question({at: 2}) is None
