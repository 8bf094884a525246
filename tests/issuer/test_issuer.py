"""The development issuer keeps the rules of a real one, through its own HTTP, but for passwords."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest

from bravetui.auth.clerk import ClerkClaims, Expected, read_clerk_token
from bravetui.auth.jwks import UnknownKey, read_keys
from bravetui.auth.openid import DEVELOPMENT_MARK
from bravetui.base.clock import ManualClock
from bravetui.base.errors import BadInput, Busy
from bravetui.issuer.__main__ import words
from bravetui.issuer.pending import KEPT_MAX, Shelf
from bravetui.issuer.people import PEOPLE, Person
from bravetui.issuer.provider import CLIENT_ID, DEVICE_GRANT, DevelopmentIssuer
from bravetui.issuer.serve import issuing
from tests.support.signing_in import Browser, Page

NOW = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
REDIRECT = "http://127.0.0.1:49999/"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ANA = PEOPLE[0]


@pytest.fixture
def clock() -> ManualClock:
    """Moved by hand."""
    return ManualClock(NOW)


@pytest.fixture
def issuer(clock: ManualClock) -> Iterator[DevelopmentIssuer]:
    """A running one."""
    with issuing(clock=clock) as running:
        yield running


def asking(issuer: DevelopmentIssuer, **changes: str | None) -> str:
    """The address that a program opens, with changes; None leaves a field out."""
    fields: dict[str, str | None] = {
        "response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "scope": "openid user:org:read",
        "state": "s1", "nonce": "n1", "code_challenge": CHALLENGE, "code_challenge_method": "S256", **changes,
    }  # fmt: skip
    given = {name: value for name, value in fields.items() if value is not None}
    return f"{issuer.metadata()['authorization_endpoint']}?{urlencode(given)}"


def query_of(page: Page) -> dict[str, str]:
    """What the redirect address says."""
    assert page.address.startswith(REDIRECT)
    return {name: values[0] for name, values in parse_qs(urlsplit(page.address).query).items()}


async def code_for(issuer: DevelopmentIssuer, subject: str = ANA.subject, **changes: str | None) -> str:
    """A code, as a person in a browser gets it."""
    async with Browser() as browser:
        page = await browser.open(asking(issuer, **changes))
        return query_of(await browser.send(page, REDIRECT, subject=subject))["code"]


def trade(issuer: DevelopmentIssuer, code: str, **changes: str) -> httpx.Response:
    """What the token endpoint says to a code."""
    fields = {
        "grant_type": "authorization_code", "client_id": CLIENT_ID, "code": code, "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER, **changes,
    }  # fmt: skip
    return httpx.post(issuer.metadata()["token_endpoint"], data=fields)


def read(issuer: DevelopmentIssuer, token: str, now: datetime = NOW) -> ClerkClaims:
    """A token as central reads it."""
    keys = read_keys(httpx.get(issuer.metadata()["jwks_uri"]).json())
    return read_clerk_token(token, keys, Expected(issuer.issuer, frozenset({CLIENT_ID})), now)


def post(issuer: DevelopmentIssuer, endpoint: str, **fields: str) -> dict[str, Any]:
    """What an endpoint says to this program."""
    answer: dict[str, Any] = httpx.post(
        issuer.metadata()[endpoint], data={"client_id": CLIENT_ID, **fields}
    ).json()
    return answer


def userinfo(issuer: DevelopmentIssuer, token: str) -> httpx.Response:
    """Who a token is of."""
    return httpx.get(issuer.metadata()["userinfo_endpoint"], headers={"Authorization": f"Bearer {token}"})


def test_it_describes_itself_and_says_what_it_is(issuer: DevelopmentIssuer) -> None:
    """At all places where a client may look; the address itself says it too."""
    origin = issuer.issuer.removesuffix("/development")
    for place in (
        f"{issuer.issuer}/.well-known/openid-configuration",
        f"{issuer.issuer}/.well-known/oauth-authorization-server",
        f"{origin}/.well-known/oauth-authorization-server/development",
    ):
        said = httpx.get(place).json()
        assert said["issuer"] == issuer.issuer
        assert "demo and tests only" in said[DEVELOPMENT_MARK]


async def test_a_person_who_is_chosen_gets_a_code_and_the_program_their_tokens(
    issuer: DevelopmentIssuer,
) -> None:
    """The page lists everybody; the answer has the state that was sent and the issuer's name (RFC 9207)."""
    async with Browser() as browser:
        page = await browser.open(asking(issuer))
        assert all(person.name in page.text for person in PEOPLE)
        answer = query_of(await browser.send(page, REDIRECT, subject=ANA.subject))
    assert (answer["state"], answer["iss"]) == ("s1", issuer.issuer)
    response = trade(issuer, answer["code"])
    tokens = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert "refresh_token" not in tokens
    claims = read(issuer, tokens["access_token"])
    assert (claims.subject, claims.organization_id, claims.role) == (ANA.subject, "org_hill", None)
    identity: dict[str, Any] = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (identity["nonce"], identity["aud"], identity["name"]) == ("n1", CLIENT_ID, ANA.name)
    told = userinfo(issuer, tokens["access_token"]).json()
    assert (told["sub"], told["email"], told["org_id"]) == (ANA.subject, ANA.email, "org_hill")


