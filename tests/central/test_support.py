"""Support at central: who is let in, on which laptop, how long, what stands in the log; and that it reads nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import select

from bravetui.auth import signing
from bravetui.auth.clerk import ClerkClaims
from bravetui.auth.support_pass import LIVES, read_support_pass
from bravetui.base.errors import BravetuiError, NeedsSignIn, Refused
from bravetui.base.runner import InlineRunner
from bravetui.central.app import Settings, make_app
from bravetui.central.callers import WantsProof
from bravetui.central.clerk import ClerkIssuer
from bravetui.central.founding import add_person
from bravetui.central.service import Writing, revoke
from bravetui.central.support import give_pass, note_act
from bravetui.central.tables import AUDIT
from bravetui.db.kinds import KINDS
from bravetui.merge.state import DELETED
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome, PullAsk, SupportAct, SupportAsk, SupportNoted, SupportReport
from tests.support.central import (
    ADDRESS,
    ORGANIZATION,
    PROJECT,
    STRANGERS,
    Laptop,
    Site,
    only,
    shown,
)


@dataclass
class Accounts:
    """A provider that says of a token what the test has written down; whose signature it checks is tried elsewhere."""

    known: dict[str, ClerkClaims] = field(default_factory=dict)

    def add(self, token: str, subject: str, organization: str | None = None, actor: str | None = None) -> str:
        claims = (subject, organization, None, (), actor)
        self.known[token] = ClerkClaims(*claims, expires_at=cast("Any", None), session_id=None)
        return token

    def verify(self, token: str, now: object) -> ClerkClaims:
        if token not in self.known:
            raise NeedsSignIn("not a token")
        return self.known[token]


@pytest.fixture
def accounts(site: Site) -> Accounts:
    """Nina is support at Acme, and Stan among the strangers."""
    add_person(site.central, ORGANIZATION, "Nina Ortiz", "support", new_id="nina")
    add_person(site.central, STRANGERS, "Stan", "support", new_id="stan")
    made = Accounts()
    site.central.enrolling.issuer = cast("ClerkIssuer", made)
    made.add("nina", "nina", ORGANIZATION)
    return made


def asked(site: Site, laptop: Laptop, token: str, device: int | None = None) -> str:
    """A pass for that laptop, as text."""
    told = SupportAsk(device=device or laptop.device, token=token)
    return give_pass(site.central, told, laptop.shown("/v1/support")).support_pass


def act(site: Site, laptop: Laptop, text: str, what: SupportAct = SupportAct.SYNC) -> SupportNoted:
    told = SupportReport(device=laptop.device, support_pass=text, act=what)
    return note_act(site.central, told, laptop.shown("/v1/support/acts"))


def noted(site: Site) -> list[tuple[Any, ...]]:
    """What the log has about support."""
    columns = (AUDIT.c[name] for name in ("outcome", "organization_id", "user_id", "device", "actor"))
    query = select(*columns).where(AUDIT.c.what == "support").order_by(AUDIT.c.id)
    with site.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_support_gets_a_pass_for_this_laptop_and_an_hour_and_its_acts_are_noted(
    site: Site, accounts: Accounts
) -> None:
    carlos = site.laptop("carlos")
    text = asked(site, carlos, "nina")
    given = read_support_pass(text, site.central.keys.public)
    assert (given.name, given.user_id, given.device, given.played_by) == (
        "Nina Ortiz",
        "nina",
        carlos.device,
        "",
    )
    assert given.expires_at - given.issued_at == timedelta(minutes=60)
    act(site, carlos, text)
    act(site, carlos, text, SupportAct.SEND_AGAIN)
    who = (ORGANIZATION, "nina", carlos.device, None)
    assert noted(site) == [("signed-in", *who), ("sync", *who), ("send-again", *who)]


def test_who_is_played_by_somebody_is_noted_with_his_player(site: Site, accounts: Accounts) -> None:
    """Clerk's `act`."""
    carlos = site.laptop("carlos")
    text = asked(site, carlos, accounts.add("played", "nina", ORGANIZATION, actor="user_kim"))
    assert read_support_pass(text, site.central.keys.public).who == "Nina Ortiz, played by user_kim"
    act(site, carlos, text)
    who = (ORGANIZATION, "nina", carlos.device, "user_kim")
    assert noted(site) == [("signed-in", *who), ("sync", *who)]


