"""What a new form starts with."""

from __future__ import annotations

from hypothesis import given

from bravetui.base.canonical import Json
from bravetui.forms.engine import rows_of
from bravetui.forms.starting import starting_answers
from tests.forms.making import REPORT, form, plausible_answers, question

CONTROLS: dict[str, Json] = {
    "c1": 0,
    "c1/name": "Silt fence",
    "gone": None,
    "gone/name": "Old",
    "c2": 1,
    "c2/name": "Basin",
    "c3": 2,
}


def test_job_facts_carry_over_and_the_project_wins_over_the_last_report() -> None:
    """The permit's number comes from the permit, the phase from last week."""
    found = starting_answers(
        REPORT, {"npdes_id": "new"}, {"npdes_id": "old", "phase": "grading", "temp_f": 71}
    )
    assert (found["npdes_id"], found["phase"]) == ("new", "grading")
    assert "temp_f" not in found


def test_the_sites_controls_stand_ready_without_any_finding() -> None:
    """By the ids that they have in the project, so that two laptops start the same rows; removed ones are left out."""
    found = starting_answers(REPORT, {"controls": CONTROLS}, {})
    assert rows_of(found, "controls") == ("controls/c1", "controls/c2", "controls/c3")
    assert {path for path in found if path.startswith("controls/") and path.count("/") == 2} == {
        "controls/c1/control",
        "controls/c2/control",
    }


def test_the_fifteen_lines_stand_ready() -> None:
    """In the report's order, under ids that are the same on every laptop."""
    found = starting_answers(REPORT, {}, {})
    lines = rows_of(found, "p2")
    assert (len(lines), lines[0], found["p2/track_out/line"]) == (15, "p2/track_out", "track_out")


def test_a_default_stands_unless_the_question_carries() -> None:
    """The author's own first answer."""
    template = form(question("a", default="x"), question("b", default="y", carry_forward=True), question("c"))
    assert starting_answers(template, {}, {"a": "last", "b": "last", "c": "last"}) == {"a": "x", "b": "last"}


@given(plausible_answers())
def test_no_observation_ever_carries_over(previous: dict[str, Json]) -> None:
    """Whatever the last report said: an inspection that was not made must not look complete."""
    facts = {question.path for question in REPORT.questions() if question.carry_forward}
    clean = starting_answers(REPORT, {"controls": CONTROLS}, {})
    found = starting_answers(REPORT, {"controls": CONTROLS}, previous)
    assert {path for path in found if found[path] != clean.get(path)} <= facts
