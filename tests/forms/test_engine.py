"""A form's logic as a foreman meets it: what is asked, what is missing, what is wrong, what is computed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.forms.engine import broken_formulas, evaluate, rows_of
from bravetui.forms.fitting import misfit_words
from bravetui.forms.template import QuestionKind, Repeat
from tests.forms.making import NOW, REPORT, YES_NO, form, plausible_answers, question, state_of, words

MISSING = "This must be answered."


def rows(*questions: tuple[str, dict[str, object]], **told: object) -> Repeat:
    """A repeat `rows` on the page `p`."""
    asked = tuple(question(f"rows/{name}", **more) for name, more in questions)  # type: ignore[arg-type]
    return Repeat("rows", "/data/p/rows", "Rows", questions[0][0], asked, **told)  # type: ignore[arg-type]


def test_a_question_appears_when_the_answer_before_it_calls_for_it() -> None:
    """And must then be answered."""
    why = question("why", relevant="/data/p/unsafe = 'yes'", required="true()")
    template = form(question("unsafe", QuestionKind.YES_NO, choices=YES_NO), why)
    assert not state_of(template, unsafe="no").asked["why"].visible
    assert words(state_of(template, unsafe="yes")) == [("why", MISSING)]
    assert words(state_of(template, unsafe="yes", why="lightning")) == []


def test_a_hidden_question_keeps_its_answer_and_is_not_checked() -> None:
    """Switching back brings it back; meanwhile nothing else sees it."""
    template = form(
        question("rain", QuestionKind.YES_NO, choices=YES_NO),
        question("inches", QuestionKind.DECIMAL, relevant="/data/p/rain = 'yes'", constraint=". < 20"),
        question("seen", QuestionKind.CALCULATION, calculation="string-length(/data/p/inches)"),
    )
    hidden = state_of(template, rain="no", inches="99")
    assert (hidden.asked["inches"].visible, hidden.asked["inches"].value) == (False, "99")
    assert words(hidden) == []
    assert hidden.asked["seen"].value == "0"
    assert words(state_of(template, rain="yes", inches="99")) == [
        ("inches", "This answer does not fit the form's rule.")
    ]


def test_hiding_goes_through_a_chain_in_either_direction() -> None:
    """A question that hangs on a hidden one is hidden too, even where the form asks it first."""
    template = form(
        question("third", relevant="/data/p/second = 'yes'"),
        question("second", relevant="/data/p/first = 'yes'"),
        question("first"),
    )
    shown = state_of(template, first="yes", second="yes")
    assert [asked.visible for asked in shown.asked.values()] == [True, True, True]
    hidden = state_of(template, first="no", second="yes")
    assert [asked.visible for asked in hidden.asked.values()] == [False, False, True]


def test_a_hidden_page_hides_all_its_questions() -> None:
    """None of them is missing then."""
    template = form(question("a", required="true()"), relevant="false()")
    assert state_of(template).hidden == {"p"}
    assert words(state_of(template)) == []


def test_rows_are_asked_each_for_itself() -> None:
    """`../need` is the need of the same row."""
    template = form(
        rows(("need", {}), ("note", {"relevant": "../need != ''", "required": "true()"}), rows_min=1)
    )
    assert words(state_of(template)) == [("rows", "At least 1 must be filled in.")]
    state = state_of(template, rows__b=0, rows__a=1, rows__a__need="fix", rows__gone=None)
    assert state.rows["rows"] == ("rows/b", "rows/a")
    assert words(state) == [("rows/a/note", MISSING)]


def test_rows_stand_by_position_and_then_by_id() -> None:
    """Two laptops that each added a third row show the same order."""
    answers: dict[str, Json] = {"rows/z": 0, "rows/b": 2, "rows/a": 2, "rows/a/need": "x", "other/q": 1}
    assert rows_of(answers, "rows") == ("rows/z", "rows/a", "rows/b")


def test_a_calculation_is_computed_and_a_stored_one_counts_for_nothing() -> None:
    """It could be stale: whoever reads it computes it."""
    template = form(
        rows(("n", {"kind": QuestionKind.DECIMAL})),
        question("total", QuestionKind.CALCULATION, calculation="sum(/data/p/rows/n)"),
        question("twice", QuestionKind.CALCULATION, calculation="/data/p/total * 2"),
    )
    state = state_of(template, rows__a=0, rows__a__n="0.1", rows__b=1, rows__b__n="0.2", total="stale")
    assert (state.asked["total"].value, state.asked["twice"].value) == ("0.3", "0.6")


def test_a_calculation_of_nothing_is_empty() -> None:
    """Not the word NaN."""
    template = form(question("a"), question("b", QuestionKind.CALCULATION, calculation="/data/p/a * 2"))
    assert state_of(template).asked["b"].value is None


def test_what_the_permit_computes_stands_before_the_forms_own_formula() -> None:
    """`derived` is given by name."""
    template = form(question("next_due", QuestionKind.CALCULATION, calculation="''"))
    assert (
        evaluate(template, {}, now=NOW, derived={"next_due": "Tuesday"}).asked["next_due"].value == "Tuesday"
    )


@pytest.mark.parametrize(
    ("told", "value"),
    [
        pytest.param({"relevant": "nothing("}, "x", id="does not compile"),
        pytest.param({"constraint": "frobnicate(.)"}, "x", id="unknown function"),
        pytest.param({"constraint": "regex(., '(')"}, "x", id="bad regular expression"),
        pytest.param({"required": "/data["}, "x", id="half a path"),
    ],
)
def test_a_broken_formula_is_said_at_its_question_and_stops_nobody(told: dict[str, Any], value: str) -> None:
    """The answer is kept, and the form can still be handed in."""
    state = state_of(form(question("a", **told)), a=value)
    asked = state.asked["a"]
    assert asked.value == value
    assert asked.visible
    assert len(asked.broken) == 1
    assert "tell the office" in asked.broken[0]
    assert asked.problems == asked.broken
    assert words(state) == []


def test_a_broken_formula_of_a_page_is_said_at_its_first_question() -> None:
    """And the page is shown."""
    state = state_of(form(question("a"), question("b"), relevant="oops("))
    assert (len(state.asked["a"].broken), len(state.asked["b"].broken)) == (1, 0)


def test_who_publishes_is_told_of_every_broken_formula() -> None:
    """Also of those whose question would not be asked."""
    template = form(
        question("a", label="Anything", relevant="false()", constraint="oops(.)"),
        rows(("n", {"calculation": "1 +"})),
    )
    found = broken_formulas(template, NOW)
    assert [problem.label for problem in found] == ["Anything", "rows/n"]
    assert found[0].words.startswith("oops(.): ")


@pytest.mark.parametrize(
    ("kind", "fits", "does_not"),
    [
        (QuestionKind.INTEGER, [12, "12", -3], ["1.5", "twelve", "٣", 10**12]),
        (QuestionKind.DECIMAL, ["0.42", 3, "-1"], ["1e5", ".", "NaN", "0,42"]),
        (
            QuestionKind.DATE,
            ["2026-08-03"],
            ["8/3/2026", "2026-02-30", "2026-W31-1", "20260803", "2026-08-3x"],
        ),
        (QuestionKind.TIME, ["08:30", "23:59"], ["8:30", "24:00", "08:60", "08:30:00"]),
        (QuestionKind.DATETIME, ["2026-08-03T08:30:00-06:00"], ["2026-08-03", "soon", "2026-08-03T99:00"]),
        (QuestionKind.YES_NO, ["yes"], ["maybe", True]),
        (QuestionKind.CHOICES, [["yes"], ["yes", "no"]], ["yes", ["yes", "maybe"], {"yes": 1}]),
        (QuestionKind.TEXT, ["anything", 3], []),
    ],
)
def test_an_answer_of_the_wrong_kind_is_kept_and_named(
    kind: QuestionKind, fits: list[Json], does_not: list[Json]
) -> None:
    """Whatever came by sync or was typed halfway."""
    asked = question("a", kind, choices=YES_NO)
    assert [misfit_words(asked, value) for value in fits] == [""] * len(fits)
    assert all(misfit_words(asked, value) for value in does_not)


def test_a_date_still_to_come_is_refused_by_the_sites_own_today() -> None:
    """`today()` comes with the argument; nothing reads a clock."""
    template = form(
        question("day", QuestionKind.DATE, constraint=". <= today()", constraint_message="Still to come.")
    )
    assert words(state_of(template, day="2026-08-04")) == []
    assert words(state_of(template, day="2026-08-05")) == [("day", "Still to come.")]
    assert words(state_of(template, now=datetime(2026, 8, 5, 0, 1), day="2026-08-05")) == []


def test_spaces_are_no_answer() -> None:
    """A required question is not passed with the space bar."""
    assert words(state_of(form(question("a", required="true()")), a="  ")) == [("a", MISSING)]


@settings(max_examples=40)
@given(plausible_answers())
def test_evaluating_again_gives_the_same_state(answers: dict[str, Json]) -> None:
    """Both ends compute the same, and nothing is left over from the time before."""
    assert evaluate(REPORT, answers, now=NOW) == evaluate(REPORT, dict(reversed(answers.items())), now=NOW)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
_paths = st.sampled_from(
    [each.path for each in REPORT.questions()]
    + ["controls/a", "controls/a/need", "p2/x/note", "stab/", "x/y/z"]
)


@given(st.dictionaries(_paths | st.text(), _json, max_size=12))
def test_no_answers_whatever_raise(answers: dict[str, Json]) -> None:
    """What another version or another program sent is shown, not died of."""
    state = evaluate(REPORT, answers, now=NOW)
    assert all(isinstance(problem.words, str) for problem in state.problems())


_pieces = st.sampled_from(
    ["(", ")", ".", "..", "/data/p/a", "'x'", "1", " + ", " and ", "if(", "regex(", "round(", "position(..)", "now()",
     "current()", ", ", "]", "[", "selected(", "pow(9,999)", "int('')", "substr('abc', 1)", "date('rubbish')", "$x",
     "format-date(", "jr:choice-name('a', ' /data/p/a ')", "indexed-repeat(/data/p/a, /data/p, 1)", "\x00", "concat("]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(_pieces, max_size=8).map("".join) | st.text(max_size=20), st.text(max_size=5))
def test_no_formula_whatever_raises(formula: str, value: str) -> None:
    """A form made by anybody can be opened."""
    asked = question(
        "a", relevant=formula, required=formula, constraint=formula, calculation=formula, choices=YES_NO
    )
    state_of(form(asked), a=value)
