"""Tokens that an OpenID provider signed: its set of keys (RFC 7517), and what a token says once its signature holds.

RS256 and nothing else (RFC 8725 section 3.1). The key is looked up by its id among those that came from the provider;
a key, or an address of one, inside a token is refused. Says nothing of what the claims mean. Pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from bravetui.auth.openid import NotAProvider
from bravetui.auth.signing import decode
from bravetui.base.errors import BadInput, NeedsSignIn

ALGORITHM = "RS256"
TOKEN_CHARACTERS_MAX = 16_384
KEYS_MAX = 32
KEY_BITS_MIN, KEY_BITS_MAX = 2048, 8192
LEEWAY_S = 5.0
"""How far the clocks of provider and reader may differ."""
_NUMBER_CHARACTERS_MAX = KEY_BITS_MAX // 6 + 3
_EXPONENT_CHARACTERS_MAX = 6
_LATEST_S = 253_402_300_000
"""The end of the year 9999: a later time is no time that Python can hold."""
_KEYS_IN_TOKENS = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"})
"""Header fields that would let a token choose its own key, or its own reading (RFC 8725 section 3.10)."""


class Distrusted(NeedsSignIn):
    """A token that does not prove who somebody is."""

    def __init__(self, why: str, todo: str = "Sign in again.") -> None:
        super().__init__(f"The proof of who you are does not hold: {why}.", todo)


class UnknownKey(Distrusted):
    """Its key is not among those at hand; newer keys may have it."""

    def __init__(self) -> None:
        super().__init__("its key is not one of the sign-in service's")


@dataclass(frozen=True, slots=True)
class KeySet:
    """A provider's public keys by their ids."""

    keys: Mapping[str, RSAPublicKey]


@dataclass(frozen=True, slots=True)
class Opened:
    """A token whose signature holds; whether it is for the reader is still to be seen."""

    type: str
    """Its `typ`, lower case, without `application/`; empty where it has none (RFC 7515 section 4.1.9)."""
    claims: Mapping[str, Any]


def read_keys(document: object) -> KeySet:
    """The usable keys of a key set as it came: RSA, for signatures, large enough. Raises NotAProvider if there are none."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise NotAProvider("it gave no keys")
    keys: dict[str, RSAPublicKey] = {}
    for entry in listed:
        found = _key(entry)
        if found is not None:
            keys.setdefault(entry["kid"], found)
    if not keys:
        raise NotAProvider("it gave no key that can be used")
    return KeySet(keys)


def open_token(token: str, keys: KeySet) -> Opened:
    """What a signed token says. Raises UnknownKey for a key that is not at hand, Distrusted in every other case."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise Distrusted("it is too long to be one")
    parts = token.split(".")
    if len(parts) != 3:
        raise Distrusted("it is not a signed token")
    header = _object(parts[0])
    kind = header.get("typ", "")
    if header.get("alg") != ALGORITHM or not isinstance(kind, str):
        raise Distrusted("it is signed in a way that is not accepted")
    if _KEYS_IN_TOKENS & header.keys():
        raise Distrusted("it brings its own key or its own rules")
    name = header.get("kid")
    key = keys.keys.get(name) if isinstance(name, str) else None
    if key is None:
        raise UnknownKey
    _check_signature(token, key)
    return Opened(kind.lower().removeprefix("application/"), _object(parts[1]))


def checked_times(claims: Mapping[str, Any], now: datetime, leeway_s: float = LEEWAY_S) -> datetime:
    """When the token ends, if it holds at `now`: `exp` and `iat` must be there, `nbf` may be. Raises Distrusted.

    RFC 7519 sections 4.1.4 to 4.1.6.
    """
    now_s = now.timestamp()
    expires_s, issued_s = _seconds(claims, "exp"), _seconds(claims, "iat")
    starts_s = _seconds(claims, "nbf") if "nbf" in claims else issued_s
    if expires_s + leeway_s <= now_s:
        raise Distrusted("it has expired")
    if max(issued_s, starts_s) - leeway_s > now_s:
        raise Distrusted("it is from the future", "Set the clock, then sign in again.")
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=expires_s)


def audience_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """Whom the token is for (RFC 7519 section 4.1.3); empty where it does not say. Raises Distrusted."""
    if "aud" not in claims:
        return frozenset()
    told = claims["aud"]
    listed = told if isinstance(told, list) else [told]
    if not listed or not all(isinstance(one, str) and one for one in listed):
        raise Distrusted("it does not say whom it is for")
    return frozenset(listed)


def word(claims: Mapping[str, Any], name: str, limit: int = 255) -> str:
    """A claim that is a short printable text. Raises Distrusted."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isprintable():
        raise Distrusted(f"its {name} is missing or is not a word")
    return value


def _key(entry: object) -> RSAPublicKey | None:
    """The entry's key; None for one of another kind, which a provider may well have beside its RSA keys."""
    if not isinstance(entry, Mapping) or entry.get("kty") != "RSA" or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("use", "sig") != "sig" or entry.get("alg", ALGORITHM) != ALGORITHM:
        return None
    n, e = entry.get("n"), entry.get("e")
    if not (isinstance(n, str) and isinstance(e, str)):
        return None
    # A long exponent makes every check of a signature as dear as the sender likes.
    if len(n) > _NUMBER_CHARACTERS_MAX or len(e) > _EXPONENT_CHARACTERS_MAX:
        return None
    try:
        key = jwt.algorithms.RSAAlgorithm.from_jwk({"kty": "RSA", "n": n, "e": e})
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        return None
    if isinstance(key, RSAPublicKey) and KEY_BITS_MIN <= key.key_size <= KEY_BITS_MAX:
        return key
    return None


def _check_signature(token: str, key: RSAPublicKey) -> None:
    try:
        jwt.PyJWS([ALGORITHM]).decode_complete(token, key, algorithms=[ALGORITHM])
    except jwt.InvalidSignatureError:
        raise Distrusted("its signature is wrong") from None
    # Whatever else a library trips over: who cannot be checked is not let in.
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        raise Distrusted("it cannot be read") from None


def _object(part: str) -> dict[str, Any]:
    """The JSON object that base64url spells; a name that comes twice, or a number that is none, counts as damage."""
    try:
        found = json.loads(
            decode(part, None, "token"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (BadInput, ValueError, RecursionError):
        raise Distrusted("it cannot be read") from None
    if not isinstance(found, dict):
        raise Distrusted("it cannot be read")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Distrusted(f"its {name} is missing or is not a time")
    if not math.isfinite(value) or not 0 <= value <= _LATEST_S:
        raise Distrusted(f"its {name} is missing or is not a time")
    return float(value)
