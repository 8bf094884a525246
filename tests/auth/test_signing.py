"""Signatures hold for exactly the bytes and the key they were made with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.auth.signing import (
    decode,
    encode,
    new_private_key,
    public_key_of,
    read_public_key,
    sign,
    verify,
)
from bravetui.base.errors import BadInput

PRIVATE = bytes(range(32))


def test_the_first_test_vector_of_rfc_8032_comes_out() -> None:
    private = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert public_key_of(private) == encode(public)
    assert sign(private, b"") == encode(signature)


@given(st.binary(max_size=200))
def test_what_was_signed_verifies(data: bytes) -> None:
    verify(public_key_of(PRIVATE), data, sign(PRIVATE, data))


@given(st.binary(min_size=1, max_size=60), st.data())
def test_one_changed_bit_in_content_or_signature_is_refused(data: bytes, draw: st.DataObject) -> None:
    bit = draw.draw(st.integers(0, len(data) * 8 - 1))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    signature = sign(PRIVATE, data)
    with pytest.raises(BadInput, match="does not fit"):
        verify(public_key_of(PRIVATE), bytes(changed), signature)
    torn = bytearray(decode(signature, 64, "signature"))
    torn[bit % 64] ^= 1
    with pytest.raises(BadInput, match="does not fit"):
        verify(public_key_of(PRIVATE), data, encode(bytes(torn)))


def test_a_signature_of_another_key_is_refused() -> None:
    with pytest.raises(BadInput, match="does not fit"):
        verify(public_key_of(PRIVATE), b"form", sign(new_private_key(), b"form"))


@pytest.mark.parametrize(
    "text",
    ["", "A", "AAAA", "not base64!", "é" * 43, "A" * 44, "A" * 42 + "B", "A" * 43 + "=", " " + "A" * 42],
)
def test_what_is_not_a_key_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadInput, match="not a public key"):
        read_public_key(text)


@given(st.text(max_size=100))
def test_no_text_at_all_makes_verifying_fail_in_any_other_way(text: str) -> None:
    with pytest.raises(BadInput):
        verify(public_key_of(PRIVATE), b"form", text)


@given(st.binary(max_size=100))
def test_bytes_have_one_spelling(data: bytes) -> None:
    assert decode(encode(data), None, "value") == data
