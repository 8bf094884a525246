"""The colleague at the office, who edits the same inspection while the foreman has no line: so a true conflict arises.

Amy works on a laptop of her own, with the same actions and the same sync as everybody. She reads the weather station and
does not know what the gauge on site shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import MappingProxyType
from typing import Self

from bravetui.actions import forms
from bravetui.base.canonical import Json
from bravetui.db.values import to_cell
from bravetui.demo.stage import Stage, sync
from bravetui.forms.template import Question, QuestionKind
from bravetui.merge.rules import Rule
from bravetui.views.forms import FormView, form

SUMMARY = (
    "Station KABQ shows 0.31 in for the storm. Silt fence SF-2 along the arroyo was repaired yesterday for about 20 ft near "
    "the low point. Inlets are clean. Nothing left the site."
)


CONTESTED = (Rule.REVIEW, Rule.TEXT)
"""Fields of these rules wait for a person when two set them; the others merge by themselves."""


def edit_same_inspection(
    stage: Stage, submission_id: str, others: Mapping[str, Json] = MappingProxyType({})
) -> tuple[str, ...]:
    """Write the station's reading, a summary and `others` into the foreman's inspection, and send it. Returns what was
    touched."""
    store = stage.office.store
    sync(stage.office)
    answers: dict[str, Json] = {
        "trigger": "storm_rain", "rain_in": "0.31", "rain_source": "weather_station", "station": "KABQ", "summary": SUMMARY,
        **others,
    }  # fmt: skip
    forms.answer(store, stage.project_id, submission_id, answers)
    sync(stage.office)
    return tuple(answers)


def raise_alert(stage: Stage) -> str:
    """Warn everyone on site, and send it. Returns the alert's title."""
    store = stage.office.store
    now = store.clock.now()
    title = "Lightning within 8 miles"
    alert: dict[str, Json] = {
        "level": "warning", "title": title, "body": "Booms down, stay off the slope until the all clear.",
        "issued_by": store.identity.user_id, "issued_at": to_cell(now), "expires_at": to_cell(now + timedelta(hours=2)),
    }  # fmt: skip
    with store.write() as writing:
        writing.create("safety_alert", stage.project_id, alert)
    sync(stage.office)
    return title


class Colleague:
    """Watches what the foreman does, and while his line is cut edits once what he edits: the same fields, otherwise.

    A context manager: at its end she has finished what she was at.
    """

    def __init__(self, stage: Stage, submission_id: str) -> None:
        self._stage, self._submission_id = stage, submission_id
        self._desk = ThreadPoolExecutor(1, thread_name_prefix="office")
        self._done = False
        self._known = self._foremans().answers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._desk.shutdown()

    def notice_write(self) -> None:
        """Called after every save of the foreman's, on the thread of the screen; she looks on her own."""
        if not self._done:
            self._desk.submit(self._look, self._stage.line.is_up)

    def _foremans(self) -> FormView:
        return form(self._stage.foreman.store, self._stage.project_id, self._submission_id)

    def _look(self, line_was_up: bool) -> None:
        seen = self._foremans()
        if self._done or line_was_up:
            self._known = seen.answers
            return
        others: dict[str, Json] = {}
        for path, value in seen.answers.items():
            question = seen.template.find(path)
            if question and question.rule.rule in CONTESTED and value != self._known.get(path):
                others[path] = other_answer(question, value)
        if others:
            edit_same_inspection(self._stage, self._submission_id, others)
            self._done = True
            raise_alert(self._stage)


def other_answer(question: Question, value: Json) -> Json:
    """An answer to the same question that differs from `value`, such as a colleague might give."""
    if question.choices:
        return next((choice.value for choice in question.choices if choice.value != value), value)
    if question.kind is QuestionKind.YES_NO:
        return "no" if value == "yes" else "yes"
    if question.kind is QuestionKind.DECIMAL:
        return "0.31" if value != "0.31" else "0.28"
    if question.kind in (QuestionKind.TEXT, QuestionKind.LONG_TEXT):
        return SUMMARY if question.kind is QuestionKind.LONG_TEXT else "as the office has it"
    return value