async def test_without_the_scope_no_organization_is_told(issuer: DevelopmentIssuer) -> None:
    """As at Clerk."""
    tokens = trade(issuer, await code_for(issuer, scope="openid")).json()
    assert read(issuer, tokens["access_token"]).organization_id is None


async def test_a_code_works_once(issuer: DevelopmentIssuer) -> None:
    """RFC 6749 section 4.1.2."""
    code = await code_for(issuer)
    assert trade(issuer, code).status_code == 200
    again = trade(issuer, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": "http://127.0.0.1:1/"},
    ],
)
async def test_a_code_is_for_who_asked(issuer: DevelopmentIssuer, changes: dict[str, str]) -> None:
    """PKCE, and the same address to return to; a failed try uses the code up."""
    code = await code_for(issuer)
    assert trade(issuer, code, **changes).json()["error"] == "invalid_grant"
    assert trade(issuer, code).json()["error"] == "invalid_grant"


async def test_a_code_holds_ten_minutes(issuer: DevelopmentIssuer, clock: ManualClock) -> None:
    """As at Clerk."""
    early, late = await code_for(issuer), await code_for(issuer)
    clock.advance(seconds=599)
    assert trade(issuer, early).status_code == 200
    clock.advance(seconds=1)
    assert trade(issuer, late).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "openid offline_access"}, "invalid_scope"),
    ],
)
async def test_a_faulty_request_goes_back_to_the_program(
    issuer: DevelopmentIssuer, changes: dict[str, str | None], error: str
) -> None:
    """With the protocol's word, and the state."""
    async with Browser() as browser:
        answer = query_of(await browser.open(asking(issuer, **changes), REDIRECT))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "s1", issuer.issuer)


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example.com/"},
        {"redirect_uri": "http://127.0.0.1.evil.example.com/"},
        {"redirect_uri": "http://127.0.0.1:80@evil.example.com/"},
        {"redirect_uri": "http://127.0.0.1:80/\r\nX: y"},
        {"redirect_uri": None},
        {"client_id": "somebody"},
    ],
)
async def test_an_unknown_program_gets_nothing(
    issuer: DevelopmentIssuer, changes: dict[str, str | None]
) -> None:
    """No redirect to where nobody registered (RFC 9700 section 4.11)."""
    async with Browser() as browser:
        page = await browser.open(asking(issuer, **changes), "http")
    assert (page.status, "did not work" in page.text) == (400, True)


async def test_who_does_not_want_to_can_say_so(issuer: DevelopmentIssuer) -> None:
    """The program hears it; the page works once."""
    async with Browser() as browser:
        page = await browser.open(asking(issuer))
        assert query_of(await browser.send(page, REDIRECT, cancel="yes"))["error"] == "access_denied"
        assert (await browser.send(page, REDIRECT, subject=ANA.subject)).status == 400


async def test_a_device_waits_for_its_person(issuer: DevelopmentIssuer, clock: ManualClock) -> None:
    """RFC 8628: pending, too fast, then tokens, once."""
    begun = post(issuer, "device_authorization_endpoint", scope="openid")

    def ask() -> dict[str, Any]:
        return post(issuer, "token_endpoint", grant_type=DEVICE_GRANT, device_code=begun["device_code"])

    assert ask()["error"] == "authorization_pending"
    clock.advance(seconds=4)
    assert ask()["error"] == "slow_down"
    clock.advance(seconds=9)
    assert ask()["error"] == "slow_down"
    clock.advance(seconds=15)
    assert ask()["error"] == "authorization_pending"
    async with Browser() as browser:
        page = await browser.open(begun["verification_uri"])
        wrong = await browser.send(page, user_code="AAAA-AAAA", subject=ANA.subject)
        assert "Look at the code again" in wrong.text
        page = await browser.open(begun["verification_uri_complete"])
        assert "Go back" in (await browser.send(page, subject=ANA.subject)).text
    assert read(issuer, ask()["access_token"], clock.now()).subject == ANA.subject
    assert ask()["error"] == "expired_token"


