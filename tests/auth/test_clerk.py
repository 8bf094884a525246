"""What Clerk signs is read in all its versions; whatever is spoiled, foreign or strange is refused in a sentence."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.auth.clerk import ClerkClaims, Expected, read_clerk_token
from bravetui.auth.jwks import Distrusted, KeySet, UnknownKey, read_keys
from bravetui.auth.openid import NotAProvider
from tests.support.tokens import (
    ACCESS,
    AUDIENCE,
    CLIENT,
    EXPECTED,
    ISSUER,
    KID,
    NOW,
    NOW_S,
    SESSION_V1,
    SESSION_V2,
    base64url,
    header_bytes,
    key_set,
    private_key,
    public_jwk,
    public_pem,
    signed,
    signed_bytes,
)

KEYS = read_keys(key_set())
NOTHING = object()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
EXAMPLES = [
    pytest.param(ACCESS, "at+jwt", id="access"),
    pytest.param(SESSION_V1, "JWT", id="session v1"),
    pytest.param(SESSION_V2, "JWT", id="session v2"),
]


def read(token: str, expected: Expected = EXPECTED, now: datetime = NOW, keys: KeySet = KEYS) -> ClerkClaims:
    return read_clerk_token(token, keys, expected, now)


def changed(claims: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**claims, **changes}.items() if value is not NOTHING}


def refused(token: str, match: str, **how: Any) -> None:
    with pytest.raises(Distrusted, match=match) as caught:
        read(token, **how)
    assert caught.value.what.endswith(".")
    assert caught.value.todo


# --- what they say --------------------------------------------------------------------------------


def test_an_access_token_names_person_and_organization_but_no_role() -> None:
    """Clerk puts neither role nor permissions into what an application gets."""
    assert read(signed(ACCESS, "at+jwt")) == ClerkClaims(
        "user_ana", "org_hill", None, (), None, NOW + timedelta(days=1), None
    )


def test_a_session_of_the_first_version_is_read() -> None:
    """Role and permissions stand there in full."""
    permissions = ("org:projects:read", "org:reports:sign")
    assert read(signed(SESSION_V1)) == ClerkClaims(
        "user_ana", "org_hill", "admin", permissions, None, NOW + timedelta(minutes=1), "sess_1"
    )


def test_a_session_of_the_second_version_is_unpacked() -> None:
    """A number a feature of the organization's, bit 0 for the first name; the person's own features take no number."""
    permissions = ("org:projects:manage", "org:projects:read", "org:reports:read", "org:reports:sign")
    assert read(signed(SESSION_V2)) == ClerkClaims(
        "user_ana", "org_hill", "admin", permissions, None, NOW + timedelta(minutes=1), "sess_1"
    )


@pytest.mark.parametrize("claims", [changed(SESSION_V1, org_id=NOTHING), changed(SESSION_V2, o=NOTHING)])
def test_without_an_active_organization_there_are_no_rights(claims: dict[str, Any]) -> None:
    """A person may be signed in and work for nobody just now."""
    found = read(signed(claims))
    assert (found.organization_id, found.role, found.permissions) == (None, None, ())


@pytest.mark.parametrize(("claims", "kind"), EXAMPLES)
def test_who_really_sits_there_is_told(claims: dict[str, Any], kind: str) -> None:
    """Support that signs in as somebody leaves its own name (RFC 8693)."""
    act = {"iss": "https://dashboard.clerk.com", "sub": "user_support", "sid": "sess_9"}
    assert read(signed(changed(claims, act=act), kind)).actor == "user_support"


def test_a_feature_beyond_the_numbers_has_no_permissions() -> None:
    """What is not told is not given."""
    organization = {**SESSION_V2["o"], "fpm": "1"}
    assert read(signed(changed(SESSION_V2, o=organization))).permissions == ("org:projects:read",)


@pytest.mark.parametrize(
    ("fea", "per", "fpm"),
    [
        ("o:projects", "read", "2"),  # a bit beyond the names
        ("o:projects", "read", "1,1"),  # a number beyond the features
        ("o:projects", "read", "-1"),
        ("o:projects", "read", "1.0"),
        ("o:projects", "read", "٣"),
        ("o:projects", "read", "9" * 41),
        ("o:pro jects", "read", "1"),
        ("o:projects:x", "read", "1"),
        ("o:projects", "re:ad", "1"),
        ("o:" + "a," * 5000, "read", "1"),
    ],
)
def test_permissions_that_do_not_add_up_are_refused(fea: str, per: str, fpm: str) -> None:
    """Half a right is nobody's: the token is refused, not read as less or more."""
    organization = {"id": "org_hill", "rol": "admin", "per": per, "fpm": fpm}
    refused(signed(changed(SESSION_V2, fea=fea, o=organization)), "permissions|fea")


# --- when and for whom ----------------------------------------------------------------------------


@pytest.mark.parametrize(("claims", "kind"), EXAMPLES)
def test_clocks_may_differ_by_five_seconds_and_no_more(claims: dict[str, Any], kind: str) -> None:
    """At both ends."""
    token = signed(claims, kind)
    end = datetime.fromtimestamp(claims["exp"], UTC)
    read(token, now=end + timedelta(seconds=4.9))
    refused(token, "expired", now=end + timedelta(seconds=5))
    read(token, now=NOW - timedelta(seconds=5))
    refused(token, "future", now=NOW - timedelta(seconds=5.1))


