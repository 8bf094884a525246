"""A visit of support to an open laptop: signs the person in at the organization's provider, has central judge him, and keeps
central's pass in memory for as long as this process lives: there is nothing to find on the disk, and nothing to inherit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bravetui.auth.proof import thumbprint_of
from bravetui.auth.signing import public_key_of
from bravetui.auth.support_pass import SupportPass, read_support_pass
from bravetui.base.errors import NeedsSignIn, Transient
from bravetui.wire.messages import SupportAct, SupportAsk, SupportReport
from bravetui.wiring.opening import Laptop

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport

    from bravetui.signin.ways import Ways

WITHOUT_CENTRAL = (
    "Only central can tell that you are support, so nothing is shown without it. Whoever is at the desk can make a "
    "diagnosis that shows no answers: bravetui doctor --bundle DIR."
)


@dataclass(frozen=True)
class Visit:
    """Somebody whom central has let look at this laptop."""

    laptop: Laptop
    given: SupportPass
    text: str
    """The pass as central gave it."""
    transport: AsyncBaseTransport | None = None

    @property
    def who(self) -> str:
        """His name, and who plays him."""
        return self.given.who

    def check(self) -> None:
        """Raises NeedsSignIn once the hour has run out, by the time that has certainly passed."""
        store = self.laptop.store
        if not self.given.holds(store.identity.device, thumbprint_of_laptop(self.laptop), store.passed.now()):
            raise NeedsSignIn(
                "Your sign-in as support has run out: it is good for an hour.", "Connect again."
            )

    async def report(self, act: SupportAct) -> None:
        """Tell central what is about to be done; what central cannot note is not done. Raises Transient, NeedsSignIn."""
        from bravetui.sync.client import CentralClient

        who = self.laptop.store.identity
        client = CentralClient(who.central_url, self.laptop.prover(), transport=self.transport)
        try:
            await client.report_act(SupportReport(device=who.device, support_pass=self.text, act=act))
        except Transient as error:
            raise Transient(error.what, "Central notes what support does, so nothing was done.") from error
        finally:
            await client.close()


async def sign_in_support(laptop: Laptop, ways: Ways, transport: AsyncBaseTransport | None = None) -> Visit:
    """Let a support person in, by his own account. Raises Transient without central, NeedsSignIn and Refused where he is not
    let in, and whatever `sign_in` raises."""
    from bravetui.signin.flow import SignInSettings, sign_in
    from bravetui.sync.client import CentralClient

    store = laptop.store
    who = store.identity
    client = CentralClient(who.central_url, laptop.prover(), transport=transport)
    try:
        offer = await client.sign_in_offer()
        signed_in = await sign_in(SignInSettings(offer.issuer, offer.client_id), ways, store.clock)
        answer = await client.support(SupportAsk(device=who.device, token=signed_in.access_token))
    except Transient as error:
        raise Transient(error.what, WITHOUT_CENTRAL) from error
    finally:
        await client.close()
    given = read_support_pass(answer.support_pass, who.central_key)
    store.passed.told(
        given.issued_at
    )  # central's own time: a wrong clock neither ends the hour nor stretches it
    visit = Visit(laptop, given, answer.support_pass, transport)
    visit.check()
    return visit


def thumbprint_of_laptop(laptop: Laptop) -> str:
    """The name of the laptop's public key (RFC 7638)."""
    return thumbprint_of(public_key_of(laptop.ring.load().device_key))
