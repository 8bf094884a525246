"""Every state of the sign-in service, of the grant and of the laptop's clock, and what each allows: no cell is untested.

The service counts for signing in and for nothing else, the grant for reading, the key for handing in, the clock for none.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import pytest

from bravetui.auth.grant import LIVES, Grant, read_grant, sign_grant
from bravetui.auth.proof import Prover
from bravetui.auth.signing import new_private_key
from bravetui.base.clock import ManualClock, SystemIds
from bravetui.base.errors import BravetuiError, NeedsSignIn
from bravetui.base.runner import InlineRunner
from bravetui.central import provider
from bravetui.central.app import Settings, make_app
from bravetui.central.clerk import ClerkIssuer, ClerkSettings
from bravetui.central.service import Writing, revoke
from bravetui.sync.client import CentralClient
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Enrol, Outcome, PullAsk
from tests.support.central import ADDRESS, KEYS, ORGANIZATION, PROJECT, STRANGERS, Laptop, Site, only
from tests.support.clerk_service import Service, serving
from tests.support.tokens import CLIENT, key_set

ANA = "user_ana"
ASKS = (PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL),)
SLOW_S = 0.3

READS, HANDS_IN, TO_THE_OFFICE, TURNED_AWAY = "reads", "hands in", "hands in to the office", "is turned away"

CLOCKS = {"right": timedelta(), "back": timedelta(days=-400), "forward": timedelta(days=400)}
"""By how much the laptop's clock differs from central's."""

SERVICES = {"up": True, "down": False, "slow": False, "lying": False}
"""Whether somebody can sign in by it."""

GRANTS: dict[str, tuple[str, bool]] = {
    "fresh": (READS, True),
    "ageing": (READS, True),
    "expired": (HANDS_IN, True),
    "revoked": (TO_THE_OFFICE, False),
    "forged": (TURNED_AWAY, True),
    "copied to another laptop": (TURNED_AWAY, True),
    "for another organization": (TURNED_AWAY, True),
}
"""What a contact with it comes to, and whether its person may sign in again by himself, where the service is up."""


def other(laptop: Laptop, make: Callable[[Grant], Grant]) -> Laptop:
    """The laptop with another grant, signed by central's own key."""
    return replace(laptop, grant=sign_grant(make(read_grant(laptop.grant, KEYS.public)), KEYS.private_key))


def with_grant(site: Site, laptop: Laptop, state: str) -> Laptop:
    now = site.clock.now()
    match state:
        case "ageing":
            issued = now - timedelta(days=26)
            return other(laptop, lambda g: replace(g, issued_at=issued, expires_at=issued + LIVES))
        case "expired":
            return other(laptop, lambda g: replace(g, issued_at=now - LIVES, expires_at=now))
        case "revoked":
            revoke(site.engine, laptop.device, now)
        case "forged":
            return replace(laptop, grant=laptop.grant[:-6] + "AAAAAA")
        case "copied to another laptop":
            return replace(laptop, key=new_private_key())
        case "for another organization":
            return other(laptop, lambda g: replace(g, organization_id=STRANGERS))
    return laptop


@contextmanager
def service_that_is(state: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    service = Service()
    monkeypatch.setattr(provider, "_TIMEOUT", httpx.Timeout(SLOW_S / 3))
    slow = state == "slow"

    def answer(path: str) -> tuple[int, str, bytes]:
        if slow:
            time.sleep(SLOW_S)
        return service.answer(path)

    with serving(answer) as service.origin:
        service.down = state == "down"
        if state == "lying":
            service.keys = key_set("ins_of_somebody_else")
        yield service


@dataclass(frozen=True)
class Cell:
    """A laptop with a wrong or right clock, before a central that believes one sign-in service."""

    laptop: Laptop
    client: CentralClient

    async def contact(self) -> str:
        """Hand one change in and ask for news."""
        change = self.laptop.change(f"i-{self.laptop.device}", {"note": "x"})
        try:
            answer = (await self.client.sync(self.laptop.request(change, pull=ASKS))).answer
        except NeedsSignIn:
            return TURNED_AWAY
        verdict = only(answer.verdicts)
        if verdict.outcome is Outcome.REFUSED:
            assert not answer.pages
            return TO_THE_OFFICE
        return READS if answer.pages else HANDS_IN

    async def signs_in(self, token: str) -> bool:
        """Sign in again under the number that it has; then it reads."""
        asked = Enrol(token=token, device_name="truck", device=self.laptop.device)
        try:
            told = await self.client.enrol(asked)
        except BravetuiError:
            return False
        self.laptop.grant = told.grant
        assert await self.contact() == READS
        return True


@asynccontextmanager
async def cell(site: Site, laptop: Laptop, issuer: ClerkIssuer, off: timedelta) -> AsyncIterator[Cell]:
    central, clock = site.central, ManualClock(site.clock.now() + off)
    settings = Settings(issuer=issuer)
    app = make_app(central.engine, central.keys, central.clock, central.ids, settings, InlineRunner())
    prover = Prover(laptop.key, lambda: laptop.grant, clock, SystemIds(clock))
    client = CentralClient(ADDRESS, prover, transport=httpx.ASGITransport(app=app))
    try:
        yield Cell(laptop, client)
    finally:
        await client.close()


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("service", SERVICES)
async def test_what_is_allowed(site: Site, service: str, grant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With each of the three clocks."""
    site.central.publish(ORGANIZATION, [Writing("user", ANA, {"name": "Ana", "role": "office"})])
    comes_to, may_sign_in = GRANTS[grant]
    for off in CLOCKS.values():
        honest = site.laptop(ANA)
        laptop = with_grant(site, honest, grant)
        with service_that_is(service, monkeypatch) as running:
            issuer = ClerkIssuer(ClerkSettings(running.origin, frozenset({CLIENT})), site.clock)
            async with cell(site, laptop, issuer, off) as tried:
                assert await tried.contact() == comes_to
            async with cell(site, honest, issuer, off) as again:
                token = running.token(org_id=ORGANIZATION)
                assert await again.signs_in(token) is (SERVICES[service] and may_sign_in)
            issuer.close()
