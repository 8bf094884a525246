"""The grant: central's signed word on who works on a laptop, what he may do there and until when, so that a month without
a network is a month of work.

A JSON Web Token (RFC 7519) signed with Ed25519 (RFC 8037), bound to the laptop's own key (RFC 7800): copied to another
laptop it is worth nothing, since every request also carries a proof of that key (`auth.proof`). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bravetui.auth.central_word import read_word, sign_word, span_of, text_of, whole_of
from bravetui.auth.unreadable import UNREADABLE
from bravetui.base.errors import NeedsSignIn

LIVES = timedelta(days=30)
AGES_AFTER = timedelta(days=25)
"""From then on a person is warned; a laptop that reaches central has a newer one long before."""
RENEWED_AFTER = timedelta(hours=24)
"""Central gives a new one at a contact once the one that is shown is so old."""

TYPE = "bravetui-grant+jwt"
BYTES_MAX = 6000
"""It travels in a header, and servers take about 8 kB of those."""
SCOPES_MAX = 40
"""Scopes spelled out in one; of more, an office's say, the laptop asks what central last told it."""

_REQUIRED = ("role", "gen")


class Life(StrEnum):
    """How far a grant's time has run."""

    FRESH = "fresh"
    AGEING = "ageing"
    """Warned of: it ends within five days."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Grant:
    """What central granted."""

    id: str
    generation: int
    """Raised with every new one for the same key: of two genuine ones the higher counts."""
    organization_id: str
    user_id: str
    device: int
    role: str
    scopes: Mapping[str, tuple[str, ...]] | None
    """Permissions by scope; None where there are too many scopes to spell them out."""
    thumbprint: str
    """Of the laptop's public key (RFC 7638)."""
    issued_at: datetime
    expires_at: datetime

    def life(self, now: datetime) -> Life:
        """How far its time has run by `now`."""
        if now >= self.expires_at:
            return Life.EXPIRED
        return Life.AGEING if now >= self.issued_at + AGES_AFTER else Life.FRESH

    def time_left(self, now: datetime) -> timedelta:
        """Until it ends; never negative."""
        return max(self.expires_at - now, timedelta())


def sign_grant(grant: Grant, key: Ed25519PrivateKey) -> str:
    """The grant as central gives it out."""
    scopes = None if grant.scopes is None else {name: list(may) for name, may in grant.scopes.items()}
    claims = {
        "sub": grant.user_id, "org": grant.organization_id,
        "device": grant.device, "role": grant.role, "scopes": scopes, "gen": grant.generation,
        "jti": grant.id, "iat": int(grant.issued_at.timestamp()), "exp": int(grant.expires_at.timestamp()),
        "cnf": {"jkt": grant.thumbprint},
    }  # fmt: skip
    return sign_word(TYPE, claims, key)


def read_grant(text: str, central_key: str) -> Grant:
    """The grant that `text` is, if central signed it. Whether its time has run out is another question (`life`).

    Raises NeedsSignIn for anything else, whatever is wrong with it.
    """
    try:
        return _grant_of(read_word(text, central_key, TYPE, _REQUIRED, BYTES_MAX))
    except UNREADABLE:
        raise NeedsSignIn(
            "The sign-in kept on this laptop is not central's.",
            "Sign in again: bravetui enrol --again. All work is kept.",
        ) from None


def _grant_of(claims: Mapping[str, Any]) -> Grant:
    issued, expires = span_of(claims, LIVES)
    told = claims.get("scopes")
    scopes = (
        None
        if told is None
        else {text_of(name): tuple(text_of(may) for may in some) for name, some in told.items()}
    )
    return Grant(
        id=text_of(claims["jti"]), generation=whole_of(claims["gen"]), organization_id=text_of(claims["org"]),
        user_id=text_of(claims["sub"]), device=whole_of(claims["device"]), role=text_of(claims["role"]), scopes=scopes,
        thumbprint=text_of(claims["cnf"]["jkt"]), issued_at=issued, expires_at=expires,
    )  # fmt: skip
