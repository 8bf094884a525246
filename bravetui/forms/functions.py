"""The XPath functions that XForms add (ODK XForms specification, section 4), for lxml's XPath 1.0.

Dates and times are numbers inside expressions: days since 1970, so that they compare as authors expect; `format-date`
writes them out. Functions that would differ from one run to the next (`random`, `uuid`) are not offered: both ends must
compute the same. A number of nothing is NaN, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from math import isfinite, nan
from typing import Any

from lxml import etree

JR_NAMESPACE = "http://openrosa.org/javarosa"
EPOCH = date(1970, 1, 1)

_REGEX_INPUT_MAX = 2_000
"""Longest text that a form's regular expression is run on."""
_PLACES_MAX = 12
_NUMBER = re.compile(r"\s*-?(\d+(\.\d*)?|\.\d+)\s*", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T.+)?", re.ASCII)
_TIME = re.compile(r"(\d\d):(\d\d)(:.*)?", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What expressions may ask of besides the answers."""

    now: datetime
    """The site's own wall time."""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Choice labels by the question's place in the instance and the choice's value."""


SURROUNDINGS: ContextVar[Surroundings] = ContextVar("SURROUNDINGS")
"""Set around every evaluation, so that an expression is compiled once and for all moments."""


def text_of(value: Any) -> str:
    """XPath's `string()` of an argument as lxml hands it over; decimals without the noise of binary fractions."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if etree.iselement(value):
        return "".join(map(str, value.itertext()))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number_text(value)
    return str(value)


def _number_text(value: float) -> str:
    if not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    exact = Decimal(f"{value:.12g}")
    return f"{int(exact)}" if exact == int(exact) else f"{exact:f}"


def number_of(value: Any) -> float:
    """XPath's `number()`: NaN for what is none."""
    if isinstance(value, bool | int | float):
        return float(value)
    text = text_of(value)
    return float(text) if _NUMBER.fullmatch(text) else nan


def truth_of(value: Any) -> bool:
    """XPath's `boolean()`."""
    if isinstance(value, float):
        return value == value and value != 0
    return bool(value)


def days_of(text: str) -> float | None:
    """Days since 1970 of a date or date-time (local wall time); of a time, the fraction of a day; None for others."""
    clock = _TIME.fullmatch(text)
    if clock:
        hour, minute = int(clock[1]), int(clock[2])
        return (hour * 60 + minute) / 1440 if hour < 24 and minute < 60 else None
    if not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
    return (moment - datetime.combine(EPOCH, datetime.min.time())).total_seconds() / 86_400


def _words(value: Any) -> list[str]:
    return text_of(value).split()


def _each(arguments: Sequence[Any]) -> list[Any]:
    flat: list[Any] = []
    for argument in arguments:
        flat += argument if isinstance(argument, list) else [argument]
    return flat


def _numbers(arguments: Sequence[Any]) -> list[float]:
    return [number for number in map(number_of, _each(arguments)) if number == number]


def _strings(arguments: Sequence[Any]) -> list[str]:
    return list(map(text_of, _each(arguments)))


def _whole(value: Any, otherwise: int) -> int:
    number = number_of(value)
    return int(number) if isfinite(number) else otherwise


def _if(_: Any, test: Any, yes: Any, no: Any) -> Any:
    return yes if truth_of(test) else no


def _coalesce(_: Any, *values: Any) -> Any:
    return next((value for value in values if text_of(value)), "")


def _once(context: Any, value: Any) -> Any:
    return text_of(context.context_node) or value


def _selected(_: Any, chosen: Any, choice: Any) -> bool:
    return text_of(choice) in _words(chosen)


def _selected_at(_: Any, chosen: Any, index: Any) -> str:
    words, place = _words(chosen), _whole(index, -1)
    return words[place] if 0 <= place < len(words) else ""


def _choice_name(_: Any, value: Any, ref: Any) -> str:
    """The label of a choice; pyxform hands over the question's place as quoted text."""
    labels = SURROUNDINGS.get().labels.get(text_of(ref).strip(), {})
    return ", ".join(labels.get(word, word) for word in _words(value))


def _regex(_: Any, text: Any, pattern: Any) -> bool:
    return re.fullmatch(text_of(pattern), text_of(text)[:_REGEX_INPUT_MAX]) is not None


def _int(_: Any, value: Any) -> float:
    number = number_of(value)
    return float(int(number)) if isfinite(number) else number


def _round_to(_: Any, value: Any, places: Any = 0.0) -> float:
    """Halves go up, as XPath's own `round` has it, counted in decimals and not in binary fractions."""
    number, kept = number_of(value), _whole(places, 0)
    if not isfinite(number) or not -_PLACES_MAX <= kept <= _PLACES_MAX:
        return number
    scale = Decimal(10) ** kept
    return float((Decimal(repr(number)) * scale + Decimal("0.5")).to_integral_value(ROUND_FLOOR) / scale)


def _pow(_: Any, base: Any, power: Any) -> float:
    try:
        result = number_of(base) ** number_of(power)
    except (OverflowError, ZeroDivisionError):
        return nan
    return float(result) if isinstance(result, float) else nan


def _substr(_: Any, text: Any, start: Any, end: Any = None) -> str:
    whole = text_of(text)
    return whole[_whole(start, 0) : len(whole) if end is None else _whole(end, 0)]


def _date(_: Any, value: Any) -> float:
    days = days_of(text_of(value))
    return number_of(value) if days is None else days


def _format_date(_: Any, value: Any, pattern: Any) -> str:
    days = _date(_, value)
    if not -700_000 < days < 2_900_000:
        return ""
    # Days are binary fractions: without the rounding 08:30 would come out as 08:29:59.
    moment = datetime.combine(EPOCH, datetime.min.time()) + timedelta(seconds=round(days * 86_400))
    parts = {
        "Y": f"{moment.year:04d}", "y": f"{moment.year % 100:02d}", "m": f"{moment.month:02d}", "n": f"{moment.month}",
        "b": _MONTHS[moment.month - 1], "d": f"{moment.day:02d}", "e": f"{moment.day}",
        "a": _WEEKDAYS[moment.weekday()], "H": f"{moment.hour:02d}", "h": f"{moment.hour}", "M": f"{moment.minute:02d}",
        "S": f"{moment.second:02d}", "3": "000", "%": "%",
    }  # fmt: skip
    return re.sub("%(.)", lambda found: parts.get(found[1], found[0]), text_of(pattern))


def _position(context: Any, node: Any) -> float:
    element = node[0] if isinstance(node, list) and node else context.context_node
    return 1.0 + sum(1 for _ in element.itersiblings(element.tag, preceding=True))


def _indexed_repeat(_: Any, nodes: Any, rows: Any, place: Any) -> Any:
    """The node of `nodes` that lies in the row numbered `place`, from 1."""
    index = _whole(place, 0) - 1
    if not isinstance(nodes, list) or not isinstance(rows, list) or not 0 <= index < len(rows):
        return ""
    return [node for node in nodes if rows[index] in node.iterancestors()]


def _now(_: Any) -> float:
    return days_of(SURROUNDINGS.get().now.isoformat()) or 0.0


_PLAIN: Mapping[str, Callable[..., Any]] = {
    "if": _if,
    "coalesce": _coalesce,
    "once": _once,
    "selected": _selected,
    "selected-at": _selected_at,
    "count-selected": lambda _, chosen: float(len(_words(chosen))),
    "count-non-empty": lambda _, *nodes: float(sum(bool(text) for text in _strings(nodes))),
    "regex": _regex,
    "int": _int,
    "odk-round": _round_to,
    "odk-position": _position,
    "indexed-repeat": _indexed_repeat,
    "pow": _pow,
    "max": lambda _, *values: max(_numbers(values), default=nan),
    "min": lambda _, *values: min(_numbers(values), default=nan),
    "substr": _substr,
    "join": lambda _, glue, *values: text_of(glue).join(_strings(values)),
    "boolean-from-string": lambda _, value: text_of(value) in ("true", "1"),
    "now": _now,
    "today": lambda _: float(_now(_) // 1),
    "date": _date,
    "date-time": _date,
    "decimal-date-time": _date,
    "decimal-time": lambda _, value: _date(_, value) % 1,
    "format-date": _format_date,
    "format-date-time": _format_date,
}

FUNCTIONS: Mapping[tuple[str | None, str], Callable[..., Any]] = {
    **{(None, name): function for name, function in _PLAIN.items()},
    (JR_NAMESPACE, "choice-name"): _choice_name,
}
"""All functions by namespace and name, as lxml takes them."""
