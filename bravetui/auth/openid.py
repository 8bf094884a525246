"""What an OpenID provider says of itself: its metadata (OpenID Connect Discovery 1.0, RFC 8414), read and judged.

Nothing here fetches. An address counts only over TLS, or on loopback if the provider itself is there; a provider that
names another issuer than the one asked for is not believed (RFC 8414 section 3.3).
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bravetui.base.errors import BadInput, Refused, Transient
from bravetui.base.text import safe_line

DEVELOPMENT_MARK = "bravetui_development_issuer"
"""Metadata field by which the development issuer says that it lets in whoever asks."""

ADDRESS_CHARACTERS_MAX = 2000
ANSWER_BYTES_MAX = 256 * 1024
"""More than any provider has to say."""
_LIST_MAX = 200


class NotAProvider(Transient):
    """What answered is not the sign-in service: a network's own sign-in page, a broken proxy, half an answer."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"What answered is not the sign-in service: {what}.",
            "Open a web page to sign in to the network, or wait for a better one; then try again.",
        )


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of a provider's metadata that signing in and checking tokens need."""

    issuer: str
    """Exactly as it stands in the tokens."""
    jwks_uri: str
    """Where its keys are (RFC 7517)."""
    authorization_endpoint: str
    token_endpoint: str
    device_authorization_endpoint: str | None
    """Where a device without a browser begins (RFC 8628); None where that is not offered."""
    userinfo_endpoint: str | None
    introspection_endpoint: str | None
    """Where an opaque token is looked up (RFC 7662)."""
    scopes: frozenset[str]
    """Empty where it does not say."""
    challenge_methods: frozenset[str]
    """PKCE methods (RFC 7636); empty where it does not say."""
    names_itself: bool
    """Whether an answer to the redirect address always says `iss` (RFC 9207)."""
    for_development: bool
    """Whether it says that it is the development issuer."""


def metadata_addresses(issuer: str) -> tuple[str, ...]:
    """Where a provider's metadata may be, in the order to ask. Raises BadInput for an issuer that is no safe address.

    OpenID Connect appends to the issuer's path, RFC 8414 section 3.1 puts its word before it.
    """
    judged_address(issuer)
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{origin}{path}/.well-known/openid-configuration",
        f"{origin}/.well-known/oauth-authorization-server{path}",
    )


def read_metadata(document: object, issuer: str) -> Metadata:
    """What `document` (JSON as it came) says for `issuer`. Raises NotAProvider for rubbish, Refused for another issuer."""
    if not isinstance(document, Mapping):
        raise NotAProvider("it gave no description of itself")
    said = document.get("issuer")
    if said != issuer:
        shown = safe_line(said, 100) if isinstance(said, str) else "none"
        raise Refused(
            f"The sign-in service calls itself {shown}, and {safe_line(issuer, 100)} was asked for.",
            "Check the issuer's address in the settings, letter by letter.",
            code="issuer_mismatch",
        )
    return Metadata(
        issuer=issuer,
        jwks_uri=_endpoint(document, "jwks_uri", issuer),
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(document, "token_endpoint", issuer),
        device_authorization_endpoint=_optional(document, "device_authorization_endpoint", issuer),
        userinfo_endpoint=_optional(document, "userinfo_endpoint", issuer),
        introspection_endpoint=_optional(document, "introspection_endpoint", issuer),
        scopes=_words(document, "scopes_supported"),
        challenge_methods=_words(document, "code_challenge_methods_supported"),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        for_development=bool(document.get(DEVELOPMENT_MARK)),
    )


def json_answer(content_type: str, body: bytes) -> object:
    """The JSON that a provider answered with. Raises NotAProvider for anything else, such as a friendly page."""
    kind = content_type.partition(";")[0].strip().lower()
    if not (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))):
        raise NotAProvider("it answered with a page")
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        raise NotAProvider("its answer is cut short or damaged") from None
    return found


def judged_address(address: str) -> str:
    """The same address, if it may be asked: https, or http on loopback, nothing hidden in it. Raises BadInput."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if (
        host is None
        or len(address) > ADDRESS_CHARACTERS_MAX
        or not (address.isascii() and address.isprintable() and " " not in address)
        or "@" in parts.netloc
        or parts.fragment
        or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
    ):
        raise BadInput(
            f"{safe_line(address, 100)!r} is not an address to sign in at.",
            "It begins with https:// (http:// only on this machine).",
        )
    return address


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _optional(document: Mapping[str, Any], name: str, issuer: str) -> str | None:
    return None if document.get(name) is None else _endpoint(document, name, issuer)


def _endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str:
    address = document.get(name)
    try:
        judged_address(address if isinstance(address, str) else "")
    except BadInput:
        raise NotAProvider(f"its {name} is no safe address") from None
    assert isinstance(address, str)
    # An address on loopback reaches whatever listens on the asking machine: only an issuer that is there may name one.
    if issuer.startswith("https:") and not address.startswith("https:"):
        raise NotAProvider(f"its {name} is not encrypted")
    return address


def _words(document: Mapping[str, Any], name: str) -> frozenset[str]:
    listed = document.get(name)
    if not isinstance(listed, list) or len(listed) > _LIST_MAX:
        return frozenset()
    return frozenset(word for word in listed if isinstance(word, str))
