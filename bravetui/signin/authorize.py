"""The request for a code and the answer to it: authorization code (RFC 6749 section 4.1) with PKCE S256 (RFC 7636).

An answer counts only with the state that went out with the request, and from the provider that was asked (RFC 9207).
Pure but for the random words of a new request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from bravetui.auth.openid import Metadata
from bravetui.base.errors import BadInput, Refused
from bravetui.base.text import safe_line

PASTE_CHARACTERS_MAX = 8000
_CODE = re.compile(r"[\x21-\x7e]{4,2000}")


class Stray(BadInput):
    """Something that is no answer to this request; the real one may still come."""

    def __init__(self) -> None:
        super().__init__(
            "This is not the answer to the sign-in that was begun here.",
            "Go on in the page that the terminal shows, or begin again.",
        )


@dataclass(frozen=True, slots=True)
class Challenge:
    """The random words of one sign-in."""

    state: str
    """Comes back with the answer, which nobody else can send then."""
    nonce: str
    """Comes back inside the id_token."""
    verifier: str
    """Shown only when the code is traded in (RFC 7636 section 4.1)."""

    def __repr__(self) -> str:
        return "Challenge(...)"


def new_challenge() -> Challenge:
    """Fresh words from the system's random source, 256 bits each."""
    return Challenge(*(secrets.token_urlsafe(32) for _ in range(3)))


def s256(verifier: str) -> str:
    """What goes out instead of the verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def scope_of(wanted: tuple[str, ...], metadata: Metadata) -> str:
    """The scopes to ask for: those wanted that the provider has, where it says which; `openid` always."""
    had = [one for one in wanted if not metadata.scopes or one in metadata.scopes]
    return " ".join(dict.fromkeys(["openid", *had]))


def address_to_open(
    metadata: Metadata, client_id: str, scope: str, redirect_uri: str, challenge: Challenge
) -> str:
    """Where the browser begins."""
    fields = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "state": challenge.state,
        "nonce": challenge.nonce,
        "code_challenge": s256(challenge.verifier),
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
    return f"{metadata.authorization_endpoint}{joint}{urlencode(fields)}"


def read_answer(query: str, challenge: Challenge, metadata: Metadata) -> str:
    """The code in the query of the redirect address. Raises Stray for another's answer, Refused for a no."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise Stray from None
    fields = dict(pairs)
    state = fields.get("state", "").encode("utf-8", "surrogatepass")
    if len(fields) != len(pairs) or not hmac.compare_digest(state, challenge.state.encode()):
        raise Stray
    issuer = fields.get("iss")
    if issuer != metadata.issuer and (issuer is not None or metadata.names_itself):
        raise Refused(
            "The answer came from another sign-in service than the one that was asked.",
            "Begin again; if it happens again, tell the office.",
            code="issuer_mismatch",
        )
    if "error" in fields:
        raise refusal_of(fields["error"], fields.get("error_description", ""))
    code = fields.get("code", "")
    if not _CODE.fullmatch(code):
        raise Refused("The sign-in service gave no code.", "Begin again.", code="no_code")
    return code


def read_pasted(text: str, challenge: Challenge, metadata: Metadata) -> str:
    """The code in what a person pasted: the whole address, its query, or the code alone. Raises BadInput or Refused.

    A code alone brings no state; it is of use only to who knows the verifier that its request was made with.
    """
    text = "".join(text.split())
    if len(text) > PASTE_CHARACTERS_MAX:
        raise BadInput(
            "This is too long to be the address.", "Copy the address line of the browser, only that."
        )
    if "code=" in text or "error=" in text or "://" in text:
        try:
            return read_answer((text.partition("?")[2] or text).partition("#")[0], challenge, metadata)
        except Stray:
            raise BadInput(
                "This is not the address that the browser ends at.",
                "Copy all of its address line: it has code= and state= in it.",
            ) from None
    if not _CODE.fullmatch(text):
        raise BadInput("This is not a code.", "Copy the whole address that the browser ends at.")
    return text


def refusal_of(error: str, description: str) -> Refused:
    """Our error for a word of the protocol's (RFC 6749 section 4.1.2.1, RFC 8628 section 3.5)."""
    word = safe_line(error, 60)
    if error == "access_denied":
        return Refused("Signing in was turned down on the page.", "Begin again to sign in.", code=word)
    if error == "expired_token":
        return Refused(
            "Nobody signed in while the code held.", "Begin again; there will be a new code.", code=word
        )
    if error in ("login_required", "consent_required", "interaction_required"):
        return Refused("The page did not ask who you are.", "Begin again.", code=word)
    said = safe_line(description, 200) or word
    return Refused(
        f"The sign-in service says no: {said}.".replace("..", "."),
        "Begin again; if it happens again, tell the office what it says.",
        code=word,
    )
