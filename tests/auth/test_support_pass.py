"""A support pass is believed when central signed exactly it, for this laptop, within its hour; and it is never a grant."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bravetui.auth import grant as grants
from bravetui.auth.grant import Grant, read_grant, sign_grant
from bravetui.auth.signing import public_key_of
from bravetui.auth.support_pass import LIVES, TYPE, SupportPass, read_support_pass, sign_support_pass
from bravetui.base.errors import NeedsSignIn

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
PRIVATE = Ed25519PrivateKey.from_private_bytes(KEY)
PUBLIC = public_key_of(KEY)
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
PASS = SupportPass(
    id="01-pass", organization_id="org", user_id="nina", name="Nina Ortiz", played_by="user_kim", device=7,
    thumbprint="thumb", issued_at=NOON, expires_at=NOON + LIVES,
)  # fmt: skip
TEXT = sign_support_pass(PASS, PRIVATE)
CLAIMS: dict[str, Any] = jwt.decode(TEXT, options={"verify_signature": False})

WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "another issuer": lambda c: c.update(iss="https://evil.example"),
    "another audience": lambda c: c.update(aud="urn:bravetui:central"),
    "no person": lambda c: c.pop("sub"),
    "no name": lambda c: c.pop("name"),
    "a name that is a number": lambda c: c.update(name=7),
    "no key": lambda c: c.pop("cnf"),
    "a player who is text": lambda c: c.update(act="user_kim"),
    "a player who is nobody": lambda c: c.update(act={}),
    "no end": lambda c: c.pop("exp"),
    "longer than an hour": lambda c: c.update(exp=c["iat"] + 3601),
    "an end before its beginning": lambda c: c.update(exp=c["iat"]),
    "a time past all calendars": lambda c: c.update(iat=10**18, exp=10**18 + 1),
    "true for a device": lambda c: c.update(device=True),
}


def signed(claims: dict[str, Any], key: Any = PRIVATE, **headers: Any) -> str:
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"typ": TYPE, **headers})


@pytest.mark.parametrize("played_by", ["user_kim", ""])
def test_what_central_gave_is_read_back_as_it_was(played_by: str) -> None:
    given = replace(PASS, played_by=played_by)
    assert read_support_pass(sign_support_pass(given, PRIVATE), PUBLIC) == given


def test_who_is_played_is_told_with_his_player() -> None:
    assert PASS.who == "Nina Ortiz, played by user_kim"
    assert replace(PASS, played_by="").who == "Nina Ortiz"


@pytest.mark.parametrize("wrong", WRONG)
def test_a_claim_that_is_missing_or_wrong_is_no_pass_though_central_s_key_signed_it(wrong: str) -> None:
    claims = json.loads(json.dumps(CLAIMS))
    WRONG[wrong](claims)
    with pytest.raises(NeedsSignIn):
        read_support_pass(signed(claims), PUBLIC)


def test_another_s_signature_and_another_s_header_are_no_pass() -> None:
    for text in (
        signed(CLAIMS, Ed25519PrivateKey.from_private_bytes(OTHER)),
        signed(CLAIMS, typ="JWT"),
        signed(CLAIMS, kid="a"),
        TEXT[:-4],
        "",
        "x" * 9000,
    ):
        with pytest.raises(NeedsSignIn):
            read_support_pass(text, PUBLIC)


def test_a_pass_is_no_grant_and_a_grant_is_no_pass() -> None:
    """Both are central's: the type alone keeps them apart."""
    grant = Grant(
        id="g", generation=1, organization_id="org", user_id="nina", device=7, role="support", scopes={},
        thumbprint="thumb", issued_at=NOON, expires_at=NOON + timedelta(minutes=30),
    )  # fmt: skip
    with pytest.raises(NeedsSignIn):
        read_grant(TEXT, PUBLIC)
    with pytest.raises(NeedsSignIn):
        read_support_pass(sign_grant(grant, PRIVATE), PUBLIC)
    with_both = {**CLAIMS, **jwt.decode(sign_grant(grant, PRIVATE), options={"verify_signature": False})}
    with pytest.raises(NeedsSignIn):
        read_support_pass(signed(with_both, typ=grants.TYPE), PUBLIC)


def test_it_holds_on_its_own_laptop_for_its_hour() -> None:
    assert PASS.holds(7, "thumb", NOON + LIVES - timedelta(seconds=1))
    assert not PASS.holds(7, "thumb", NOON + LIVES)
    assert not PASS.holds(8, "thumb", NOON)
    assert not PASS.holds(7, "another", NOON)
