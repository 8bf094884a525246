"""How long this laptop's sign-in lasts, and what it is still good for: from the grant it keeps and central's last word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bravetui.auth.grant import Life, read_grant
from bravetui.base.errors import NeedsSignIn
from bravetui.db import meta
from bravetui.db.store import Identity, Store
from bravetui.views.words import span_words

AGAIN = "Sign in again: bravetui enrol --again."

CLOSED: dict[str, tuple[str, str]] = {
    "expired": ("Signed in too long ago: work goes on and is handed in, nothing new is read.", AGAIN),
    "revoked": (
        "The office has revoked this laptop: nothing is read; what it hands in waits for the office.",
        "Ask the office.",
    ),
    "left": (
        "The organization no longer has you: nothing is read; what you hand in waits for the office.",
        "Ask the office.",
    ),
}
"""What a person is told, and what to do, where central lets this laptop read nothing (`SyncAnswer.closed`)."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in as a person sees it."""

    state: str
    """`fresh`, `ageing` (ends within five days), `expired`, `revoked` or `left`."""
    until: datetime | None
    """When it ends by itself; None where this laptop has no grant."""
    words: str
    todo: str
    """What to do about it; empty where there is nothing to do."""

    @property
    def reads(self) -> bool:
        """Whether anything but one's own drafts may be read here."""
        return self.state in (Life.FRESH, Life.AGEING)


def sign_in(store: Store) -> SignIn:
    """The sign-in as it stands now."""
    with store.read() as connection:
        return sign_in_of(connection, store.identity, store.clock.now())


def sign_in_of(connection: Connection, who: Identity, now: datetime) -> SignIn:
    """`sign_in` inside a transaction that is open already."""
    try:
        grant = read_grant(who.grant, who.central_key)
    except NeedsSignIn:
        return SignIn(Life.EXPIRED, None, *CLOSED["expired"])
    said = meta.get(connection, meta.CLOSED)
    if said in ("revoked", "left"):
        return SignIn(said, grant.expires_at, *CLOSED[said])
    life = grant.life(now)
    if life is Life.EXPIRED:
        return SignIn(life, grant.expires_at, *CLOSED["expired"])
    words = f"for {span_words(grant.time_left(now))} more without a line"
    return SignIn(
        life, grant.expires_at, words, "Reach central before then, or sign in again." * (life is Life.AGEING)
    )
