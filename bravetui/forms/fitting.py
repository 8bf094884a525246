"""Whether a value is one for its question at all, whoever wrote it: typed halfway, or sent by another version.

What was typed is kept as typed until it fits; this only says what is the matter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bravetui.base.canonical import Json
from bravetui.forms.functions import days_of
from bravetui.forms.parse import TEXT_CHARACTERS_MAX
from bravetui.forms.template import Question, QuestionKind

TOO_LONG = (
    f"This is longer than the {TEXT_CHARACTERS_MAX:,} characters that a form carries. "
    "Shorten it, or split it over several answers."
)
_INTEGER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,12}(\.\d{1,6})?", re.ASCII)


def too_long(value: Json) -> bool:
    """Whether an answer is longer than a form carries: the one kind of answer that is not even saved as typed."""
    return isinstance(value, str) and len(value) > TEXT_CHARACTERS_MAX


def misfit_words(question: Question, value: Json) -> str:
    """Why a value is none for its question; empty when it is one. What was typed is kept as typed until it fits."""
    if too_long(value):
        return TOO_LONG
    text = str(value)
    match question.kind:
        case QuestionKind.INTEGER if not _INTEGER.fullmatch(text):
            return "This must be a whole number, like 12."
        case QuestionKind.DECIMAL if not _DECIMAL.fullmatch(text):
            return "This must be a number, like 0.42."
        case QuestionKind.DATE if len(text) != 10 or days_of(text) is None:
            return "This is not a date. Write month, day and year, like 8/3/2026."
        case QuestionKind.TIME if len(text) != 5 or days_of(text) is None:
            return "This is not a time. Write it like 8:30 am or 14:15."
        case QuestionKind.DATETIME if "T" not in text or days_of(text) is None:
            return "This is not a date and time. Write it like 8/3/2026 8:30 am."
        case QuestionKind.CHOICE | QuestionKind.YES_NO if not _known(question, [value]):
            return "This is not one of the choices."
        case QuestionKind.CHOICES if not isinstance(value, list | tuple) or not _known(question, value):
            return "One of these is not one of the choices."
    return ""


def _known(question: Question, chosen: Sequence[Json]) -> bool:
    return {str(each) for each in chosen} <= {choice.value for choice in question.choices}
