"""Tokens as Clerk would sign them, made by hand, so that a test can spoil any part of one."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bravetui.auth.clerk import Expected

ISSUER = "https://clerk.example.com"
CLIENT, AUDIENCE, ORIGIN = "client_laptop", "https://central.example.com", "https://app.example.com"
EXPECTED = Expected(ISSUER, frozenset({CLIENT}), frozenset({AUDIENCE}), frozenset({ORIGIN}))
KID = "ins_1"
NOW = datetime(2026, 8, 3, 13, 30, tzinfo=UTC)
NOW_S = int(NOW.timestamp())

ACCESS: dict[str, Any] = {
    "iss": ISSUER, "sub": "user_ana", "client_id": CLIENT, "scope": "openid user:org:read", "jti": "oat_1",
    "org_id": "org_hill", "iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 86_400,
}  # fmt: skip
SESSION_V1: dict[str, Any] = {
    "iss": ISSUER, "sub": "user_ana", "sid": "sess_1", "azp": ORIGIN, "iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 60,
    "org_id": "org_hill", "org_slug": "hill", "org_role": "org:admin",
    "org_permissions": ["org:reports:sign", "org:projects:read"],
}  # fmt: skip
SESSION_V2: dict[str, Any] = {
    "iss": ISSUER, "sub": "user_ana", "sid": "sess_1", "azp": ORIGIN, "iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 60,
    "jti": "1", "v": 2, "fva": [3, -1], "pla": "o:free", "sts": "active", "fea": "o:projects,u:drafts,ou:reports",
    "o": {"id": "org_hill", "slg": "hill", "rol": "admin", "per": "read,manage,sign", "fpm": "3,5"},
}  # fmt: skip


def private_key(name: str = KID, bits: int = 2048) -> RSAPrivateKey:
    """A key of the test run's own; the same for the same name."""
    return _made(name, bits)


@cache
def _made(_name: str, bits: int) -> RSAPrivateKey:
    return generate_private_key(65537, bits)


def public_jwk(name: str = KID, bits: int = 2048) -> dict[str, Any]:
    """Its public half as it stands in a key set (RFC 7517)."""
    numbers = private_key(name, bits).public_key().public_numbers()
    return {
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": name,
        "n": base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)), "e": base64url(numbers.e.to_bytes(3)),
    }  # fmt: skip


def public_pem(name: str = KID) -> bytes:
    """Its public half as text, which careless readers take for a shared secret."""
    return private_key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_set(*names: str) -> dict[str, Any]:
    """A key set document with these keys."""
    return {"keys": [public_jwk(name) for name in names or (KID,)]}


def signed(claims: dict[str, Any], kind: str | None = "JWT", kid: str | None = KID) -> str:
    """A token over the claims, signed as it should be; None leaves the header field out."""
    header = {name: value for name, value in (("typ", kind), ("kid", kid)) if value is not None}
    return signed_bytes(
        json.dumps({"alg": "RS256", **header}).encode(), json.dumps(claims).encode(), kid or KID
    )


def signed_bytes(header: bytes, payload: bytes, name: str = KID) -> str:
    """A token over whatever bytes, rightly signed."""
    body = f"{base64url(header)}.{base64url(payload)}"
    algorithm = jwt.get_algorithm_by_name("RS256")
    return f"{body}.{base64url(algorithm.sign(body.encode(), private_key(name)))}"


def header_bytes(**changes: Any) -> bytes:
    """The header that a token has, with changes."""
    return json.dumps({"alg": "RS256", "typ": "JWT", "kid": KID, **changes}).encode()


def base64url(data: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
