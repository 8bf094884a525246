"""A person signs in at a real identity provider, and the laptop is enrolled by it: the whole way, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.auth.proof import Prover
from bravetui.base.clock import SystemClock, SystemIds
from bravetui.base.errors import NeedsSignIn, Refused
from bravetui.base.runner import InlineRunner
from bravetui.central.app import Settings, make_app
from bravetui.central.clerk import ClerkIssuer, ClerkSettings
from bravetui.central.serve import serving
from bravetui.central.service import Writing, revoke
from bravetui.db.store import Identity
from bravetui.issuer.people import Person
from bravetui.issuer.provider import DevelopmentIssuer
from bravetui.issuer.serve import issuing
from bravetui.sync.client import CentralClient
from bravetui.wire.messages import Enrol
from tests.support.central import ORGANIZATION, STRANGERS, Site
from tests.support.signing_in import Browser, Terminal
from tests.support.world import ring_of

PEOPLE = (
    Person("carlos", "Carlos", "carlos@acme.example", ORGANIZATION, "member"),
    Person("sam", "Sam", "sam@strangers.example", STRANGERS, "member"),
    Person("nobody", "Nobody", "nobody@acme.example", ORGANIZATION, "member"),
    Person("dana", "Dana", "dana@acme.example", None),
)


@contextmanager
def a_central_with_sign_in(
    site: Site, *, development: bool = True
) -> Iterator[tuple[str, DevelopmentIssuer]]:
    """An address of central's, and the provider that it believes."""
    clock = SystemClock()
    with issuing(PEOPLE) as provider:
        settings = ClerkSettings(provider.issuer, frozenset({provider.client_id}))
        issuer = ClerkIssuer(settings, clock, development=development)
        app = make_app(site.engine, site.central.keys, clock, SystemIds(clock), Settings(issuer=issuer))
        try:
            with serving(app) as address:
                yield address, provider
        finally:
            issuer.close()


def choosing(subject: str) -> Terminal:
    """A person at a browser on the same machine, who picks that account."""

    async def visit(invitation: object) -> None:
        async with Browser() as browser:
            page = await browser.open(invitation.address)  # type: ignore[attr-defined]
            await browser.send(page, subject=subject)

    return Terminal(visit, has_browser=True)


async def enrolled(address: str, folder: Path, subject: str, *, again: bool = False) -> Identity:
    return await wiring.enrol(folder, ring_of(folder), address, choosing(subject), "truck", again=again)


async def test_whoever_signs_in_is_enrolled_and_syncs(site: Site, tmp_path: Path) -> None:
    with a_central_with_sign_in(site) as (address, _):
        who = await enrolled(address, tmp_path / "laptop", "carlos")
        assert (who.user_id, who.organization_id) == ("carlos", ORGANIZATION)
        laptop = wiring.open_laptop(tmp_path / "laptop", ring_of(tmp_path / "laptop"))
        worker = wiring.make_worker(laptop, lambda event: None, InlineRunner())
        try:
            assert await worker.run_once()
        finally:
            await worker.close()
            laptop.close()


async def test_an_account_without_an_organization_finds_its_own(site: Site, tmp_path: Path) -> None:
    with a_central_with_sign_in(site) as (address, _):
        assert (await enrolled(address, tmp_path / "laptop", "dana")).organization_id == ORGANIZATION


async def test_whom_the_office_has_not_added_is_told_so_and_may_come_again(
    site: Site, tmp_path: Path
) -> None:
    with a_central_with_sign_in(site) as (address, _):
        with pytest.raises(NeedsSignIn, match="not added you"):
            await enrolled(address, tmp_path / "laptop", "nobody")
        site.central.publish(ORGANIZATION, [Writing("user", "nobody", {"name": "New", "role": "foreman"})])
        assert (await enrolled(address, tmp_path / "laptop", "nobody")).user_id == "nobody"


async def test_signing_in_again_keeps_number_and_work_and_another_person_is_not_let_in(
    site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "laptop"
    with a_central_with_sign_in(site) as (address, _):
        first = await enrolled(address, folder, "carlos")
        with pytest.raises(NeedsSignIn, match="another person"):
            await enrolled(address, folder, "dana", again=True)
        again = await enrolled(address, folder, "carlos", again=True)
        assert again.device == first.device
        assert again.grant != first.grant


async def test_a_laptop_that_the_office_revoked_comes_back_by_the_office_alone(
    site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "laptop"
    with a_central_with_sign_in(site) as (address, _):
        first = await enrolled(address, folder, "carlos")
        revoke(site.engine, first.device, SystemClock().now())
        with pytest.raises(NeedsSignIn, match="one-time code"):
            await enrolled(address, folder, "carlos", again=True)


async def test_an_answer_that_was_lost_makes_no_second_laptop(site: Site, tmp_path: Path) -> None:
    """The same key, the same person: the same number."""
    folder = tmp_path / "laptop"
    with a_central_with_sign_in(site) as (address, _):
        first = await enrolled(address, folder, "carlos")
        ring = ring_of(folder)
        ring.save(replace(ring.load(), identity=None))
        assert (await enrolled(address, folder, "carlos")).device == first.device


async def test_a_central_for_real_people_believes_no_development_issuer(site: Site, tmp_path: Path) -> None:
    with (
        a_central_with_sign_in(site, development=False) as (address, _),
        pytest.raises((NeedsSignIn, Refused)),
    ):
        await enrolled(address, tmp_path / "laptop", "carlos")


async def test_a_central_without_a_provider_says_to_ask_for_a_code(site: Site, tmp_path: Path) -> None:
    clock = SystemClock()
    app = make_app(site.engine, site.central.keys, clock, SystemIds(clock))
    with serving(app) as address, pytest.raises(Refused, match="one-time code"):
        await enrolled(address, tmp_path / "laptop", "carlos")


async def test_a_session_that_somebody_else_plays_enrols_nothing(site: Site, tmp_path: Path) -> None:
    """Clerk's `act`: support that acts as a person is not the person."""
    laptop = site.laptop("carlos")
    with a_central_with_sign_in(site) as (address, provider):
        token = provider.session_token("carlos", act={"sub": "user_support"})
        clock = SystemClock()
        client = CentralClient(address, Prover(laptop.key, str, clock, SystemIds(clock)))
        try:
            with pytest.raises(NeedsSignIn, match="Sign in as yourself"):
                await client.enrol(Enrol(token=token, device_name="truck"))
        finally:
            await client.close()
