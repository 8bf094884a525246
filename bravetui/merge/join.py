"""One function a rule: two values entered apart, neither author having seen the other, become one, or a question.

Every function is symmetric in its two cells, `server_wins` excepted, whose point is that they are not. The answer says
which value stands and whether a person must still decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum

from bravetui.base.canonical import Json, canonical_bytes
from bravetui.merge.passages import woven
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import Cell


class Side(Enum):
    """Whose value: the laptop's or central's."""

    LOCAL = "local"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Stands:
    """The rule's answer: `value` stands; when `ask`, only until a person decides."""

    value: Json
    ask: bool = False


_SIZES = (("higher",), ("lower",))
"""Orders of amounts rather than of choices."""

_DIGITS_MAX, _DECIMALS_MAX = 15, 12
"""Longer numbers do not occur on a form; three of these still add up exactly in 28 digits."""

Join = Callable[[Json, Cell, Cell, FieldRule, Rules], Stands]


def _server_wins(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    return Stands(remote.value)


def _last_write_wins(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    return _later_entry(local, remote)


def _later_entry(local: Cell, remote: Cell) -> Stands:
    return Stands(max(local, remote, key=lambda cell: cell.rank).value)


def safer(local: Json, remote: Json, order: Sequence[str]) -> Side | None:
    """Which of two values errs on the safe side by `order`; None when it does not say."""
    if order in _SIZES:
        numbers = _number(local), _number(remote)
        if numbers[0] is None or numbers[1] is None or numbers[0] == numbers[1]:
            return None
        return Side.LOCAL if (numbers[0] > numbers[1]) == (order == ("higher",)) else Side.REMOTE
    if local in order and remote in order and local != remote:
        return Side.LOCAL if order.index(str(local)) > order.index(str(remote)) else Side.REMOTE
    return None


def _review(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    if rule.order in _SIZES and _same_number(local.value, remote.value):
        return _later_entry(local, remote)
    side = safer(local.value, remote.value, rule.order)
    return Stands(local.value if side is Side.LOCAL else remote.value, ask=True)


def moment(value: Json) -> datetime | None:
    """A date, time or date-time as something that compares: without offset it counts as UTC, a time as of one day."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(f"2000-01-01T{value}" if _is_time(value) else value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _is_time(text: str) -> bool:
    return text[2:3] == ":"


def _plausible(value: Json, rules: Rules) -> bool:
    """Whether a date lies within the project's life; a time of day always does, what is no date never."""
    when = moment(value)
    if when is None or not isinstance(value, str):
        return False
    early = rules.not_before is not None and when < rules.not_before
    late = rules.not_after is not None and when > rules.not_after
    return _is_time(value) or not (early or late)


def _earliest(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    return _dated(base, local, remote, rules, _earlier)


def _latest(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    return _dated(base, local, remote, rules, _later)


def _dated(
    base: Json,
    local: Cell,
    remote: Cell,
    rules: Rules,
    pick: Callable[[Cell, Cell, datetime, datetime], Cell],
) -> Stands:
    """Of two sound dates the one that is picked; a person decides where one is not, or was cleared."""
    if local.value is None or remote.value is None:
        date = remote.value if local.value is None else local.value
        return Stands(date, ask=base is not None or not _plausible(date, rules))
    left, right = moment(local.value), moment(remote.value)
    fit = _plausible(local.value, rules), _plausible(remote.value, rules)
    if left is not None and right is not None and all(fit):
        return Stands(pick(local, remote, left, right).value)
    return Stands(local.value if fit == (True, False) else remote.value, ask=True)


def _earlier(local: Cell, remote: Cell, left: datetime, right: datetime) -> Cell:
    return local if (left, local.rank) < (right, remote.rank) else remote


def _later(local: Cell, remote: Cell, left: datetime, right: datetime) -> Cell:
    return local if (left, local.rank) > (right, remote.rank) else remote


def _stricter(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    return _given(local, remote) or _as_safe(local, remote, rule.order)


def _as_safe(local: Cell, remote: Cell, order: Sequence[str]) -> Stands:
    side = safer(local.value, remote.value, order)
    return Stands(local.value if side is Side.LOCAL else remote.value, ask=side is None)


def _number(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    fits = number.is_finite() and number.adjusted() < _DIGITS_MAX and number == round(number, _DECIMALS_MAX)
    return number if fits else None


def _same_number(local: Json, remote: Json) -> bool:
    left = _number(local)
    return left is not None and left == _number(remote)


def _max(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    return _given(local, remote) or _sized(local, remote, "higher")


def _min(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    return _given(local, remote) or _sized(local, remote, "lower")


def _given(local: Cell, remote: Cell) -> Stands | None:
    """Of a value and an emptied field the value; None where both sides have one."""
    if local.value is None:
        return Stands(remote.value)
    return Stands(local.value) if remote.value is None else None


def _sized(local: Cell, remote: Cell, prefer: str) -> Stands:
    """The `higher` or the `lower` of two numbers; a person decides where one is none."""
    if _same_number(local.value, remote.value):
        return _later_entry(local, remote)
    return _as_safe(local, remote, (prefer,))


def _sum(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    total = added(base, local.value, remote.value)
    return Stands(remote.value, ask=True) if total is None else Stands(total)


def added(base: Json, left: Json, right: Json) -> Json:
    """Both sides' differences to `base`, added up; None where one of them is no number. Nothing counts as zero."""
    values = [_number(0 if value is None else value) for value in (base, left, right)]
    start, one, other = values
    if start is None or one is None or other is None:
        return None
    total = one + other - start
    whole = all(isinstance(value, int | None) for value in (base, left, right))
    return int(total) if whole else f"{total:f}"


def _union(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    sides = [value if isinstance(value, list | tuple) else () for value in (base, local.value, remote.value)]
    if not all(isinstance(value, list | tuple | None) for value in (local.value, remote.value)):
        return _row_present(local, remote)
    spelled = [{canonical_bytes(item): item for item in side} for side in sides]
    was, left, right = spelled
    kept = {
        key: item
        for key, item in {**was, **left, **right}.items()
        if key not in was or key in left.keys() & right.keys()
    }
    place = {canonical_bytes(choice): index for index, choice in enumerate(rule.order)}
    return Stands([kept[key] for key in sorted(kept, key=lambda key: (place.get(key, len(place)), key))])


def _row_present(local: Cell, remote: Cell) -> Stands:
    """Of two positions the earlier; a row that one side removed and the other moved stays, and a person decides."""
    given = _given(local, remote)
    return Stands(given.value, ask=True) if given else _sized(local, remote, "lower")


def _text(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    """What both wrote; where that cannot be told, or one emptied what the other wrote in, a person decides."""
    was, left, right = ("" if value is None else value for value in (base, local.value, remote.value))
    if not (isinstance(was, str) and isinstance(left, str) and isinstance(right, str)):
        return Stands(remote.value, ask=True)
    if was and not (left and right):
        return Stands(remote.value if right else local.value, ask=True)
    text = woven(was, left, right, local_first=local.rank < remote.rank)
    return Stands(remote.value, ask=True) if text is None else Stands(text)


ADDS = frozenset({Rule.SUM})
"""Rules under which two equal values are two contributions: who counts two loads each has counted four."""

KEEPS_BOTH = frozenset({Rule.UNION, Rule.SUM, Rule.TEXT, Rule.DERIVED})
"""Rules that set no value aside: what stands holds what both entered, or is worked out anew."""

JOINS: dict[Rule, Join] = {
    Rule.SERVER_WINS: _server_wins,
    Rule.LAST_WRITE_WINS: _last_write_wins,
    Rule.EARLIEST: _earliest,
    Rule.LATEST: _latest,
    Rule.STRICTER: _stricter,
    Rule.MAX: _max,
    Rule.MIN: _min,
    Rule.UNION: _union,
    Rule.SUM: _sum,
    Rule.TEXT: _text,
    Rule.DERIVED: _server_wins,
    Rule.REVIEW: _review,
}
"""The table that `merge` looks a rule up in."""
