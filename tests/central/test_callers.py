"""Who is let in by which grant: renewal that no lost, doubled or crossed answer can break, proofs that are good once."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, func, select

from bravetui.auth import signing
from bravetui.auth.grant import LIVES, read_grant, sign_grant
from bravetui.auth.proof import Prover
from bravetui.base.clock import ManualClock, SystemIds
from bravetui.base.errors import NeedsSignIn
from bravetui.base.runner import InlineRunner
from bravetui.central.app import make_app
from bravetui.central.callers import REMEMBERED, WantsProof
from bravetui.central.founding import open_project
from bravetui.central.incoming import read
from bravetui.central.service import Writing, revoke
from bravetui.central.tables import GRANTS, SHOWN
from bravetui.sync.client import CentralClient
from bravetui.wire.codec import encode
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome, PullAsk, SyncAnswer
from tests.support.central import ADDRESS, KEYS, ORGANIZATION, PROJECT, Laptop, Site, headers, only

ASKS = (PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL),)


def reads(laptop: Laptop, grant: str | None = None) -> str:
    """`""` where this laptop reads with that grant, else why not."""
    laptop = laptop if grant is None else replace(laptop, grant=grant)
    answer = laptop.sync(pull=ASKS)
    assert bool(answer.pages) is (answer.closed == "")
    return answer.closed


def changed(laptop: Laptop, **claims: object) -> str:
    """The laptop's grant with other claims, signed by central's own key."""
    return sign_grant(replace(read_grant(laptop.grant, KEYS.public), **claims), KEYS.private_key)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- renewal


def test_a_grant_is_renewed_after_a_day_and_the_new_one_counts_when_it_is_first_shown(site: Site) -> None:
    carlos = site.laptop("carlos")
    assert carlos.sync().grant == ""
    site.clock.advance(hours=24)
    new = carlos.sync().grant
    assert read_grant(new, KEYS.public).expires_at == site.clock.now() + LIVES
    assert reads(carlos) == "", "until then the old one does"
    assert reads(carlos, new) == ""
    assert reads(carlos) == "superseded"


def test_rights_that_change_come_with_a_new_grant_at_the_next_contact(site: Site) -> None:
    carlos = site.laptop("carlos")
    new_project = open_project(site.central, ORGANIZATION, {"name": "New"}, {"carlos": "foreman"}, ["sign"])
    new = carlos.sync().grant
    told = read_grant(new, KEYS.public).scopes
    assert told is not None
    assert told[new_project] == ("sign",)
    assert replace(carlos, grant=new).sync().grant == "", "once"


class Renewing:
    """A laptop whose answers are lost, doubled and crossed. What it hears, and when, is drawn."""

    def __init__(self, site: Site, seed: int) -> None:
        self.dice, self.laptop = random.Random(seed), site.laptop("carlos")
        self.ever = [self.laptop.grant]
        self._under_way: list[str] = []

    def contact(self) -> SyncAnswer:
        """Ask; the answer is on its way."""
        answer = self.laptop.sync(pull=ASKS)
        if answer.grant:
            self._under_way.append(answer.grant)
            self.ever.append(answer.grant)
        return answer

    def hear(self) -> None:
        """Some answer arrives. One with a grant of a lower generation than the laptop's own came late."""
        if not self._under_way:
            return
        given = self._under_way.pop(self.dice.randrange(len(self._under_way)))
        if self.dice.random() < 0.3:
            self._under_way.append(given)  # it comes once more, later
        if generation(given) >= generation(self.laptop.grant):
            self.laptop.grant = given

    def muddle(self) -> None:
        """A few contacts over a bad line; now and then something from before is sent again."""
        for _ in range(self.dice.randint(1, 5)):
            self.contact()
            if self.dice.random() < 0.5:
                self.hear()
            if self.dice.random() < 0.3:
                replace(self.laptop, grant=self.dice.choice(self.ever)).sync()


@pytest.mark.parametrize("seed", range(20))
def test_no_lost_doubled_or_crossed_answer_locks_a_laptop_out_or_lets_two_grants_read(
    site: Site, seed: int
) -> None:
    """Ten renewals each, 200 in all. On a good line it reads again, at the latest with the second contact; no older does."""
    here = Renewing(site, seed)
    for _ in range(10):
        site.clock.advance(hours=25)
        here.muddle()
        answer = here.contact()
        if answer.closed:
            assert answer.closed == "superseded"
            here.laptop.grant = answer.grant
            assert here.contact().closed == ""
        before = {one for one in here.ever if generation(one) <= generation(here.laptop.grant)}
        assert {reads(here.laptop, one) for one in before - {here.laptop.grant}} <= {"superseded"}
        assert reads(here.laptop) == ""


def generation(grant: str) -> int:
    return read_grant(grant, KEYS.public).generation


def test_a_central_that_has_lost_what_it_granted_counts_what_it_is_shown(site: Site) -> None:
    carlos = site.laptop("carlos")
    site.clock.advance(hours=25)
    carlos.grant = carlos.sync().grant
    with site.engine.begin() as connection:
        connection.execute(delete(GRANTS))
    assert reads(carlos) == ""


# ---------------------------------------------------------------------- what each grant is worth


