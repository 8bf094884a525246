"""Central believes one sign-in service: over real HTTP, by its keys, also while it is down, and never a development one."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from bravetui.auth.jwks import Distrusted
from bravetui.auth.openid import DEVELOPMENT_MARK
from bravetui.base.clock import ManualClock, SystemClock
from bravetui.base.errors import BadInput, BravetuiError, NeedsSignIn, Refused, Transient
from bravetui.central.clerk import AGAIN_S, FIRST_AGAIN_S, FRESH_S, ClerkIssuer, ClerkSettings
from bravetui.issuer.people import PEOPLE
from bravetui.issuer.provider import CLIENT_ID, DevelopmentIssuer
from bravetui.issuer.serve import issuing
from bravetui.signin.flow import SignInSettings, sign_in
from bravetui.signin.ways import Invitation
from tests.support.clerk_service import JSON_TYPE, Service, serving
from tests.support.foreign_provider import (
    AUDIENCE,
    CENTRAL_LOGIN,
    LAPTOP_CLIENT,
    ORGANIZATION,
    ForeignProvider,
)
from tests.support.signing_in import Browser, Terminal
from tests.support.tokens import CLIENT, KID, NOW, key_set

ANA = PEOPLE[0]


@pytest.fixture
def clock() -> ManualClock:
    """Central's."""
    return ManualClock(NOW)


@pytest.fixture
def service() -> Iterator[Service]:
    """A running one."""
    made = Service()
    with serving(made.answer) as made.origin:
        yield made


@pytest.fixture
def clerk(service: Service, clock: ManualClock) -> Iterator[ClerkIssuer]:
    """What central knows of it."""
    made = ClerkIssuer(ClerkSettings(service.origin, frozenset({CLIENT})), clock)
    yield made
    made.close()


# --- keys -----------------------------------------------------------------------------------------


def test_keys_are_fetched_once(clerk: ClerkIssuer, service: Service) -> None:
    """However many tokens come."""
    for _ in range(5):
        assert clerk.verify(service.token(), NOW).subject == "user_ana"
    assert service.key_fetches == 1


def test_a_new_key_is_fetched_when_a_token_has_it(
    clerk: ClerkIssuer, service: Service, clock: ManualClock
) -> None:
    """The service changed its key; the first token with the new one makes central look."""
    clerk.verify(service.token(), NOW)
    service.keys = key_set("ins_2", KID)
    clock.advance(seconds=AGAIN_S)
    assert clerk.verify(service.token("ins_2"), clock.now()).subject == "user_ana"
    assert clerk.verify(service.token(), clock.now()).subject == "user_ana"
    assert service.key_fetches == 2


def test_made_up_keys_make_central_ask_once_a_minute_at_most(
    clerk: ClerkIssuer, service: Service, clock: ManualClock
) -> None:
    """A hundred forgeries in ten minutes cost ten questions; whoever has a good token is let in meanwhile."""
    clerk.verify(service.token(), NOW)
    refusals: list[BravetuiError] = []
    for number in range(100):
        clock.advance(seconds=6)
        with pytest.raises(BravetuiError) as caught:
            clerk.verify(service.token("ins_2"), clock.now())
        refusals.append(caught.value)
        if number % 10 == 0:
            assert clerk.verify(service.token(), clock.now()).subject == "user_ana"
    assert service.key_fetches == 11
    assert {type(error) for error in refusals} <= {
        Distrusted,
        Transient,
        *(type(error) for error in refusals),
    }
    assert sum(isinstance(error, NeedsSignIn) for error in refusals) == 10
    assert all(0 < (error.wait_s or 0) <= AGAIN_S for error in refusals if isinstance(error, Transient))


def test_many_threads_with_unknown_keys_ask_once(
    clerk: ClerkIssuer, service: Service, clock: ManualClock
) -> None:
    """At the same moment, too, and the first time as well."""
    start = threading.Barrier(8)

    def knock() -> None:
        start.wait()
        with pytest.raises(BravetuiError):
            clerk.verify(service.token("ins_2"), NOW)

    threads = [threading.Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service.key_fetches == 1
    clock.advance(seconds=AGAIN_S)
    with pytest.raises(NeedsSignIn):
        clerk.verify(service.token("ins_2"), clock.now())
    assert service.key_fetches == 2


def test_many_threads_with_a_new_key_are_all_let_in(
    clerk: ClerkIssuer, service: Service, clock: ManualClock
) -> None:
    """One asks, and the others have what it got."""
    clerk.verify(service.token(), NOW)
    service.keys = key_set("ins_2")
    clock.advance(seconds=AGAIN_S)
    token = service.token("ins_2")
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: clerk.verify(token, clock.now()).subject, range(16)))
    assert found == ["user_ana"] * 16
    assert service.key_fetches == 2


