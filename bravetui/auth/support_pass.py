"""The support pass: central's signed word that a person may look at one laptop for an hour, in his own name.

A JSON Web Token of a type of its own, so that it never passes for a grant nor a grant for it; bound to the laptop's key. It
opens no route that gives records: who holds it may be shown how the laptop is, and central notes what he does. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bravetui.auth.grant import AUDIENCE, ISSUER
from bravetui.auth.signing import read_public_key
from bravetui.auth.unreadable import UNREADABLE
from bravetui.base.errors import NeedsSignIn

LIVES = timedelta(minutes=60)
TYPE = "bravetui-support+jwt"
CHARACTERS_MAX = 4000
NAME_CHARACTERS_MAX = 100

_REQUIRED = ("iss", "aud", "sub", "org", "device", "name", "jti", "iat", "exp", "cnf")


@dataclass(frozen=True, slots=True)
class SupportPass:
    """Who may look at which laptop, and until when."""

    id: str
    organization_id: str
    user_id: str
    name: str
    """As the foreman reads it in the log."""
    played_by: str
    """The account that really sits there, where the provider says that somebody plays this one (RFC 8693 section 4.1)."""
    device: int
    thumbprint: str
    """Of the laptop's public key (RFC 7638)."""
    issued_at: datetime
    expires_at: datetime

    @property
    def who(self) -> str:
        """For people: `Nina Ortiz`, `Nina Ortiz, played by user_kim`."""
        return f"{self.name}, played by {self.played_by}" if self.played_by else self.name

    def holds(self, device: int, thumbprint: str, now: datetime) -> bool:
        """Whether it is for that laptop, and its hour has not run out."""
        return (self.device, self.thumbprint) == (device, thumbprint) and now < self.expires_at


def sign_support_pass(given: SupportPass, key: Ed25519PrivateKey) -> str:
    """The pass as central gives it out."""
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": given.user_id, "org": given.organization_id, "device": given.device,
        "name": given.name, "jti": given.id, "iat": int(given.issued_at.timestamp()),
        "exp": int(given.expires_at.timestamp()), "cnf": {"jkt": given.thumbprint},
    }  # fmt: skip
    if given.played_by:
        claims["act"] = {"sub": given.played_by}
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"typ": TYPE})


def read_support_pass(text: str, central_key: str) -> SupportPass:
    """The pass that `text` is, if central signed it; for which laptop and how long is another question (`holds`).

    Raises NeedsSignIn for anything else, whatever is wrong with it.
    """
    try:
        if len(text) > CHARACTERS_MAX or set(header := jwt.get_unverified_header(text)) != {"alg", "typ"}:
            raise ValueError
        if header["typ"] != TYPE:
            raise ValueError
        claims = jwt.decode(
            text, read_public_key(central_key), algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER,
            options={"require": list(_REQUIRED), "verify_exp": False, "verify_iat": False, "strict_aud": True},
        )  # fmt: skip
        return _pass_of(claims)
    except UNREADABLE:
        raise NeedsSignIn("This is no support pass of central's.", "Sign in again as support.") from None


def _pass_of(claims: Mapping[str, Any]) -> SupportPass:
    issued, expires = (datetime.fromtimestamp(_whole(claims[name]), UTC) for name in ("iat", "exp"))
    if not issued < expires <= issued + LIVES:
        raise ValueError
    return SupportPass(
        id=_text(claims["jti"]), organization_id=_text(claims["org"]), user_id=_text(claims["sub"]),
        name=_text(claims["name"]), played_by=_text(claims["act"]["sub"]) if "act" in claims else "",
        device=_whole(claims["device"]), thumbprint=_text(claims["cnf"]["jkt"]), issued_at=issued, expires_at=expires,
    )  # fmt: skip


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value
