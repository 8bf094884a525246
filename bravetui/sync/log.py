"""The sync log: what sync did, for people and for support. Counts and words of our own; never an answer, a name or a secret,
but for the name of whoever was here as support, which stands apart from the words.

It lies in the laptop's encrypted database and is bounded by age and by number. A contact that moved nothing leaves no line,
unless something else was said in between: an idle day is one line, not three thousand.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from bravetui.base.canonical import Json
from bravetui.base.errors import BravetuiError, NeedsSignIn, Refused, StorageFull, Transient
from bravetui.base.text import counted
from bravetui.base.trust import Untrusted
from bravetui.db.device import SyncLog
from bravetui.sync.client import NoLine, TooLarge
from bravetui.sync.credible import Incredible
from bravetui.wire.lanes import Lane

_log = SyncLog.__table__  # type: ignore[attr-defined]

# Built once: building a statement costs more than running it.
_LAST = select(_log.c.event).order_by(_log.c.id.desc()).limit(1)
_WRITE = insert(_log).returning(_log.c.id)

SUPPORT = "support"
"""The event of whatever somebody did here as support; who it was is `WHO` among its numbers."""
WHO = "who"
KEPT = timedelta(days=60)
LINES_MAX = 10_000
_PRUNE_EVERY = 100

_FAILED: tuple[tuple[type[BravetuiError], str, str], ...] = (
    (NoLine, "no line", "No line to central"),
    (Untrusted, "not trusted", "What answers at central's address shows no certificate that is trusted here"),
    (Incredible, "not credible", "What central answered cannot be true; nothing of it was taken"),
    (TooLarge, "too large", "Central takes smaller batches; they are halved"),
    (Transient, "failed", "Central could not be asked; it is tried again by itself"),
    (NeedsSignIn, "sign-in", "Central does not accept this laptop's sign-in"),
    (Refused, "refused", "Central refused the contact"),
    (StorageFull, "disk full", "No room on this laptop's disk"),
)
"""By sort of error, the nearest first: the event and its words. What central said itself may hold what somebody typed."""
FAILURE_WORDS = frozenset(words for _, _, words in _FAILED)
"""How contacts that came to nothing are told, wholly in words of our own."""


def write_log(
    connection: Connection,
    at: datetime,
    event: str,
    words: str,
    lane: Lane | None = None,
    numbers: Mapping[str, Json] | None = None,
) -> None:
    """One line; now and then the oldest are let go."""
    told = {"words": words, "lane": lane.value if lane else None, "numbers": numbers or {}}
    line = {"at": at, "event": event, **told}
    number = connection.execute(_WRITE, line).scalar_one()
    if number % _PRUNE_EVERY == 0:
        old = (_log.c.at < at - KEPT) | (_log.c.id <= number - LINES_MAX)
        connection.execute(delete(_log).where(old))


def write_exchange(connection: Connection, at: datetime, changes: int, records: int) -> None:
    """A contact, if it moved anything or was the first after something else."""
    last = connection.execute(_LAST).scalar_one_or_none()
    if changes or records:
        write_log(
            connection,
            at,
            "exchange",
            f"{counted(changes, 'change')} handed in, {counted(records, 'record')} received",
        )
    elif last not in ("exchange", "contact"):
        write_log(connection, at, "contact", "Central was reached; there was nothing to move")


def failure_of(error: BravetuiError) -> tuple[str, str]:
    """The event and its words, wholly of our own, for why a contact came to nothing."""
    return next(
        ((event, words) for sort, event, words in _FAILED if isinstance(error, sort)), ("failed", "It failed")
    )


def write_failure(connection: Connection, at: datetime, error: BravetuiError) -> None:
    """Why a contact came to nothing, once for as long as it stays the same."""
    event, words = failure_of(error)
    last = connection.execute(_LAST).scalar_one_or_none()
    if last != event:
        write_log(connection, at, event, words)
