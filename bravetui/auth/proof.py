"""Proof of possession: each request shows that its sender holds the laptop's private key (DPoP, RFC 9449).

A proof names the method, the address, a moment, an id of its own and the grant it goes with, so a copied one opens
nothing else and nothing twice. A laptop whose clock is wrong shows a nonce of central's instead of the right time
(section 8). Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bravetui.auth.signing import encode, public_key_of, read_public_key
from bravetui.auth.unreadable import UNREADABLE
from bravetui.base.canonical import canonical_bytes
from bravetui.base.clock import Clock, IdSource
from bravetui.base.errors import BadInput, NeedsSignIn

TYPE = "dpop+jwt"
BYTES_MAX = 2000
_ID_LENGTH_MAX = 64
_REQUIRED = ("htm", "htu", "iat", "jti")


@dataclass(frozen=True, slots=True)
class Proof:
    """What a genuine proof says."""

    key: str
    """The sender's public key, base64url."""
    id: str
    issued_at: datetime
    """By the sender's clock."""
    method: str
    url: str
    nonce: str
    token_hash: str
    """Of the grant it goes with; empty without one."""


class Prover:
    """Makes one laptop's proofs."""

    def __init__(self, private_key: bytes, grant: Callable[[], str], clock: Clock, ids: IdSource) -> None:
        """`grant` gives the one that counts now; it is asked for every request."""
        self._key = Ed25519PrivateKey.from_private_bytes(private_key)
        self._jwk = jwk_of(public_key_of(private_key))
        self._grant, self._clock, self._ids = grant, clock, ids

    def headers(self, method: str, url: str, nonce: str = "") -> dict[str, str]:
        """The headers by which a request shows the grant and the key."""
        grant = self._grant()
        claims: dict[str, Any] = {
            "htm": method, "htu": bare(url), "iat": int(self._clock.now().timestamp()), "jti": self._ids.new_id(),
        }  # fmt: skip
        if grant:
            claims["ath"] = hash_of(grant)
        if nonce:
            claims["nonce"] = nonce
        proof = jwt.encode(claims, self._key, algorithm="EdDSA", headers={"typ": TYPE, "jwk": self._jwk})
        return {"DPoP": proof, "Authorization": f"DPoP {grant}"} if grant else {"DPoP": proof}


def read_proof(text: str) -> Proof:
    """The proof that `text` is, if its own key signed it. What it says is for the caller to compare (`fits`).

    Raises NeedsSignIn for anything else, whatever is wrong with it.
    """
    try:
        if len(text) > BYTES_MAX or set(header := jwt.get_unverified_header(text)) != {"alg", "typ", "jwk"}:
            raise ValueError
        key = header["jwk"]["x"]
        if header["typ"] != TYPE or header["jwk"] != jwk_of(key):
            raise ValueError
        claims = jwt.decode(
            text, read_public_key(key), algorithms=["EdDSA"],
            options={"require": list(_REQUIRED), "verify_iat": False, "verify_exp": False, "verify_nbf": False,
                     "verify_aud": False},
        )  # fmt: skip
        return _proof_of(key, claims)
    except UNREADABLE:
        raise NeedsSignIn(
            "The request does not prove that it comes from an enrolled laptop.",
            "Enrol this laptop: bravetui enrol ADDRESS.",
        ) from None


def fits(proof: Proof, method: str, place: str, grant: str) -> bool:
    """Whether the proof was made for this request and goes with this grant (RFC 9449 section 4.3).

    `place` is host, port where it is no default, and path. The scheme is not compared: behind a proxy that ends TLS,
    central sees another one than the laptop.
    """
    return (
        proof.method == method
        and proof.url.partition("://")[2] == place
        and proof.token_hash == (hash_of(grant) if grant else "")
    )


def thumbprint_of(public_key: str) -> str:
    """The name of a public key (RFC 7638), base64url: 43 characters."""
    return encode(hashlib.sha256(canonical_bytes(jwk_of(public_key))).digest())


def jwk_of(public_key: str) -> dict[str, str]:
    """An Ed25519 public key as a JSON Web Key (RFC 8037 section 2)."""
    return {"crv": "Ed25519", "kty": "OKP", "x": public_key}


def hash_of(grant: str) -> str:
    """The hash of the grant that a proof goes with (RFC 9449 section 4.2, `ath`)."""
    return encode(hashlib.sha256(grant.encode()).digest())


def bare(url: str) -> str:
    """An address without query and fragment (RFC 9449 section 4.2), host and scheme in small letters, default ports left
    out. Raises BadInput for what is no address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadInput("This is not an address.", "Write it as https://central.example.com.") from None
    default = {"http": 80, "https": 443}.get(parts.scheme)
    where = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{where}{'' if port in (None, default) else f':{port}'}{parts.path or '/'}"


def _proof_of(key: str, claims: Mapping[str, Any]) -> Proof:
    said = {name: claims.get(name, "") for name in ("jti", "htm", "htu", "nonce", "ath")}
    if (
        not all(isinstance(value, str) for value in said.values())
        or not 8 <= len(said["jti"]) <= _ID_LENGTH_MAX
    ):
        raise ValueError
    # What is kept or compared is plain: no database holds a NUL, and no strangers' signs are compared in one time.
    if not all(said[name].isascii() and said[name].isprintable() for name in ("jti", "nonce", "ath")):
        raise ValueError
    if not isinstance(claims["iat"], int) or isinstance(claims["iat"], bool):
        raise TypeError
    return Proof(
        key=key, id=said["jti"], issued_at=datetime.fromtimestamp(claims["iat"], UTC), method=said["htm"],
        url=bare(said["htu"]), nonce=said["nonce"], token_hash=said["ath"],
    )  # fmt: skip
