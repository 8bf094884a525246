"""A laptop that is let in no more gets its number back with a new code: only with its own key, only for its own person."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import update

from bravetui.auth import signing
from bravetui.base.errors import NeedsSignIn, Refused
from bravetui.central.database import open_central_engine
from bravetui.central.enrolment import issue_code
from bravetui.central.service import Central, Writing, revoke
from bravetui.central.state import begin_epoch
from bravetui.central.tables import STATE
from bravetui.wire.messages import Enrol, Enrolled, Outcome
from bravetui.wire.receipt import sign
from tests.support.central import KEYS, ORGANIZATION, PROJECT, Laptop, Site, only
from tests.support.postgres import TestServer

KEY = signing.new_private_key()


def enrolled(
    site: Site, user_id: str, device: int | None = None, key: bytes = KEY, signer: bytes = KEY
) -> Enrolled:
    code = issue_code(site.engine, site.clock.now(), ORGANIZATION, user_id)
    asked = Enrol(code=code, device_name="truck", device_key=signing.public_key_of(key), device=device)
    return site.central.enrol(sign(asked, partial(signing.sign, signer)) if device else asked)


def test_a_revoked_laptop_goes_on_under_its_number_and_hands_in_what_waited(site: Site) -> None:
    first = enrolled(site, "carlos")
    laptop = Laptop(site, first.device, first.token, "carlos")
    waiting = laptop.change("storm", {"kind": "storm"})
    revoke(site.engine, first.device, site.clock.now())
    with pytest.raises(NeedsSignIn, match="enrol --again"):
        laptop.sync(waiting)
    second = enrolled(site, "carlos", first.device)
    assert (second.device, second.token == first.token) == (first.device, False)
    assert (
        only(Laptop(site, second.device, second.token, "carlos").sync(waiting).verdicts).outcome
        is Outcome.APPLIED
    )
    with pytest.raises(NeedsSignIn):
        laptop.sync()


def test_neither_another_key_nor_another_person_gets_the_number(site: Site) -> None:
    """And the code is not spent by trying."""
    first = enrolled(site, "carlos")
    other = signing.new_private_key()
    for user_id, key, signer, code in (
        ("carlos", other, other, "unknown_device"),
        ("carlos", KEY, other, "unknown_device"),
        ("dana", KEY, KEY, "another_person"),
    ):
        with pytest.raises(Refused) as caught:
            enrolled(site, user_id, first.device, key, signer)
        assert caught.value.code == code
    assert Laptop(site, first.device, first.token, "carlos").sync().checkpoint.device == first.device


def test_a_central_older_than_the_laptop_takes_its_word_for_the_number(site: Site) -> None:
    """It came back from a backup, and gives out no number that the lost time may have given."""
    with pytest.raises(Refused):
        enrolled(site, "carlos", 77)
    begin_epoch(site.engine, site.clock.now())
    assert enrolled(site, "carlos", 77).device == 77


def test_a_laptop_that_was_enrolled_in_the_lost_time_of_a_failover_gets_its_number_back(
    site: Site, postgres: TestServer
) -> None:
    """The copy knows neither the laptop nor the number, and gives it to nobody else."""
    site.engine.dispose()
    with postgres.database(str(site.engine.url.database)) as stale:
        lost = enrolled(site, "carlos")
        site.clock.advance(seconds=30)
        there = Site(
            Central(open_central_engine(stale), KEYS, site.clock, site.central.ids), site.clock, stale
        )
        assert enrolled(there, "dana", key=signing.new_private_key()).device != lost.device
        assert enrolled(there, "carlos", lost.device).device == lost.device
        there.engine.dispose()


def test_a_number_of_centrals_own_is_given_to_no_laptop(site: Site) -> None:
    """Neither the one that it has now, nor one of before, when they stood among those of laptops."""
    before = 5000
    with site.engine.begin() as connection:
        connection.execute(update(STATE).values(device=before, counter=0))
    site.central.publish(PROJECT, [Writing("violation", "v1", {"description": "fence down"})])
    now = begin_epoch(site.engine, site.clock.now()).device
    laptop = site.laptop("carlos")
    for number in (before, now):
        with pytest.raises(Refused):
            enrolled(site, "carlos", number)
        with pytest.raises(NeedsSignIn):
            laptop.sync(device=number)
    assert laptop.sync(device=before + 1).checkpoint.device == before + 1, "its own, from a lost time"