def test_what_each_grant_is_worth(site: Site) -> None:
    """A table of cases: the grant, and whether it reads, only hands in (and why), or is turned away."""
    carlos, dana, sam = site.laptop("carlos"), site.laptop("dana"), site.laptop("sam", "strangers")
    stranger = Ed25519PrivateKey.from_private_bytes(signing.new_private_key())
    now = site.clock.now()
    cases: dict[str, tuple[str, str]] = {
        "its own": (carlos.grant, ""),
        "aged": (changed(carlos, issued_at=now - timedelta(days=29), expires_at=now + timedelta(days=1)), ""),
        "ended": (changed(carlos, issued_at=now - LIVES, expires_at=now), "expired"),
        "none": ("", "expired"),
        "a colleague's": (dana.grant, "turned away"),
        "another organization's": (sam.grant, "turned away"),
        "for another person": (changed(carlos, user_id="dana"), "turned away"),
        "for another organization": (changed(carlos, organization_id="strangers"), "turned away"),
        "for another key": (changed(carlos, thumbprint="x" * 43), "turned away"),
        "somebody else's signature": (sign_grant(read_grant(carlos.grant, KEYS.public), stranger), "turned away"),
        "cut short": (carlos.grant[:-10], "turned away"),
    }  # fmt: skip
    for name, (grant, worth) in cases.items():
        if worth == "turned away":
            with pytest.raises(NeedsSignIn):
                replace(carlos, grant=grant).sync(pull=ASKS)
        else:
            assert reads(carlos, grant) == worth, name


def test_an_expired_laptop_hands_in_and_reads_again_once_it_has_signed_in(site: Site) -> None:
    carlos = site.laptop("carlos")
    site.clock.advance(days=31)
    answer = carlos.sync(carlos.change("i1", {"note": "on day 31"}), pull=ASKS)
    assert (only(answer.verdicts).outcome, answer.closed, answer.grant) == (Outcome.APPLIED, "expired", "")
    assert (answer.pages, answer.scopes, answer.devices) == ((), (), {})


def test_whoever_has_left_and_is_back_reads_again_with_the_grant_he_has(site: Site) -> None:
    carlos = site.laptop("carlos")
    site.central.publish(ORGANIZATION, [Writing("user", "carlos", {"deleted": True})])
    assert reads(carlos) == "left"
    site.central.publish(ORGANIZATION, [Writing("user", "carlos", {"deleted": False})])
    assert reads(carlos) == ""
    revoke(site.engine, carlos.device, site.clock.now())
    assert reads(carlos) == "revoked"


# ---------------------------------------------------------------------- proofs


def test_a_proof_is_good_once_and_forgotten_when_it_is_good_no_more(site: Site) -> None:
    carlos = site.laptop("carlos")
    shown, request = carlos.shown(), carlos.request()

    def again() -> None:
        site.central.exchange(shown, read(encode(request), "zstd"))

    again()
    with pytest.raises(WantsProof):
        again()
    site.clock.advance(seconds=REMEMBERED.total_seconds() + 1)
    carlos.sync()
    with site.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(SHOWN)).scalar_one() == 1


@pytest.mark.parametrize("off", [timedelta(minutes=6), timedelta(days=-3650), timedelta(days=3650)])
async def test_a_laptop_whose_clock_is_wrong_asks_twice_once_and_then_once(
    site: Site, off: timedelta
) -> None:
    """RFC 9449 section 8: central's nonce stands for the time."""
    carlos, asked = site.laptop("carlos"), list[int]()
    central = site.central
    app = make_app(central.engine, central.keys, central.clock, central.ids, run=InlineRunner())

    class Counting(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            asked.append(response.status_code)
            return response

    clock = ManualClock(site.clock.now() + off)
    prover = Prover(carlos.key, lambda: carlos.grant, clock, SystemIds(clock))
    client = CentralClient(ADDRESS, prover, transport=Counting(app=app))
    for _ in range(2):
        assert not (await client.sync(carlos.request(pull=ASKS))).answer.closed
    site.clock.advance(minutes=30)
    assert not (await client.sync(carlos.request(pull=ASKS))).answer.closed
    await client.close()
    assert asked == [401, 200, 200, 401, 200]


async def test_a_proof_for_another_place_or_a_nonce_of_one_s_own_opens_nothing(site: Site) -> None:
    carlos, central = site.laptop("carlos"), site.central
    app = make_app(central.engine, central.keys, central.clock, central.ids, run=InlineRunner())
    shown = {
        "another address": carlos.headers(address="https://evil.example"),
        "another route": carlos.headers("/v1/bundles"),
        "another method": carlos.headers(method="GET"),
        "a nonce of its own": carlos.prover().headers(
            "POST", f"{ADDRESS}/v1/sync", "ffff.AAAAAAAAAAAAAAAAAAAAAA"
        ),
        "another's proof": {
            **carlos.headers(),
            "DPoP": headers(site, "/v1/sync", bytes(32), carlos.grant)["DPoP"],
        },
        "no proof": {"Authorization": f"DPoP {carlos.grant}"},
        "the grant as a bearer's": {**carlos.headers(), "Authorization": f"Bearer {carlos.grant}"},
    }
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ADDRESS) as http:
        for name, told in shown.items():
            response = await http.post("/v1/sync", content=carlos.request().model_dump_json(), headers=told)
            assert response.status_code == 401, name
