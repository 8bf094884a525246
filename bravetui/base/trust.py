"""A certificate that this machine does not trust, told apart from a line that is not there: waiting mends the second alone.

`ssl` is given by whoever spoke: here it is only read what the causes of a foreign failure say.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from bravetui.base.errors import Transient, Unusable

TODO = (
    "Is this machine's clock right? Does this network want you to sign in on a page of its own first? "
    "For a certificate of your own, name its issuer's: SSL_CERT_FILE=FILE."
)
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
)
_REASONS = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it vouches for itself",
    62: "it is another name's",
    64: "it is another address's",
}
"""By OpenSSL's number for what it found; whatever is not here comes down to an issuer nobody here knows."""


class Untrusted(Transient):
    """Who answers could not be made sure of, so not one byte of ours has left. The next network may be a better one."""


def untrusted(error: BaseException, where: str) -> Untrusted | None:
    """What to say of a handshake that failed at `where`; None if it was no handshake."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = _REASONS.get(cause.verify_code, "nobody here knows its issuer")
            words = f"shows no certificate that this machine trusts ({reason})"
            return Untrusted(f"What answers at {where} {words}, so nothing was sent.", TODO)
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return None  # hung up on: as a bad line does
        if isinstance(cause, ssl.SSLError) and (cause.reason or "") in _NOT_TLS:
            words = f"What answers at {where} does not speak https there, so nothing was sent."
            return Untrusted(
                words, "Look at the address and its port; a network's own sign-in page answers so too."
            )
        if isinstance(cause, ssl.SSLError):
            words = f"No protected line (TLS) could be agreed on with what answers at {where}, so nothing was sent."
            return Untrusted(words, TODO)
    return None


def unreadable_authorities(error: OSError) -> Unusable:
    """What to say where the certificates to trust cannot be read at all."""
    return Unusable(
        f"The certificates to trust cannot be read ({type(error).__name__}).",
        "SSL_CERT_FILE, or SSL_CERT_DIR, has to name a file, or folder, of certificates (PEM).",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what brought it about, the nearest first."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
