"""Central's knowledge of one sign-in service (Clerk): where it is, its keys, and who a token of its speaks of.

Keys are kept and used while the service is down. A token with an unknown key makes central ask for newer keys, at most
once a minute: whoever sends made-up tokens must not make central hammer the service. Blocking; for any thread.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bravetui.auth.clerk import ClerkClaims, Expected, access_claims, checked_client, read_clerk_token
from bravetui.auth.jwks import (
    TOKEN_CHARACTERS_MAX,
    Distrusted,
    KeySet,
    UnknownKey,
    checked_times,
    read_keys,
)
from bravetui.auth.openid import Metadata, NotAProvider, metadata_addresses, read_metadata
from bravetui.base.clock import Clock
from bravetui.base.errors import Refused, Transient
from bravetui.central.provider import HttpProvider, Provider
from bravetui.wire.messages import SignInOffer

log = logging.getLogger(__name__)

AGAIN_S = 60.0
"""The least time between two fetches of keys, once there are some."""
FIRST_AGAIN_S = 5.0
"""The same while there are none."""
FRESH_S = 3600.0
"""After this, keys are fetched anew, so that one that was withdrawn is not believed for ever."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What may stand behind `Bearer` (RFC 6750 section 2.1)."""
UNSAID_LIFE_S = 60.0
"""How long a person that userinfo names is believed: it does not say when the token ends."""


@dataclass(frozen=True, slots=True)
class ClerkSettings:
    """What an operator configures."""

    issuer: str
    """The service's address, exactly as in its tokens."""
    clients: frozenset[str]
    """Client ids of our applications."""
    audiences: frozenset[str] = frozenset()
    parties: frozenset[str] = frozenset()
    login: tuple[str, str] | None = field(default=None, repr=False)
    """Name and secret with which opaque tokens are looked up (RFC 7662)."""
    trusts_userinfo: bool = False
    """Whether an opaque token that cannot be looked up counts if userinfo knows its person. It does not say for which
    application a token is: only where no other application uses this service."""

    @property
    def offer(self) -> SignInOffer:
        """What a laptop has to know to send its person there."""
        return SignInOffer(issuer=self.issuer, client_id=min(self.clients))

    @property
    def expected(self) -> Expected:
        """Whose tokens count."""
        return Expected(self.issuer, self.clients, self.audiences, self.parties)


@dataclass(frozen=True, slots=True)
class _Known:
    metadata: Metadata
    keys: KeySet
    fetched_s: float


