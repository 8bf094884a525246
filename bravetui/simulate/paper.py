"""The form that is filled in, in every version that the office publishes, and answers that fit it.

A later version adds a question, leaves one out, makes another of a third, and withdraws a choice. A draft stays on the
version that it was begun on, with every answer that it has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from bravetui.base.canonical import Json
from bravetui.forms.engine import evaluate
from bravetui.forms.library import shipped
from bravetui.forms.template import Question, QuestionKind, Template

LEFT_OUT = ("prior_note", "station")
"""Left out one after the other, by the second version and the third."""
MADE_NUMBER = "contact"
"""A text that the second version asks for as a whole number."""
WITHDRAWN = ("weather_now", "sleet")
"""A choice that later versions do not offer."""

TYPED = ("company", "contact", "station", "summary", "prior_note")
"""Questions that are typed: reviewed, of a group, and long."""

FILLED_ROUNDS_MAX = 8
"""An answer may bring more questions."""

_PLAIN: Mapping[QuestionKind, Json] = {
    QuestionKind.TEXT: "as on the plan", QuestionKind.LONG_TEXT: "nothing else was seen", QuestionKind.INTEGER: 3,
    QuestionKind.DECIMAL: "0.3", QuestionKind.YES_NO: "no", QuestionKind.ACKNOWLEDGE: "OK", QuestionKind.TIME: "10:30",
}  # fmt: skip


def template_id(version: int) -> str:
    """Under what id the office publishes it."""
    return f"form-{version}"


@cache
def template(version: int) -> Template:
    """The EPA site inspection report, as the office has it by then."""
    told = json.loads(shipped("cgp_site_inspection").to_json())
    told["version"] = version
    left_out = LEFT_OUT[: version - 1]
    for section in told["sections"]:
        section["items"] = [item for item in section["items"] if item["path"] not in left_out]
    if version > 1:
        told["title"] += f" (version {version})"
        for question in _questions(told):
            _change(question)
        told["sections"][0]["items"].append(_added(told["sections"][0]["items"][4], version))
    return Template.from_json(json.dumps(told))


def published(version: int) -> dict[str, Json]:
    """The record that the office publishes."""
    form = template(version)
    return {
        "key": form.key, "version_number": version, "title": form.title, "category": form.category, "body": form.to_json(),
    }  # fmt: skip


def typed_in(version: int) -> tuple[str, ...]:
    """The questions of this version that are typed."""
    asked = {question.path: question for question in template(version).questions()}
    return tuple(
        path
        for path in (*TYPED, f"note_{version}")
        if path in asked and asked[path].kind in (QuestionKind.TEXT, QuestionKind.LONG_TEXT)
    )


def offered(version: int) -> tuple[str, ...]:
    """The choices of the question of which one is withdrawn."""
    (question,) = (one for one in template(version).questions() if one.path == WITHDRAWN[0])
    return tuple(choice.value for choice in question.choices)


def left_to_answer(form: Template, answers: Mapping[str, Json], now: datetime) -> dict[str, Json]:
    """An answer, or a row, for everything that keeps the form from being handed in; `now` is the site's local time."""
    state = evaluate(form, answers, now=now)
    rows_min = {repeat.path: repeat.rows_min for repeat in form.repeats()}
    found: dict[str, Json] = {}
    for problem in state.problems():
        asked = state.asked.get(problem.path)
        if asked is None:
            found |= {f"{problem.path}/row{place}": place for place in range(1, rows_min[problem.path] + 1)}
        else:
            found[problem.path] = _answer(asked.question, now)
    return found


def _answer(question: Question, now: datetime) -> Json:
    if question.kind is QuestionKind.DATE:
        return now.date().isoformat()
    if question.kind is QuestionKind.DATETIME:
        return now.replace(microsecond=0).isoformat()
    if question.kind is QuestionKind.CHOICE:
        return question.choices[0].value
    if question.kind is QuestionKind.CHOICES:
        return [question.choices[0].value]
    return _PLAIN.get(question.kind)


def _questions(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for section in told["sections"] for item in section["items"] if "questions" not in item]


def _change(question: dict[str, Any]) -> None:
    if question["path"] == MADE_NUMBER:
        question["kind"] = QuestionKind.INTEGER.value
    if question["path"] == WITHDRAWN[0]:
        question["choices"] = [one for one in question["choices"] if one["value"] != WITHDRAWN[1]]


def _added(like: dict[str, Any], version: int) -> dict[str, Any]:
    path = f"note_{version}"
    ref = like["ref"].rpartition("/")[0]
    return {**like, "path": path, "ref": f"{ref}/{path}", "label": f"Note {version}", "required": ""}
