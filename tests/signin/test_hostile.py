"""What answers in a provider's place on bad networks and worse servers: each gives a clear error, soon, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.auth.jwks import Distrusted
from bravetui.auth.openid import ANSWER_BYTES_MAX, NotAProvider, json_answer, read_metadata
from bravetui.base.clock import ManualClock
from bravetui.base.errors import BravetuiError, Refused, Transient
from bravetui.signin.device import read_begun
from bravetui.signin.flow import SignInSettings, sign_in
from bravetui.signin.tokens import SignedIn
from tests.support.signing_in import Heard, Reply, StandIn, Terminal, nothing, pausing

NOW = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
JSON_TYPE = {"Content-Type": "application/json"}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def plain(document: object, status: int = 200) -> Reply:
    """JSON as it should come."""
    return status, JSON_TYPE, json.dumps(document).encode()


def description(origin: str, **changes: Any) -> dict[str, Any]:
    """A sound provider's metadata, with changes."""
    return {
        "issuer": origin, "jwks_uri": f"{origin}/keys", "authorization_endpoint": f"{origin}/authorize",
        "token_endpoint": f"{origin}/token", "device_authorization_endpoint": f"{origin}/device",
        "code_challenge_methods_supported": ["S256"], **changes,
    }  # fmt: skip


DEVICE = {
    "device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": "https://clerk.example.com/device", "expires_in": 600,
    "interval": 5,
}  # fmt: skip


async def signing_in(reply: Callable[[str, Heard], Reply]) -> SignedIn:
    """Sign in over SSH where `reply` answers as the provider at an origin."""
    clock = ManualClock(NOW)
    async with StandIn(lambda heard: reply(server.origin, heard)) as server:
        settings = SignInSettings(server.origin, "laptop")
        return await sign_in(settings, Terminal(nothing, pastes=["?"] * 9), clock, pause=pausing(clock))


def described(origin: str, heard: Heard, **replies: Reply) -> Reply:
    """A sound description; what else is asked is answered by the last part of its path."""
    if heard.path == "/.well-known/openid-configuration":
        return plain(description(origin))
    return replies.get(heard.path.strip("/"), plain({"error": "not_here"}, 404))


PORTAL = b"<html><form>Room number and surname, please</form></html>"


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        ((200, {"Content-Type": "text/html"}, PORTAL), "answered with a page"),
        ((200, {}, PORTAL), "answered with a page"),
        ((200, JSON_TYPE, PORTAL), "cut short or damaged"),
        ((200, JSON_TYPE, b'{"issuer": "http'), "cut short or damaged"),
        (
            (200, {**JSON_TYPE, "Content-Length": "5000"}, b'{"issuer": "http'),
            "line to the sign-in service broke",
        ),
        ((200, JSON_TYPE, b"[" * 100_000), "cut short or damaged"),
        ((200, JSON_TYPE, b"\xff\xfe\x00"), "cut short or damaged"),
        ((200, JSON_TYPE, b" " * 1_000_000 + b"{}"), "far too large"),
        ((200, {**JSON_TYPE, "Content-Encoding": "gzip"}, b"\x1f\x8b"), "packed"),
        ((200, {**JSON_TYPE, "Content-Encoding": "x"}, b"{}"), "packed"),
        ((200, JSON_TYPE, b"[]"), "no description"),
        ((200, JSON_TYPE, b"null"), "no description"),
        ((302, {"Location": "https://portal.example.com/"}, b""), "sends elsewhere"),
        ((307, {"Location": "/.well-known/openid-configuration"}, b""), "sends elsewhere"),
        ((404, JSON_TYPE, b"{}"), "answered 404"),
        ((503, {"Content-Type": "text/html"}, b"<h1>down"), "unwell"),
        ((429, JSON_TYPE, b"{}"), "unwell"),
    ],
)
async def test_what_is_no_provider_is_said_to_be_none(reply: Reply, match: str) -> None:
    """A hotel's page, half an answer, too much of one, a redirect: wait for a better network."""
    with pytest.raises(Transient, match=match) as caught:
        await signing_in(lambda _, __: reply)
    assert caught.value.todo


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"issuer": "https://evil.example.com"}, "calls itself https://evil.example.com"),
        ({"issuer": None}, "calls itself none"),
        ({"issuer": "\x1b[31mred"}, "calls itself ␛"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
    ],
)
async def test_a_provider_that_is_another_or_protects_nothing_is_refused(
    changes: dict[str, Any], match: str
) -> None:
    """RFC 8414 section 3.3: it has to call itself what it was called."""
    with pytest.raises(Refused, match=match) as caught:
        await signing_in(lambda origin, _: plain(description(origin, **changes)))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["jwks_uri", "token_endpoint", "authorization_endpoint", "device_authorization_endpoint"]
)
@pytest.mark.parametrize(
    "address",
    ["http://evil.example.com/", "file:///etc/passwd", "javascript:alert(1)", "", 7, "https://a@b.example/"],
)
async def test_no_endpoint_may_be_unsafe(name: str, address: object) -> None:
    """What it names is asked, or opened in a browser."""
    with pytest.raises(NotAProvider, match=name):
        await signing_in(lambda origin, _: plain(description(origin, **{name: address})))


