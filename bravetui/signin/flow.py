"""Signing in, told in order: find the provider, open a browser here; where there is none, a code for another device;
where that is not offered, an address to open elsewhere and what it ends at to paste back.

Every wait can be cancelled, and nothing listens, runs or is kept afterwards.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bravetui.auth.openid import Metadata
from bravetui.base.clock import Clock
from bravetui.base.errors import BadInput
from bravetui.signin.authorize import (
    Challenge,
    address_to_open,
    new_challenge,
    read_answer,
    read_pasted,
    refusal_of,
    scope_of,
)
from bravetui.signin.device import NotOffered, Pause, sign_in_elsewhere
from bravetui.signin.discovery import discover
from bravetui.signin.line import Line
from bravetui.signin.loopback import listening
from bravetui.signin.tokens import SignedIn, trade
from bravetui.signin.ways import Invitation, Way, Ways

SCOPES = ("openid", "profile", "email", "user:org:read")
"""The last is Clerk's: the person chooses the organization to work for."""
PATIENCE_S = 900.0
PASTES_MAX = 5
_PORTS = (49_152, 65_535)


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """All that has to be configured."""

    issuer: str
    """The provider's address, exactly as it calls itself."""
    client_id: str
    """Of an application that is public: no secret, PKCE."""
    scopes: tuple[str, ...] = SCOPES
    """Those that the provider does not have are left out."""
    port: int = 0
    """Where the browser comes back to; 0 for any, which RFC 8252 section 7.3 asks providers to allow."""
    patience_s: float = PATIENCE_S
    """How long a person may take in the browser."""


async def sign_in(
    settings: SignInSettings, ways: Ways, clock: Clock, *, pause: Pause = asyncio.sleep
) -> SignedIn:
    """Sign a person in; `pause` waits between two questions of the device flow.

    Raises Refused when the person or the provider says no, or time is up; NeedsSignIn for tokens that do not hold;
    Transient when the line or the network fails; BadInput for wrong settings or pastes; Busy for a taken port.
    """
    async with Line() as line:
        metadata = await discover(line, settings.issuer)
        attempt = _Attempt(settings, ways, clock, line, metadata, new_challenge(), pause)
        signed_in = await attempt.in_browser()
        if signed_in is not None:
            return signed_in
        try:
            return await attempt.on_device()
        except NotOffered:
            return await attempt.by_paste()


@dataclass(frozen=True, slots=True)
class _Attempt:
    settings: SignInSettings
    ways: Ways
    clock: Clock
    line: Line
    metadata: Metadata
    challenge: Challenge
    pause: Pause

    async def in_browser(self) -> SignedIn | None:
        """Through a browser on this machine; None where there is none."""
        read = partial(read_answer, challenge=self.challenge, metadata=self.metadata)
        async with listening(read, self.settings.port) as loopback:
            address = self._address(loopback.redirect_uri)
            if not await self.ways.open_browser(address):
                return None
            await self._invite("browser", address)
            try:
                async with asyncio.timeout(self.settings.patience_s):
                    code = await loopback.code()
            except TimeoutError:
                raise refusal_of("expired_token", "") from None
        return await self._trade(code, loopback.redirect_uri)

    async def on_device(self) -> SignedIn:
        """With a code to type on another device."""
        return await sign_in_elsewhere(
            self.line,
            self.metadata,
            self.settings.client_id,
            self._scope(),
            self.ways,
            self.clock,
            self.pause,
        )

    async def by_paste(self) -> SignedIn:
        """With an address to open elsewhere. Its browser ends at a page that does not load, whose address has the code."""
        port = self.settings.port or _PORTS[0] + secrets.randbelow(_PORTS[1] - _PORTS[0])
        redirect_uri = f"http://127.0.0.1:{port}/"
        await self._invite("paste", self._address(redirect_uri))
        wrong: BadInput | None = None
        for _ in range(PASTES_MAX):
            pasted = await self.ways.ask_for_paste(wrong)
            try:
                code = read_pasted(pasted, self.challenge, self.metadata)
            except BadInput as error:
                wrong = error
                continue
            return await self._trade(code, redirect_uri)
        assert wrong is not None
        raise wrong

    async def _trade(self, code: str, redirect_uri: str) -> SignedIn:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": self.challenge.verifier,
        }
        return await trade(
            self.line, self.metadata, self.settings.client_id, self.clock, fields, self.challenge.nonce
        )

    async def _invite(self, way: Way, address: str) -> None:
        ends_at = self.clock.now() + timedelta(seconds=self.settings.patience_s)
        shown = Invitation(way, address, address, None, ends_at)
        await self.ways.invite(shown)

    def _address(self, redirect_uri: str) -> str:
        return address_to_open(
            self.metadata, self.settings.client_id, self._scope(), redirect_uri, self.challenge
        )

    def _scope(self) -> str:
        return scope_of(self.settings.scopes, self.metadata)
