"""The columnar form: every value comes back as it went, and nothing that arrives can do harm."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.wire.change import Message
from bravetui.wire.codec import encode
from bravetui.wire.column_parts import VALUE_BYTES, VERSION, Reader, Writer
from bravetui.wire.column_texts import AROUND, DECIMALS, HEX, IDS, MOMENTS, REPEATS, TEXT, WITH_IDS
from bravetui.wire.columns import (
    BIG,
    DEPTH_MAX,
    FLOAT,
    INTEGER,
    LIST,
    MIXED,
    NULL,
    OBJECT,
    STRING,
    pack,
    unpack,
)
from bravetui.wire.messages import BODY_BYTES_MAX
from tests.wire.messages import answers, requests
from tests.wire.stranger import Stranger
from tests.wire.test_column_texts import FITS

LIMIT = 1_000_000
PINNED = "0119020e00070601000006100002000005020006002206000603112202000002646f74007365656e00676f6e6500"
ID = "019e2a7c-7c00-7a10-8b1e-3f60c4d2a9e1"

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
ids = st.uuids().map(str)
whole = (
    st.integers() | st.integers(-3, 3) | st.sampled_from([2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 10**400])
)
scalars = (
    st.none()
    | st.booleans()
    | whole
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.sampled_from(["a", "b"])
    | ids
)
names = texts | st.sampled_from(["a", "b", "c"]) | ids.map(lambda one: f"answers/controls/{one}/need")
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(names, inner, max_size=4),
    max_leaves=40,
)
tables = st.lists(st.dictionaries(st.sampled_from("abcd"), scalars, max_size=4), max_size=12)


def spelled(value: Any) -> str:
    """A spelling that tells 1 from 1.0 and True, 0.0 from -0.0, and one order of names from another."""
    return repr(value)


@given(values | tables)
def test_any_json_comes_back_as_it_went(value: Any) -> None:
    assert spelled(unpack(pack(value), BODY_BYTES_MAX)) == spelled(value)


@given(requests | answers)
def test_a_message_comes_back_as_it_went(message: Message) -> None:
    value = json.loads(encode(message, "identity"))
    assert spelled(unpack(pack(value), BODY_BYTES_MAX)) == spelled(value)


@given(values | tables)
def test_a_stranger_who_has_only_read_the_protocol_reads_the_same(value: Any) -> None:
    assert spelled(Stranger(pack(value)).value()) == spelled(value)


@given(requests | answers)
def test_a_stranger_reads_a_message(message: Message) -> None:
    value = json.loads(encode(message, "identity"))
    assert spelled(Stranger(pack(value)).value()) == spelled(value)


def test_a_stranger_reads_every_spelling() -> None:
    columns = [list(texts) for _, texts in FITS]
    assert Stranger(pack(columns)).value() == columns
    shared = {
        f"answers/controls/{one}/{part}": part for one in (ID, ID.replace("0", "1")) for part in ("a", "b")
    }
    for value in (
        {**shared, "note": 1},
        [{name: text} for column in columns for name, text in enumerate(column)],
    ):
        told = json.loads(json.dumps(value))
        assert spelled(Stranger(pack(told)).value()) == spelled(told)


def test_the_form_is_the_one_that_others_out_there_read() -> None:
    """Another layout is another version: both ends of today must still be understood."""
    assert pack({"dot": "3.17", "seen": [17, 18, 21], "gone": None}).hex() == PINNED


@pytest.mark.parametrize(
    "value",
    [
        "a\0b", "\ud800", {"a\0": 1}, {"\udfff": 1}, ["x", "\0"], math.nan, math.inf, -math.inf, (1, 2), b"x",
        10**5000, [f"019e2a7c-7c00-7a10-8b1e-3f60c4d2a9e1 {part}" for part in ("a", "\0")],
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_no_reader_of_json_may_make_is_not_packed(value: Any) -> None:
    with pytest.raises(BadInput):
        pack(value)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_a_value_as_deep_as_allowed_travels_and_a_deeper_one_does_not() -> None:
    assert unpack(pack(nested(DEPTH_MAX)), LIMIT) == nested(DEPTH_MAX)
    with pytest.raises(BadInput, match="too deeply"):
        pack(nested(DEPTH_MAX + 1))
    deeper = Writer()
    for _ in range(DEPTH_MAX + 1):
        deeper.plan.append(LIST)
        deeper.integers([1])
    deeper.plan.append(NULL)
    with pytest.raises(BadInput):
        unpack(deeper.finish(), LIMIT)


def test_records_of_a_kind_are_smaller_than_as_json() -> None:
    rows: list[Json] = [
        {"seq": 7000 + n, "kind": "inspection", "dots": [f"3.{n}"], "hlc": f"19fc7d123c{n:05x}"}
        for n in range(200)
    ]
    assert len(pack(rows)) < len(json.dumps(rows)) / 15


# Hostile bodies


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: bytes([VERSION]) + rest))
def test_any_bytes_at_all_are_a_value_or_bad_input(body: bytes) -> None:
    with suppress(BadInput):
        unpack(body, LIMIT)


@given(requests.map(lambda message: encode(message, "identity")) | values.map(json.dumps), st.data())
def test_damage_is_a_value_or_bad_input_and_nothing_else(told: bytes | str, data: st.DataObject) -> None:
    body = bytearray(pack(json.loads(told)))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadInput):
        spelled(unpack(bytes(body), LIMIT))


@given(requests, st.data())
def test_a_body_cut_anywhere_or_with_more_behind_it_is_refused(request: Message, data: st.DataObject) -> None:
    body = pack(json.loads(encode(request, "identity")))
    for wrong in (body[: data.draw(st.integers(0, len(body) - 1))], body + data.draw(st.binary(min_size=1))):
        with pytest.raises(BadInput):
            unpack(wrong, LIMIT)


Fill = Callable[[Writer], None]


def made(*fills: Fill) -> bytes:
    """A body that somebody wrote by hand."""
    to = Writer()
    for fill in fills:
        fill(to)
    return to.finish()


def plan(*codes: int) -> Fill:
    return lambda to: to.plan.extend(codes)


def count(number: int) -> Fill:
    return lambda to: to.count(number)


def integers(*numbers: int) -> Fill:
    return lambda to: to.integers(numbers)


def text(*strings: str) -> Fill:
    return lambda to: to.texts(strings)


def list_of(number: int) -> Sequence[Fill]:
    return plan(LIST), integers(number)


def an_object(names: Sequence[str], shapes: Sequence[Sequence[int]], which: int = 0) -> Sequence[Fill]:
    """One object, all nulls."""
    return (
        plan(OBJECT), count(2 * len(names)), count(len(shapes)), plan(TEXT), text(*names),
        integers(*map(len, shapes)), integers(*chain.from_iterable(shapes)), integers(which), plan(*[NULL] * len(names)),
    )  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [plan(NULL), text("left over"), lambda to: to.raw(b"x"), lambda to: to.ids([ID])],
    ids=["plan", "texts", "raw", "plan of ids"],
)
def test_a_part_that_nothing_asks_for_is_refused(more: Fill) -> None:
    with pytest.raises(BadInput, match="damaged"):
        unpack(made(plan(NULL), more), LIMIT)


def test_numbers_that_nothing_asks_for_are_refused() -> None:
    to = Writer()
    to.integers([1, 2, 900])
    to.plan[:] = bytes([NULL])
    with pytest.raises(BadInput, match="damaged"):
        unpack(to.finish(), LIMIT)


def test_a_later_form_is_named_as_such() -> None:
    with pytest.raises(BadInput, match="not understood"):
        unpack(bytes([VERSION + 1]) + pack(1)[1:], LIMIT)


DAMAGED: dict[str, Sequence[Fill]] = {
    "an unknown kind": [plan(10)],
    "an unknown spelling": [plan(STRING, 11)],
    "repeats of repeats": [plan(STRING, REPEATS, 1, 0, 0, REPEATS, 1, 0, 0, TEXT), text("x")],
    "mixed within mixed": [*list_of(2), plan(MIXED, 2, NULL, MIXED), integers(0, 1)],
    "kinds out of order": [*list_of(2), plan(MIXED, 2, 1, 0), integers(0, 1)],
    "no kinds at all": [*list_of(2), plan(MIXED, 0), integers(0, 0)],
    "an index below 0": [*list_of(2), plan(MIXED, 2, 0, 1), integers(0, -1)],
    "an index too high": [*list_of(2), plan(MIXED, 2, 0, 1), integers(0, 2)],
    "numbers of nine bytes": [plan(INTEGER, 9, 0)],
    "numbers with a strange bit": [plan(INTEGER, 0x20, 0)],
    "a number without an end": [plan(FLOAT), lambda to: to.floats([math.inf])],
    "a count without an end": [plan(INTEGER, 0, *[0xFF] * 11)],
    "a length below 0": [plan(LIST), integers(-1)],
    "a big number in words": [plan(BIG, TEXT), text("1e9")],
    "a big number beyond reason": [plan(BIG, TEXT), text("9" * 5000)],
    "one name twice": an_object(["a", "a"], [[0, 1]]),
    "one name twice in a shape": an_object(["a"], [[0, 0]]),
    "a name that is not there": an_object(["a"], [[1]]),
    "a shape that is not there": an_object(["a"], [[0]], which=1),
    "a year beyond the calendar": [plan(STRING, MOMENTS), integers(10**18)],
    "hashes of no length": [plan(STRING, HEX, 0)],
    "a decimal with a thousand places": [plan(STRING, DECIMALS), integers(1000), integers(1)],
    "an id that is not there": [plan(STRING, IDS), integers(0)],
    "ids inside ids": [plan(STRING, WITH_IDS, WITH_IDS, TEXT), text("x")],
}


@pytest.mark.parametrize("fills", DAMAGED.values(), ids=DAMAGED)
def test_what_no_writer_makes_is_damage(fills: Sequence[Fill]) -> None:
    with pytest.raises(BadInput, match="damaged"):
        unpack(made(*fills), LIMIT)


MILLION = 10**6
BOMBS: dict[str, Sequence[Fill]] = {
    "nulls": [*list_of(10**12), plan(NULL)],
    "numbers": [*list_of(10**9), plan(INTEGER, 0, 0)],
    "numbers in steps": [*list_of(10**9), plan(INTEGER, 0x10, 0, 2)],
    "empty objects": [*list_of(10**9), plan(OBJECT, 0, 1)],
    "empty texts": [text(*[""] * 5 * MILLION)],
    "repeats": [plan(STRING, REPEATS), count(10**12)],
    "names": [plan(OBJECT), count(2 * 10**9), count(10**9)],
    "shapes": [plan(OBJECT, 2), count(10**9)],
    "lists of lists": [*list_of(10), *[plan(LIST, 0, 20)] * 20, plan(NULL)],
    "one text many times": [
        *list_of(50_000), plan(STRING, REPEATS, 1, 0, 0, TEXT), text("x" * MILLION),
    ],
    "long names": [*list_of(50_000), plan(OBJECT, 2, 1, TEXT), text("n" * MILLION), plan(0, 2, 0, 0, 0, 0, NULL)],
    "long surroundings": [*list_of(50_000), plan(STRING, AROUND, 0, 0, 0, 0), text("b" * MILLION, "e" * MILLION)],
    "ids in marks": [plan(STRING, WITH_IDS, TEXT), text("\x01" * 2 * MILLION), lambda to: to.ids([ID])],
}  # fmt: skip


@contextmanager
def memory_below(bytes_max: int) -> Iterator[None]:
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < bytes_max


@pytest.mark.parametrize("fills", BOMBS.values(), ids=BOMBS)
def test_a_small_body_does_not_unpack_into_a_flood(fills: Sequence[Fill]) -> None:
    body = made(*fills)
    assert len(body) < 6_000_000
    with memory_below(128 * 1024 * 1024), pytest.raises(BadInput, match="more than one may hold"):
        unpack(body, BODY_BYTES_MAX)


def test_as_many_values_as_the_limit_allows_are_read_and_one_more_is_not() -> None:
    most = BODY_BYTES_MAX // VALUE_BYTES - 1
    assert unpack(made(*list_of(most), plan(NULL)), BODY_BYTES_MAX) == [None] * most
    with pytest.raises(BadInput, match="more than one may hold"):
        unpack(made(*list_of(most + 1), plan(NULL)), BODY_BYTES_MAX)


@given(values | tables)
def test_what_is_a_quarter_of_the_limit_as_json_is_never_refused(value: Any) -> None:
    limit = 4 * len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())
    assert spelled(unpack(pack(value), limit)) == spelled(value)


@pytest.mark.parametrize(
    "row",
    [
        lambda n: n % 10, lambda n: [], lambda n: {}, lambda n: "", lambda n: {f"{n:x}": 0}, lambda n: {f"{ID}{n}": ""},
        lambda n: f"{n:08x}{ID[8:]}", lambda n: [[n % 7], "a", None][n % 3], lambda n: f"a{n}", lambda n: n / 7,
    ],
)  # fmt: skip
def test_not_even_the_dearest_values_are(row: Callable[[int], Any]) -> None:
    value = [row(n) for n in range(5000)]
    assert unpack(pack(value), 4 * len(json.dumps(value, separators=(",", ":")))) == value


def test_a_reader_gives_out_no_more_than_is_there() -> None:
    given = Reader(made(text("a")), LIMIT)
    assert given.texts(1) == ["a"]
    for ask in (given.texts, given.raw, given.floats):
        with pytest.raises(BadInput):
            ask(1)
