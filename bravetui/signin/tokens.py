"""Trades a code for tokens, and believes them only after looking: who is named must be named for this sign-in.

Refresh tokens are not asked for, and dropped if they come: one that is copied opens the account for ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bravetui.auth.jwks import Distrusted, KeySet, audience_of, checked_times, open_token, word
from bravetui.auth.openid import Metadata, NotAProvider
from bravetui.base.clock import Clock
from bravetui.signin.authorize import refusal_of
from bravetui.signin.discovery import fetch_keys
from bravetui.signin.line import Line

TOKEN_CHARACTERS_MAX = 16_384
LIFE_S_MAX = 366 * 86_400
LAPTOP_LEEWAY_S = 300.0
"""A laptop's clock may be minutes off; the tokens came straight from the provider just now."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person has signed in. To be traded for a grant at central at once, and forgotten."""

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)
    expires_at: datetime
    """When the access token ends, as this laptop's clock has it."""


async def trade(
    line: Line, metadata: Metadata, client_id: str, clock: Clock, fields: Mapping[str, str], nonce: str | None
) -> SignedIn:
    """Tokens for a code, looked at. Raises Refused where the provider says no, NeedsSignIn for tokens that do not hold,
    Transient.
    """
    status, answer = await line.post(metadata.token_endpoint, {"client_id": client_id, **fields})
    if status != 200:
        raise refusal_of(*error_of(answer))
    return await believed(line, metadata, client_id, clock, answer, nonce)


async def believed(
    line: Line, metadata: Metadata, client_id: str, clock: Clock, answer: Mapping[str, Any], nonce: str | None
) -> SignedIn:
    """What a token endpoint's answer says (RFC 6749 section 5.1), after all checks. Raises as `trade` does."""
    access, identity = answer.get("access_token"), answer.get("id_token")
    if not (_is_token(access) and _is_token(identity)) or str(answer.get("token_type")).lower() != "bearer":
        raise NotAProvider("it gave no proof of who signed in")
    assert isinstance(access, str)
    assert isinstance(identity, str)
    # Fetched after the tokens were made, so their key is among these even if it was changed a moment ago.
    keys = await fetch_keys(line, metadata)
    now = clock.now()
    ends = check_id_token(identity, keys, metadata.issuer, client_id, now, nonce, access)
    life_s = answer.get("expires_in")
    if isinstance(life_s, int | float) and not isinstance(life_s, bool) and 0 < life_s <= LIFE_S_MAX:
        ends = now + timedelta(seconds=life_s)
    return SignedIn(access, identity, ends)


def check_id_token(
    token: str,
    keys: KeySet,
    issuer: str,
    client_id: str,
    now: datetime,
    nonce: str | None,
    access_token: str,
) -> datetime:
    """When the id_token ends, if it is for this program and this sign-in (OpenID Connect Core section 3.1.3.7).

    Raises Distrusted. `nonce` is None where none was sent (RFC 8628).
    """
    opened = open_token(token, keys)
    claims = opened.claims
    if opened.type not in ("jwt", ""):
        raise Distrusted("it is of an unknown type")
    if word(claims, "iss", 2000) != issuer:
        raise Distrusted("another sign-in service made it")
    audience = audience_of(claims)
    names_party = "azp" in claims or len(audience) > 1
    if client_id not in audience or (names_party and claims.get("azp") != client_id):
        raise Distrusted("it is for another application")
    if nonce is not None and not hmac.compare_digest(word(claims, "nonce").encode(), nonce.encode()):
        raise Distrusted("it belongs to another sign-in")
    if "at_hash" in claims and claims["at_hash"] != _half_hash(access_token):
        raise Distrusted("it belongs to another access token")
    word(claims, "sub")
    try:
        return checked_times(claims, now, LAPTOP_LEEWAY_S)
    except Distrusted as error:
        raise Distrusted(
            "its time does not fit this laptop's clock", "Set the laptop's clock, then sign in again."
        ) from error


def error_of(answer: Mapping[str, Any]) -> tuple[str, str]:
    """The error's word and its description (RFC 6749 section 5.2). Raises NotAProvider where there is none."""
    error, description = answer.get("error"), answer.get("error_description")
    if not isinstance(error, str) or not error:
        raise NotAProvider("it refuses without a reason")
    return error, description if isinstance(description, str) else ""


def _is_token(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= TOKEN_CHARACTERS_MAX
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def _half_hash(token: str) -> str:
    """OpenID Connect Core section 3.1.3.6, for RS256."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).decode().rstrip("=")
