"""Signing in from end to end at the shipped development issuer, over real HTTP, by each way and with each mishap."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from bravetui.auth.jwks import Distrusted
from bravetui.base.clock import ManualClock
from bravetui.base.errors import BadInput, Busy, Refused, Transient
from bravetui.issuer.people import PEOPLE
from bravetui.issuer.provider import CLIENT_ID, DevelopmentIssuer
from bravetui.issuer.serve import issuing
from bravetui.signin import loopback
from bravetui.signin.flow import PASTES_MAX, SignInSettings, sign_in
from bravetui.signin.ways import Invitation
from tests.support.signing_in import Browser, Page, Terminal, landing_of, nothing, pausing

NOW = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
ANA = PEOPLE[0].subject


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    """One for issuer and laptop."""
    return ManualClock(NOW)


@pytest.fixture(scope="module")
def issuer(clock: ManualClock) -> Iterator[DevelopmentIssuer]:
    """A running one."""
    with issuing(clock=clock) as running:
        yield running


@pytest.fixture
def settings(issuer: DevelopmentIssuer) -> SignInSettings:
    """All that a laptop is told."""
    return SignInSettings(issuer.issuer, CLIENT_ID)


async def choose(invitation: Invitation, stop_at: str = "", **fields: str) -> Page:
    """Open the address, press a button."""
    async with Browser() as browser:
        page = await browser.open(invitation.address)
        given = {"user_code": invitation.user_code} if invitation.user_code else {}
        return await browser.send(page, stop_at, **given, **(fields or {"subject": ANA}))


async def choose_ana(invitation: Invitation) -> None:
    """What a good person does."""
    await choose(invitation)


def port_of(address: str) -> int:
    """Where an address to open says the browser comes back to."""
    return urlsplit(landing_of(address)).port or 0


def is_open(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- a browser here -------------------------------------------------------------------------------


async def test_a_browser_here_signs_in(
    settings: SignInSettings, clock: ManualClock, issuer: DevelopmentIssuer
) -> None:
    """Tokens come, the page is friendly, and nothing listens or shows tokens afterwards."""
    pages: list[Page] = []

    async def visit(invitation: Invitation) -> None:
        pages.append(await choose(invitation))

    terminal = Terminal(visit, has_browser=True)
    signed_in = await sign_in(settings, terminal, clock)
    await terminal.visited()
    assert signed_in.expires_at == clock.now() + timedelta(days=1)
    assert issuer.claims_of(signed_in.access_token)["org_id"] == "org_hill"
    assert signed_in.access_token not in repr(signed_in)
    assert signed_in.id_token not in repr(signed_in)
    assert "Go back to the terminal" in pages[0].text
    assert "http" not in pages[0].text  # it loads nothing from anywhere
    assert terminal.opened == [terminal.invitations[0].address]
    assert not is_open(port_of(terminal.opened[0]))


async def test_no_refresh_token_is_asked_for(settings: SignInSettings, clock: ManualClock) -> None:
    """Scopes that the provider lacks are left out; the way back is protected."""
    terminal = Terminal(choose_ana, has_browser=True)
    more = SignInSettings(settings.issuer, CLIENT_ID, (*settings.scopes, "public_metadata"))
    await sign_in(more, terminal, clock)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(terminal.opened[0]).query).items()}
    assert asked["scope"] == "openid profile email user:org:read"
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert "code_verifier" not in asked


async def test_each_sign_in_has_words_of_its_own(settings: SignInSettings, clock: ManualClock) -> None:
    """Nothing of one is of use to another."""
    terminal = Terminal(choose_ana, has_browser=True)
    for _ in range(2):
        await sign_in(settings, terminal, clock)
    first, second = (parse_qs(urlsplit(address).query) for address in terminal.opened)
    assert not any(first[name] == second[name] for name in ("state", "nonce", "code_challenge"))


async def test_who_turns_it_down_is_heard(settings: SignInSettings, clock: ManualClock) -> None:
    """The browser says so too."""
    pages: list[Page] = []

    async def visit(invitation: Invitation) -> None:
        pages.append(await choose(invitation, cancel="yes"))

    terminal = Terminal(visit, has_browser=True)
    with pytest.raises(Refused, match="turned down"):
        await sign_in(settings, terminal, clock)
    await terminal.visited()
    assert "You are not signed in" in pages[0].text


async def test_other_knocks_neither_end_nor_hold_up_a_sign_in(
    settings: SignInSettings, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages of other sites, scanners, and whoever connects and says nothing, for ever."""
    monkeypatch.setattr(loopback, "KNOCK_S", 1e6)
    statuses: list[int] = []
    leaving: list[asyncio.StreamWriter] = []

    async def visit(invitation: Invitation) -> None:
        port = port_of(invitation.address)
        place = f"http://127.0.0.1:{port}"
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        silent[0][1].write(b"GET / HTTP/1.1\r\n" + b"x" * 40_000)
        silent[1][1].write(b"\x16\x03\x01\x00\xff\r\n\r\n")
        silent[2][1].close()
        leaving.extend(writer for _, writer in silent)
        async with httpx.AsyncClient() as other:
            for address, headers in (
                (f"{place}/?code=forged&state=forged", {}),
                (f"{place}/?error=access_denied&state=", {}),
                (f"{place}/?code=a&code=b", {}),
                (f"{place}/favicon.ico", {}),
                (f"{place}/", {"Host": "evil.example.com"}),
            ):
                statuses.append((await other.get(address, headers=headers)).status_code)
            statuses.append((await other.post(f"{place}/", content=b"x")).status_code)
        await choose(invitation)

    terminal = Terminal(visit, has_browser=True)
    async with asyncio.timeout(60):
        assert (await sign_in(settings, terminal, clock)).access_token
    await terminal.visited()
    for writer in leaving:
        writer.transport.abort()
    assert statuses == [400, 400, 400, 404, 404, 404]


