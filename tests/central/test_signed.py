"""What was signed stays as it was signed: what others wrote without having seen that is asked about."""

from __future__ import annotations

import itertools

import pytest

from bravetui.base.canonical import Json
from bravetui.central.as_signed import Late
from bravetui.central.quarantine import release
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import Cell
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import REFILLED, Op, Said
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome
from tests.support.central import Site, only
from tests.support.refusing import refuse_bad
from tests.support.signed import (
    BOTH_ORDERS,
    SAID,
    answered,
    begun,
    decision,
    in_order,
    in_review,
    late,
    questions,
    seen_now,
    signed,
    signing,
    unsettled,
    values,
    values_of,
)


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


@pytest.mark.parametrize("status", ["reviewed", "approved", "rejected", "submitted by another"])
@pytest.mark.parametrize("word", ["lot 9", "lot 8"], ids=["takes in what came late", "keeps what was signed"])
def test_a_decision_closes_the_question_whatever_was_said_of_the_report_meanwhile(
    site: Site, word: Json, status: str
) -> None:
    """Who decides had seen a signature, and not what the office, or another who signed, has said since."""
    carlos, dana, third = site.laptop("carlos"), site.laptop("dana"), site.laptop("dana")
    seen = signed(site, carlos)
    (asked,) = only(
        dana.sync(late(dana, seen, {"answers/location": "lot 9"}, location="lot 8")).verdicts
    ).conflicts
    decides = decision(carlos, asked, seen_now(carlos), {"answers/location": word}, location="lot 8")
    if status == "submitted by another":
        third.sync(signing(third, seen))
    else:
        in_review(site, status)
    carlos.sync(decides)
    assert (unsettled(carlos), values(carlos)["answers/location"]) == ([], word)


@pytest.mark.parametrize(
    ("path", "signed", "first", "second"),
    [
        ("location", "lot 8", "lot 9", "lot 7"),
        ("storm_hours", "1.0", "2.0", "3.0"),
        ("discharge_now", "yes", "no", "no"),
        ("report_date", "2026-08-01", "2026-08-03", "2026-08-02"),
        ("summary", "All in order.", "All in order. Silt at 3.", "All in order. Pump on."),
    ],
)
@pytest.mark.parametrize("is_typed_after", [False, True], ids=["typed before", "typed after"])
def test_a_decision_stands_though_a_third_ones_late_answer_came_before_it(
    site: Site, path: str, signed: Json, first: Json, second: Json, is_typed_after: bool
) -> None:
    """What was decided against does not come back, nor is it asked about again; the third one's is."""
    carlos, dana, third = site.laptop("carlos"), site.laptop("dana"), site.laptop("dana")
    at = f"answers/{path}"
    seen = begun(site, carlos) if at in SAID else answered(site, carlos, **{path: signed})
    carlos.sync(signing(carlos, seen))
    (asked,) = only(dana.sync(late(dana, seen, {at: first}, **{path: signed})).verdicts).conflicts
    known = seen_now(carlos)
    others = [late(third, seen, {at: second}, **{path: signed})]
    site.clock.advance(hours=1)
    decides = decision(carlos, asked, known, {at: first}, **{path: signed})
    if is_typed_after:
        site.clock.advance(hours=1)
        others = [late(third, seen, {at: second}, **{path: signed})]
    third.sync(*others)
    carlos.sync(decides)
    assert values(carlos)[at] == first
    left = unsettled(carlos)
    assert [second in [side.get(at) for side in values_of(one)] for one in left] == [True]


def test_who_was_sent_back_his_report_signs_it_again_though_a_colleague_had_signed_the_first(
    site: Site,
) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = signed(site, carlos)
    in_review(site, "rejected")
    known = seen_now(carlos)
    dana.sync(signing(dana, seen))
    carlos.sync(signing(carlos, known, **{"answers/location": "lot 8b"}))
    assert (values(carlos)["status"], values(carlos)["answers/location"]) == ("submitted", "lot 8b")


@pytest.mark.parametrize("status", ["submitted", "approved"])
@pytest.mark.parametrize("how", ["sent again", "released", "mended"])
def test_what_the_signer_had_said_before_and_central_had_refused_is_as_signed_once_it_is_taken(
    site: Site, monkeypatch: pytest.MonkeyPatch, how: str, status: str
) -> None:
    carlos = site.laptop("carlos")
    seen = begun(site, carlos)
    own = late(carlos, seen, {"answers/location": "lot 9", "answers/phase": "bad"}, location="lot 8")
    with monkeypatch.context() as now:
        refuse_bad(now, "answers/phase")
        carlos.sync(own, signing(carlos, seen.with_dot(own.dot)))
    if status == "approved":
        in_review(site, status)
    if how == "sent again":
        carlos.sync(own)
    else:
        release(site.central, own.dot, "olga", {"answers/phase": "grading"} if how == "mended" else None)
    got = values(carlos)
    assert (got["status"], got["answers/location"], unsettled(carlos)) == (status, "lot 9", [])


