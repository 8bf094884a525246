"""Values as people read them: one function for lists, diffs, the command line and printed reports."""

from __future__ import annotations

from datetime import date, datetime

from bravetui.base.canonical import Json
from bravetui.forms.template import Question, QuestionKind


def value_text(question: Question, value: Json) -> str:
    """The answer in words: choice labels, units, dates written out; empty for none. Not made safe for a terminal."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(_choice(question, str(item)) for item in value)
    kind = question.kind
    if kind in (QuestionKind.CHOICE, QuestionKind.YES_NO):
        return _choice(question, str(value))
    if kind is QuestionKind.ACKNOWLEDGE:
        return "Certified" if value in ("OK", True) else "Not certified"
    if kind in (QuestionKind.DATE, QuestionKind.DATETIME, QuestionKind.TIME):
        return _time(kind, str(value))
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return f"{value} {question.unit}".rstrip()


def _choice(question: Question, value: str) -> str:
    return next((choice.label for choice in question.choices if choice.value == value), value)


def _time(kind: QuestionKind, value: str) -> str:
    try:
        if kind is QuestionKind.DATE:
            day = date.fromisoformat(value)
            return f"{day:%a} {day.day} {day:%b %Y}"
        if kind is QuestionKind.TIME:
            return _clock(datetime.strptime(value[:5], "%H:%M"))  # noqa: DTZ007
        moment = datetime.fromisoformat(value)
        return f"{moment:%a} {moment.day} {moment:%b %Y}, {_clock(moment)}"
    except ValueError:
        return value


def _clock(moment: datetime) -> str:
    return f"{moment:%I:%M %p}".lstrip("0").lower()