async def test_an_answer_of_another_issuer_is_refused(settings: SignInSettings, clock: ManualClock) -> None:
    """RFC 9207: with the right state, but from somebody else; and one that hides who it is."""
    for told in ({"iss": "https://evil.example.com"}, {}):

        async def visit(invitation: Invitation, told: dict[str, str] = told) -> None:
            state = parse_qs(urlsplit(invitation.address).query)["state"][0]
            fields = urlencode({"code": "stolen", "state": state, **told})
            async with httpx.AsyncClient() as browser:
                await browser.get(f"{landing_of(invitation.address)}?{fields}")

        terminal = Terminal(visit, has_browser=True)
        with pytest.raises(Refused, match="another sign-in service"):
            await sign_in(settings, terminal, clock)
        await terminal.visited()


async def test_a_code_of_somebody_elses_sign_in_is_of_no_use(
    settings: SignInSettings, clock: ManualClock, issuer: DevelopmentIssuer
) -> None:
    """Even when it is brought with the right state: it was asked for with another verifier."""

    async def visit(invitation: Invitation) -> None:
        query = parse_qs(urlsplit(invitation.address).query)
        theirs = {name: values[0] for name, values in query.items()} | {"code_challenge": "A" * 43}
        ticket = issuer.ask(theirs)
        redirect, answer = issuer.choose(ticket, ANA)
        async with httpx.AsyncClient() as browser:
            await browser.get(f"{redirect}?{urlencode(answer)}")

    terminal = Terminal(visit, has_browser=True)
    with pytest.raises(Refused, match="asked for by another program"):
        await sign_in(settings, terminal, clock)
    await terminal.visited()


async def test_patience_has_an_end(settings: SignInSettings, clock: ManualClock) -> None:
    """Nobody comes back: it is said, and nothing listens."""
    terminal = Terminal(nothing, has_browser=True)
    hasty = SignInSettings(settings.issuer, CLIENT_ID, patience_s=0.01)
    with pytest.raises(Refused, match="while the code held"):
        await sign_in(hasty, terminal, clock)
    assert not is_open(port_of(terminal.opened[0]))


