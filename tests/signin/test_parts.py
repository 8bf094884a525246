"""The parts that can be looked at alone: PKCE, scopes, QR codes, and whether a browser would be seen."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bravetui.auth.openid import Metadata
from bravetui.base.clock import SystemClock
from bravetui.base.errors import BravetuiError
from bravetui.cli.signing_in import TerminalWays
from bravetui.signin import browser
from bravetui.signin.authorize import address_to_open, new_challenge, read_answer, read_pasted, s256, scope_of
from bravetui.signin.qr import half_blocks
from bravetui.signin.ways import Invitation

METADATA = Metadata(
    issuer="https://clerk.example.com",
    jwks_uri="https://clerk.example.com/keys",
    authorization_endpoint="https://clerk.example.com/authorize?tenant=1",
    token_endpoint="https://clerk.example.com/token",
    device_authorization_endpoint=None,
    userinfo_endpoint=None,
    introspection_endpoint=None,
    scopes=frozenset({"openid", "email"}),
    challenge_methods=frozenset(),
    names_itself=False,
    for_development=False,
)
CHALLENGE = new_challenge()


def test_the_challenge_of_rfc_7636_comes_out() -> None:
    """Appendix B."""
    assert (
        s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_a_verifier_is_long_and_shows_nowhere() -> None:
    """43 characters (RFC 7636 section 4.1), not in a log line, not in the address."""
    assert len(CHALLENGE.verifier) == 43
    address = address_to_open(METADATA, "laptop", "openid", "http://127.0.0.1:5/", CHALLENGE)
    assert CHALLENGE.verifier not in repr(CHALLENGE) + address
    assert address.startswith("https://clerk.example.com/authorize?tenant=1&response_type=code&")


def test_only_scopes_that_are_had_are_asked_for() -> None:
    """`openid` always, once."""
    assert scope_of(("openid", "email", "user:org:read"), METADATA) == "openid email"
    assert scope_of((), METADATA) == "openid"


@given(st.text(max_size=200))
def test_any_answer_and_any_paste_is_read_or_refused(text: str) -> None:
    """No other error comes out; without the state no address counts."""
    for query in (text, f"state={CHALLENGE.state}&{text}", f"code={text}&state={CHALLENGE.state}"):
        try:
            assert read_answer(query, CHALLENGE, METADATA).isascii()
        except BravetuiError:
            continue
    try:
        assert read_pasted(text, CHALLENGE, METADATA).isascii()
    except BravetuiError:
        return


@pytest.mark.parametrize(
    ("environment", "platform", "seen"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({}, "darwin", True),
        ({}, "win32", True),
        ({"DISPLAY": "localhost:10", "SSH_CONNECTION": "1 2 3 4"}, "linux", False),
        ({"SSH_CONNECTION": "1 2 3 4"}, "darwin", False),
        ({"SSH_TTY": "/dev/pts/1"}, "win32", False),
    ],
)
def test_a_browser_counts_where_a_person_sees_it(
    environment: Mapping[str, str], platform: str, seen: bool
) -> None:
    """Not over SSH, whose other end has the person."""
    assert browser.has_browser(environment, platform) is seen


async def test_a_browser_of_text_does_not_take_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a missing one raise."""
    opened: list[str] = []

    class Graphical(webbrowser.BaseBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            opened.append(url)
            return True

    def none() -> webbrowser.BaseBrowser:
        raise webbrowser.Error("none")

    monkeypatch.setattr(browser, "has_browser", lambda *_: True)
    for found, seen in ((lambda: webbrowser.GenericBrowser("lynx"), False), (none, False), (Graphical, True)):
        monkeypatch.setattr(webbrowser, "get", found)
        assert await browser.open_browser("https://clerk.example.com/") is seen
    assert opened == ["https://clerk.example.com/"]


def test_a_short_address_fits_a_small_terminal() -> None:
    """A device's address at 80x24, with light squares all around."""
    lines = half_blocks("https://clerk.example.com/device?user_code=BCDF-GHJK")
    assert 0 < len(lines) <= 24
    assert {len(line) for line in lines} == {len(lines[0])}
    assert lines[0] == "█" * len(lines[0])
    assert all(line.startswith("██") and line.endswith("██") for line in lines)


def test_the_blocks_are_the_squares() -> None:
    """Read back square by square, they are what the library drew."""
    import segno

    lines = half_blocks("HTTPS://A.EXAMPLE/")
    dark = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}
    rows = [[dark[sign][half] for sign in line] for line in lines for half in (0, 1)]
    drawn = [
        [int(bool(square)) for square in row]
        for row in segno.make("HTTPS://A.EXAMPLE/", error="l", boost_error=False, micro=False).matrix_iter(
            border=2
        )
    ]
    assert rows[: len(drawn)] == drawn


@pytest.mark.parametrize("text", ["", "x" * 400, "x" * 100_000, "é", "\ud800"])
def test_what_does_not_fit_is_not_drawn(text: str) -> None:
    """Half a code is none."""
    assert half_blocks(text) == ()


async def test_address_and_code_are_in_sight_below_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of 24 lines holds what is said last, and there may be no phone."""
    said: list[str] = []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    address = "https://clerk.example.com/device"
    ends_at = SystemClock().now() + timedelta(minutes=5)
    invitation = Invitation("device", address, f"{address}?user_code=BCDF-GHJK", "BCDF-GHJK", ends_at)
    await TerminalWays(say=said.append).invite(invitation)
    lines = "\n".join(said).splitlines()
    assert any("█" in line for line in lines)
    assert f"  {address}" in lines[-8:]
    assert "Its code: BCDF-GHJK" in lines[-8:]