@pytest.mark.parametrize(
    ("subject", "organization"),
    [
        pytest.param("carlos", ORGANIZATION, id="the foreman himself"),
        pytest.param("olga", ORGANIZATION, id="the office"),
        pytest.param("vic", ORGANIZATION, id="a viewer"),
        pytest.param("nobody", ORGANIZATION, id="nobody that is known"),
        pytest.param("stan", STRANGERS, id="another organization's support"),
        pytest.param("stan", None, id="another organization's support that does not say so"),
        pytest.param("stan", ORGANIZATION, id="another organization's support that says it is here"),
        pytest.param("nina", STRANGERS, id="support that has chosen another organization"),
    ],
)
def test_whoever_is_not_support_in_the_laptop_s_organization_hears_the_same_and_is_noted(
    site: Site, accounts: Accounts, subject: str, organization: str | None
) -> None:
    carlos = site.laptop("carlos")
    with pytest.raises(Refused, match="not support in the organization") as refused:
        asked(site, carlos, accounts.add("token", subject, organization))
    assert refused.value.code == "not_support"
    assert noted(site) == [("not_support", ORGANIZATION, subject, carlos.device, None)]


def test_a_pass_is_worth_nothing_on_another_laptop_of_the_same_or_another_organization(
    site: Site, accounts: Accounts
) -> None:
    carlos, dana, sam = site.laptop("carlos"), site.laptop("dana"), site.laptop("sam", STRANGERS)
    text = asked(site, carlos, "nina")
    for other in (dana, sam):
        with pytest.raises(Refused, match="not support"):
            act(site, other, text)
        with pytest.raises(NeedsSignIn):  # the number is another laptop's, and its key is not shown
            told = SupportReport(device=carlos.device, support_pass=text, act=SupportAct.SYNC)
            note_act(site.central, told, other.shown("/v1/support/acts"))
        with pytest.raises(NeedsSignIn):
            asked(site, other, "nina", device=carlos.device)
    assert [row for row in noted(site) if row[0] == "sync"] == []
    told_of_sam = [row for row in noted(site) if row[3] == sam.device]
    assert told_of_sam == [("not_support", STRANGERS, "nina", sam.device, None)]


def gone_after_an_hour(site: Site, laptop: Laptop) -> None:
    site.clock.advance(seconds=LIVES.total_seconds())


def no_longer_support(site: Site, laptop: Laptop) -> None:
    site.central.publish(ORGANIZATION, [Writing("user", "nina", {"role": "foreman"})])


def left(site: Site, laptop: Laptop) -> None:
    site.central.publish(ORGANIZATION, [Writing("user", "nina", {DELETED: True})])


def laptop_revoked(site: Site, laptop: Laptop) -> None:
    revoke(site.engine, laptop.device, site.clock.now())


@pytest.mark.parametrize("happens", [gone_after_an_hour, no_longer_support, left, laptop_revoked])
def test_a_pass_opens_no_act_once_it_should_not(
    site: Site, accounts: Accounts, happens: Callable[[Site, Laptop], None]
) -> None:
    """The role is asked anew at every act."""
    carlos = site.laptop("carlos")
    text = asked(site, carlos, "nina")
    happens(site, carlos)
    with pytest.raises(Refused):
        act(site, carlos, text)
    assert noted(site)[-1][0] in ("not_support", "revoked")


def test_a_laptop_whose_grant_has_run_out_can_be_looked_after(site: Site, accounts: Accounts) -> None:
    """That is when support is called."""
    carlos = site.laptop("carlos")
    site.clock.advance(days=40)
    asked(site, carlos, "nina")
    assert noted(site)[-1][0] == "signed-in"


def test_a_grant_is_no_pass_a_pass_is_no_grant_and_a_proof_is_good_once(
    site: Site, accounts: Accounts
) -> None:
    carlos = site.laptop("carlos")
    text = asked(site, carlos, "nina")
    with pytest.raises(NeedsSignIn):
        act(site, carlos, carlos.grant)
    with pytest.raises(NeedsSignIn):
        shown(site, "/v1/sync", carlos.key, text)
    told, once = (
        SupportReport(device=carlos.device, support_pass=text, act=SupportAct.SYNC),
        carlos.shown("/v1/support/acts"),
    )
    note_act(site.central, told, once)
    with pytest.raises(WantsProof):
        note_act(site.central, told, once)


