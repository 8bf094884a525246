"""Bodies on the wire: they come back as they went, and nothing that arrives can do harm."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.base.errors import BadInput
from bravetui.wire.change import Change, Message
from bravetui.wire.codec import COLUMNS_TYPE, TooLarge, decode, encode, encode_as, unpack, unpack_json
from bravetui.wire.columns import pack
from bravetui.wire.messages import BODY_BYTES_MAX, SyncAnswer, SyncRequest
from tests.wire.messages import answers, requests
from tests.wire.test_change import a_change

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODINGS = ("zstd", "gzip", "identity")
encodings = st.sampled_from(ENCODINGS)


@given(requests, encodings)
def test_a_request_comes_back_as_it_went(request: SyncRequest, encoding: str) -> None:
    assert decode(SyncRequest, encode(request, encoding), encoding) == request


@given(answers, encodings)
def test_an_answer_comes_back_as_it_went(answer: SyncAnswer, encoding: str) -> None:
    assert decode(SyncAnswer, encode(answer, encoding), encoding) == answer


@given(st.binary(max_size=200), st.sampled_from([*ENCODINGS, "", "br", "zstd, gzip"]))
@pytest.mark.parametrize("kind", [Change, SyncRequest, SyncAnswer])
def test_any_bytes_at_all_are_a_message_or_bad_input(kind: type[Message], body: bytes, encoding: str) -> None:
    with pytest.raises(BadInput):
        decode(kind, body, encoding)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(Change.model_fields)), _json))
def test_any_json_in_a_changes_fields_is_bad_input_or_a_change_with_a_hash(fields: dict[str, object]) -> None:
    body = json.dumps({**a_change().to_json(), **fields}).encode()
    with suppress(BadInput):
        change = decode(Change, body)
        assert decode(Change, encode(change, "identity")).hash == change.hash


@given(requests, encodings, st.data())
def test_a_body_cut_anywhere_is_refused(request: SyncRequest, encoding: str, data: st.DataObject) -> None:
    body = encode(request, encoding)
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(BadInput):
        decode(SyncRequest, body[:cut], encoding)


@given(requests, st.data())
def test_a_gzip_body_with_any_byte_altered_never_reads_as_something_else(
    request: SyncRequest, data: st.DataObject
) -> None:
    body = bytearray(encode(request, "gzip"))
    place = data.draw(st.integers(10, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    with suppress(BadInput):  # the bits that fill the stream's last byte up say nothing
        assert decode(SyncRequest, bytes(body), "gzip") == request


def _bomb(encoding: str) -> bytes:
    zeros = bytes(BODY_BYTES_MAX * 2)
    return zstd.compress(zeros) if encoding == "zstd" else gzip.compress(zeros)


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_a_few_kilobytes_that_unpack_into_a_flood_are_refused(encoding: str) -> None:
    body = _bomb(encoding)
    assert len(body) < 200_000
    with pytest.raises(BadInput, match="larger than"):
        unpack(body, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not(encoding: str) -> None:
    packers: dict[str, Callable[[bytes], bytes]] = {
        "zstd": zstd.compress,
        "gzip": gzip.compress,
        "identity": bytes,
    }
    pack = packers[encoding]
    assert unpack(pack(b"x" * 1000), encoding, 1000) == b"x" * 1000
    with pytest.raises(BadInput, match="larger than"):
        unpack(pack(b"x" * 1001), encoding, 1000)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "objects"])
def test_a_body_nested_deeper_than_a_stack_is_refused(opening: bytes) -> None:
    start = encode(a_change(after={"x": 1}), "identity").removesuffix(b"}")
    for body in (opening * 100_000, start + b',"later":' + opening * 100_000):
        with pytest.raises(BadInput):
            decode(Change, body)


NUMBERS = [b"NaN", b"Infinity", b"1e400", b"0.5", b"9" * 5000]
TEXTS = [rb'"\u0000"', rb'"a\\\u0000"', rb'"\ud800"', b'"\xff"']


@pytest.mark.parametrize("value", [*NUMBERS, *TEXTS])
def test_values_that_cannot_be_stored_are_refused_inside_a_record(value: bytes) -> None:
    sent = encode(a_change(), "identity").replace(b'"fence torn"', value)
    with pytest.raises(BadInput):
        decode(Change, sent)


@pytest.mark.parametrize("value", TEXTS)
def test_text_that_cannot_be_stored_is_refused_in_fields_of_a_later_version_too(value: bytes) -> None:
    sent = encode(a_change(), "identity").removesuffix(b"}") + b',"later":[' + value + b"]}"
    with pytest.raises(BadInput):
        decode(Change, sent)


def test_a_person_may_write_about_backslash_u0000() -> None:
    change = a_change(after={"note": "the log says \\u0000 and \\\\u0000"})
    assert decode(Change, encode(change), "zstd") == change


def test_what_is_wrong_is_named_by_its_place() -> None:
    body = encode(a_change(), "identity").replace(b'"3.17"', b'"seventeen"')
    with pytest.raises(BadInput, match=r"dot: 'seventeen' is not a dot"):
        decode(Change, body)


def test_an_encoding_nobody_agreed_on_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadInput, match="zstd, gzip or plain JSON"):
        unpack(b"{}", "br")


def test_a_stranger_reads_our_gzip_with_any_tool() -> None:
    assert json.loads(zlib.decompress(encode(a_change(), "gzip"), 31))["dot"] == "3.17"


# In columns


def in_columns(value: object) -> bytes:
    """A body in columns of anything at all."""
    return pack(value)  # type: ignore[arg-type]


@given(requests | answers, st.sampled_from([*ENCODINGS, "dcz"]))
def test_a_message_in_columns_comes_back_as_it_went(message: Message, encoding: str) -> None:
    body = encode(message, encoding, media_type=COLUMNS_TYPE)
    assert decode(type(message), body, encoding, COLUMNS_TYPE) == message


@given(st.dictionaries(st.sampled_from(sorted(Change.model_fields)), _json))
def test_columns_are_taken_and_refused_exactly_as_the_same_in_json(fields: dict[str, object]) -> None:
    value = {**a_change().to_json(), **fields}
    in_json: object = BadInput
    with suppress(BadInput):
        in_json = decode(Change, json.dumps(value).encode())
    try:
        body = in_columns(value)
    except BadInput:  # what cannot even be packed is refused as JSON too
        assert in_json is BadInput
        return
    told: object = BadInput
    with suppress(BadInput):
        told = decode(Change, body, "", COLUMNS_TYPE)
    assert told == in_json


@pytest.mark.parametrize("value", [0.5, 1e300, -0.0, 10**30])
def test_a_number_that_cannot_be_stored_is_refused_in_columns_as_in_json(value: float) -> None:
    told = {**a_change().to_json(), "after": {"rain": value}}
    for body, form in ((json.dumps(told).encode(), ""), (in_columns(told), COLUMNS_TYPE)):
        if isinstance(value, int):
            assert decode(Change, body, "", form).after == {"rain": value}
        else:
            with pytest.raises(BadInput, match="must travel as a string"):
                decode(Change, body, "", form)


def test_a_message_that_columns_cannot_carry_travels_as_json() -> None:
    deep: object = 1
    for _ in range(80):
        deep = [deep]
    change = a_change(after={"x": deep})
    body, form = encode_as(change, COLUMNS_TYPE, "zstd")
    assert form == "application/json"
    assert decode(Change, body, "zstd", form) == change


def test_columns_whose_json_is_past_the_limit_are_too_large() -> None:
    body = in_columns(["\x01" * 2000])  # each is spelled in six bytes
    assert len(unpack_json(body, "", COLUMNS_TYPE, 20_000)) < 20_000
    with pytest.raises(TooLarge):
        unpack_json(body, "", COLUMNS_TYPE, 10_000)


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_a_flood_that_says_it_is_columns_is_refused(encoding: str) -> None:
    with pytest.raises(BadInput, match="larger than"):
        unpack_json(_bomb(encoding), encoding, COLUMNS_TYPE)


@pytest.mark.parametrize("body", [b"", b"{}", b"\x02", encode(a_change(), "identity")])
def test_json_that_says_it_is_columns_is_bad_input(body: bytes) -> None:
    with pytest.raises(BadInput):
        decode(Change, body, "", COLUMNS_TYPE)