async def test_a_device_may_be_turned_down_or_forgotten(
    issuer: DevelopmentIssuer, clock: ManualClock
) -> None:
    """By its person, or by time."""
    denied, forgotten = (post(issuer, "device_authorization_endpoint", scope="openid") for _ in range(2))
    async with Browser() as browser:
        await browser.send(await browser.open(denied["verification_uri_complete"]), cancel="yes")
    ask = partial(post, issuer, "token_endpoint", grant_type=DEVICE_GRANT)
    assert ask(device_code=denied["device_code"])["error"] == "access_denied"
    clock.advance(seconds=600)
    assert ask(device_code=forgotten["device_code"])["error"] == "expired_token"


def test_keys_change_on_request(issuer: DevelopmentIssuer) -> None:
    """The last key's tokens still hold, older ones do not."""
    first = issuer.access_token(ANA.subject)
    issuer.rotate_keys()
    assert read(issuer, first).subject == read(issuer, issuer.access_token(ANA.subject)).subject
    issuer.rotate_keys()
    with pytest.raises(UnknownKey):
        read(issuer, first)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.subject)
def test_sessions_of_both_versions_say_the_same(
    issuer: DevelopmentIssuer, version: int, person: Person
) -> None:
    """Role and permissions come out as they went in."""
    claims = read(issuer, issuer.session_token(person.subject, version))
    assert (claims.organization_id, claims.role) == (person.organization_id, person.role)
    assert claims.permissions == tuple(sorted(person.permissions))


def test_an_opaque_token_is_looked_up_by_who_knows_the_secret(clock: ManualClock) -> None:
    """RFC 7662; what is unknown or old is just not active."""
    with issuing(clock=clock, opaque=True) as issuer:
        address, token = issuer.metadata()["introspection_endpoint"], issuer.access_token(ANA.subject)
        assert httpx.post(address, data={"token": token}).status_code == 401
        login = ("central", issuer.secret)
        found = httpx.post(address, data={"token": token}, auth=login).json()
        assert (found["active"], found["sub"], found["client_id"]) == (True, ANA.subject, CLIENT_ID)
        assert httpx.post(address, data={"token": "made-up"}, auth=login).json() == {"active": False}
        clock.advance(days=2)
        assert httpx.post(address, data={"token": token}, auth=login).json() == {"active": False}


@pytest.mark.parametrize(
    "body",
    [b"", b"x" * 70_000, b"\xff=\xff", b"grant_type=a&grant_type=b", b"&" * 60_000, b"client_id=%00%ff"],
)
def test_rubbish_is_answered_in_the_protocols_words(issuer: DevelopmentIssuer, body: bytes) -> None:
    """Too much, no text, a field twice."""
    for name in ("token_endpoint", "device_authorization_endpoint"):
        response = httpx.post(issuer.metadata()[name], content=body)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_client")
    assert userinfo(issuer, "x.y").status_code == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.com", ""])
def test_it_listens_nowhere_but_on_loopback(host: str) -> None:
    """It lets in whoever asks."""
    with pytest.raises(BadInput, match="lets in whoever asks"), issuing(host=host):
        pass


def test_a_taken_port_is_said() -> None:
    """And nothing is left running."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(Busy, match="cannot be used"),
        issuing(port=taken.getsockname()[1]),
    ):
        pass


def test_it_remembers_no_more_than_it_can(clock: ManualClock) -> None:
    """The oldest go first."""
    shelf = Shelf[int](clock.monotonic_s)
    names = [shelf.put(number) for number in range(KEPT_MAX + 1)]
    assert (shelf.look(names[0]), shelf.look(names[-1])) == (None, KEPT_MAX)


def test_started_by_hand_it_says_how_central_is_told_of_it() -> None:
    said = words(DevelopmentIssuer("http://127.0.0.1:1", ManualClock(datetime(2026, 8, 3, tzinfo=UTC))))
    assert "bravetui central --development --issuer http://127.0.0.1:1/development --client-id" in said
    assert "user_ana  Ana Flores  org_hill" in said