async def test_a_taken_port_is_said(issuer: DevelopmentIssuer, clock: ManualClock) -> None:
    """Where the provider insists on one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        fixed = SignInSettings(issuer.issuer, CLIENT_ID, port=taken.getsockname()[1])
        with pytest.raises(Busy, match="cannot be used"):
            await sign_in(fixed, Terminal(nothing, has_browser=True), clock)


@pytest.mark.parametrize("has_browser", [True, False])
async def test_it_can_be_cancelled_wherever_it_waits(
    settings: SignInSettings, clock: ManualClock, has_browser: bool
) -> None:
    """After any number of steps of the loop: no listener and no task is left."""
    tasks_before = asyncio.all_tasks()
    steps_s = [0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
    for wait_s in steps_s:
        terminal = Terminal(nothing, has_browser=has_browser)

        async def for_ever(_: float) -> None:
            await asyncio.Event().wait()

        running = asyncio.create_task(sign_in(settings, terminal, clock, pause=for_ever))
        await asyncio.wait([running], timeout=wait_s)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await terminal.visited()
        assert not any(is_open(port_of(address)) for address in terminal.opened)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks_before


# --- a device elsewhere ---------------------------------------------------------------------------


async def test_over_ssh_a_code_is_shown(settings: SignInSettings, clock: ManualClock) -> None:
    """Address, code and what to scan, with its end; the code is in what is scanned."""
    terminal = Terminal(choose_ana)
    signed_in = await sign_in(settings, terminal, clock, pause=pausing(clock, terminal.visited))
    (shown,) = terminal.invitations
    assert shown.way == "device"
    assert shown.user_code
    assert shown.scan == f"{shown.address}?user_code={shown.user_code}"
    assert shown.expires_at - clock.now() <= timedelta(minutes=10)
    assert signed_in.expires_at > clock.now()


async def test_the_provider_says_how_often_it_is_asked(
    settings: SignInSettings, clock: ManualClock, issuer: DevelopmentIssuer
) -> None:
    """Its interval, and more after `slow_down`."""
    waits: list[float] = []
    terminal = Terminal(nothing)

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        # A clock that runs slow here makes the provider see the second question too early.
        clock.advance(seconds=seconds if len(waits) != 2 else 1)
        if len(waits) == 4:
            shown = terminal.invitations[0]
            assert shown.user_code
            issuer.decide_device(shown.user_code, ANA)

    await sign_in(settings, terminal, clock, pause=pause)
    assert waits == [5, 5, 10, 10]


async def test_a_device_may_be_turned_down(settings: SignInSettings, clock: ManualClock) -> None:
    """On the page."""

    async def visit(invitation: Invitation) -> None:
        await choose(invitation, cancel="yes")

    terminal = Terminal(visit)
    with pytest.raises(Refused, match="turned down"):
        await sign_in(settings, terminal, clock, pause=pausing(clock, terminal.visited))


async def test_a_code_that_nobody_uses_ends(settings: SignInSettings, clock: ManualClock) -> None:
    """Within the ten minutes that the provider gave."""
    begun = clock.now()
    with pytest.raises(Refused, match="while the code held"):
        await sign_in(settings, Terminal(nothing), clock, pause=pausing(clock))
    assert timedelta(minutes=9) < clock.now() - begun <= timedelta(minutes=10)


# --- paste ----------------------------------------------------------------------------------------


@pytest.fixture
def only_paste(
    settings: SignInSettings, issuer: DevelopmentIssuer, monkeypatch: pytest.MonkeyPatch
) -> SignInSettings:
    """The issuer as one that offers no device flow."""
    said = {name: value for name, value in issuer.metadata().items() if not name.startswith("device")}
    monkeypatch.setattr(issuer, "metadata", lambda: said)
    return settings


@pytest.mark.parametrize("form", ["address", "query", "bare query", "code", "broken lines"])
async def test_what_the_browser_ends_at_is_pasted(
    only_paste: SignInSettings, clock: ManualClock, form: str
) -> None:
    """The whole address, only its end, the bare code, or an address that the terminal broke into lines."""

    async def visit(invitation: Invitation) -> None:
        address = (await choose(invitation, landing_of(invitation.address))).address
        assert not is_open(port_of(invitation.address))
        terminal.pastes += {
            "address": [f"  {address}\n"],
            "query": [f"?{urlsplit(address).query}"],
            "bare query": [urlsplit(address).query],
            "code": [parse_qs(urlsplit(address).query)["code"][0]],
            "broken lines": [address[:30] + "\n  " + address[30:90] + "\r\n" + address[90:]],
        }[form]

    terminal = Terminal(visit)
    assert (await sign_in(only_paste, terminal, clock)).access_token
    assert [invitation.way for invitation in terminal.invitations] == ["paste"]


async def test_a_wrong_paste_is_asked_for_again(only_paste: SignInSettings, clock: ManualClock) -> None:
    """With what was wrong, a few times."""

    async def visit(invitation: Invitation) -> None:
        right = (await choose(invitation, landing_of(invitation.address))).address
        terminal.pastes += [
            "",
            "https://central.example.com/",
            "http://127.0.0.1:1/?code=x&state=y",
            "x" * 9000,
            right,
        ]

    terminal = Terminal(visit)
    assert (await sign_in(only_paste, terminal, clock)).access_token
    assert [str(wrong) for wrong in terminal.wrongs] == [
        "This is not a code. Copy the whole address that the browser ends at.",
        "This is not the address that the browser ends at. Copy all of its address line: it has code= and state= in it.",
        "This is not the address that the browser ends at. Copy all of its address line: it has code= and state= in it.",
        "This is too long to be the address. Copy the address line of the browser, only that.",
    ]
    terminal = Terminal(nothing, pastes=["?"] * PASTES_MAX)
    with pytest.raises(BadInput, match="not a code"):
        await sign_in(only_paste, terminal, clock)


# --- what does not hold ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "value", "match"),
    [
        ("iss", "https://evil.example.com", "another sign-in service"),
        ("aud", "somebody-else", "another application"),
        ("aud", [CLIENT_ID, "somebody-else"], "another application"),
        ("azp", "somebody-else", "another application"),
        ("nonce", "of another sign-in", "another sign-in"),
        ("nonce", None, "nonce"),
        ("at_hash", "x", "another access token"),
        ("exp", 5, "clock"),
        ("iat", int(NOW.timestamp()) + 40_000_000, "clock"),
        ("sub", "", "sub"),
    ],
)
async def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    settings: SignInSettings,
    clock: ManualClock,
    issuer: DevelopmentIssuer,
    monkeypatch: pytest.MonkeyPatch,
    claim: str,
    value: object,
    match: str,
) -> None:
    """OpenID Connect Core section 3.1.3.7, though rightly signed."""
    sign = issuer.mint._keys.sign
    spoil = lambda claims, kind: sign({**claims, claim: value} if "at_hash" in claims else claims, kind)  # noqa: E731
    monkeypatch.setattr(issuer.mint._keys, "sign", spoil)
    with pytest.raises(Distrusted, match=match):
        await sign_in(settings, Terminal(choose_ana, has_browser=True), clock)


async def test_a_key_that_was_changed_a_moment_ago_is_no_matter(
    settings: SignInSettings, clock: ManualClock, issuer: DevelopmentIssuer
) -> None:
    """Keys are fetched after the tokens."""

    async def visit(invitation: Invitation) -> None:
        issuer.rotate_keys()
        await choose(invitation)

    assert (await sign_in(settings, Terminal(visit, has_browser=True), clock)).id_token


async def test_minutes_of_difference_between_clocks_do_not_matter(
    settings: SignInSettings, clock: ManualClock
) -> None:
    """Four minutes slow signs in; an hour says what to do."""
    slow = ManualClock(clock.now() - timedelta(minutes=4))
    assert (await sign_in(settings, Terminal(choose_ana, has_browser=True), slow)).id_token
    wrong = ManualClock(clock.now() - timedelta(hours=1))
    with pytest.raises(Distrusted, match="Set the laptop's clock"):
        await sign_in(settings, Terminal(choose_ana, has_browser=True), wrong)


async def test_no_line_is_said(clock: ManualClock) -> None:
    """Nobody listens at the issuer's address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Transient, match="No line"):
        await sign_in(SignInSettings(f"http://127.0.0.1:{port}", "x"), Terminal(nothing), clock)


@pytest.mark.parametrize(
    "issuer",
    [
        "http://clerk.example.com",
        "ftp://127.0.0.1",
        "clerk.example.com",
        "",
        "https://",
        "https://a@b.example",
        "https://x.example/#f",
        "http://127.0.0.1:x",
        "https://[",
        "https://é.example",
    ],
)
async def test_an_unsafe_issuer_is_not_asked(clock: ManualClock, issuer: str) -> None:
    """Only TLS, or this very machine."""
    with pytest.raises(BadInput, match="not an address to sign in at"):
        await sign_in(SignInSettings(issuer, "x"), Terminal(nothing), clock)