@pytest.mark.parametrize("how", ["sent again", "released", "mended"])
def test_a_colleague_s_refused_answer_was_not_seen_by_the_signer_though_the_next_one_was(
    site: Site, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = begun(site, carlos)
    bad = late(dana, seen, {"answers/location": "lot 9", "answers/phase": "bad"}, location="lot 8")
    with monkeypatch.context() as now:
        refuse_bad(now, "answers/phase")
        dana.sync(bad, late(dana, seen.with_dot(bad.dot), {"answers/company": "Acme"}))
    carlos.sync(signing(carlos, seen_now(carlos)))
    if how == "sent again":
        dana.sync(bad)
    else:
        release(site.central, bad.dot, "olga", {"answers/phase": "grading"} if how == "mended" else None)
    assert values(carlos)["answers/location"] == "lot 8"
    assert [question["paths"] for question in unsettled(carlos)] == [["answers/location", "answers/phase"]]


@pytest.mark.parametrize("how", ["released", "mended"])
def test_of_two_who_sign_apart_both_must_have_seen_what_is_taken_later(
    site: Site, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = begun(site, carlos)
    own = late(carlos, seen, {"answers/location": "lot 9", "answers/phase": "bad"}, location="lot 8")
    with monkeypatch.context() as now:
        refuse_bad(now, "answers/phase")
        carlos.sync(own)
    dana.sync(signing(dana, seen))
    carlos.sync(signing(carlos, seen.with_dot(own.dot)))
    release(site.central, own.dot, "olga", {"answers/phase": "grading"} if how == "mended" else None)
    assert (values(dana)["answers/location"], len(unsettled(dana))) == ("lot 8", 1)


@pytest.mark.parametrize("goes_on", [False, True], ids=["signs at once", "writes and signs"])
def test_what_was_on_a_disk_that_its_signer_had_lost_is_asked_about_once_it_is_found(
    site: Site, goes_on: bool
) -> None:
    """He went on from an image of before, under numbers far above: he had not seen all that lies below them."""
    carlos = site.laptop("carlos")
    seen = begun(site, carlos)
    lost = late(carlos, seen, {"answers/location": "lot 9"}, location="lot 8")
    carlos.counters = itertools.count(lost.dot.counter + 99)
    if goes_on:
        word = late(carlos, seen, {"answers/company": "Acme"})
        carlos.sync(word)
        seen = seen.with_dot(word.dot)
    carlos.sync(signing(carlos, seen))
    assert only(carlos.sync(lost).verdicts).outcome is Outcome.CONFLICT
    assert values(carlos)["answers/location"] == "lot 8"
    (question,) = unsettled(carlos)
    assert question["paths"] == ["answers/location"]


def test_what_a_copy_of_the_signer_s_laptop_says_under_his_number_did_not_know_of_the_signature(
    site: Site,
) -> None:
    """Nobody has noticed that there are two: the copy goes on behind the last number that central has of it."""
    carlos = site.laptop("carlos")
    seen = begun(site, carlos)
    carlos.sync(signing(carlos, seen))
    verdict = only(carlos.sync(late(carlos, seen, {"answers/location": "lot 9"}, location="lot 8")).verdicts)
    assert verdict.outcome is Outcome.CONFLICT
    assert values(carlos)["answers/location"] == "lot 8"
    assert [question["paths"] for question in unsettled(carlos)] == [["answers/location"]]


@pytest.mark.parametrize("is_signed_first", [True, False], ids=["signature first", "word first"])
def test_who_had_a_word_from_the_signer_s_laptop_before_it_was_copied_did_not_know_what_the_copy_signs(
    site: Site, is_signed_first: bool
) -> None:
    """Found by simulate in month 1592: the copy, which nobody has noticed, signs under a number that the laptop had used for
    something else; a restored central hears of that from a neighbour."""
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    seen = begun(site, carlos)
    said = Said(dots=(Dot(carlos.device, 9),), hlc=Hlc(int(site.clock.now().timestamp() * 1000)))
    site.clock.advance(hours=1)
    sign = signing(carlos, seen)
    known = VersionVector({carlos.device: 9})
    told = dana.change(
        "r1", {"answers/location": "lot 9"}, kind="submission", op=Op.EDIT, seen=known, before=SAID, reason=REFILLED
    ).model_copy(update={"said": {"answers/location": said}})  # fmt: skip
    for laptop, change in (
        [(carlos, sign), (dana, told)] if is_signed_first else [(dana, told), (carlos, sign)]
    ):
        laptop.sync(change)
    assert values(carlos)["status"] == "submitted"
    assert values(carlos)["answers/location"] == "lot 8"
    assert [question["paths"] for question in unsettled(carlos)] == [["answers/location"]]


def test_of_what_is_counted_each_has_counted_his_own() -> None:
    """Two that come to three apart are no two that say the same."""
    at = "answers/loads"
    carlos, dana = (Cell(3, (Dot(device, 1),), Hlc(1)) for device in (1, 2))
    question = Late({at: dana}, {at: carlos}).question({at: 2}, [at])
    assert question is not None
    assert question.paths == (at,)
    assert Late({at: dana}, {at: carlos}).question({at: 2}) is None
