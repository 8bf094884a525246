"""The columnar form of a message: a JSON value taken apart by field, so that like stands beside like.

`pack` and `unpack` are exact opposites. Row JSON repeats the names of its fields and mixes ids, clocks and words; when each
of them has a column, a compressor leaves a quarter less. Generic: knows JSON and nothing of messages. docs/protocol.md tells
it to somebody who would write another. What arrives here is bounded before it is made, whoever sent it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from typing import Any

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.wire.column_parts import INT_MAX, INT_MIN, VALUE_BYTES, Reader, Writer, damaged
from bravetui.wire.column_texts import read_texts, without_ids, write_texts

NULL, FALSE, TRUE, INTEGER, FLOAT, STRING, LIST, OBJECT, MIXED, BIG = range(10)
"""Kinds of columns: what all their values are."""

DEPTH_MAX = 64
"""Deeper values travel as JSON: they are no message of ours."""

_CONSTANTS = {NULL: None, FALSE: False, TRUE: True}
_KIND_OF = {type(None): NULL, bool: FALSE, int: INTEGER, float: FLOAT, str: STRING, list: LIST, dict: OBJECT}
_BIG = re.compile(r"-?[1-9][0-9]{0,4299}")
"""Longer ones no JSON reader of ours takes either."""


def pack(value: Json) -> bytes:
    """The columnar body of a value as a JSON reader makes it. Raises BadInput for one that only JSON can carry (NUL, half a
    surrogate pair, a number without an end, too deep)."""
    to = Writer()
    _write([value], to, 0)
    return to.finish()


def unpack(data: bytes, limit_bytes: int) -> Json:
    """The value of a columnar body. Raises BadInput for a damaged one and for one that is larger than the limit, in which a
    value counts as four bytes and a string by its length besides; never anything else."""
    given = Reader(data, limit_bytes)
    given.charge(VALUE_BYTES)
    (value,) = _read(1, given, 0)
    given.finish()
    return value  # type: ignore[no-any-return]


def _write(values: Sequence[Any], to: Writer, depth: int) -> None:
    """A column; nothing at all for one without values, since whoever reads it knows their number."""
    if not values:
        return
    if depth > DEPTH_MAX:
        raise BadInput("The body is nested too deeply.")
    kinds = _kinds(values)
    different = sorted(set(kinds))
    if len(different) == 1:
        to.plan.append(kinds[0])
        _write_kind(kinds[0], values, to, depth)
        return
    to.plan += bytes((MIXED, len(different), *different))
    places = {kind: place for place, kind in enumerate(different)}
    to.integers([places[kind] for kind in kinds])
    for kind in different:
        if kind not in _CONSTANTS:
            some = [value for value, its_kind in zip(values, kinds, strict=True) if its_kind == kind]
            _write_kind(kind, some, to, depth)


def _kinds(values: Sequence[Any]) -> Sequence[int]:
    types = list(map(type, values))
    different = set(types)
    if not different <= _KIND_OF.keys():
        raise BadInput("This is not a JSON value.")
    if int in different:
        numbers = [value for value in values if type(value) is int]
        if min(numbers) < INT_MIN or max(numbers) > INT_MAX:
            return [_kind(value) for value in values]
    if len(different) == 1 and bool not in different:
        return [_KIND_OF[types[0]]] * len(values)
    return [_KIND_OF[its_type] + (value is True) for its_type, value in zip(types, values, strict=True)]


def _kind(value: Any) -> int:
    if type(value) is int and not INT_MIN <= value <= INT_MAX:
        return BIG
    return _KIND_OF[type(value)] + (value is True)


def _write_kind(kind: int, values: Sequence[Any], to: Writer, depth: int) -> None:
    if kind == STRING:
        write_texts(values, to)
    elif kind == OBJECT:
        _write_objects(values, to, depth)
    elif kind == INTEGER:
        to.integers(values)
    elif kind == LIST:
        to.integers([len(value) for value in values])
        _write(list(chain.from_iterable(values)), to, depth + 1)
    elif kind == FLOAT:
        if not all(map(math.isfinite, values)):
            raise BadInput("A number has no end.")
        to.floats(values)
    elif kind == BIG:
        write_texts(_spelled(values), to)


def _spelled(values: Sequence[int]) -> list[str]:
    try:
        return list(map(str, values))
    except ValueError as error:
        raise BadInput("A number has too many digits.") from error


def _write_objects(values: Sequence[dict[str, Any]], to: Writer, depth: int) -> None:
    """Names, shapes (which names an object has, in which order), the shape of each object, then the columns."""
    shapes = list(map(tuple, values))
    of_shape: dict[tuple[str, ...], list[Iterable[Any]]] = {shape: [] for shape in shapes}
    for shape, value in zip(shapes, values, strict=True):
        of_shape[shape].append(value.values())
    names = {name: place for place, name in enumerate(dict.fromkeys(chain.from_iterable(of_shape)))}
    columns = _columns_of(names)
    shared = len(set(columns)) < len(columns)
    to.count(2 * len(names) + shared)
    to.count(len(of_shape))
    if not names:
        return
    write_texts(list(names), to)
    to.integers([len(shape) for shape in of_shape])
    to.integers([names[name] for name in chain.from_iterable(of_shape)])
    places = {shape: place for place, shape in enumerate(of_shape)}
    to.integers([places[shape] for shape in shapes])
    if shared:
        to.integers(columns)
    by_name: list[list[Any]] = [[] for _ in names]
    for shape, some in of_shape.items():
        for name, found in zip(shape, zip(*some, strict=True), strict=True):
            by_name[names[name]] += found
    together = by_name
    if shared:
        together = [[] for _ in set(columns)]
        for column, values_of_name in zip(columns, by_name, strict=True):
            together[column] += values_of_name
    for column_values in together:
        _write(column_values, to, depth + 1)


def _columns_of(names: Collection[str]) -> list[int]:
    """The column of each name: the same for those that differ in ids alone, like the cells of a form's repeated rows."""
    kinds: dict[str, int] = {}
    return [kinds.setdefault(kind, len(kinds)) for kind in map(without_ids, names)]


