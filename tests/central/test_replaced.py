"""Three people and one field: what was corrected knowingly does not come back for a third one's word; and two who decide one
question apart."""

from __future__ import annotations

import pytest

from bravetui.base.canonical import Json
from bravetui.central.service import Writing
from bravetui.forms.template import Question, QuestionKind, Section, Template
from bravetui.merge.rules import FieldRule, Rule
from bravetui.merge.version import VersionVector
from bravetui.wire.change import Op
from tests.support.central import ORGANIZATION, PROJECT, Laptop, Site, only
from tests.support.signed import (
    answered,
    begun,
    decision,
    late,
    questions,
    seen_now,
    signing,
    unsettled,
    values,
    values_of,
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "first", "third", "last", "may_stand"),
    [
        ("report_date", "2026-08-01", "2026-08-02", "2026-08-03", ("2026-08-02",)),
        ("discharge_now", "yes", "no", "no", ("no",)),
        ("npdes_id", "A1", "A2", "A3", ("A3",)),
        ("rain_in", "0.50", "0.30", "0.40", ("0.30", "0.40")),
    ],
    ids=["earliest", "stricter", "server wins", "review"],
)
def test_a_knowing_correction_is_not_outdone_by_what_it_corrected(
    site: Site, path: str, first: Json, third: Json, last: Json, may_stand: tuple[str, ...]
) -> None:
    """Dana says one thing. Carlos corrects it without a line; meanwhile a third one's word, which he had not seen, loses to
    Dana's. Then Carlos' comes: it is held against the third one's alone."""
    carlos, dana, other = site.laptop("carlos"), site.laptop("dana"), site.laptop("dana")
    seen, at = begun(site, carlos), f"answers/{path}"
    word = late(dana, seen, {at: first})
    dana.sync(word)
    other.sync(late(other, seen, {at: third}))
    carlos.sync(late(carlos, seen.with_dot(word.dot), {at: last}, **{path: first}))
    assert values(carlos)[at] in may_stand
    asked = [{side.get(at) for side in values_of(question)} for question in unsettled(carlos)]
    assert {first, last} not in asked


@pytest.mark.parametrize("is_third_first", [True, False], ids=["third first", "decision first"])
def test_what_was_decided_against_is_not_asked_about_again_because_a_third_one_says_something_else(
    site: Site, is_third_first: bool
) -> None:
    carlos, dana, third = site.laptop("carlos"), site.laptop("dana"), site.laptop("dana")
    seen, at = begun(site, carlos), "answers/storm_hours"
    carlos.sync(late(carlos, seen, {at: "1.0"}))
    (asked,) = only(dana.sync(late(dana, seen, {at: "2.0"})).verdicts).conflicts
    other = (third, late(third, seen, {at: "3.0"}))
    decides = (carlos, decision(carlos, asked, seen_now(carlos), {at: "2.0"}, storm_hours="1.0"))
    for laptop, change in (other, decides) if is_third_first else (decides, other):
        laptop.sync(change)
    assert [{side[at] for side in values_of(question)} for question in unsettled(carlos)] == [{"2.0", "3.0"}]


def test_who_had_seen_that_the_office_reviews_a_violation_closes_it_though_another_had_closed_it_unaware(
    site: Site,
) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    made = carlos.change("v1", {"description": "fence", "status": "open"}, kind="violation")
    carlos.sync(made)
    site.clock.advance(hours=1)
    site.central.publish(PROJECT, [Writing("violation", "v1", {"status": "under_review"})], "olga")
    known = carlos.row("violation", "v1").version
    for laptop, seen, before in (
        (dana, VersionVector().with_dot(made.dot), "open"),
        (carlos, known, "under_review"),
    ):
        closes = laptop.change(
            "v1", {"status": "closed"}, kind="violation", op=Op.EDIT, seen=seen, before={"status": before}
        )
        laptop.sync(closes)
    assert carlos.values("violation", "v1")["status"] == "closed"


def counted(site: Site, laptop: Laptop) -> VersionVector:
    """A report in which ten loads were counted, and what all have seen of it."""
    loads = Question(
        path="loads", ref="loads", label="Loads", kind=QuestionKind.INTEGER, rule=FieldRule(Rule.SUM)
    )
    form = Template("loads", 1, "Loads", "custom", "", (Section("s", "s", "S", (loads,)),))
    told: dict[str, Json] = {"key": "loads", "title": "Loads", "body": form.to_json()}
    site.central.publish(ORGANIZATION, [Writing("form_template", "loads", told)])
    made = laptop.change("r1", {"template_id": "loads", LOADS: 10}, kind="submission")
    laptop.sync(made)
    return VersionVector().with_dot(made.dot)


LOADS = "answers/loads"


@pytest.mark.parametrize(
    ("decided", "is_asked"), [((13, 13), False), ((13, 10), True), ((10, 13), True), ((13, 12), True)]
)
def test_two_who_decide_apart_about_a_count_do_not_count_it_twice(
    site: Site, decided: tuple[int, int], is_asked: bool
) -> None:
    """Ten when it was signed; Dana, who did not know, came to thirteen. Carlos and a third one decide."""
    carlos, dana, third = site.laptop("carlos"), site.laptop("dana"), site.laptop("dana")
    seen = counted(site, carlos)
    carlos.sync(signing(carlos, seen))
    (asked,) = only(dana.sync(late(dana, seen, {LOADS: 13}, loads=10)).verdicts).conflicts
    known = seen_now(carlos)
    for laptop, count in zip((carlos, third), decided, strict=True):
        laptop.sync(decision(laptop, asked, known, {LOADS: count}, loads=10))
    assert values(carlos)[LOADS] in decided
    left = [{side[LOADS] for side in values_of(question)} for question in unsettled(carlos)]
    assert left == ([{*decided}] if is_asked else [])


@pytest.mark.parametrize("is_taken_in_first", [True, False], ids=["taken in first", "kept first"])
@pytest.mark.parametrize(
    ("path", "signed", "came"),
    [
        ("location", "lot 8", "lot 9"),
        ("storm_hours", "1.0", "2.0"),
        ("discharge_now", "yes", "no"),
        ("summary", "All in order.", "All in order. Silt at 3."),
    ],
)
def test_of_two_who_decide_apart_neither_is_outdone_without_a_word(
    site: Site, path: str, signed: Json, came: Json, is_taken_in_first: bool
) -> None:
    """Also of a text: that somebody keeps what was signed is a word, though he changes nothing."""
    carlos, dana, third = site.laptop("carlos"), site.laptop("dana"), site.laptop("dana")
    at = f"answers/{path}"
    seen = answered(site, carlos, **{path: signed})
    carlos.sync(signing(carlos, seen))
    (asked,) = only(dana.sync(late(dana, seen, {at: came}, **{path: signed})).verdicts).conflicts
    known = seen_now(carlos)
    both = [
        (laptop, decision(laptop, asked, known, {at: word}, **{path: signed}))
        for laptop, word in ((carlos, came), (third, signed))
    ]
    for laptop, change in both if is_taken_in_first else reversed(both):
        laptop.sync(change)
    stands = values(carlos)[at]
    assert stands in (signed, came)
    later = [one for one in questions(carlos) if (one["rule"], one["status"]) != ("signed", "resolved")]
    outdone = signed if stands == came else came
    assert outdone in [side.get(at) for question in later for side in values_of(question)]
