"""Central's word on who may do what: a JSON Web Token (RFC 7519) of a type of its own, signed with Ed25519 (RFC 8037), bound
to a laptop's key (RFC 7800). Grant and support pass are two of these; by which rules one is believed stands here. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bravetui.auth.signing import read_public_key

ISSUER = "urn:bravetui:central"
AUDIENCE = "urn:bravetui:laptop"

_ALWAYS = ("iss", "aud", "sub", "org", "device", "jti", "iat", "exp", "cnf")


def sign_word(kind: str, claims: Mapping[str, Any], key: Ed25519PrivateKey) -> str:
    """A token of that type (its `typ`) as central gives it out; issuer and audience are added."""
    said = {"iss": ISSUER, "aud": AUDIENCE, **claims}
    return jwt.encode(said, key, algorithm="EdDSA", headers={"typ": kind})


def read_word(text: str, central_key: str, kind: str, required: Sequence[str], most: int) -> dict[str, Any]:
    """The claims of a token of that type, of at most so many characters, that central signed; of its time nothing is said.

    One algorithm, and no header of the sender's choosing counts (RFC 8725). Raises one of `UNREADABLE`.
    """
    if len(text) > most or set(header := jwt.get_unverified_header(text)) != {"alg", "typ"}:
        raise ValueError
    if header["typ"] != kind:
        raise ValueError
    claims: dict[str, Any] = jwt.decode(
        text, read_public_key(central_key), algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER,
        options={"require": [*_ALWAYS, *required], "verify_exp": False, "verify_iat": False, "strict_aud": True},
    )  # fmt: skip
    return claims


def span_of(claims: Mapping[str, Any], lives: timedelta) -> tuple[datetime, datetime]:
    """From when and until when it holds. Raises one of `UNREADABLE`, also for longer than `lives`."""
    issued, expires = (datetime.fromtimestamp(whole_of(claims[name]), UTC) for name in ("iat", "exp"))
    if not issued < expires <= issued + lives:
        raise ValueError
    return issued, expires


def text_of(value: object) -> str:
    """A claim that is a text. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError
    return value


def whole_of(value: object) -> int:
    """A claim that is a whole number, and not negative. Raises TypeError."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value
