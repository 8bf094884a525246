"""Signing in at somebody else's OpenID provider, which knows nothing of this program: browser, device, paste."""

from __future__ import annotations

import html
import re

import pytest

from bravetui.base.clock import SystemClock
from bravetui.base.errors import Refused
from bravetui.signin.flow import SignInSettings, sign_in
from bravetui.signin.ways import Invitation
from tests.support.foreign_provider import CLIENT_WITHOUT_DEVICES, LAPTOP_CLIENT, ForeignProvider
from tests.support.signing_in import Browser, Page, Terminal, landing_of


def settings(provider: ForeignProvider) -> SignInSettings:
    """All that a laptop is told."""
    return SignInSettings(provider.issuer, LAPTOP_CLIENT)


async def through_the_pages(browser: Browser, page: Page, stop_at: str = "") -> Page:
    """Log in and agree, whatever order the pages come in."""
    for _ in range(4):
        if "<form" not in page.text:
            break
        page = await browser.send(
            page, stop_at, **({"login": "ana", "password": "x"} if 'name="login"' in page.text else {})
        )
    return page


async def test_a_browser_here_comes_back_with_the_answer(foreign_provider: ForeignProvider) -> None:
    """Login page, consent page, and back to the loopback page of this program."""
    landed: list[Page] = []

    async def visit(invitation: Invitation) -> None:
        async with Browser() as browser:
            landed.append(await through_the_pages(browser, await browser.open(invitation.address)))

    terminal = Terminal(visit, has_browser=True)
    signed_in = await sign_in(settings(foreign_provider), terminal, SystemClock())
    await terminal.visited()
    assert landed[0].address.startswith(landing_of(terminal.opened[0]))
    assert "Go back to the terminal" in landed[0].text
    assert signed_in.expires_at > SystemClock().now()
    assert signed_in.access_token.count(".") == 2


async def test_a_person_who_says_no_is_heard(foreign_provider: ForeignProvider) -> None:
    """The provider's abort link comes back as a refusal."""
    landed: list[Page] = []

    async def visit(invitation: Invitation) -> None:
        async with Browser() as browser:
            page = await browser.open(invitation.address)
            abort = re.search(r'href="([^"]*abort)"', page.text)
            assert abort
            landed.append(await browser.open(html.unescape(abort[1])))

    terminal = Terminal(visit, has_browser=True)
    with pytest.raises(Refused, match="turned down") as caught:
        await sign_in(settings(foreign_provider), terminal, SystemClock())
    await terminal.visited()
    assert caught.value.code == "access_denied"
    assert "You are not signed in" in landed[0].text


async def test_a_device_signs_in_by_its_code(foreign_provider: ForeignProvider) -> None:
    """The code is in the address to scan; the person confirms it, logs in and agrees elsewhere."""
    done: list[Page] = []

    async def visit(invitation: Invitation) -> None:
        assert invitation.way == "device"
        assert invitation.user_code
        async with Browser() as browser:
            page = await browser.open(invitation.address)
            page = await browser.send(page, user_code=invitation.user_code)
            page = await browser.send(page, confirm="yes")
            done.append(await through_the_pages(browser, page))

    async def no_pause(_: float) -> None:
        await terminal.visited()

    terminal = Terminal(visit)
    signed_in = await sign_in(settings(foreign_provider), terminal, SystemClock(), pause=no_pause)
    assert "Sign-in Success" in done[0].text
    assert signed_in.id_token.count(".") == 2


async def test_where_devices_are_not_offered_the_address_is_pasted(foreign_provider: ForeignProvider) -> None:
    """The provider has a device flow, but not for this application: the browser elsewhere ends at a dead address."""

    async def visit(invitation: Invitation) -> None:
        assert invitation.way == "paste"
        async with Browser() as browser:
            page = await browser.open(invitation.address)
            terminal.pastes.append(
                (await through_the_pages(browser, page, landing_of(invitation.address))).address
            )

    terminal = Terminal(visit)
    only_paste = SignInSettings(foreign_provider.issuer, CLIENT_WITHOUT_DEVICES)
    assert (await sign_in(only_paste, terminal, SystemClock())).access_token
    assert [invitation.way for invitation in terminal.invitations] == ["paste"]
