"""The development issuer's RSA keys: made at its start, changed on request, gone with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from bravetui.auth.jwks import ALGORITHM

KEY_BITS = 2048
KEPT = 2
"""Keys in the published set: the one in use, and the one before, whose tokens still live."""


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str
    private: RSAPrivateKey


class SigningKeys:
    """Signs with the newest key and publishes the newest two."""

    def __init__(self) -> None:
        self._made = 0
        self._keys: tuple[_Key, ...] = ()
        self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on. Tokens of the last one still hold, older ones no more."""
        self._made += 1
        fresh = _Key(f"development-{self._made}", generate_private_key(65537, KEY_BITS))
        self._keys = (fresh, *self._keys)[:KEPT]

    def sign(self, claims: Mapping[str, Any], kind: str) -> str:
        """A token of type `kind` (RFC 7515 section 4.1.9) over the claims."""
        key = self._keys[0]
        return jwt.encode(
            dict(claims), key.private, algorithm=ALGORITHM, headers={"typ": kind, "kid": key.kid}
        )

    def published(self) -> dict[str, Any]:
        """The key set as a document (RFC 7517)."""
        return {"keys": [_public(key) for key in self._keys]}


def _public(key: _Key) -> dict[str, Any]:
    numbers: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(key.private.public_key(), as_dict=True)
    return {
        "kty": "RSA", "use": "sig", "alg": ALGORITHM, "kid": key.kid, "n": numbers["n"], "e": numbers["e"],
    }  # fmt: skip