def _read(count: int, given: Reader, depth: int) -> list[Any]:
    """So many values, which are charged for already."""
    if not count:
        return []
    if depth > DEPTH_MAX:
        raise damaged()
    kind = given.byte()
    if kind != MIXED:
        return _read_kind(kind, count, given, depth)
    kinds = [given.byte() for _ in range(given.byte())]
    if MIXED in kinds or kinds != sorted(set(kinds)):
        raise damaged()
    which = given.indexes(count, len(kinds))
    counted = Counter(which)
    some = [_read_kind(kind, counted[place], given, depth) for place, kind in enumerate(kinds)]
    takes = [iter(values).__next__ for values in some]
    return [takes[place]() for place in which]


def _read_kind(kind: int, count: int, given: Reader, depth: int) -> list[Any]:
    if kind == STRING:
        return read_texts(count, given)
    if kind == OBJECT:
        return _read_objects(count, given, depth)
    if kind == INTEGER:
        return given.integers(count)
    if kind == LIST:
        lengths, total = given.sizes(count)
        items = iter(_read(total, given, depth + 1))
        return [list(islice(items, length)) for length in lengths]
    if kind == FLOAT:
        numbers = given.floats(count)
        if not all(map(math.isfinite, numbers)):
            raise damaged()
        return numbers
    if kind == BIG:
        return list(map(_big, read_texts(count, given)))
    if kind not in _CONSTANTS:
        raise damaged()
    return [_CONSTANTS[kind]] * count


def _big(text: str) -> int:
    if not _BIG.fullmatch(text):
        raise damaged()
    return int(text)


def _read_objects(count: int, given: Reader, depth: int) -> list[dict[str, Any]]:
    (name_count, shared), shape_count = divmod(given.count(), 2), given.count()
    given.charge((name_count + shape_count) * VALUE_BYTES)
    if not name_count:
        return [{} for _ in range(count)]
    names = read_texts(name_count, given)
    shapes = _read_shapes(name_count, shape_count, given)
    which = given.indexes(count, shape_count)
    columns = given.indexes(name_count, name_count) if shared else list(range(name_count))
    if len(set(names)) < name_count:
        raise damaged()
    counted = Counter(which)
    by_name = _read_columns(counted, shapes, (names, columns), given, depth)
    rows: dict[int, Iterator[dict[str, Any]]] = {}
    for place, found in sorted(counted.items()):
        own = [names[member] for member in shapes[place]]
        some = [islice(by_name[member], found) for member in shapes[place]]
        values = zip(*some, strict=True) if some else repeat((), found)
        rows[place] = iter([dict(zip(own, row, strict=True)) for row in values])
    return [next(rows[place]) for place in which]


def _read_shapes(name_count: int, shape_count: int, given: Reader) -> list[list[int]]:
    lengths, total = given.sizes(shape_count)
    members = iter(given.indexes(total, name_count))
    shapes = [list(islice(members, length)) for length in lengths]
    if any(len(set(shape)) < len(shape) for shape in shapes):
        raise damaged()
    return shapes


def _read_columns(
    counted: Mapping[int, int],
    shapes: Sequence[Sequence[int]],
    named: tuple[Sequence[str], Sequence[int]],
    given: Reader,
    depth: int,
) -> list[Iterator[Any]]:
    """The values of each name, those of the first shape first."""
    names, columns = named
    sizes = [0] * len(names)
    for place, found in counted.items():
        for member in shapes[place]:
            sizes[member] += found
    given.charge(sum(size * (VALUE_BYTES + len(name)) for size, name in zip(sizes, names, strict=True)))
    together = [0] * len(names)
    for column, size in zip(columns, sizes, strict=True):
        together[column] += size
    read = [iter(_read(size, given, depth + 1)) for size in together]
    return [iter(list(islice(read[column], size))) for column, size in zip(columns, sizes, strict=True)]
