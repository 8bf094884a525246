"""The support pass: central's signed word that a person may look at one laptop for an hour, in his own name.

A JSON Web Token of a type of its own, so that it never passes for a grant nor a grant for it; bound to the laptop's key. It
opens no route that gives records: who holds it may be shown how the laptop is, and central notes what he does. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bravetui.auth.central_word import read_word, sign_word, span_of, text_of, whole_of
from bravetui.auth.unreadable import UNREADABLE
from bravetui.base.errors import NeedsSignIn

LIVES = timedelta(minutes=60)
TYPE = "bravetui-support+jwt"
CHARACTERS_MAX = 4000
NAME_CHARACTERS_MAX = 100

_REQUIRED = ("name",)


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
        "sub": given.user_id, "org": given.organization_id, "device": given.device,
        "name": given.name, "jti": given.id, "iat": int(given.issued_at.timestamp()),
        "exp": int(given.expires_at.timestamp()), "cnf": {"jkt": given.thumbprint},
    }  # fmt: skip
    if given.played_by:
        claims["act"] = {"sub": given.played_by}
    return sign_word(TYPE, claims, key)


def read_support_pass(text: str, central_key: str) -> SupportPass:
    """The pass that `text` is, if central signed it; for which laptop and how long is another question (`holds`).

    Raises NeedsSignIn for anything else, whatever is wrong with it.
    """
    try:
        return _pass_of(read_word(text, central_key, TYPE, _REQUIRED, CHARACTERS_MAX))
    except UNREADABLE:
        raise NeedsSignIn("This is no support pass of central's.", "Sign in again as support.") from None


def _pass_of(claims: Mapping[str, Any]) -> SupportPass:
    issued, expires = span_of(claims, LIVES)
    return SupportPass(
        id=text_of(claims["jti"]), organization_id=text_of(claims["org"]), user_id=text_of(claims["sub"]),
        name=text_of(claims["name"]), played_by=text_of(claims["act"]["sub"]) if "act" in claims else "",
        device=whole_of(claims["device"]), thumbprint=text_of(claims["cnf"]["jkt"]), issued_at=issued, expires_at=expires,
    )  # fmt: skip
