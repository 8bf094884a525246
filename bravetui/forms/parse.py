"""What a foreman types, as a value: forgiving on the way in, one spelling once it is in.

Dates are read as written in the United States (month first), times with or without a colon. Numbers stay decimal: a
reading of 0.42 inch never becomes a binary fraction. Raises BadInput that says how to write it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.base.text import clean_text
from bravetui.forms.template import Question, QuestionKind

TEXT_CHARACTERS_MAX = 50_000
"""Of one answer: twenty typed pages. A whole form has to fit into what central takes of a change."""
_DIGITS_MAX = 15

_DATE = re.compile(r"(\d{4}|\d{1,2})[/.\-\s](\d{1,2})(?:[/.\-\s](\d{4}|\d{1,2}))?", re.ASCII)
_TIME = re.compile(r"(\d{1,2})(?::?(\d{2}))?\s*(a|p|am|pm|a\.m\.|p\.m\.)?", re.IGNORECASE | re.ASCII)
_DAY_THEN_TIME = re.compile(rf"(.*\S)\s+({_TIME.pattern})", re.IGNORECASE | re.ASCII | re.DOTALL)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_YEARS = range(1900, 2200)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)


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
    digits = _ungrouped(text.strip().removesuffix(question.unit or "\0").strip())
    if not re.fullmatch(r"[+-]?\d{1,9}", digits, re.ASCII):
        raise BadInput("This must be a whole number.", "Write digits only, like 12.")
    return int(digits)


def _decimal(question: Question, text: str, now: datetime) -> Json:
    digits = _ungrouped(text.strip().removesuffix(question.unit or "\0").rstrip(' "'))
    if not _NUMBER.fullmatch(digits) or len(digits) > _DIGITS_MAX:
        raise BadInput("This must be a number.", "Write it like 0.42.")
    number = Decimal(digits).normalize() + 0
    if question.places and -number.as_tuple().exponent > question.places:  # type: ignore[operator]
        raise BadInput(f"At most {question.places} decimals are kept.", "Round it as the gauge shows it.")
    return f"{number:f}" if not question.places else f"{number:.{question.places}f}"


def _ungrouped(digits: str) -> str:
    """Without thousands separators; a decimal comma stays and is refused, since 1,5 is not 15."""
    return digits.replace(",", "") if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", digits) else digits


def _date(question: Question, text: str, now: datetime) -> Json:
    word = text.strip().lower()
    if word in ("today", "yesterday"):
        return (now.date() - timedelta(days=word == "yesterday")).isoformat()
    year, month, day = _day_in_figures(word, now.year) or _day_with_month_name(word, now.year) or (0, 0, 0)
    try:
        if year in _YEARS:
            return date(year, month, day).isoformat()
    except ValueError:
        pass
    raise BadInput("This is not a date.", "Write month, day and year, like 8/3/2026, or today.")


def _day_in_figures(word: str, this_year: int) -> tuple[int, int, int] | None:
    """8/3, 8/3/26, 8/3/2026 or 2026-08-03."""
    found = _DATE.fullmatch(word)
    if not found:
        return None
    first, second, third = found.groups()
    if len(first) == 4:
        return int(first), int(second), int(third or 0)
    year = int(third) + (2000 if len(third) == 2 else 0) if third else this_year
    return year, int(first), int(second)


def _day_with_month_name(word: str, this_year: int) -> tuple[int, int, int] | None:
    """3 Aug, Aug 3 2026, or as dates are shown: Mon 3 Aug 2026."""
    parts = word.replace(",", " ").replace(".", " ").split()
    if len(parts) > 2 and parts[0].isalpha() and parts[0][:3] in _WEEKDAYS:
        parts = parts[1:]
    names = [_MONTHS.index(part[:3]) + 1 for part in parts[:2] if part.isalpha() and part[:3] in _MONTHS]
    figures = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) <= 4]
    if len(names) != 1 or len(figures) != len(parts) - 1 or len(figures) not in (1, 2):
        return None
    return figures[1] if len(figures) == 2 else this_year, names[0], figures[0]


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
    """A day and a time, or a time of today; with the site's offset, so that it means one moment everywhere."""
    words = text.strip()
    if words.lower() == "now":
        return now.replace(second=0, microsecond=0).isoformat()
    try:
        moment = datetime.fromisoformat(words)
        if moment.tzinfo is not None:
            return moment.replace(second=0, microsecond=0).isoformat()
    except ValueError:
        pass
    day, clock = _day_and_time(question, re.sub(r"(?<=\d)[Tt](?=\d)", " ", words), now)
    local = datetime.fromisoformat(f"{_date(question, day, now)}T{_time(question, clock, now)}")
    return local.replace(tzinfo=now.tzinfo).isoformat()


def _day_and_time(question: Question, words: str, now: datetime) -> tuple[str, str]:
    if _TIME.fullmatch(words):
        return "today", words
    try:
        _date(question, words, now)
    except BadInput:
        found = _DAY_THEN_TIME.fullmatch(words)
        if found:
            return found[1].rstrip(","), found[2]
        raise BadInput("This is not a date and time.", "Write it like 8/3/2026 8:30 am, or now.") from None
    # "3 Aug 2026" must not be read as half past eight in the evening of the third.
    raise BadInput("The time is missing.", "Write it behind the date, like 8/3/2026 8:30 am.")


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
