"""The XPath that authors write: each function by example, and rxeval's opinion where it has one."""

from __future__ import annotations

from datetime import datetime

import pytest
import rxeval
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bravetui.forms.expressions import BrokenFormula, run, surroundings
from bravetui.forms.functions import Surroundings, days_of, text_of
from tests.forms.making import NOW

INSTANCE = (
    "<data><a>yes</a><b>b a</b><n>2.5</n><e/><r><x>1</x></r><r><x>2</x></r><r><x/></r><day>20668</day></data>"
)
LABELS = {"/data/a": {"yes": "Yes, it is"}, "/data/b": {"a": "Apples", "b": "Bricks"}}


def value(expression: str, at: str = "/data/a", now: datetime = NOW) -> str:
    """The expression's result as text, at a node of the instance."""
    found = etree.fromstring(INSTANCE).xpath(at)
    assert isinstance(found, list)
    with surroundings(Surroundings(now, LABELS)):
        return text_of(run(expression, found[0]))


SHARED = [
    ("if(/data/a = 'yes', 'A', 'B')", "A"),
    ("coalesce(/data/e, /data/a)", "yes"),
    ("selected(/data/b, 'a')", "true"),
    ("selected(/data/b, 'ab')", "false"),
    ("selected-at(/data/b, 1)", "a"),
    ("selected-at(/data/b, 5)", ""),
    ("count-selected(/data/b)", "2"),
    ("count-selected(/data/e)", "0"),
    ("int(2.9)", "2"),
    ("int(-2.9)", "-2"),
    ("int('')", "NaN"),
    ("round(2.5)", "3"),
    ("round(3.14159, 2)", "3.14"),
    ("round(1234, -2)", "1200"),
    ("pow(2, 10)", "1024"),
    ("regex('ab12', '[a-z]+[0-9]+')", "true"),
    ("regex('ab12!', '[a-z]+[0-9]+')", "false"),
    ("join('-', /data/r[x != '']/x)", "1-2"),
    ("sum(/data/r[x != '']/x)", "3"),
    ("count(/data/r)", "3"),
    ("max(/data/r[x != '']/x, 0)", "2"),
    ("substr('hello', 1, 3)", "el"),
    ("substr('hello', -3)", "llo"),
    ("boolean-from-string('true')", "true"),
    ("boolean-from-string('yes')", "false"),
    ("format-date('2026-08-03', '%Y/%m/%d')", "2026/08/03"),
    ("format-date('2026-08-03', '%e.%n.%y')", "3.8.26"),
    ("format-date-time('2026-08-03T08:05:00', '%H:%M')", "08:05"),
    ("string-length('round(2.5)')", "10"),
    ("concat('a', 1)", "a1"),
    ("number('') + 1", "NaN"),
    ("1 div 0", "Infinity"),
]

OURS = [
    ("0.1 + 0.2", "0.3"),  # a total that a foreman reads has no tail of binary digits
    ("round(1.005, 2)", "1.01"),  # as on paper; in binary fractions it is 1.00
    ("round('')", "NaN"),
    ("int('1e5')", "NaN"),
    ("int('1_000')", "NaN"),
    ("min(/data/r/x)", "1"),
    ("max(/data/e)", "NaN"),
    ("pow(-8, 0.5)", "NaN"),
    ("pow(10, 999)", "NaN"),
    ("pow(0, -1)", "NaN"),
    ("substr('hello', '')", "hello"),
    ("count-non-empty(/data/r/x)", "2"),
    ("once('z')", "yes"),
    ("date('2026-08-03') < date('2026-08-04')", "true"),
    ("date('2026-08-03T10:00:00-06:00') < now()", "true"),
    ("today() - date('2026-08-01')", "3"),
    ("decimal-time('12:00')", "0.5"),
    ("decimal-date-time('2026-08-03T12:00:00') - decimal-date-time('2026-08-03')", "0.5"),
    ("format-date('2026-08-03', '%a %d %b %Y')", "Mon 03 Aug 2026"),
    ("format-date('2026-08-03', '%q 100%%')", "%q 100%"),
    ("format-date('rubbish', '%Y')", ""),
    ("format-date-time('2026-08-03T08:30:00', '%h:%M:%S.%3')", "8:30:00.000"),
    ("format-date(/data/day, '%Y-%m-%d')", "2026-08-03"),
    ("format-date(today(), '%Y-%m-%d')", "2026-08-04"),
    ("format-date-time(now(), '%H:%M')", "10:05"),
    ("jr:choice-name(/data/a, ' /data/a ')", "Yes, it is"),
    ("jr:choice-name(/data/b, '/data/b')", "Bricks, Apples"),
    ("jr:choice-name('c', '/data/b')", "c"),
    ("indexed-repeat(/data/r/x, /data/r, 2)", "2"),
    ("indexed-repeat(/data/r/x, /data/r, 9)", ""),
    ("count(/data/r[x = current()/../n - 0.5])", "1"),
    ("concat('now() ', 'round(')", "now() round("),
]


@pytest.mark.parametrize(("expression", "expected"), SHARED + OURS)
def test_every_function_gives_what_its_author_expects(expression: str, expected: str) -> None:
    """By the ODK XForms specification, section 4."""
    assert value(expression) == expected


@pytest.mark.parametrize(("expression", "expected"), SHARED)
def test_another_engine_gives_the_same(expression: str, expected: str) -> None:
    """rxeval shares no code with ours."""
    assert (
        rxeval.eval_expression(expression, INSTANCE, f"{NOW:%Y-%m-%d}", f"{NOW:%Y-%m-%dT%H:%M:%S}")
        == expected
    )


def test_a_row_knows_its_place() -> None:
    """`position(..)`, counted from one."""
    assert value("position(..)", "/data/r[2]/x") == "2"


def test_the_same_expression_tells_another_time_at_another_moment() -> None:
    """It is compiled once; the time is not compiled into it."""
    at_noon = value("format-date-time(now(), '%H:%M')", now=NOW.replace(hour=12, minute=0))
    assert (at_noon, value("format-date-time(now(), '%H:%M')")) == ("12:00", "10:05")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "oops(",
        "frobnicate(1)",
        "$nothing",
        "regex('a', '(')",
        "document('/etc/passwd')",
        "if(1)",
        "a\x00",
    ],
)
def test_whatever_is_wrong_with_an_expression_is_one_error(expression: str) -> None:
    """And nothing in an expression reaches a file or the network."""
    with pytest.raises(BrokenFormula):
        value(expression)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)))
def test_a_moment_as_a_number_and_back_is_the_same_moment(moment: datetime) -> None:
    """To the second, for three hundred years."""
    moment = moment.replace(microsecond=0)
    assert value(f"format-date-time('{moment.isoformat()}', '%Y-%m-%dT%H:%M:%S')") == moment.isoformat()


@given(st.text(max_size=12) | st.from_regex(r"\d{2,4}[:-]\d{2}([:-]\d{2})?", fullmatch=True))
def test_any_text_is_a_date_a_time_or_none(text: str) -> None:
    """Never an error."""
    assert days_of(text) is None or isinstance(days_of(text), float)