def test_a_stranger_s_key_gets_no_pass_whatever_token_it_brings(site: Site, accounts: Accounts) -> None:
    key = signing.new_private_key()
    with pytest.raises(NeedsSignIn):
        give_pass(site.central, SupportAsk(device=1, token="nina"), shown(site, "/v1/support", key))
    assert noted(site) == []


def test_support_s_own_laptop_is_given_no_record_and_its_work_is_not_taken(
    site: Site, accounts: Accounts
) -> None:
    """A member of the project by record, too."""
    member = {"user_id": "nina", "project_role": "foreman", "permissions": ["sign"]}
    site.central.publish(PROJECT, [Writing("project_member", "m-nina", member)])
    carlos, nina = site.laptop("carlos"), site.laptop("nina")
    carlos.sync(carlos.change("i1", {"note": "what Carlos wrote"}))
    asks = tuple(PullAsk(scope_id=scope, lane=lane) for scope in (ORGANIZATION, PROJECT) for lane in Lane)
    answer = nina.sync(nina.change("i2", {"note": "x"}), pull=asks)
    assert answer.closed == ""
    assert answer.scopes == ()
    assert [page for page in answer.pages if page.rows] == []
    assert "Carlos" not in answer.model_dump_json()
    assert only(answer.verdicts).outcome is Outcome.REFUSED


def test_support_in_one_project_alone_reads_the_others(site: Site) -> None:
    """The role of a project counts for that project."""
    dana = site.laptop("dana")
    members = KINDS["project_member"].table
    with site.engine.connect() as connection:
        query = select(members.c.id).where(members.c.scope_id == PROJECT, members.c.user_id == "dana")
        member_id = connection.execute(query).scalar_one()
    assert {scope.scope_id for scope in dana.sync().scopes} == {ORGANIZATION, PROJECT}
    site.central.publish(PROJECT, [Writing("project_member", member_id, {"project_role": "support"})])
    assert {scope.scope_id for scope in dana.sync().scopes} == {ORGANIZATION}


async def post(site: Site, path: str, laptop: Laptop | None, body: object) -> httpx.Response:
    central = site.central
    settings = Settings(issuer=central.enrolling.issuer)
    app = make_app(central.engine, central.keys, central.clock, central.ids, settings, run=InlineRunner())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ADDRESS) as client:
        return await client.post(path, json=body, headers=laptop.headers(path) if laptop else {})


async def test_over_http_both_routes_want_the_laptop_s_proof_and_say_what_is_wrong(
    site: Site, accounts: Accounts
) -> None:
    carlos = site.laptop("carlos")
    ask = {"device": carlos.device, "token": "nina"}
    for path in ("/v1/support", "/v1/support/acts"):
        assert (await post(site, path, None, ask)).status_code == 401
        assert (await post(site, path, carlos, {"device": carlos.device})).status_code == 400
    answer = await post(site, "/v1/support", carlos, ask)
    assert answer.status_code == 200, answer.text
    told = {"device": carlos.device, "support_pass": answer.json()["support_pass"], "act": "sync"}
    assert (await post(site, "/v1/support/acts", carlos, told)).status_code == 200
    assert (await post(site, "/v1/support/acts", carlos, {**told, "act": "wipe"})).status_code == 400
    assert (await post(site, "/v1/support/acts", carlos, {**told, "support_pass": "x"})).status_code == 401
    accounts.add("carlos", "carlos")
    refused = await post(site, "/v1/support", carlos, {**ask, "token": "carlos"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:bravetui:problem:refused")


def test_a_central_without_a_provider_lets_nobody_be_support(site: Site) -> None:
    carlos = site.laptop("carlos")
    with pytest.raises(Refused, match="no identity provider"):
        asked(site, carlos, "nina")


def test_who_tries_over_and_over_is_noted_once_an_hour(site: Site, accounts: Accounts) -> None:
    carlos = site.laptop("carlos")
    accounts.add("vic", "vic")
    for _ in range(5):
        with suppress(BravetuiError):
            asked(site, carlos, "vic")
    assert len(noted(site)) == 1
