"""What the development issuer signs: OpenID and access tokens, and Clerk's session tokens in both versions."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bravetui.issuer.keys import SigningKeys
from bravetui.issuer.people import Person

ORGANIZATION_SCOPE = "user:org:read"
"""With it a token names the person's organization."""
ACCESS_S = 24 * 3600
"""Clerk's tokens for applications live a day."""
SESSION_S = 60
"""Clerk's session tokens live a minute."""


class Mint:
    """Signs for one issuer."""

    def __init__(self, issuer: str, keys: SigningKeys) -> None:
        self._issuer, self._keys = issuer, keys

    def id_token(
        self, person: Person, client_id: str, now: datetime, access_token: str, nonce: str | None
    ) -> str:
        """Who signed in, for the application alone (OpenID Connect Core section 2)."""
        claims = {**self._base(person, now, ACCESS_S), "aud": client_id, "at_hash": _half_hash(access_token)}
        if nonce is not None:
            claims["nonce"] = nonce
        return self._keys.sign({**claims, "name": person.name, "email": person.email}, "JWT")

    def access_token(self, person: Person, client_id: str, now: datetime, scope: str) -> str:
        """What opens central's door (RFC 9068): names the organization if the scope asks, but no role."""
        claims = self.access_claims(person, client_id, now, scope)
        return self._keys.sign({**claims, "jti": secrets.token_hex(8)}, "at+jwt")

    def access_claims(self, person: Person, client_id: str, now: datetime, scope: str) -> dict[str, Any]:
        """The claims of an access token, which introspection tells of an opaque one."""
        claims = {**self._base(person, now, ACCESS_S), "client_id": client_id, "scope": scope}
        if ORGANIZATION_SCOPE in scope.split() and person.organization_id is not None:
            claims["org_id"] = person.organization_id
        return claims

    def session_token(
        self,
        person: Person,
        now: datetime,
        version: int = 2,
        *,
        azp: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> str:
        """A session token of Clerk's, version 1 or 2; `changes` replaces claims, for tests."""
        claims = {
            **self._base(person, now, SESSION_S),
            "sid": f"sess_{secrets.token_hex(8)}",
            "sts": "active",
        }
        if azp is not None:
            claims["azp"] = azp
        claims |= _organization_v2(person) if version == 2 else _organization_v1(person)
        return self._keys.sign({**claims, **(changes or {})}, "JWT")

    def _base(self, person: Person, now: datetime, life_s: int) -> dict[str, Any]:
        now_s = int(now.timestamp())
        played = (
            {} if person.played_by is None else {"act": {"sub": person.played_by}}
        )  # RFC 8693 section 4.1
        return {
            "iss": self._issuer, "sub": person.subject, "iat": now_s, "nbf": now_s, "exp": now_s + life_s, **played,
        }  # fmt: skip


def _organization_v1(person: Person) -> dict[str, Any]:
    if person.organization_id is None:
        return {}
    return {
        "org_id": person.organization_id, "org_slug": person.organization_id.removeprefix("org_"),
        "org_role": f"org:{person.role}", "org_permissions": list(person.permissions),
    }  # fmt: skip


def _organization_v2(person: Person) -> dict[str, Any]:
    """Features in `fea`, permission names in `per`, and in `fpm` a number a feature: bit i for the i-th name."""
    pairs = [permission.split(":")[1:] for permission in person.permissions]
    features = sorted({feature for feature, _ in pairs})
    names = sorted({name for _, name in pairs})
    claims: dict[str, Any] = {"v": 2, "pla": "o:free", "fva": [0, -1]}
    if person.organization_id is None:
        return claims
    masks = [
        sum(1 << bit for bit, name in enumerate(names) if [feature, name] in pairs) for feature in features
    ]
    organization = {
        "id": person.organization_id, "slg": person.organization_id.removeprefix("org_"), "rol": person.role,
        "per": ",".join(names), "fpm": ",".join(map(str, masks)),
    }  # fmt: skip
    return {**claims, "fea": ",".join(f"o:{feature}" for feature in features), "o": organization}


def _half_hash(token: str) -> str:
    """OpenID Connect Core section 3.1.3.6: the left half of the hash, base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).decode().rstrip("=")
