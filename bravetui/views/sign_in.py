"""How long this laptop's sign-in lasts, what it is still good for, and whether the clock can be believed: from the grant it
keeps, central's last word, and the time that has certainly passed. One source for screens, commands and the reading lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection, select

from bravetui.auth.grant import Grant, Life, read_grant
from bravetui.auth.proof import hash_of
from bravetui.base.errors import NeedsSignIn
from bravetui.db import meta
from bravetui.db.device import ScopeSeen
from bravetui.db.store import Identity, PassedTime, Store
from bravetui.views.words import span_words

AGAIN = "Sign in again: bravetui enrol --again."
SIGNED_OUT = "signed-out"

CLOSED: dict[str, tuple[str, str]] = {
    "expired": ("Signed in too long ago: work goes on and is handed in, nothing new is read.", AGAIN),
    "revoked": (
        "The office has revoked this laptop: nothing is read; what it hands in waits for the office.",
        "Ask it for a one-time code: bravetui enrol --again CODE.",
    ),
    "left": (
        "The organization no longer has you: nothing is read; what you hand in waits for the office.",
        "Ask the office.",
    ),
    SIGNED_OUT: ("Nobody is signed in here: work goes on and is handed in, nothing is read.", AGAIN),
}
"""What a person is told, and what to do, where this laptop may read nothing (`SyncAnswer.closed`)."""

NOT_SHOWN = "Not shown until somebody signs in."
"""In the place of what others wrote, so that a locked list is never read as an empty one."""

_NOT_SHOWN_TO = {
    "revoked": "Not shown until the office lets this laptop in again (by a one-time code).",
    "left": "Not shown until the office lets you in again.",
}
"""Where signing in would not help."""

_scopes = ScopeSeen.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in as a person sees it."""

    state: str
    """`fresh`, `ageing` (ends within five days), `expired`, `signed-out`, `revoked` or `left`."""
    until: datetime | None
    """When it ends by itself; None where this laptop has no grant."""
    words: str
    todo: str
    """What to do about it; empty where there is nothing to do."""
    short: str
    """The same in a few words: `sign-in 23 d left`."""
    warning: str
    """What has to be in sight on every screen; empty while the sign-in is fresh."""
    clock_words: str = ""
    """What is wrong with the clock, and what to do; empty where nothing is."""

    @property
    def not_shown(self) -> str:
        """In the place of what may not be read: until when."""
        return _NOT_SHOWN_TO.get(self.state, NOT_SHOWN)

    @property
    def reads(self) -> bool:
        """Whether anything but one's own unfinished work may be read here."""
        return self.state in (Life.FRESH, Life.AGEING)


def sign_in(store: Store) -> SignIn:
    """The sign-in as it stands now."""
    with store.read() as connection:
        return sign_in_of(connection, store.identity, store.passed)


def sign_in_of(connection: Connection, who: Identity, passed: PassedTime) -> SignIn:
    """`sign_in` inside a transaction that is open already."""
    clock_words = _clock_words(passed)
    grant = grant_of(who)
    if grant is None or meta.get(connection, meta.SIGNED_OUT) == hash_of(who.grant):
        return _closed(SIGNED_OUT, None, clock_words)
    said, now = meta.get(connection, meta.CLOSED), passed.now()
    if said in ("revoked", "left"):
        return _closed(said, grant.expires_at, clock_words)
    life, left = grant.life(now), grant.time_left(now)
    if life is Life.EXPIRED:
        return _closed(life, grant.expires_at, clock_words)
    ages = life is Life.AGEING
    return SignIn(
        state=life,
        until=grant.expires_at,
        words=f"for {span_words(left)} more without a line",
        todo="Reach central before then, or sign in again." * ages,
        short=f"sign-in {f'{_days(left)} d' if left >= timedelta(days=1) else span_words(left)} left",
        warning=f"Sign-in ends in {_ending_words(left)}: reach central." * ages,
        clock_words=clock_words,
    )


def refuse_locked(store: Store) -> None:
    """Raises NeedsSignIn where what others wrote may not be shown."""
    stands = sign_in(store)
    if not stands.reads:
        raise NeedsSignIn(stands.words, stands.todo)


def may(store: Store, scope_id: str, permission: str) -> bool:
    """Whether this person may do that there: as the grant says, or, where it does not spell it out, as central last told.

    Nothing may be done once the sign-in has ended; recording one's own work asks for no permission here.
    """
    with store.read() as connection:
        if not sign_in_of(connection, store.identity, store.passed).reads:
            return False
        return permission in permissions_of(connection, store.identity, scope_id)


def _closed(state: str, until: datetime | None, clock_words: str) -> SignIn:
    what, todo = CLOSED[state]
    short = "signed out" if state == SIGNED_OUT else "sign-in ended"
    return SignIn(state, until, what, todo, short, f"{what} {todo}", clock_words)


def permissions_of(connection: Connection, who: Identity, scope_id: str) -> tuple[str, ...]:
    """What this person was given there: as the grant says, or, where it does not spell it out, as central last told."""
    grant = grant_of(who)
    if grant is not None and grant.scopes is not None:
        return tuple(grant.scopes.get(scope_id, ()))
    query = select(_scopes.c.permissions).where(_scopes.c.scope_id == scope_id)
    return tuple(connection.execute(query).scalar_one_or_none() or ())


def grant_of(who: Identity) -> Grant | None:
    """The grant that this laptop keeps; None where it has none that central has signed."""
    try:
        return _read(who.grant, who.central_key)
    except NeedsSignIn:
        return None


_read = lru_cache(maxsize=8)(read_grant)
"""Every look at the tables asks; the signature is checked once."""


def _days(left: timedelta) -> int:
    return int(left / timedelta(days=1))


def _ending_words(left: timedelta) -> str:
    days = _days(left)
    return f"{days} day{'s' * (days != 1)}" if days else span_words(left)


def _clock_words(passed: PassedTime) -> str:
    """Of a clock that cannot be right; recording goes on whatever it says."""
    if behind := passed.behind:
        return (
            f"The clock of this laptop is {span_words(behind)} behind what it has seen. Set date and time, or reach "
            "central; work is recorded all the same."
        )
    if ahead := passed.ahead:
        return (
            f"The clock of this laptop is {span_words(ahead)} ahead of central's. Set date and time; work is recorded "
            "all the same."
        )
    return ""