def test_central_goes_on_while_the_service_is_down(
    clerk: ClerkIssuer, service: Service, clock: ManualClock
) -> None:
    """For hours, with the keys it has, asking once a minute at most; new keys once it is back."""
    clerk.verify(service.token(), NOW)
    service.down = True
    asked = len(service.asked)
    for _ in range(30):
        clock.advance(minutes=10)
        assert (
            clerk.verify(service.token(exp=int(clock.now().timestamp()) + 60), clock.now()).subject
            == "user_ana"
        )
    assert len(service.asked) - asked <= 30
    service.down, service.keys = False, key_set("ins_2")
    clock.advance(seconds=AGAIN_S)
    fresh = {"iat": int(clock.now().timestamp()), "exp": int(clock.now().timestamp()) + 60}
    assert clerk.verify(service.token("ins_2", **fresh), clock.now()).subject == "user_ana"


def test_a_withdrawn_key_is_believed_no_longer_than_an_hour(
    clerk: ClerkIssuer, service: Service, clock: ManualClock
) -> None:
    """Though nobody brings a new one."""
    clerk.verify(service.token(), NOW)
    service.keys = key_set("ins_2")
    clock.advance(seconds=FRESH_S)
    assert clerk.verify(service.token(), clock.now()).subject == "user_ana"
    clock.advance(seconds=1)
    with pytest.raises(BravetuiError):
        clerk.verify(service.token(), clock.now())


def test_a_service_that_is_down_at_the_start_is_asked_again_soon(
    clerk: ClerkIssuer, service: Service, clock: ManualClock
) -> None:
    """Every five seconds, and central need not be started again."""
    service.down = True
    for _ in range(4):
        with pytest.raises(Transient):
            clerk.verify(service.token(), NOW)
    assert len(service.asked) == 1
    service.down = False
    clock.advance(seconds=FIRST_AGAIN_S)
    assert clerk.verify(service.token(), NOW).subject == "user_ana"


@pytest.mark.parametrize(
    "answer",
    [
        (200, "text/html", b"<h1>portal"),
        (200, JSON_TYPE, b"{"),
        (200, JSON_TYPE, b"[]"),
        (200, JSON_TYPE, b" " * 1_000_000),
        (302, JSON_TYPE, b""),
        (404, JSON_TYPE, b"{}"),
        (500, JSON_TYPE, b"{}"),
    ],
)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys"])
def test_what_is_no_answer_is_waited_out(
    clerk: ClerkIssuer, service: Service, path: str, answer: tuple[int, str, bytes]
) -> None:
    """Nobody is told that their token is bad because a proxy is."""
    service.answers[path] = answer
    with pytest.raises(Transient):
        clerk.verify(service.token(), NOW)


def test_an_answer_far_too_large_is_not_read(clerk: ClerkIssuer, service: Service) -> None:
    """Though it is sound JSON in the end."""
    service.answers["/keys"] = (200, JSON_TYPE, b" " * 1_000_000 + json.dumps(service.keys).encode())
    with pytest.raises(Transient):
        clerk.verify(service.token(), NOW)


def test_the_other_place_for_metadata_does_too(clerk: ClerkIssuer, service: Service) -> None:
    """RFC 8414, where OpenID's own document is missing."""
    document = json.dumps(service.description()).encode()
    service.answers["/.well-known/openid-configuration"] = (404, "text/html", b"no")
    service.answers["/.well-known/oauth-authorization-server"] = (200, JSON_TYPE, document)
    assert clerk.verify(service.token(), NOW).subject == "user_ana"


def test_nobody_listens(clock: ManualClock) -> None:
    """A line that is not there is Transient, and asked at intervals."""
    with serving(lambda _: (404, "", b"")) as origin:
        pass
    clerk = ClerkIssuer(ClerkSettings(origin, frozenset({CLIENT})), clock)
    with pytest.raises(Transient, match="does not reach"):
        clerk.look()
    clerk.close()


@pytest.mark.parametrize(
    "issuer", ["http://clerk.example.com", "clerk.example.com", "", "https://user@clerk.example.com"]
)
def test_only_an_encrypted_service_is_believed(issuer: str, clock: ManualClock) -> None:
    """Said when central starts."""
    with pytest.raises(BadInput, match="https://"):
        ClerkIssuer(ClerkSettings(issuer, frozenset({CLIENT})), clock)


def test_a_service_that_calls_itself_otherwise_is_refused(clerk: ClerkIssuer, service: Service) -> None:
    """Nobody else's tokens by a slip in the settings."""
    service.changes = {"issuer": f"{service.origin}/"}
    with pytest.raises(Refused, match="calls itself"):
        clerk.look()


