"""What a foreman types, and what it becomes."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.forms.display import value_text
from bravetui.forms.fitting import misfit_words
from bravetui.forms.parse import TEXT_CHARACTERS_MAX, parse_input
from bravetui.forms.template import Choice, Question, QuestionKind
from tests.forms.making import NOW, REPORT, question

RAIN = question("rain", QuestionKind.DECIMAL, unit="in", places=2)
HOURS = question("hours", QuestionKind.DECIMAL)
TEMPERATURE = question("temperature", QuestionKind.INTEGER, unit="°F")
DAY = question("day", QuestionKind.DATE)
CLOCK = question("clock", QuestionKind.TIME)
MOMENT = question("moment", QuestionKind.DATETIME)
NEED = question(
    "need", QuestionKind.CHOICE, choices=(Choice("none", "Nothing"), Choice("routine", "Routine work"))
)
SEEN = question("seen", QuestionKind.CHOICES, choices=(Choice("foam", "Foam"), Choice("sheen", "Oil sheen")))
CERTIFY = question("certify", QuestionKind.ACKNOWLEDGE)
NAME = question("name")
STORY = question("story", QuestionKind.LONG_TEXT)


@pytest.mark.parametrize(
    ("asked", "typed", "value"),
    [
        (RAIN, "0.42", "0.42"),
        (RAIN, ".42", "0.42"),
        (RAIN, " 1 ", "1.00"),
        (RAIN, '0.42"', "0.42"),
        (RAIN, "0.42 in", "0.42"),
        (RAIN, "1,234.5", "1234.50"),
        (RAIN, "-0", "0.00"),
        (HOURS, "3.50", "3.5"),
        (HOURS, "100", "100"),
        (TEMPERATURE, "71", 71),
        (TEMPERATURE, "-4 °F", -4),
        (DAY, "8/3/2026", "2026-08-03"),
        (DAY, "8/3/26", "2026-08-03"),
        (DAY, "8/3", "2026-08-03"),
        (DAY, "8-3-2026", "2026-08-03"),
        (DAY, "2026-08-03", "2026-08-03"),
        (DAY, "Aug 3", "2026-08-03"),
        (DAY, "August 3, 2026", "2026-08-03"),
        (DAY, "Mon 3 Aug 2026", "2026-08-03"),
        (DAY, "Today", "2026-08-04"),
        (DAY, "yesterday", "2026-08-03"),
        (CLOCK, "8:30 am", "08:30"),
        (CLOCK, "8:30 P.M.", "20:30"),
        (CLOCK, "0830", "08:30"),
        (CLOCK, "830", "08:30"),
        (CLOCK, "8 pm", "20:00"),
        (CLOCK, "12 am", "00:00"),
        (CLOCK, "12 pm", "12:00"),
        (CLOCK, "14:15", "14:15"),
        (CLOCK, "now", "10:05"),
        (MOMENT, "8/3/2026 8:30 am", "2026-08-03T08:30:00-06:00"),
        (MOMENT, "Mon 3 Aug 2026, 8:30 am", "2026-08-03T08:30:00-06:00"),
        (MOMENT, "Today 0830", "2026-08-04T08:30:00-06:00"),
        (MOMENT, "8:30 am", "2026-08-04T08:30:00-06:00"),
        (MOMENT, "12/3/2025 8:30", "2025-12-03T08:30:00-07:00"),
        (MOMENT, "2026-08-03T08:30:00+02:00", "2026-08-03T08:30:00+02:00"),
        (MOMENT, "2026-08-03T08:30", "2026-08-03T08:30:00-06:00"),
        (MOMENT, "now", "2026-08-04T10:05:00-06:00"),
        (NEED, "routine work", "routine"),
        (NEED, "NONE", "none"),
        (SEEN, "oil sheen, foam", ["foam", "sheen"]),
        (CERTIFY, "yes", "OK"),
        (CERTIFY, "no", None),
        (NAME, "  Silt \n fence ", "Silt fence"),
        (STORY, "one\r\ntwo", "one\ntwo"),
        (RAIN, "  ", None),
    ],
)
def test_what_is_typed_is_understood(asked: Question, typed: str, value: Json) -> None:
    """Forgiving on the way in, one spelling once it is in."""
    assert parse_input(asked, typed, NOW) == value


@pytest.mark.parametrize(
    ("asked", "typed", "why"),
    [
        (RAIN, "1,5", "must be a number"),
        (RAIN, "1e3", "must be a number"),
        (RAIN, "٣", "must be a number"),
        (RAIN, "0.425", "At most 2 decimals"),
        (RAIN, "1" * 40, "must be a number"),
        (TEMPERATURE, "71.5", "whole number"),
        (DAY, "13/1/2026", "not a date"),
        (DAY, "2/30/2026", "not a date"),
        (DAY, "8/3/126", "not a date"),
        (DAY, "3 Foo 2026", "not a date"),
        (CLOCK, "25:00", "not a time"),
        (CLOCK, "13:00 pm", "not a time"),
        (CLOCK, "8", "not a time"),
        (MOMENT, "3 Aug 2026", "time is missing"),
        (MOMENT, "8/3/2026", "time is missing"),
        (MOMENT, "soon", "not a date and time"),
        (NEED, "everything", "not one of the choices"),
        (SEEN, "foam, everything", "not one of the choices"),
        (NAME, "x" * (TEXT_CHARACTERS_MAX + 1), "longer than"),
    ],
)
def test_what_is_not_understood_is_said_with_an_example(asked: Question, typed: str, why: str) -> None:
    """Never guessed: 1,5 is not 15, and 2026 is not 20:26."""
    with pytest.raises(BadInput, match=why) as told:
        parse_input(asked, typed, NOW)
    assert told.value.todo


QUESTIONS = st.sampled_from(
    [each for each in REPORT.questions() if each.kind is not QuestionKind.CALCULATION]
    + [RAIN, HOURS, TEMPERATURE, DAY, CLOCK, MOMENT, SEEN]
)


@given(QUESTIONS, st.text() | st.from_regex(r"[0-9:/.\- ,aApPmMT]{1,14}", fullmatch=True))
def test_any_text_becomes_a_fitting_value_or_a_sentence(asked: Question, typed: str) -> None:
    """And what was understood passes the form's own check."""
    try:
        value = parse_input(asked, typed, NOW)
    except BadInput:
        return
    assert value is None or misfit_words(asked, value) == ""


