"""What Clerk says of a person: session tokens of both versions, and OAuth access tokens, read into one shape.

A token counts if it was signed by the issuer's key, for us, and holds now. Whatever is missing, of another type or of
a newer kind is a refusal, never a smaller right silently given. Pure; who fetches the keys stands in `central/clerk`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bravetui.auth.jwks import Distrusted, KeySet, audience_of, checked_times, open_token, word

ACCESS_TYPE = "at+jwt"
"""`typ` of an OAuth access token (RFC 9068 section 2.1)."""
SESSION_TYPE = "jwt"

_ORGANIZATION_PREFIX = "org:"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PERMISSION = re.compile(r"org:[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}")
_DECIMAL = re.compile(r"[0-9]{1,40}")
_LIST_CHARACTERS_MAX = 8000
_PERMISSIONS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Expected:
    """Whose tokens count, and for whom they must be."""

    issuer: str
    """Exactly as in `iss`."""
    clients: frozenset[str] = frozenset()
    """OAuth client ids of ours: an access token that was given to another application is refused."""
    audiences: frozenset[str] = frozenset()
    """What `aud` may say of us, beside the clients."""
    parties: frozenset[str] = frozenset()
    """Origins that `azp` of a session token may name, if it names one."""


@dataclass(frozen=True, slots=True)
class ClerkClaims:
    """A person as Clerk knows them just now."""

    subject: str
    """Clerk's id of the person, `user_...`."""
    organization_id: str | None
    """The organization that is active; None where none is."""
    role: str | None
    """Without the `org:` in front, in both versions. Access tokens have none: membership has to be known otherwise."""
    permissions: tuple[str, ...]
    """`org:feature:permission`, sorted."""
    actor: str | None
    """Who really sits there, when support has signed in as the person (RFC 8693 section 4.1)."""
    expires_at: datetime
    session_id: str | None
    """None for access tokens."""


def read_clerk_token(token: str, keys: KeySet, expected: Expected, now: datetime) -> ClerkClaims:
    """Who a session or access token speaks of. Raises UnknownKey where newer keys may help, else Distrusted."""
    opened = open_token(token, keys)
    if word(opened.claims, "iss", 2000) != expected.issuer:
        raise Distrusted("another sign-in service made it")
    expires_at = checked_times(opened.claims, now)
    if opened.type == ACCESS_TYPE:
        return _access(opened.claims, expected, expires_at)
    if opened.type == SESSION_TYPE:
        return _session(opened.claims, expected, expires_at)
    raise Distrusted("it is of an unknown type")


def checked_client(claims: Mapping[str, Any], expected: Expected) -> None:
    """Nothing, if an access token, or what introspection (RFC 7662) says of one, is ours. Raises Distrusted."""
    ours = expected.audiences | expected.clients
    audience = audience_of(claims)
    if audience and not audience & ours:
        raise Distrusted("it is for another application")
    if "client_id" in claims:
        if word(claims, "client_id") not in expected.clients:
            raise Distrusted("it is for another application")
    elif not audience:
        raise Distrusted("it does not say which application it is for")


def access_claims(claims: Mapping[str, Any], expires_at: datetime) -> ClerkClaims:
    """The person that an access token, introspection or userinfo speaks of; whether it is for us is checked before."""
    subject = word(claims, "sub")
    if subject == claims.get("client_id"):
        raise Distrusted("it speaks of a machine, not of a person")
    organization = None if claims.get("org_id") is None else word(claims, "org_id")
    return ClerkClaims(subject, organization, None, (), _actor(claims), expires_at, None)


def _access(claims: Mapping[str, Any], expected: Expected, expires_at: datetime) -> ClerkClaims:
    checked_client(claims, expected)
    return access_claims(claims, expires_at)