def test_a_provider_out_there_names_nothing_on_this_machine() -> None:
    """Its description must not make a laptop ask what listens on its own loopback."""
    issuer = "https://clerk.example.com"
    with pytest.raises(NotAProvider, match="token_endpoint is not encrypted"):
        read_metadata(description(issuer, token_endpoint="http://127.0.0.1:631/"), issuer)


@pytest.mark.parametrize(
    "changes",
    [
        {"device_code": ""}, {"device_code": 5}, {"user_code": "\x1b[2J"}, {"user_code": "A" * 65}, {"user_code": None},
        {"verification_uri": "http://evil.example.com"}, {"verification_uri": None}, {"verification_uri_complete": "x"},
        {"expires_in": None}, {"expires_in": "600"}, {"expires_in": True}, {"expires_in": -1}, {"expires_in": float("nan")},
        {"interval": "5"}, {"interval": -5}, {"interval": float("inf")},
    ],
)  # fmt: skip
async def test_a_device_code_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    """Nothing of it is shown."""
    begun = plain({**DEVICE, **changes})
    with pytest.raises(NotAProvider):
        await signing_in(lambda origin, heard: described(origin, heard, device=begun))


def test_what_a_provider_says_of_time_is_obeyed_within_reason() -> None:
    """A missing interval is five seconds (RFC 8628 section 3.2), none is one, a day is two minutes."""
    begun = {name: value for name, value in DEVICE.items() if name != "interval"}
    assert read_begun(begun).interval_s == 5
    assert read_begun({**begun, "interval": 0}).interval_s == 1
    assert read_begun({**begun, "interval": 86_400}).interval_s == 120
    assert read_begun({**begun, "expires_in": 86_400}).life_s == 3600


TOKENS = {"token_type": "Bearer", "access_token": "a", "id_token": "a.b.c", "expires_in": 60}


