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
from bravetui.wire.codec import decode, encode, unpack
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
    with pytest.raises(BadInput):
        decode(SyncRequest, bytes(body), "gzip")


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
