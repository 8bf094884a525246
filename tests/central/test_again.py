"""A laptop that is let in no more gets its number back with a new code: only with its own key, only for its own person."""

from __future__ import annotations

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
from tests.support.central import KEYS, ORGANIZATION, PROJECT, Laptop, Site, only, shown
from tests.support.postgres import TestServer

KEY = signing.new_private_key()


def enrolled(
    site: Site, user_id: str, device: int | None = None, key: bytes = KEY, code: str = ""
) -> Enrolled:
    code = code or issue_code(site.engine, site.clock.now(), ORGANIZATION, user_id)
    asked = Enrol(code=code, device_name="truck", device=device)
    return site.central.enrol(asked, shown(site, "/v1/enrol", key))


def of_carlos(site: Site, told: Enrolled) -> Laptop:
    return Laptop(site, told.device, KEY, told.grant, "carlos")


def test_a_revoked_laptop_goes_on_under_its_number_and_hands_in_what_waited(site: Site) -> None:
    first = enrolled(site, "carlos")
    laptop = of_carlos(site, first)
    waiting = laptop.change("storm", {"kind": "storm"})
    revoke(site.engine, first.device, site.clock.now())
    assert only(laptop.sync(waiting).verdicts).code == "revoked"
    second = enrolled(site, "carlos", first.device)
    assert (second.device, second.grant == first.grant) == (first.device, False)
    assert only(of_carlos(site, second).sync(waiting).verdicts).outcome is Outcome.APPLIED
    assert laptop.sync().closed == "superseded", "the grant of before reads no more"


def test_an_enrolment_whose_answer_was_lost_is_made_once_more_with_the_same_code(site: Site) -> None:
    """By the laptop that made it: to any other the code is used up."""
    code = issue_code(site.engine, site.clock.now(), ORGANIZATION, "carlos")
    lost, told = enrolled(site, "carlos", code=code), enrolled(site, "carlos", code=code)
    assert told.device == lost.device
    assert not of_carlos(site, told).sync().closed
    with pytest.raises(Refused):
        enrolled(site, "carlos", key=signing.new_private_key(), code=code)
    revoke(site.engine, told.device, site.clock.now())
    with pytest.raises(Refused):
        enrolled(site, "carlos", code=code)


def test_neither_another_key_nor_another_person_gets_the_number(site: Site) -> None:
    """And the code is not spent by trying."""
    first = enrolled(site, "carlos")
    other = signing.new_private_key()
    for user_id, key, code in (("carlos", other, "unknown_device"), ("dana", KEY, "another_person")):
        with pytest.raises(Refused) as caught:
            enrolled(site, user_id, first.device, key)
        assert caught.value.code == code
    assert of_carlos(site, first).sync().checkpoint.device == first.device


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