@pytest.mark.parametrize(("claims", "kind"), EXAMPLES)
@pytest.mark.parametrize("issuer", [ISSUER + "/", "https://other.example.com", "", None, [ISSUER], NOTHING])
def test_only_the_one_issuer_counts(claims: dict[str, Any], kind: str, issuer: object) -> None:
    """Letter by letter."""
    refused(signed(changed(claims, iss=issuer), kind), "another sign-in service|its iss")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "client_other"},
        {"client_id": NOTHING},
        {"client_id": [CLIENT]},
        {"aud": "https://other.example.com"},
        {"aud": ["https://other.example.com", "client_other"]},
        {"aud": []},
        {"aud": [AUDIENCE, 7]},
        {"aud": {"x": 1}},
        {"client_id": "client_other", "aud": AUDIENCE},
    ],
)
def test_an_access_token_for_another_application_is_refused(changes: dict[str, Any]) -> None:
    """Whoever runs another application of the same company has its people's tokens."""
    refused(
        signed(changed(ACCESS, **changes), "at+jwt"), "another application|whom it is for|which app|client_id"
    )


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["else", CLIENT]])
def test_an_access_token_may_name_us_as_its_audience(aud: object) -> None:
    """With or without a client id beside it."""
    assert read(signed(changed(ACCESS, aud=aud), "at+jwt")).subject == "user_ana"
    assert read(signed(changed(ACCESS, aud=aud, client_id=NOTHING), "at+jwt")).subject == "user_ana"


def test_a_machine_is_no_person() -> None:
    """Client credentials give tokens whose subject is the client (RFC 9068 section 2.2)."""
    refused(signed(changed(ACCESS, sub=CLIENT), "at+jwt"), "machine")


@pytest.mark.parametrize("claims", [SESSION_V1, SESSION_V2])
@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"azp": "https://evil.example.com"}, "another application"),
        ({"azp": ""}, "azp"),
        ({"sts": "pending"}, "not finished"),
        ({"sts": "strange"}, "not finished"),
        ({"sts": None}, "not finished"),
        ({"aud": CLIENT}, "another application"),
        ({"aud": AUDIENCE, "nonce": "x"}, "no session"),
        ({"at_hash": "x"}, "no session"),
        ({"sid": NOTHING}, "sid"),
        ({"v": 3}, "newer kind"),
        ({"v": True}, "newer kind"),
        ({"v": "2"}, "newer kind"),
        ({"act": "user_support"}, "for whom"),
        ({"act": {}}, "sub"),
    ],
)
def test_a_session_that_is_not_ours_or_not_whole_is_refused(
    claims: dict[str, Any], changes: dict[str, Any], match: str
) -> None:
    """Another origin, a task still open, an id_token, a newer version."""
    refused(signed(changed(claims, **changes)), match)


def test_a_session_without_a_party_counts() -> None:
    """Clerk leaves azp out where the request had no origin."""
    assert read(signed(changed(SESSION_V2, azp=NOTHING))).subject == "user_ana"


# --- signatures and headers -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", "JWS", "id+jwt", "dpop+jwt", "brv-grant+jwt", None])
def test_a_token_of_another_type_is_refused(kind: str | None) -> None:
    """RFC 8725 section 3.11: a grant or a proof is no session, whoever signed it."""
    refused(signed(SESSION_V2, kind), "unknown type")


def test_a_token_cannot_pass_for_one_of_the_other_type() -> None:
    """Each type has its own claims."""
    refused(signed(ACCESS, "JWT"), "sid")
    refused(signed(SESSION_V2, "at+jwt"), "which application")


@pytest.mark.parametrize(
    "extra",
    [
        {"jku": "https://evil"},
        {"x5u": "u"},
        {"x5c": []},
        {"jwk": public_jwk("own")},
        {"crit": ["exp"]},
        {"b64": True},
    ],
)
def test_a_token_that_brings_its_own_key_is_refused(extra: dict[str, Any]) -> None:
    """RFC 8725 section 3.10, even where the signature is right."""
    refused(signed_bytes(header_bytes(**extra), json.dumps(SESSION_V2).encode()), "its own")


def test_only_rs256_counts() -> None:
    """Neither none, nor the public key as a shared secret, nor another padding."""
    claims = json.dumps(SESSION_V2).encode()
    unsigned = f"{base64url(header_bytes(alg='none'))}.{base64url(claims)}."
    refused(unsigned, "not accepted")
    body = f"{base64url(header_bytes(alg='HS256'))}.{base64url(claims)}"
    refused(f"{body}.{base64url(hmac.digest(public_pem(), body.encode(), 'sha256'))}", "not accepted")
    for algorithm in ("PS256", "RS512"):
        token = jwt.encode(SESSION_V2, private_key(), algorithm=algorithm, headers={"kid": KID})
        refused(token, "not accepted")


def test_an_unknown_key_is_told_apart() -> None:
    """So that newer keys can be fetched; without an id nothing can be looked up."""
    for token in (signed(SESSION_V2, kid="ins_2"), signed(SESSION_V2, kid=None)):
        with pytest.raises(UnknownKey):
            read(token)
    token = signed_bytes(header_bytes(kid=["ins_1"]), json.dumps(SESSION_V2).encode())
    with pytest.raises(UnknownKey):
        read(token)


def test_the_key_has_to_be_the_named_one() -> None:
    """Of two keys of the issuer's, the other one's signature is wrong."""
    keys = read_keys(key_set(KID, "ins_2"))
    head, body, _ = signed(SESSION_V2, kid="ins_2").split(".")
    refused(".".join([head, body, signed(SESSION_V2).split(".")[2]]), "signature", keys=keys)


@given(st.data())
def test_no_changed_character_is_taken(data: st.DataObject) -> None:
    """Anywhere in the token."""
    token = signed(SESSION_V2)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(
        st.sampled_from("ABCxyz019-_.=+/ \n\x00é\ud800").filter(lambda one: one != token[place])
    )
    with pytest.raises(Distrusted):
        read(token[:place] + letter + token[place + 1 :])


@given(st.text(max_size=300) | st.lists(st.text(max_size=40), min_size=3, max_size=3).map(".".join))
def test_rubbish_is_refused(token: str) -> None:
    """Whatever text comes."""
    with pytest.raises(Distrusted):
        read(token)


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"null", b"[]", b'"x"', b"[" * 6000, b'{"a":' * 1500, b"\xff\xfe", b"{", b'{"exp":NaN}', b'{"exp":1e999}',
        b'{"exp":' + b"9" * 5000 + b"}", b'{"sub":"a","sub":"b"}',
        json.dumps(SESSION_V2).encode()[:-1] + b',"sub":"user_eve"}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["JWT", "at+jwt"])
def test_strange_contents_are_refused_though_rightly_signed(payload: bytes, kind: str) -> None:
    """Nested without end, not JSON, numbers that are none, a name twice."""
    refused(signed_bytes(header_bytes(typ=kind), payload), "does not hold")


@given(st.data())
@pytest.mark.parametrize(("claims", "kind"), EXAMPLES)
def test_a_claim_of_any_other_type_gives_our_error_or_sound_values(
    claims: dict[str, Any], kind: str, data: st.DataObject
) -> None:
    """Every claim in turn becomes something else; what is still taken has the right types."""
    name = data.draw(st.sampled_from(sorted(claims)))
    inner = claims.get("o")
    if name == "o" and inner and data.draw(st.booleans()):
        part = data.draw(st.sampled_from(sorted(inner)))
        spoiled = changed(claims, o={**inner, part: data.draw(JSON)})
    else:
        spoiled = changed(claims, **{name: data.draw(JSON)})
    try:
        found = read(signed_bytes(header_bytes(typ=kind), json.dumps(spoiled).encode()))
    except Distrusted:
        return
    assert isinstance(found.subject, str)
    for maybe in (found.organization_id, found.role, found.actor, found.session_id):
        assert maybe is None or maybe.isprintable()
    assert all(one.count(":") == 2 for one in found.permissions)
    assert found.expires_at.tzinfo is not None


# --- keys -----------------------------------------------------------------------------------------


def test_keys_of_other_kinds_are_passed_over() -> None:
    """A provider may have keys for encryption, or for other algorithms, beside those we use."""
    others: list[Any] = [
        {"kty": "EC", "kid": "a", "crv": "P-256", "x": "A", "y": "A"},
        {**public_jwk("enc"), "use": "enc"},
        {**public_jwk("rs512"), "alg": "RS512"},
        {**public_jwk("nameless"), "kid": 7},
        {**public_jwk("odd"), "e": "AA"},
        {**public_jwk("dear"), "e": "A" * 400},
        {**public_jwk("long"), "n": "B" * 5000},
        {**public_jwk("torn"), "n": 5},
        "text",
        None,
    ]
    assert set(read_keys({"keys": [*others, public_jwk()]}).keys) == {KID}


def test_a_short_key_is_no_key() -> None:
    """Less than 2,048 bits can be broken (RFC 8725 section 3.5)."""
    with pytest.raises(NotAProvider, match="no key that can be used"):
        read_keys({"keys": [public_jwk("short", 1024)]})


@given(JSON | st.fixed_dictionaries({"keys": JSON | st.lists(JSON, max_size=5)}))
def test_a_key_set_that_is_none_is_refused(document: object) -> None:
    """Whatever JSON came."""
    with pytest.raises(NotAProvider):
        read_keys(document)


def test_a_key_set_without_end_is_refused() -> None:
    """Nobody has forty keys in use."""
    with pytest.raises(NotAProvider):
        read_keys({"keys": [public_jwk()] * 40})


def test_times_beyond_all_calendars_are_refused() -> None:
    """A token for ever is no token."""
    refused(signed(changed(SESSION_V2, exp=10**15)), "exp")
    refused(signed(changed(SESSION_V2, exp=NOW_S + 60, iat=-1)), "iat")
