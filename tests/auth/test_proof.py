"""A proof shows that its sender holds a key, for one request; nothing that is not one passes for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from bravetui.auth.proof import TYPE, Prover, bare, fits, hash_of, jwk_of, read_proof, thumbprint_of
from bravetui.auth.signing import encode, public_key_of
from bravetui.base.clock import ManualClock, SeededIds
from bravetui.base.errors import BadInput, NeedsSignIn

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
PRIVATE = Ed25519PrivateKey.from_private_bytes(KEY)
PUBLIC = public_key_of(KEY)
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
URL = "https://central.example/v1/sync"


def made(grant: str = "the-grant", url: str = URL, nonce: str = "") -> dict[str, str]:
    clock = ManualClock(NOON)
    return Prover(KEY, lambda: grant, clock, SeededIds(clock)).headers("POST", url, nonce)


PROOF = made()["DPoP"]
CLAIMS: dict[str, Any] = jwt.decode(PROOF, options={"verify_signature": False})

WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "no method": lambda c: c.pop("htm"),
    "no address": lambda c: c.pop("htu"),
    "an address that is none": lambda c: c.update(htu="http://[::1"),
    "no id": lambda c: c.pop("jti"),
    "a short id": lambda c: c.update(jti="1"),
    "an endless id": lambda c: c.update(jti="1" * 500),
    "an id that is a number": lambda c: c.update(jti=12345678),
    "no time": lambda c: c.pop("iat"),
    "a time that is text": lambda c: c.update(iat="noon"),
    "a time past all calendars": lambda c: c.update(iat=10**18),
    "a nonce that is none": lambda c: c.update(nonce=None),
    "a hash that is a list": lambda c: c.update(ath=["x"]),
}


def signed(claims: dict[str, Any], key: Any = PRIVATE, **headers: Any) -> str:
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"typ": TYPE, "jwk": jwk_of(PUBLIC), **headers})


def test_a_proof_says_whose_it_is_and_what_for() -> None:
    headers = made(url=URL + "?page=2#top", nonce="n-1")
    proof = read_proof(headers["DPoP"])
    assert (proof.key, proof.method, proof.url, proof.issued_at) == (PUBLIC, "POST", URL, NOON)
    assert (proof.nonce, proof.token_hash) == ("n-1", hash_of("the-grant"))
    assert headers["Authorization"] == "DPoP the-grant"
    assert set(made(grant="")) == {"DPoP"}, "a laptop that has no grant shows none"


def test_it_fits_its_own_request_and_no_other() -> None:
    proof, place = read_proof(PROOF), "central.example/v1/sync"
    assert fits(proof, "POST", place, "the-grant")
    assert not fits(proof, "GET", place, "the-grant")
    assert not fits(proof, "POST", "central.example/v1/enrol", "the-grant")
    assert not fits(proof, "POST", "other.example/v1/sync", "the-grant")
    assert not fits(proof, "POST", place, "another grant")
    assert not fits(proof, "POST", place, "")
    assert not fits(read_proof(made(grant="")["DPoP"]), "POST", place, "the-grant")


@pytest.mark.parametrize("wrong", WRONG)
def test_a_claim_that_is_missing_or_wrong_is_no_proof(wrong: str) -> None:
    claims = json.loads(json.dumps(CLAIMS))
    WRONG[wrong](claims)
    with pytest.raises(NeedsSignIn):
        read_proof(signed(claims))


def test_the_key_it_names_is_the_key_that_signed_it_and_nothing_secret() -> None:
    private = {**jwk_of(PUBLIC), "d": encode(KEY)}
    for text in (
        signed(CLAIMS, Ed25519PrivateKey.from_private_bytes(OTHER)),
        signed(CLAIMS, jwk=jwk_of(public_key_of(OTHER))),
        signed(CLAIMS, jwk=private),
        signed(CLAIMS, jwk={"kty": "oct", "k": "AAAA"}),
        signed(CLAIMS, jwk="x"),
        signed(CLAIMS, kid="1"),
        signed(CLAIMS, typ="JWT"),
        jwt.encode(CLAIMS, "0" * 32, algorithm="HS256", headers={"typ": TYPE, "jwk": jwk_of(PUBLIC)}),
    ):
        with pytest.raises(NeedsSignIn):
            read_proof(text)


@settings(max_examples=300)
@given(st.data())
def test_no_proof_survives_one_changed_character(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(PROOF) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda one: one != PROOF[place]))
    with pytest.raises(NeedsSignIn):
        read_proof(PROOF[:place] + other + PROOF[place + 1 :])


@settings(max_examples=300)
@given(st.one_of(st.text(), st.lists(st.binary().map(encode), min_size=2, max_size=5).map(".".join)))
def test_whatever_else_is_shown_is_no_proof_and_nothing_breaks(text: str) -> None:
    with pytest.raises(NeedsSignIn):
        read_proof(text)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://Central.Example:443/v1/sync?x=1", "https://central.example/v1/sync"),
        ("http://127.0.0.1:80", "http://127.0.0.1/"),
        ("http://[::1]:8321/v1/news#x", "http://[::1]:8321/v1/news"),
    ],
)
def test_one_address_has_one_spelling(url: str, told: str) -> None:
    assert bare(url) == told


def test_what_is_no_address_is_refused_in_words() -> None:
    for url in ("http://[::1", "http://x:99999/"):
        with pytest.raises(BadInput):
            bare(url)


def test_the_thumbprint_is_that_of_the_standard() -> None:
    """RFC 8037 appendix A.3."""
    assert (
        thumbprint_of("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )
