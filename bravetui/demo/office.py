"""The colleague at the office, who edits the same inspection while the foreman has no line: so a true conflict arises.

Amy works on a laptop of her own, with the same actions and the same sync as everybody. She reads the weather station and
does not know what the gauge on site shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import MappingProxyType
from typing import Self

from sqlalchemy import func, select

from bravetui.actions import forms
from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.db.device import Base
from bravetui.db.kinds import KINDS
from bravetui.db.values import to_cell
from bravetui.demo.stage import Stage, sync
from bravetui.forms.template import Question, QuestionKind
from bravetui.merge.passages import woven
from bravetui.merge.rules import Rule
from bravetui.merge.state import ANSWERS
from bravetui.merge.text import edits
from bravetui.merge.words import diff
from bravetui.views.forms import form

_base = Base.__table__  # type: ignore[attr-defined]

SUMMARY = (
    "Station KABQ shows 0.31 in for the storm. Silt fence SF-2 along the arroyo was repaired yesterday for about 20 ft near "
    "the low point. Inlets are clean. Nothing left the site."
)
SENTENCES = (
    "SF-2 was repaired yesterday for about 20 ft, says the crew's log (Amy)",
    "The office has photos of it from this morning (Amy)",
    "Hank walked it at seven and saw nothing (Amy)",
)
"""What she writes in the place of what the foreman is rewriting; without a full stop, so that it meets also what he writes
behind one."""

READING: Mapping[str, Json] = MappingProxyType(
    {"rain_in": "0.31", "rain_source": "weather_station", "station": "KABQ"}
)
"""The station's: one reading, which travels whole."""

CONTESTED = (Rule.REVIEW, Rule.TEXT)
"""Fields of these rules wait for a person when two set them; the others merge by themselves."""

_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?]+(?=\s|$)|[.!?\n]|$)\s*")


def edit_same_inspection(stage: Stage, submission_id: str) -> tuple[str, ...]:
    """Write the station's reading and a summary into the foreman's inspection, and send it. Returns the labels of what was
    touched."""
    store = stage.office.store
    sync(stage.office)
    answers: dict[str, Json] = {"trigger": "storm_rain", **READING, "summary": SUMMARY}
    forms.answer(store, stage.project_id, submission_id, answers)
    sync(stage.office)
    template = form(store, stage.project_id, submission_id).template
    return tuple(question.label for path in answers if (question := template.find(path)))


ALERTS = (
    ("Lightning within 8 miles", "Booms down, stay off the slope until the all clear."),
    ("Wind over 35 mph", "Nobody in a lift, loads on the ground until it drops."),
    ("Heat index of 103 °F", "Water and shade, ten minutes of rest every hour."),
)
"""What the office warns of, one after the other."""


def raise_alert(stage: Stage) -> str:
    """Warn everyone on site, and send it. Returns the alert's title."""
    store = stage.office.store
    now = store.clock.now()
    with store.read() as connection:
        raised = connection.execute(
            select(func.count()).select_from(KINDS["safety_alert"].table)
        ).scalar_one()
    title, body = ALERTS[raised % len(ALERTS)]
    alert: dict[str, Json] = {
        "level": "warning", "title": title, "body": body,
        "issued_by": store.identity.user_id, "issued_at": to_cell(now), "expires_at": to_cell(now + timedelta(hours=2)),
    }  # fmt: skip
    with store.write() as writing:
        writing.create("safety_alert", stage.project_id, alert)
    sync(stage.office)
    return title


class Colleague:
    """Watches what the foreman does, and whenever his line is cut edits what he edits: the same fields, otherwise.

    A context manager: at its end she has finished what she was at.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._desk = ThreadPoolExecutor(1, thread_name_prefix="office")
        self._warned = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._desk.shutdown()

    def notice_write(self) -> None:
        """Called after every save of the foreman's, on the thread of the screen; she looks on her own."""
        if not self._stage.line.is_up:
            self._desk.submit(self._look)

    def _look(self) -> None:
        for submission_id, agreed in self._unsent():
            try:
                answers = dict(self._others(submission_id, agreed))
            except BadInput:
                continue  # a form that was begun without a line: she does not know of it
            if answers:
                forms.answer(self._stage.office.store, self._stage.project_id, submission_id, answers)
                sync(self._stage.office)
                if not self._warned:
                    self._warned = True
                    raise_alert(self._stage)

    def _unsent(self) -> list[tuple[str, Mapping[str, Json]]]:
        """Forms with edits that exist only on the foreman's laptop, each as both ends last knew it."""
        query = select(_base.c.record_id, _base.c.agreed).where(_base.c.kind == "submission")
        with self._stage.foreman.store.read() as connection:
            return [(row.record_id, row.agreed) for row in connection.execute(query)]

    def _others(self, submission_id: str, agreed: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
        """Her answers to what he has changed, where what she has written so far would not clash with his."""
        stage = self._stage
        his = form(stage.foreman.store, stage.project_id, submission_id)
        hers = form(stage.office.store, stage.project_id, submission_id).answers
        changed = {
            path: question
            for path, value in his.answers.items()
            if (question := his.template.find(path)) is not None
            and question.rule.rule in CONTESTED
            and value != agreed.get(f"{ANSWERS}/{path}")
        }
        if any(hers.get(path) != agreed.get(f"{ANSWERS}/{path}") for path in changed):
            sync(stage.office)
            hers = form(stage.office.store, stage.project_id, submission_id).answers
        for path, question in changed.items():
            known, value = agreed.get(f"{ANSWERS}/{path}"), his.answers[path]
            if not _clash(question, known, value, hers.get(path)):
                other = other_answer(question, value, known)
                if other is not None and _clash(question, known, value, other):
                    yield path, other
                    yield from READING.items() if path == "rain_in" else ()


def _clash(question: Question, known: Json, his: Json, hers: Json) -> bool:
    """Whether only a person can tell which of the two stands, from what both knew."""
    if hers in (known, his):
        return False
    if question.rule.rule is not Rule.TEXT:
        return True
    texts = [str(value or "") for value in (known, his, hers)]
    return woven(texts[0], texts[1], texts[2], local_first=True) is None


def other_answer(question: Question, value: Json, known: Json = None) -> Json:
    """An answer to the same question that differs from `value`, such as a colleague might give who knew `known`."""
    if question.choices:
        return next((choice.value for choice in question.choices if choice.value != value), value)
    if question.kind is QuestionKind.YES_NO:
        return "no" if value == "yes" else "yes"
    if question.kind is QuestionKind.DECIMAL:
        return "0.31" if value != "0.31" else "0.28"
    if question.kind is QuestionKind.LONG_TEXT:
        return rewritten(str(known or ""), str(value or ""))
    if question.kind is QuestionKind.TEXT:
        return "as the office has it"
    return value


def rewritten(known: str, his: str) -> str:
    """`known` with those sentences written anew that he has changed, or to which he has added."""
    touched = [(edit.start, edit.end) for edit in edits(diff(known, his))]
    fresh = iter([words for words in SENTENCES if words not in known + his] or SENTENCES)
    parts: list[str] = []
    for match in _SENTENCE.finditer(known):
        sentence = match.group()
        end = match.start() + len(sentence.rstrip())
        hit = any(start <= end and stop >= match.start() for start, stop in touched)
        parts.append(next(fresh, "") + sentence[len(sentence.rstrip()) :] if hit and sentence else sentence)
    return "".join(parts).strip() or SENTENCES[0]