@pytest.mark.parametrize(
    ("reply", "kind", "match"),
    [
        (plain([]), Refused, "while the code held"),  # as long as no sound answer comes, the next may be one
        ((200, {"Content-Type": "text/html"}, PORTAL), Refused, "while the code held"),
        ((302, {"Location": "https://evil.example.com"}, b""), Refused, "while the code held"),
        (plain({"error": "authorization_pending"}, 400), Refused, "while the code held"),
        (plain({"error": "slow_down"}, 400), Refused, "while the code held"),
        (plain({"error": "expired_token"}, 400), Refused, "while the code held"),
        (plain({"error": "access_denied"}, 400), Refused, "turned down"),
        (plain({"error": "invalid_grant", "error_description": "no\x1b[31m!"}, 400), Refused, "says no: no␛"),
        (plain({"error": "x" * 5000}, 400), Refused, "says no: xxx"),
        (plain({}), Transient, "no proof of who"),
        (plain({**TOKENS, "access_token": None}), Transient, "no proof of who"),
        (plain({**TOKENS, "access_token": "a\nb"}), Transient, "no proof of who"),
        (plain({**TOKENS, "access_token": "a" * 20_000}), Transient, "no proof of who"),
        (plain({**TOKENS, "id_token": ["a"]}), Transient, "no proof of who"),
        (plain({**TOKENS, "token_type": "mac"}), Transient, "no proof of who"),
        (plain(TOKENS), Transient, "answered 404"),  # it gives no keys
    ],
)
async def test_tokens_that_are_none_are_refused(reply: Reply, kind: type[BravetuiError], match: str) -> None:
    """Whatever the token endpoint says."""
    with pytest.raises(kind, match=match) as caught:
        await signing_in(lambda origin, heard: described(origin, heard, device=plain(DEVICE), token=reply))
    assert "\x1b" not in str(caught.value)


async def test_a_line_that_fails_while_waiting_is_waited_for() -> None:
    """RFC 8628 section 3.5: half as often after each failure; then the answer counts."""
    asked_at: list[float] = []
    clock = ManualClock(NOW)

    def reply(heard: Heard) -> Reply:
        if heard.path == "/token":
            asked_at.append(clock.monotonic_s())
            return (
                (200, {"Content-Type": "text/html"}, PORTAL)
                if len(asked_at) < 3
                else plain({"error": "access_denied"}, 400)
            )
        return described(server.origin, heard, device=plain(DEVICE))

    async with StandIn(reply) as server:
        with pytest.raises(Refused, match="turned down"):
            await sign_in(
                SignInSettings(server.origin, "laptop"), Terminal(nothing), clock, pause=pausing(clock)
            )
    assert asked_at == [5, 15, 35]


async def test_keys_that_are_none_make_no_token_true() -> None:
    """An empty set, or one with somebody else's key."""
    from tests.support.tokens import key_set, signed

    tokens = plain({**TOKENS, "id_token": signed({"iss": "x"}, kid="ins_2")})
    for keys, kind in ((plain({"keys": []}), NotAProvider), (plain(key_set("ins_1")), Distrusted)):
        with pytest.raises(kind):
            await signing_in(partial(described, device=plain(DEVICE), token=tokens, keys=keys))


async def test_nothing_is_sent_but_to_who_was_named() -> None:
    """A redirect of the token endpoint takes the device code nowhere."""
    async with StandIn(lambda _: plain({})) as elsewhere:
        reply = (307, {"Location": f"{elsewhere.origin}/token"}, b"")
        with pytest.raises(Refused):
            await signing_in(
                lambda origin, heard: described(origin, heard, device=plain(DEVICE), token=reply)
            )
        assert elsewhere.heard == []


@given(ANY_JSON)
def test_any_json_is_read_or_refused_as_metadata(document: Any) -> None:
    """No other error comes out."""
    for told in (
        document,
        {"issuer": "https://c.example", "jwks_uri": document},
        description("https://c.example", scopes_supported=document, introspection_endpoint=document),
    ):
        try:
            assert read_metadata(told, "https://c.example").issuer == "https://c.example"
        except (NotAProvider, Refused):
            continue


@given(ANY_JSON, st.sampled_from(sorted(DEVICE)))
def test_any_json_is_read_or_refused_as_a_device_code(value: Any, name: str) -> None:
    """No other error comes out, and what comes out can be shown."""
    try:
        assert read_begun({**DEVICE, name: value}).user_code.isprintable()
    except NotAProvider:
        return


@given(st.binary(max_size=100))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    """No other error comes out."""
    try:
        json_answer("application/json", body)
    except NotAProvider:
        return


def test_a_key_sets_own_type_is_json_too() -> None:
    """RFC 7517 section 8.5."""
    assert json_answer("Application/JWK-Set+JSON; charset=utf-8", b"{}") == {}
    assert ANSWER_BYTES_MAX < 1_000_000
