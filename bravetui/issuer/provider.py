"""The development issuer as a value: its people, keys and state, and what each endpoint decides, without HTTP.

An answer is what is to be said; `app` says it. Errors of the OAuth protocol are `Denied`, with their registered words.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from bravetui.auth.jwks import ALGORITHM, KeySet, audience_of, checked_times, open_token, read_keys
from bravetui.auth.openid import DEVELOPMENT_MARK
from bravetui.base.clock import Clock
from bravetui.base.errors import BravetuiError
from bravetui.issuer.keys import SigningKeys
from bravetui.issuer.minting import ACCESS_S, ORGANIZATION_SCOPE, Mint
from bravetui.issuer.pending import LIFE_S, Asked, Device, Granted, Shelf, new_user_code
from bravetui.issuer.people import PEOPLE, Person

CLIENT_ID = "bravetui-development"
PATH = "/development"
"""Part of the issuer's address, so that every token and every setting shows where it is from."""
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPES = ("openid", "profile", "email", ORGANIZATION_SCOPE)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_REDIRECT = re.compile(r"http://(127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?(/[A-Za-z0-9/_-]*)?")
"""Programs on this machine alone, at any port (RFC 8252 section 7.3)."""


class Denied(Exception):
    """A request that is refused with a word of the protocol's (RFC 6749 section 5.2, RFC 8628 section 3.5)."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.error, self.description = error, description


class DevelopmentIssuer:
    """One issuer, for the length of a process."""

    def __init__(
        self, origin: str, clock: Clock, people: Sequence[Person] = PEOPLE, *, opaque: bool = False
    ) -> None:
        self.issuer = f"{origin}{PATH}"
        """What tokens say, and what a laptop and central are configured with."""
        self.client_id = CLIENT_ID
        self.secret = secrets.token_urlsafe(24)
        """Proves to introspection that it is central that asks."""
        self.people = tuple(people)
        self.opaque = opaque
        """Whether access tokens are random words, as Clerk's may be, instead of signed ones."""
        self._clock, self._keys = clock, SigningKeys()
        self.mint = Mint(self.issuer, self._keys)
        self._tickets = Shelf[Asked](clock.monotonic_s)
        self._codes = Shelf[Granted](clock.monotonic_s)
        self._devices = Shelf[Device](clock.monotonic_s)
        self._user_codes = Shelf[Device](clock.monotonic_s, new_user_code)
        self._opaque = dict[str, dict[str, Any]]()

    def rotate_keys(self) -> None:
        """Sign with a new key from now on."""
        self._keys.rotate()

    def person(self, subject: str) -> Person:
        """The person of that id. Raises Denied."""
        for person in self.people:
            if person.subject == subject:
                return person
        raise Denied("access_denied", "there is no such person")

    def session_token(self, subject: str, version: int = 2, **changes: Any) -> str:
        """A session token of Clerk's for a person, now; `changes` replaces claims."""
        return self.mint.session_token(self.person(subject), self._clock.now(), version, changes=changes)

    def access_token(self, subject: str, scope: str = " ".join(SCOPES)) -> str:
        """An access token for a person, now, as signing in would give it."""
        person, now = self.person(subject), self._clock.now()
        if not self.opaque:
            return self.mint.access_token(person, self.client_id, now, scope)
        token = f"oat_{secrets.token_urlsafe(24)}"
        self._opaque[token] = self.mint.access_claims(person, self.client_id, now, scope)
        return token

    def metadata(self) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2."""
        return {
            "issuer": self.issuer,
            DEVELOPMENT_MARK: "for demo and tests only: it lets in whoever asks",
            "authorization_endpoint": f"{self.issuer}/oauth/authorize",
            "token_endpoint": f"{self.issuer}/oauth/token",
            "device_authorization_endpoint": f"{self.issuer}/oauth/device_authorization",
            "userinfo_endpoint": f"{self.issuer}/oauth/userinfo",
            "introspection_endpoint": f"{self.issuer}/oauth/token_info",
            "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", DEVICE_GRANT],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def keys(self) -> dict[str, Any]:
        """The key set as a document."""
        return self._keys.published()

    # --- authorization code (RFC 6749 section 4.1, RFC 7636) ------------------------------------------

    def redirect_of(self, fields: Mapping[str, str]) -> str:
        """Where the browser may be sent back to. Raises Denied for an unknown program or place, which gets no redirect."""
        redirect = fields.get("redirect_uri", "")
        if fields.get("client_id") != self.client_id or not _REDIRECT.fullmatch(redirect):
            raise Denied("invalid_request", "This program or its address to return to is not known here.")
        return redirect

    def ask(self, fields: Mapping[str, str]) -> str:
        """Begin to sign in; gives the ticket with which a person is chosen. Raises Denied."""
        redirect = self.redirect_of(fields)
        if fields.get("response_type") != "code":
            raise Denied("unsupported_response_type")
        challenge = fields.get("code_challenge", "")
        if fields.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
            raise Denied("invalid_request", "PKCE with S256 is needed")
        scope = _scope(fields)
        asked = Asked(self.client_id, redirect, scope, fields.get("state"), fields.get("nonce"), challenge)
        return self._tickets.put(asked)

    def choose(self, ticket: str, subject: str | None) -> tuple[str, dict[str, str]]:
        """Where the browser goes, with what: a code for the chosen person, or a refusal for None. Raises Denied."""
        asked = self._tickets.take(ticket)
        if asked is None:
            raise Denied("invalid_request", "This page has expired. Begin again in the program.")
        if subject is None:
            answer = {"error": "access_denied"}
        else:
            answer = {"code": self._codes.put(Granted(asked, self.person(subject)))}
        return asked.redirect_uri, self.answer(answer, asked.state)

    def answer(self, answer: dict[str, str], state: str | None) -> dict[str, str]:
        """An answer with the state that was sent and the issuer's name (RFC 9207)."""
        return {**answer, **({} if state is None else {"state": state}), "iss": self.issuer}

    # --- tokens ---------------------------------------------------------------------------------------

    def exchange(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """What the token endpoint gives for a code or a device code. Raises Denied."""
        if fields.get("client_id") != self.client_id:
            raise Denied("invalid_client")
        if fields.get("grant_type") == "authorization_code":
            return self._for_code(fields)
        if fields.get("grant_type") == DEVICE_GRANT:
            return self._for_device(fields)
        raise Denied("unsupported_grant_type")

    def _for_code(self, fields: Mapping[str, str]) -> dict[str, Any]:
        granted = self._codes.take(fields.get("code", ""))
        if granted is None:
            raise Denied("invalid_grant", "the code is unknown, used or too old")
        asked, verifier = granted.asked, fields.get("code_verifier", "")
        if fields.get("redirect_uri") != asked.redirect_uri:
            raise Denied("invalid_grant", "another address to return to was given before")
        if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(_s256(verifier), asked.challenge):
            raise Denied("invalid_grant", "the code was asked for by another program")
        return self._tokens(granted.person, asked.scope, asked.nonce)

    def _tokens(self, person: Person, scope: str, nonce: str | None) -> dict[str, Any]:
        access = self.access_token(person.subject, scope)
        now = self._clock.now()
        return {
            "token_type": "Bearer",
            "expires_in": ACCESS_S,
            "scope": scope,
            "access_token": access,
            "id_token": self.mint.id_token(person, self.client_id, now, access, nonce),
        }

    # --- devices (RFC 8628) ---------------------------------------------------------------------------

    def begin_device(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """A code for the device and one for the person. Raises Denied."""
        if fields.get("client_id") != self.client_id:
            raise Denied("invalid_client")
        device = Device(self.client_id, _scope(fields), "")
        device.user_code = self._user_codes.put(device)
        place = f"{self.issuer}/device"
        return {
            "device_code": self._devices.put(device),
            "user_code": device.user_code,
            "verification_uri": place,
            "verification_uri_complete": f"{place}?user_code={device.user_code}",
            "expires_in": int(LIFE_S),
            "interval": int(device.interval_s),
        }

    def decide_device(self, user_code: str, subject: str | None) -> None:
        """A person lets a device in, or (None) does not. Raises Denied for a code that is not waiting."""
        person = None if subject is None else self.person(subject)
        device = self._user_codes.take(user_code.strip().upper())
        if device is None:
            raise Denied("invalid_request", "No device waits with this code. Look at the code again.")
        device.person, device.denied = person, person is None

    def _for_device(self, fields: Mapping[str, str]) -> dict[str, Any]:
        name = fields.get("device_code", "")
        device = self._devices.look(name)
        if device is None:
            raise Denied("expired_token")
        if device.denied:
            raise Denied("access_denied")
        if device.person is not None:
            self._devices.take(name)
            return self._tokens(device.person, device.scope, None)
        now_s = self._clock.monotonic_s()
        early = device.asked_s is not None and now_s < device.asked_s + device.interval_s
        device.asked_s = now_s
        if early:
            device.interval_s += 5
            raise Denied("slow_down")
        raise Denied("authorization_pending")

    # --- questions about a token ----------------------------------------------------------------------

    def claims_of(self, token: str) -> Mapping[str, Any]:
        """What an access token of ours says, if it holds now. Raises Denied."""
        try:
            claims = self._opaque.get(token)
            if claims is None:
                claims = dict(open_token(token, self._key_set()).claims)
            checked_times(claims, self._clock.now())
            if "client_id" not in claims or audience_of(claims):
                raise Denied("invalid_token")
        except BravetuiError:
            raise Denied("invalid_token") from None
        return claims

    def userinfo(self, token: str) -> dict[str, Any]:
        """OpenID Connect Core section 5.3. Raises Denied."""
        claims = self.claims_of(token)
        person = self.person(str(claims["sub"]))
        told = {"sub": person.subject, "name": person.name, "email": person.email, "email_verified": True}
        return {**told, **{name: claims[name] for name in ("org_id",) if name in claims}}

    def introspect(self, token: str) -> dict[str, Any]:
        """RFC 7662 section 2.2."""
        try:
            return {"active": True, **self.claims_of(token)}
        except Denied:
            return {"active": False}

    def _key_set(self) -> KeySet:
        return read_keys(self.keys())


def _scope(fields: Mapping[str, str]) -> str:
    asked = fields.get("scope", "").split()
    if "openid" not in asked or not set(asked) <= set(SCOPES):
        raise Denied("invalid_scope", f"these can be had: {' '.join(SCOPES)}; openid is needed")
    return " ".join(asked)


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
