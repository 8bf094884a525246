"""A grant is believed when central signed exactly it, and for no other reason."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from bravetui.auth import grant as grants
from bravetui.auth.central_word import AUDIENCE
from bravetui.auth.grant import LIVES, Grant, Life, read_grant, sign_grant
from bravetui.auth.signing import encode, public_key_of
from bravetui.base.errors import NeedsSignIn

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
PRIVATE = Ed25519PrivateKey.from_private_bytes(KEY)
PUBLIC = public_key_of(KEY)
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
GRANT = Grant(
    id="01-grant", generation=3, organization_id="org", user_id="carlos", device=7, role="foreman",
    scopes={"org": (), "site": ("sign", "log")}, thumbprint="thumb", issued_at=NOON, expires_at=NOON + LIVES,
)  # fmt: skip
TEXT = sign_grant(GRANT, PRIVATE)
CLAIMS: dict[str, Any] = jwt.decode(TEXT, options={"verify_signature": False})

WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "another issuer": lambda c: c.update(iss="https://evil.example"),
    "another audience": lambda c: c.update(aud="urn:bravetui:central"),
    "a list of audiences": lambda c: c.update(aud=[AUDIENCE]),
    "no audience": lambda c: c.pop("aud"),
    "no issuer": lambda c: c.pop("iss"),
    "no person": lambda c: c.pop("sub"),
    "a person who is a number": lambda c: c.update(sub=7),
    "no organization": lambda c: c.pop("org"),
    "no key": lambda c: c.pop("cnf"),
    "a key that is text": lambda c: c.update(cnf="thumb"),
    "a key without a thumbprint": lambda c: c.update(cnf={}),
    "no end": lambda c: c.pop("exp"),
    "an end that is text": lambda c: c.update(exp="2099-01-01"),
    "no beginning": lambda c: c.pop("iat"),
    "longer than 30 days": lambda c: c.update(exp=c["iat"] + 30 * 86400 + 1),
    "an end before its beginning": lambda c: c.update(exp=c["iat"]),
    "a beginning before time": lambda c: c.update(iat=-1),
    "a time past all calendars": lambda c: c.update(iat=10**18, exp=10**18 + 1),
    "not a number": lambda c: c.update(iat=float("nan")),
    "true for a device": lambda c: c.update(device=True),
    "a negative device": lambda c: c.update(device=-1),
    "no generation": lambda c: c.pop("gen"),
    "scopes in a list": lambda c: c.update(scopes=["site"]),
    "permissions that are numbers": lambda c: c.update(scopes={"site": [1]}),
    "not valid yet, for ever": lambda c: c.update(nbf=10**12),
}


def signed(claims: dict[str, Any], key: Any = PRIVATE, algorithm: str = "EdDSA", **headers: Any) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": grants.TYPE, **headers})


def test_what_central_granted_is_read_back_as_it_was() -> None:
    assert read_grant(TEXT, PUBLIC) == GRANT
    many = replace(GRANT, scopes=None)
    assert read_grant(sign_grant(many, PRIVATE), PUBLIC) == many


@pytest.mark.parametrize("wrong", WRONG)
def test_a_claim_that_is_missing_or_wrong_is_no_grant_though_central_s_key_signed_it(wrong: str) -> None:
    claims = json.loads(json.dumps(CLAIMS))
    WRONG[wrong](claims)
    with pytest.raises(NeedsSignIn):
        read_grant(signed(claims), PUBLIC)


def test_a_key_an_algorithm_or_a_header_of_the_sender_s_own_choosing_counts_for_nothing() -> None:
    """RFC 8725 sections 3.1 to 3.11."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    secret = PUBLIC.encode()
    head, body, signature = TEXT.split(".")
    unsigned = (
        base64.urlsafe_b64encode(b'{"alg":"none","typ":"%s"}' % grants.TYPE.encode()).decode().rstrip("=")
    )
    forged = [
        signed(CLAIMS, Ed25519PrivateKey.from_private_bytes(OTHER)),
        signed(CLAIMS, rsa_key, "RS256"),
        signed(CLAIMS, secret + b"0" * 32, "HS256"),
        f"{unsigned}.{body}.",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{TEXT}.x",
        f"{head}.{body}.{signature[:-2]}",
        signed(CLAIMS, jwk={"kty": "OKP", "crv": "Ed25519", "x": PUBLIC}),
        signed(CLAIMS, jku="https://evil.example/keys"),
        signed(CLAIMS, x5u="https://evil.example/cert"),
        signed(CLAIMS, crit=["exp"]),
        signed(CLAIMS, kid="../../etc/passwd"),
        signed(CLAIMS, typ="JWT"),
        signed(CLAIMS, typ="dpop+jwt"),
    ]
    for text in forged:
        with pytest.raises(NeedsSignIn):
            read_grant(text, PUBLIC)


@settings(max_examples=300)
@given(st.data())
def test_no_grant_survives_one_changed_character(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(TEXT) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda one: one != TEXT[place]))
    with pytest.raises(NeedsSignIn):
        read_grant(TEXT[:place] + other + TEXT[place + 1 :], PUBLIC)


@settings(max_examples=300)
@given(
    st.one_of(
        st.text(),
        st.binary().map(encode),
        st.lists(st.binary().map(encode), min_size=2, max_size=5).map(".".join),
    )
)
def test_whatever_else_is_shown_is_no_grant_and_nothing_breaks(text: str) -> None:
    with pytest.raises(NeedsSignIn):
        read_grant(text, PUBLIC)


def test_a_giant_is_turned_away_unread() -> None:
    with pytest.raises(NeedsSignIn):
        read_grant(TEXT + "A" * grants.BYTES_MAX, PUBLIC)


@pytest.mark.parametrize(
    ("after", "life", "left_days"),
    [
        (timedelta(), Life.FRESH, 30),
        (timedelta(days=25, seconds=-1), Life.FRESH, 5),
        (timedelta(days=25), Life.AGEING, 5),
        (timedelta(days=30, seconds=-1), Life.AGEING, 0),
        (timedelta(days=30), Life.EXPIRED, 0),
        (timedelta(days=3650), Life.EXPIRED, 0),
        (timedelta(days=-400), Life.FRESH, 430),
    ],
)
def test_its_life_is_thirty_days_and_the_last_five_are_warned_of(
    after: timedelta, life: Life, left_days: int
) -> None:
    assert GRANT.life(NOON + after) is life
    assert GRANT.time_left(NOON + after).days == left_days
