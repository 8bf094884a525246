"""The XPath functions that XForms add (ODK XForms specification, section 4), for lxml's XPath 1.0.

Dates and times are numbers inside expressions: days since 1970, so that they compare as authors expect. Functions that
would differ from one run to the next (`random`, `uuid`) are not offered: both ends must compute the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from lxml import etree

JR_NAMESPACE = "http://openrosa.org/javarosa"
EPOCH = date(1970, 1, 1)

_REGEX_INPUT_MAX = 2_000
"""Longest text that a form's regular expression is run on, so that a careless one cannot hang the screen."""


def text_of(value: Any) -> str:
    """XPath's `string()` of an argument as lxml hands it over."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if etree.iselement(value):
        return "".join(map(str, value.itertext()))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return (
            str(int(value)) if value == value and abs(value) < 1e15 and value == int(value) else repr(value)
        )
    return str(value)


def number_of(value: Any) -> float:
    """XPath's `number()`: NaN for what is none."""
    if isinstance(value, bool):
        return float(value)
    try:
        return float(value) if isinstance(value, int | float) else float(text_of(value).strip())
    except ValueError:
        return float("nan")


def truth_of(value: Any) -> bool:
    """XPath's `boolean()`."""
    if isinstance(value, list):
        return bool(value)
    if isinstance(value, float):
        return value == value and value != 0
    return bool(value)


def days_of(text: str) -> float | None:
    """Days since 1970 of a date or date-time (local wall time); of a time, the fraction of a day; None for others."""
    try:
        if len(text) <= 8 and text[2:3] == ":":
            clock = datetime.strptime(text[:5], "%H:%M")  # noqa: DTZ007
            return (clock.hour * 60 + clock.minute) / 1440
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
    return (moment - datetime.combine(EPOCH, datetime.min.time())).total_seconds() / 86_400


def _words(value: Any) -> list[str]:
    return text_of(value).split()


def _numbers(arguments: Sequence[Any]) -> list[float]:
    flat: list[Any] = []
    for argument in arguments:
        flat += argument if isinstance(argument, list) else [argument]
    return [number for number in map(number_of, flat) if number == number]


def _strings(arguments: Sequence[Any]) -> list[str]:
    flat: list[Any] = []
    for argument in arguments:
        flat += argument if isinstance(argument, list) else [argument]
    return [text_of(item) for item in flat]


def _if(_: Any, test: Any, yes: Any, no: Any) -> Any:
    return yes if truth_of(test) else no


def _coalesce(_: Any, *values: Any) -> Any:
    return next((value for value in values if text_of(value)), "")


def _selected(_: Any, chosen: Any, choice: Any) -> bool:
    return text_of(choice) in _words(chosen)


def _selected_at(_: Any, chosen: Any, index: Any) -> str:
    words, place = _words(chosen), number_of(index)
    return words[int(place)] if place == place and 0 <= place < len(words) else ""


def _regex(_: Any, text: Any, pattern: Any) -> bool:
    return re.fullmatch(text_of(pattern), text_of(text)[:_REGEX_INPUT_MAX]) is not None


def _round_to(_: Any, value: Any, places: Any = 0.0) -> float:
    return round(number_of(value), int(number_of(places)))


def _substr(_: Any, text: Any, start: Any, end: Any = None) -> str:
    first = int(number_of(start))
    return text_of(text)[first:] if end is None else text_of(text)[first : int(number_of(end))]


def _date(_: Any, value: Any) -> float:
    days = days_of(text_of(value))
    return number_of(value) if days is None else days


def _format_date(_: Any, value: Any, pattern: Any) -> str:
    days = number_of(value)
    if days != days or not -700_000 < days < 2_900_000:
        return ""
    moment = datetime.combine(EPOCH, datetime.min.time()) + timedelta(days=days)
    return moment.strftime(text_of(pattern).replace("%n", "%m").replace("%e", "%d"))


def _position(context: Any, node: Any) -> float:
    element = node[0] if isinstance(node, list) and node else context.context_node
    return 1.0 + sum(1 for _ in element.itersiblings(element.tag, preceding=True))


def functions(now: datetime) -> Mapping[tuple[str | None, str], Callable[..., Any]]:
    """All functions by (namespace, name); `now` is what `now()` and `today()` answer, in the site's own time."""
    moment = days_of(now.isoformat()) or 0.0
    plain: dict[str, Callable[..., Any]] = {
        "if": _if,
        "coalesce": _coalesce,
        "once": _coalesce,
        "selected": _selected,
        "selected-at": _selected_at,
        "count-selected": lambda _, chosen: float(len(_words(chosen))),
        "count-non-empty": lambda _, *nodes: float(sum(bool(text) for text in _strings(nodes))),
        "regex": _regex,
        "int": lambda _, value: float(int(number_of(value))),
        "odk-round": _round_to,
        "odk-position": _position,
        "pow": lambda _, base, power: number_of(base) ** number_of(power),
        "max": lambda _, *values: max(_numbers(values), default=float("nan")),
        "min": lambda _, *values: min(_numbers(values), default=float("nan")),
        "substr": _substr,
        "join": lambda _, glue, *values: text_of(glue).join(_strings(values)),
        "boolean-from-string": lambda _, value: text_of(value) in ("true", "1"),
        "now": lambda _: moment,
        "today": lambda _: float(moment // 1),
        "date": _date,
        "date-time": _date,
        "decimal-date-time": _date,
        "decimal-time": lambda _, value: number_of(value) % 1,
        "format-date": _format_date,
        "format-date-time": _format_date,
    }
    return {(None, name): function for name, function in plain.items()}