@st.composite
def _answered(draw: st.DrawFn) -> tuple[Question, Json]:
    """A question and a value as it is stored."""
    numbers = st.decimals(0, 9999, places=2).map(lambda n: f"{n:f}")
    days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
    moments = st.builds(datetime.combine, days, st.times()).map(
        lambda moment: moment.replace(second=0, microsecond=0, tzinfo=NOW.tzinfo, fold=0).isoformat()
    )
    values: list[tuple[Question, st.SearchStrategy[Json]]] = [
        (RAIN, numbers),
        (HOURS, numbers.map(lambda n: f"{Decimal(n).normalize():f}")),
        (TEMPERATURE, st.integers(-60, 140)),
        (DAY, days.map(str)),
        (CLOCK, st.times().map(lambda moment: f"{moment:%H:%M}")),
        (MOMENT, moments),
        (NEED, st.sampled_from(["none", "routine"])),
        (SEEN, st.sampled_from([["foam"], ["foam", "sheen"], ["sheen"]])),
    ]
    asked, strategy = draw(st.sampled_from(values))
    return asked, draw(strategy)


@given(_answered())
def test_what_is_shown_can_be_typed(answered: tuple[Question, Json]) -> None:
    """A foreman who copies what he reads enters the same value."""
    asked, value = answered
    if asked is MOMENT and str(value)[-6:] not in ("-06:00", "-07:00"):
        return  # before time zones were whole hours
    local = datetime.fromisoformat(str(value)).astimezone(NOW.tzinfo) if asked is MOMENT else None
    if local is not None and local.isoformat() != value:
        return  # an hour that the spring leaves out
    assert parse_input(asked, value_text(asked, value), NOW) == value


@given(st.times())
def test_a_time_can_be_written_in_three_ways(moment: time) -> None:
    """With a colon, without one, and with am or pm."""
    stored = f"{moment:%H:%M}"
    assert {parse_input(CLOCK, f"{moment:{form}}", NOW) for form in ("%H:%M", "%H%M", "%I:%M %p")} == {stored}