class ClerkIssuer:
    """One sign-in service."""

    def __init__(
        self,
        settings: ClerkSettings,
        clock: Clock,
        *,
        development: bool = False,
        provider: Provider | None = None,
    ) -> None:
        """Raises BadInput for an issuer that is not https (http on loopback). Asks nobody yet.

        `development`: whether the development issuer, which lets in whoever asks, may be believed.
        """
        self._addresses = metadata_addresses(settings.issuer)
        self._settings, self._clock, self._development = settings, clock, development
        self._expected = settings.expected
        self._provider = provider or HttpProvider()
        self._known: _Known | None = None
        self._tried_s: float | None = None
        self._fetching = threading.Lock()

    @property
    def offer(self) -> SignInOffer:
        """What laptops are told."""
        return self._settings.offer

    def look(self) -> None:
        """Ask the service what it is, as at a start. Raises Refused for a development issuer where none is allowed, or
        another issuer than the configured one; Transient when it cannot be reached, which need not stop a start.
        """
        with self._fetching, _sound_answers():
            self._fetch()

    def verify(self, token: str, now: datetime) -> ClerkClaims:
        """Who a session or access token speaks of. Raises NeedsSignIn for one that does not hold, Transient when that cannot
        be known just now, Refused where the service itself is not to be believed.
        """
        if len(token) > TOKEN_CHARACTERS_MAX or not _TOKEN.fullmatch(token):
            raise Distrusted("it is not a token")
        with _sound_answers():
            known = self._at_hand()
            if "." not in token:
                return self._looked_up(token, known.metadata, now)
            try:
                return read_clerk_token(token, known.keys, self._expected, now)
            except UnknownKey:
                return read_clerk_token(token, self._newer(known).keys, self._expected, now)

    def close(self) -> None:
        """Let go of connections."""
        self._provider.close()

    # --- keys -----------------------------------------------------------------------------------------

    def _at_hand(self) -> _Known:
        """What is known, fetched where it is not or has grown old. While the service is down, what is known does."""
        known = self._known
        if known is None:
            with self._fetching:
                return self._known or self._fetch_at_most(FIRST_AGAIN_S)
        if self._clock.monotonic_s() - known.fetched_s > FRESH_S and self._fetching.acquire(blocking=False):
            # One thread looks, the others go on with what there is.
            try:
                return self._fetch_at_most(AGAIN_S)
            except Transient as error:
                log.debug("keys are not fetched anew: %s", error)
            finally:
                self._fetching.release()
        return known

    def _newer(self, known: _Known) -> _Known:
        """Keys fetched after those of `known`. Raises Transient where it is too early to ask."""
        with self._fetching:
            if self._known is not None and self._known is not known:
                return self._known
            return self._fetch_at_most(AGAIN_S)

    def _fetch_at_most(self, every_s: float) -> _Known:
        if self._tried_s is not None:
            wait_s = self._tried_s + every_s - self._clock.monotonic_s()
            if wait_s > 0:
                raise Transient(
                    "Central cannot check the sign-in just now.",
                    "It is tried again by itself.",
                    wait_s=wait_s,
                )
        return self._fetch()

    def _fetch(self) -> _Known:
        self._tried_s = self._clock.monotonic_s()
        metadata = self._judged(self._metadata())
        keys = read_keys(_document(self._provider.get(metadata.jwks_uri)))
        self._known = _Known(metadata, keys, self._tried_s)
        return self._known

    def _metadata(self) -> Metadata:
        first: NotAProvider | None = None
        for address in self._addresses:
            try:
                return read_metadata(_document(self._provider.get(address)), self._settings.issuer)
            except NotAProvider as error:
                first = first or error
        assert first is not None
        raise first

    def _judged(self, metadata: Metadata) -> Metadata:
        if metadata.for_development and not self._development:
            # Also when it was believed before: somebody may have put it in the other's place.
            self._known = None
            log.critical(
                "%s is a DEVELOPMENT ISSUER: it lets in whoever asks. Nobody is let in by it.",
                metadata.issuer,
            )
            raise Refused(
                f"{metadata.issuer} is the development issuer, which lets in whoever asks; central does not believe it.",
                "Configure Clerk's address; for a demo, start central for development.",
                code="development_issuer",
            )
        return metadata

    # --- opaque tokens --------------------------------------------------------------------------------

    def _looked_up(self, token: str, metadata: Metadata, now: datetime) -> ClerkClaims:
        """Who a token speaks of that says nothing by itself: asked each time, so one that was revoked counts no more."""
        if metadata.introspection_endpoint is not None and self._settings.login is not None:
            return self._introspected(token, metadata.introspection_endpoint, self._settings.login, now)
        if metadata.userinfo_endpoint is not None and self._settings.trusts_userinfo:
            return self._by_userinfo(token, metadata.userinfo_endpoint, now)
        raise Distrusted(
            "central is not set up to look up tokens of this kind",
            "Ask the office: the application has to give signed tokens (JWT), or central needs its secret.",
        )

    def _introspected(self, token: str, address: str, login: tuple[str, str], now: datetime) -> ClerkClaims:
        """RFC 7662."""
        status, document = self._provider.post(address, {"token": token}, login)
        if status in (401, 403):
            log.error("the sign-in service does not accept central's own name and secret")
        if status != 200 or not isinstance(document, Mapping):
            raise Transient(
                "Central cannot look up the sign-in just now.", "Try again in a while.", wait_s=60
            )
        if document.get("active") is not True:
            raise Distrusted("it is revoked, expired or made up")
        if document.get("iss", self._settings.issuer) != self._settings.issuer:
            raise Distrusted("another sign-in service made it")
        checked_client(document, self._expected)
        return access_claims(document, checked_times({"iat": now.timestamp(), **document}, now))

    def _by_userinfo(self, token: str, address: str, now: datetime) -> ClerkClaims:
        """OpenID Connect Core section 5.3."""
        status, document = self._provider.get(address, token)
        if status in (401, 403):
            raise Distrusted("it is revoked, expired or made up")
        if status != 200 or not isinstance(document, Mapping):
            raise NotAProvider(f"it answered {status}")
        return access_claims(document, now.astimezone(UTC) + timedelta(seconds=UNSAID_LIFE_S))


@contextmanager
def _sound_answers() -> Iterator[None]:
    """Somebody else's answer is nothing that a laptop, which reads the error, can do anything about."""
    try:
        yield
    except NotAProvider as error:
        log.warning("the sign-in service gave no sound answer: %s", error.what)
        raise Transient(
            "Central gets no sound answer from the sign-in service.", "Try again in a while.", wait_s=10
        ) from error


def _document(answer: tuple[int, object]) -> object:
    status, document = answer
    if status != 200:
        raise NotAProvider(f"it answered {status}")
    return document