# --- a development issuer -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def issuer() -> Iterator[DevelopmentIssuer]:
    """The shipped one, running, in the time of these tests."""
    with issuing(clock=ManualClock(NOW)) as running:
        yield running


def test_a_development_issuer_is_refused_loudly(
    issuer: DevelopmentIssuer, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """At the start and for every token; in the log as loud as can be."""
    clerk = ClerkIssuer(ClerkSettings(issuer.issuer, frozenset({CLIENT_ID})), clock)
    with caplog.at_level(logging.CRITICAL), pytest.raises(Refused, match="lets in whoever asks") as caught:
        clerk.look()
    assert caught.value.code == "development_issuer"
    assert "DEVELOPMENT ISSUER" in caplog.text
    for seconds in (0, 5, 60):
        clock.advance(seconds=seconds)
        with pytest.raises((Refused, Transient)):
            clerk.verify(issuer.access_token(ANA.subject), NOW)
    clerk.close()


def test_one_that_turns_into_a_development_issuer_is_believed_no_more(
    clerk: ClerkIssuer, service: Service, clock: ManualClock
) -> None:
    """At the next look, though it was good before."""
    clerk.verify(service.token(), NOW)
    service.changes = {DEVELOPMENT_MARK: "yes"}
    clock.advance(seconds=FRESH_S + 1)
    with pytest.raises(Refused):
        clerk.verify(service.token(), clock.now())
    with pytest.raises(Transient):
        clerk.verify(service.token(), clock.now())


@pytest.mark.parametrize("kind", ["access", "session 1", "session 2"])
def test_for_development_it_counts(issuer: DevelopmentIssuer, clock: ManualClock, kind: str) -> None:
    """All of Clerk's tokens that it makes."""
    token = (
        issuer.access_token(ANA.subject)
        if kind == "access"
        else issuer.session_token(ANA.subject, int(kind[-1]))
    )
    clerk = ClerkIssuer(ClerkSettings(issuer.issuer, frozenset({CLIENT_ID})), clock, development=True)
    clerk.look()
    found = clerk.verify(token, NOW)
    assert (found.subject, found.organization_id) == (ANA.subject, ANA.organization_id)
    assert found.role == (None if kind == "access" else ANA.role)
    clerk.close()


# --- opaque tokens --------------------------------------------------------------------------------


def opaque(service: Service, clock: ManualClock, *, login: bool, userinfo: bool) -> ClerkIssuer:
    """Central, set up for tokens that say nothing by themselves."""
    settings = ClerkSettings(
        service.origin,
        frozenset({CLIENT}),
        login=("central", "secret") if login else None,
        trusts_userinfo=userinfo,
    )
    return ClerkIssuer(settings, clock)


ACTIVE = {
    "active": True,
    "sub": "user_ana",
    "client_id": CLIENT,
    "exp": int(NOW.timestamp()) + 60,
    "org_id": "org_hill",
}


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ({"active": False}, "revoked"),
        ({"active": "true"}, "revoked"),
        ({**ACTIVE, "client_id": "another"}, "another application"),
        ({**ACTIVE, "client_id": None}, "client_id"),
        ({name: value for name, value in ACTIVE.items() if name != "client_id"}, "which application"),
        ({**ACTIVE, "sub": 5}, "sub"),
        ({**ACTIVE, "sub": CLIENT}, "machine"),
        ({**ACTIVE, "exp": 1}, "expired"),
        ({**ACTIVE, "exp": "later"}, "exp"),
        ({**ACTIVE, "iss": "https://evil.example.com"}, "another sign-in service"),
        ({**ACTIVE, "org_id": ["org_hill"]}, "org_id"),
    ],
)
def test_what_introspection_says_is_judged(
    service: Service, clock: ManualClock, told: dict[str, Any], match: str
) -> None:
    """RFC 7662: active, for us, and holding now."""
    clerk = opaque(service, clock, login=True, userinfo=False)
    service.answers["/token_info"] = (200, JSON_TYPE, json.dumps(told).encode())
    with pytest.raises(Distrusted, match=match):
        clerk.verify("oat_secret", NOW)
    service.answers["/token_info"] = (200, JSON_TYPE, json.dumps(ACTIVE).encode())
    found = clerk.verify("oat_secret", NOW)
    assert (found.subject, found.organization_id, found.expires_at) == (
        "user_ana",
        "org_hill",
        NOW + timedelta(seconds=60),
    )
    clerk.close()


@pytest.mark.parametrize(
    "answer", [(401, JSON_TYPE, b"{}"), (200, JSON_TYPE, b"[]"), (200, "text/html", b"x"), (500, "", b"")]
)
def test_introspection_that_fails_blames_no_person(
    service: Service, clock: ManualClock, answer: tuple[int, str, bytes]
) -> None:
    """Central's own secret is wrong, or the service unwell."""
    clerk = opaque(service, clock, login=True, userinfo=True)
    service.answers["/token_info"] = answer
    with pytest.raises(Transient):
        clerk.verify("oat_secret", NOW)
    clerk.close()


