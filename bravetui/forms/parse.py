"""What a foreman types, as a value: forgiving on the way in, one spelling once it is in.

Dates are read as written in the United States (month first), times with or without a colon. Numbers stay decimal: a
reading of 0.42 inch never becomes a binary fraction. Raises BadInput that says how to write it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.base.text import clean_text
from bravetui.forms.template import Question, QuestionKind

TEXT_CHARACTERS_MAX = 50_000
_DIGITS_MAX = 15

_DATE = re.compile(r"(\d{1,4})[/.\-\s](\d{1,2})(?:[/.\-\s](\d{1,4}))?")
_TIME = re.compile(r"(\d{1,2})(?::?(\d{2}))?\s*(a|p|am|pm|a\.m\.|p\.m\.)?", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")


def parse_input(question: Question, text: str, now: datetime) -> Json:
    """The value that `text` means for this question; None for an empty one. `now` is the site's local time."""
    typed = clean_text(text)
    if not typed.strip():
        return None
    reader = _READERS.get(question.kind)
    return reader(question, typed, now) if reader else _text(question, typed, now)


def _text(question: Question, text: str, now: datetime) -> Json:
    if len(text) > TEXT_CHARACTERS_MAX:
        raise BadInput(f"This text is longer than {TEXT_CHARACTERS_MAX:,} characters.", "Shorten it.")
    return text if question.kind is QuestionKind.LONG_TEXT else " ".join(text.split())


def _integer(question: Question, text: str, now: datetime) -> Json:
    digits = text.strip().replace(",", "").removesuffix(question.unit or "\0").strip()
    if not re.fullmatch(r"[+-]?\d{1,9}", digits):
        raise BadInput("This must be a whole number.", "Write digits only, like 12.")
    return int(digits)


def _decimal(question: Question, text: str, now: datetime) -> Json:
    digits = text.strip().replace(",", "").removesuffix(question.unit or "\0").rstrip(' "').strip()
    if not _NUMBER.fullmatch(digits) or len(digits) > _DIGITS_MAX:
        raise BadInput("This must be a number.", "Write it like 0.42.")
    try:
        number = Decimal(digits)
    except InvalidOperation as error:
        raise BadInput("This must be a number.", "Write it like 0.42.") from error
    if question.places and -number.normalize().as_tuple().exponent > question.places:  # type: ignore[operator]
        raise BadInput(f"At most {question.places} decimals are kept.", "Round it as the gauge shows it.")
    return f"{number:f}" if not question.places else f"{number:.{question.places}f}"


def _date(question: Question, text: str, now: datetime) -> Json:
    word = text.strip().lower()
    if word in ("today", "yesterday"):
        return (now.date() - timedelta(days=word == "yesterday")).isoformat()
    found = _DATE.fullmatch(text.strip())
    if found:
        first, second, third = found.groups()
        year_first = len(first) == 4
        year = first if year_first else third or str(now.year)
        month, day = (second, third) if year_first else (first, second)
        try:
            return date(int(year) + (2000 if len(year) <= 2 else 0), int(month), int(day or 0)).isoformat()
        except ValueError:
            pass
    raise BadInput("This is not a date.", "Write month, day and year, like 8/3/2026, or today.")


def _time(question: Question, text: str, now: datetime) -> Json:
    if text.strip().lower() == "now":
        return f"{now:%H:%M}"
    found = _TIME.fullmatch(text.strip())
    if found:
        hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()[:1]
        if half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if half == "p" else 0)
        elif half:
            hour = 99
        if hour <= 23 and minute <= 59 and (found[2] or half):
            return f"{hour:02d}:{minute:02d}"
    raise BadInput("This is not a time.", "Write it like 8:30 am, 0830 or 14:15.")


def _datetime(question: Question, text: str, now: datetime) -> Json:
    """A date and a time in either order of spacing; with the site's offset, so that it means one moment everywhere."""
    words = text.strip().replace("T", " ").replace(",", " ")
    if words.lower() == "now":
        return now.replace(second=0, microsecond=0).isoformat()
    day, _, clock = words.partition(" ")
    if not clock.strip():
        day, clock = "today", day
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is not None:
            return moment.replace(second=0, microsecond=0).isoformat()
    except ValueError:
        pass
    local = datetime.fromisoformat(f"{_date(question, day, now)}T{_time(question, clock.strip(), now)}")
    return local.replace(tzinfo=now.tzinfo).isoformat()


def _choice(question: Question, text: str, now: datetime) -> Json:
    wanted = text.strip().lower()
    for choice in question.choices:
        if wanted in (choice.value.lower(), choice.label.lower()):
            return choice.value
    raise BadInput("This is not one of the choices.", "Choose one of the list.")


def _choices(question: Question, text: str, now: datetime) -> Json:
    chosen = {_choice(question, part, now) for part in text.split(",") if part.strip()}
    return [choice.value for choice in question.choices if choice.value in chosen]


def _acknowledge(question: Question, text: str, now: datetime) -> Json:
    return "OK" if text.strip().lower() in ("ok", "yes", "y", "x", "true") else None


_READERS: Mapping[QuestionKind, Callable[[Question, str, datetime], Json]] = {
    QuestionKind.INTEGER: _integer,
    QuestionKind.DECIMAL: _decimal,
    QuestionKind.DATE: _date,
    QuestionKind.TIME: _time,
    QuestionKind.DATETIME: _datetime,
    QuestionKind.CHOICE: _choice,
    QuestionKind.YES_NO: _choice,
    QuestionKind.CHOICES: _choices,
    QuestionKind.ACKNOWLEDGE: _acknowledge,
}
"""How each kind of question reads what is typed; all others are text."""
