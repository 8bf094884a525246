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


Join = Callable[[Json, Cell, Cell, FieldRule, Rules], Stands]


def _server_wins(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    return Stands(remote.value)


def _last_write_wins(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    return Stands(max(local, remote, key=lambda cell: cell.rank).value)


def safer(local: Json, remote: Json, order: Sequence[str]) -> Side | None:
    """Which of two values errs on the safe side by `order`; None when it does not say."""
    if order in (("higher",), ("lower",)):
        numbers = _number(local), _number(remote)
        if numbers[0] is None or numbers[1] is None or numbers[0] == numbers[1]:
            return None
        return Side.LOCAL if (numbers[0] > numbers[1]) == (order == ("higher",)) else Side.REMOTE
    if local in order and remote in order and local != remote:
        return Side.LOCAL if order.index(str(local)) > order.index(str(remote)) else Side.REMOTE
    return None


def _review(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    side = safer(local.value, remote.value, rule.order)
    return Stands(local.value if side is Side.LOCAL else remote.value, ask=True)


def moment(value: Json) -> datetime | None:
    """A date, time or date-time as something that compares; a value without offset counts as UTC, a time as of day one."""
    if not isinstance(value, str):
        return None
    text = f"0001-01-01T{value}" if len(value) in (5, 8) and value[2:3] == ":" else value
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _plausible(when: datetime, rules: Rules) -> bool:
    if when.year == 1:
        return True
    early = rules.not_before is not None and when < rules.not_before
    late = rules.not_after is not None and when > rules.not_after
    return not (early or late)


def _by_date(pick: Callable[[Cell, Cell, datetime, datetime], Cell]) -> Join:
    def join(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
        if local.value is None or remote.value is None:
            date = remote.value if local.value is None else local.value
            return Stands(date, ask=base is not None)
        left, right = moment(local.value), moment(remote.value)
        if left is None or right is None:
            return Stands(remote.value, ask=True)
        fit = _plausible(left, rules), _plausible(right, rules)
        if fit == (True, True):
            return Stands(pick(local, remote, left, right).value)
        return Stands(local.value if fit[0] else remote.value, ask=True)

    return join


def _earlier(local: Cell, remote: Cell, left: datetime, right: datetime) -> Cell:
    return min((left, local.rank, local), (right, remote.rank, remote), key=lambda row: row[:2])[2]


def _later(local: Cell, remote: Cell, left: datetime, right: datetime) -> Cell:
    return max((left, local.rank, local), (right, remote.rank, remote), key=lambda row: row[:2])[2]


def _stricter(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    if local.value is None or remote.value is None:
        return Stands(remote.value if local.value is None else local.value)
    side = safer(local.value, remote.value, rule.order)
    if side is None:
        return Stands(remote.value, ask=True)
    return Stands(local.value if side is Side.LOCAL else remote.value)


def _number(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _by_size(prefer: str) -> Join:
    def join(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
        if local.value is None or remote.value is None:
            return Stands(remote.value if local.value is None else local.value)
        left, right = _number(local.value), _number(remote.value)
        if left is not None and left == right:
            return Stands(max(local, remote, key=lambda cell: cell.rank).value)
        side = safer(local.value, remote.value, (prefer,))
        if side is None:
            return Stands(remote.value, ask=True)
        return Stands(local.value if side is Side.LOCAL else remote.value)

    return join


def _sum(base: Json, local: Cell, remote: Cell, rule: FieldRule, rules: Rules) -> Stands:
    values = [_number(0 if value is None else value) for value in (base, local.value, remote.value)]
    start, left, right = values
    if start is None or left is None or right is None:
        return Stands(remote.value, ask=True)
    total = left + right - start
    whole = all(isinstance(value, int | None) for value in (base, local.value, remote.value))
    return Stands(int(total) if whole else f"{total:f}")


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
    """A row is there if either side has it; of two positions the earlier."""
    if local.value is None or remote.value is None:
        return Stands(remote.value if local.value is None else local.value)
    return Stands(min(local.value, remote.value, key=canonical_bytes))


JOINS: dict[Rule, Join] = {
    Rule.SERVER_WINS: _server_wins,
    Rule.LAST_WRITE_WINS: _last_write_wins,
    Rule.EARLIEST: _by_date(_earlier),
    Rule.LATEST: _by_date(_later),
    Rule.STRICTER: _stricter,
    Rule.MAX: _by_size("higher"),
    Rule.MIN: _by_size("lower"),
    Rule.UNION: _union,
    Rule.SUM: _sum,
    Rule.TEXT: _review,
    Rule.DERIVED: _server_wins,
    Rule.REVIEW: _review,
}
"""The table that `merge` looks a rule up in."""