def _session(claims: Mapping[str, Any], expected: Expected, expires_at: datetime) -> ClerkClaims:
    # An id_token has the same type and the same keys; it is for the application that asked, and opens nothing here.
    if {"nonce", "at_hash", "c_hash"} & claims.keys():
        raise Distrusted("it is no session")
    audience = audience_of(claims)
    if audience and not audience & expected.audiences:
        raise Distrusted("it is for another application")
    if "azp" in claims and word(claims, "azp", 2000) not in expected.parties:
        raise Distrusted("it is for another application")
    if claims.get("sts", "active") != "active":
        raise Distrusted(
            "signing in was not finished", "Finish signing in (a task is still open), then try again."
        )
    read = _organization_v2 if _version(claims) == 2 else _organization_v1
    organization, role, permissions = read(claims)
    return ClerkClaims(
        subject=word(claims, "sub"),
        organization_id=organization,
        role=role,
        permissions=permissions,
        actor=_actor(claims),
        expires_at=expires_at,
        session_id=word(claims, "sid"),
    )


def _version(claims: Mapping[str, Any]) -> int:
    version = claims.get("v", 1)
    if isinstance(version, bool) or version not in (1, 2):
        raise Distrusted(
            "it is of a newer kind than this program knows", "Update central, then sign in again."
        )
    return int(version)


def _actor(claims: Mapping[str, Any]) -> str | None:
    if claims.get("act") is None:
        return None
    if not isinstance(claims["act"], Mapping):
        raise Distrusted("it does not say who signed in for whom")
    return word(claims["act"], "sub")


_Organization = tuple[str | None, str | None, tuple[str, ...]]


def _organization_v1(claims: Mapping[str, Any]) -> _Organization:
    if claims.get("org_id") is None:
        return None, None, ()
    listed = claims.get("org_permissions")
    listed = [] if listed is None else listed
    if not isinstance(listed, list) or len(listed) > _PERMISSIONS_MAX:
        raise Distrusted("its org_permissions is not a list")
    if not all(isinstance(one, str) and _PERMISSION.fullmatch(one) for one in listed):
        raise Distrusted("its org_permissions are not permissions")
    return word(claims, "org_id"), _role(claims, "org_role"), tuple(sorted(set(listed)))


def _organization_v2(claims: Mapping[str, Any]) -> _Organization:
    organization = claims.get("o")
    if organization is None:
        return None, None, ()
    if not isinstance(organization, Mapping):
        raise Distrusted("its organization cannot be read")
    permissions = _unpacked(
        _organization_features(claims), _list(organization, "per"), _list(organization, "fpm")
    )
    return word(organization, "id"), _role(organization, "rol"), permissions


def _role(claims: Mapping[str, Any], name: str) -> str | None:
    if claims.get(name) is None:
        return None
    role = word(claims, name).removeprefix(_ORGANIZATION_PREFIX)
    if not _NAME.fullmatch(role):
        raise Distrusted(f"its {name} is not a role")
    return role


def _organization_features(claims: Mapping[str, Any]) -> list[str]:
    """Features that the organization has, in their order: `o:projects`, or `ou:projects` if the person has it too."""
    pairs = [entry.partition(":") for entry in _list(claims, "fea")]
    return [feature for scope, _, feature in pairs if "o" in scope]


def _unpacked(features: list[str], names: list[str], masks: list[str]) -> tuple[str, ...]:
    """Bit i of a feature's number stands for the i-th permission name; a feature without a number has none."""
    if len(masks) > len(features) or not all(_DECIMAL.fullmatch(mask) for mask in masks):
        raise Distrusted("its permissions cannot be read")
    if not all(_NAME.fullmatch(name) for name in (*features, *names)):
        raise Distrusted("its permissions cannot be read")
    if any(int(mask) >> len(names) for mask in masks):
        raise Distrusted("its permissions cannot be read")
    return tuple(
        sorted(
            {
                f"{_ORGANIZATION_PREFIX}{feature}:{name}"
                for feature, mask in zip(features, masks, strict=False)
                for bit, name in enumerate(names)
                if int(mask) >> bit & 1
            }
        )
    )


def _list(claims: Mapping[str, Any], name: str) -> list[str]:
    """A list that Clerk writes as one text with commas."""
    text = claims.get(name)
    if text is None or text == "":
        return []
    if not isinstance(text, str) or len(text) > _LIST_CHARACTERS_MAX:
        raise Distrusted(f"its {name} is not a list")
    return [one.strip() for one in text.split(",")]
