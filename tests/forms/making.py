"""Builds small templates and answers for the tests of forms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.forms.engine import FormState, evaluate, rows_of
from bravetui.forms.library import shipped
from bravetui.forms.template import Choice, Question, QuestionKind, Repeat, Section, Template

NOW = datetime(2026, 8, 4, 10, 5, tzinfo=ZoneInfo("America/Denver"))
REPORT = shipped("cgp_site_inspection")
YES_NO = (Choice("yes", "Yes"), Choice("no", "No"))


def question(path: str, kind: QuestionKind = QuestionKind.TEXT, **told: Any) -> Question:
    """A question on the page `p`."""
    return Question(path, f"/data/p/{path}", kind, told.pop("label", path), **told)


def form(*items: Question | Repeat, **section: Any) -> Template:
    """A form of one page."""
    return Template("trial", 1, "Trial", "custom", "", (Section("p", "/data/p", "Page", items, **section),))


def state_of(template: Template, now: datetime = NOW, **answers: Json) -> FormState:
    """The state with answers by name; a row's cells as `rows__r1__need`."""
    return evaluate(template, {name.replace("__", "/"): value for name, value in answers.items()}, now=now)


def words(state: FormState) -> list[tuple[str, str]]:
    """Problems as (path, sentence)."""
    return [(problem.path, problem.words) for problem in state.problems()]


def _values(asked: Question) -> st.SearchStrategy[Json]:
    names = [choice.value for choice in asked.choices]
    match asked.kind:
        case QuestionKind.CHOICE | QuestionKind.YES_NO:
            return st.sampled_from(names)
        case QuestionKind.CHOICES:
            return st.sets(st.sampled_from(names), min_size=1).map(
                lambda chosen: [n for n in names if n in chosen]
            )
        case QuestionKind.INTEGER:
            return st.integers(-200, 300)
        case QuestionKind.DECIMAL:
            return st.decimals(0, 300, places=asked.places or 2).map(lambda number: f"{number:f}")
        case QuestionKind.DATE:
            return st.dates(datetime(2026, 7, 20).date(), datetime(2026, 8, 10).date()).map(str)
        case QuestionKind.TIME:
            return st.times().map(lambda moment: f"{moment:%H:%M}")
        case QuestionKind.DATETIME:
            within = st.datetimes(datetime(2026, 7, 20), datetime(2026, 8, 10))
            return within.map(lambda moment: f"{moment:%Y-%m-%dT%H:%M}:00-06:00")
        case QuestionKind.ACKNOWLEDGE:
            return st.just("OK")
        case QuestionKind.CALCULATION | QuestionKind.NOTE:
            return st.none()
    return st.text(st.sampled_from("abc ÄÖ'<&"), max_size=30)


@st.composite
def plausible_answers(draw: st.DrawFn, template: Template = REPORT) -> dict[str, Json]:
    """Answers that a person could have given, some left open, with up to three rows in each repeat."""
    answers: dict[str, Json] = {}
    repeats = {repeat.path for repeat in template.repeats()}
    for path in repeats:
        for row in range(draw(st.integers(0, 3))):
            answers[f"{path}/r{row}"] = row
    for asked in template.questions():
        repeat, _, name = asked.path.rpartition("/")
        places = [f"{row}/{name}" for row in rows_of(answers, repeat)] if repeat else [asked.path]
        for place in places:
            value = draw(st.none() | _values(asked))
            if value is not None:
                answers[place] = value
    return answers


def changed(answers: Mapping[str, Json], **more: Json) -> dict[str, Json]:
    """The answers with others in their place."""
    return {**answers, **{name.replace("__", "/"): value for name, value in more.items()}}