def test_userinfo_counts_only_where_an_operator_says_so(service: Service, clock: ManualClock) -> None:
    """It does not say for which application a token is; and it says nothing of its end."""
    service.answers["/userinfo"] = (200, JSON_TYPE, b'{"sub": "user_ana", "org_id": "org_hill"}')
    wary = opaque(service, clock, login=False, userinfo=False)
    with pytest.raises(Distrusted, match="not set up"):
        wary.verify("oat_secret", NOW)
    trusting = opaque(service, clock, login=False, userinfo=True)
    assert trusting.verify("oat_secret", NOW).expires_at == NOW + timedelta(minutes=1)
    service.answers["/userinfo"] = (401, JSON_TYPE, b"{}")
    with pytest.raises(Distrusted, match="revoked"):
        trusting.verify("oat_secret", NOW)
    wary.close()
    trusting.close()


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1", "é", "x" * 20_000, "a\x00"])
def test_what_is_no_token_is_sent_nowhere(service: Service, clock: ManualClock, token: str) -> None:
    """Into no header and no form."""
    clerk = opaque(service, clock, login=True, userinfo=True)
    with pytest.raises(Distrusted):
        clerk.verify(token, NOW)
    assert not {"/userinfo", "/token_info"} & set(service.asked)
    clerk.close()


def test_the_development_issuer_looks_up_its_own(clock: ManualClock) -> None:
    """Real introspection, from end to end."""
    with issuing(clock=clock, opaque=True) as issuer:
        settings = ClerkSettings(issuer.issuer, frozenset({CLIENT_ID}), login=("central", issuer.secret))
        clerk = ClerkIssuer(settings, clock, development=True)
        assert clerk.verify(issuer.access_token(ANA.subject), NOW).organization_id == ANA.organization_id
        with pytest.raises(Distrusted, match="revoked"):
            clerk.verify("oat_made_up", NOW)
        clerk.close()


# --- somebody else's provider ---------------------------------------------------------------------


async def signed_in_at(provider: ForeignProvider) -> str:
    """An access token, as a laptop gets it."""

    async def visit(invitation: Invitation) -> None:
        async with Browser() as browser:
            page = await browser.open(invitation.address)
            page = await browser.send(page, login="ana", password="x")
            await browser.send(page)

    terminal = Terminal(visit, has_browser=True)
    signed_in = await sign_in(SignInSettings(provider.issuer, LAPTOP_CLIENT), terminal, SystemClock())
    await terminal.visited()
    return signed_in.access_token


async def test_a_signed_token_of_another_provider_is_read(foreign_provider: ForeignProvider) -> None:
    """From the laptop's sign-in to central's answer; for another audience or application it opens nothing."""
    token = await signed_in_at(foreign_provider)
    now = SystemClock().now()
    ours = ClerkSettings(foreign_provider.issuer, frozenset({LAPTOP_CLIENT}), frozenset({AUDIENCE}))
    strangers = (
        ClerkSettings(
            foreign_provider.issuer, frozenset({LAPTOP_CLIENT}), frozenset({"https://other.example"})
        ),
        ClerkSettings(foreign_provider.issuer, frozenset({"another"}), frozenset({AUDIENCE})),
    )
    clerk = ClerkIssuer(ours, SystemClock())
    found = clerk.verify(token, now)
    assert (found.subject, found.organization_id, found.role) == ("ana", ORGANIZATION, None)
    with pytest.raises(Distrusted, match="expired"):
        clerk.verify(token, now + timedelta(days=2))
    clerk.close()
    for settings in strangers:
        clerk = ClerkIssuer(settings, SystemClock())
        with pytest.raises(Distrusted, match="another application"):
            clerk.verify(token, now)
        clerk.close()


async def test_an_opaque_token_of_another_provider_is_looked_up(opaque_provider: ForeignProvider) -> None:
    """By introspection with central's secret, or by userinfo where that is enough."""
    token = await signed_in_at(opaque_provider)
    assert "." not in token
    now = SystemClock().now()
    for more in ({"login": CENTRAL_LOGIN}, {"trusts_userinfo": True}):
        settings = ClerkSettings(opaque_provider.issuer, frozenset({LAPTOP_CLIENT}), **more)
        clerk = ClerkIssuer(settings, SystemClock())
        assert clerk.verify(token, now).subject == "ana"
        with pytest.raises(Distrusted):
            clerk.verify(token[:-1] + ("A" if token[-1] != "A" else "B"), now)
        clerk.close()
