"""Who was let in, given a grant, refused or revoked, and by whom: a table that requests add to and cannot change.

No secrets and nothing that people wrote: ids, numbers and words of this program; names are looked up for whoever reads it.
What a laptop does over and over (asking although it was revoked) is noted once an hour. Entries are kept for `KEPT_DAYS`;
the database forgets them by its own clock.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, insert, select

from bravetui.base.text import in_columns, safe_line
from bravetui.central.tables import AUDIT
from bravetui.central.tenants import operator
from bravetui.db.kinds import KINDS

KEPT_DAYS = 400
"""As long as the ledger's tombstones are kept; the schema's step says the same number to the database."""

AGAIN_AFTER = timedelta(hours=1)
"""What is noted of one laptop in the same words is not noted anew before."""

SHOWN_MAX = 1000
"""Entries that one look shows, newest last."""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry."""

    what: str
    """`code`, `enrol`, `grant`, `contact`, `revoke`, `release`, `support`."""
    outcome: str
    """What came of it, in one of the program's words or codes."""
    organization_id: str | None = None
    user_id: str | None = None
    """Whose laptop, or who at the office, or who from support."""
    device: int | None = None
    actor: str | None = None
    """Who really sat there, where the provider says that somebody plays the account."""


def note(connection: Connection, event: Event, now: datetime) -> None:
    """Add an entry; it stands if the transaction does."""
    # Inline: asking for the entry's number back would ask to read what a stranger may only add.
    connection.execute(insert(AUDIT).inline().values(**asdict(event), at=now))


def note_seldom(connection: Connection, event: Event, now: datetime) -> None:
    """The same, unless it was noted within the hour."""
    same = select(AUDIT.c.id).where(
        AUDIT.c.device == event.device, AUDIT.c.at > now - AGAIN_AFTER, AUDIT.c.what == event.what,
        AUDIT.c.outcome == event.outcome,
    )  # fmt: skip
    if connection.execute(same.limit(1)).first() is None:
        note(connection, event, now)


def forget_old(connection: Connection) -> None:
    """Let go of entries older than `KEPT_DAYS`: all that whoever is not the owner can do to what is there."""
    connection.execute(select(func.central_forget_audit()))


def add_audit_log_arguments(parser: argparse.ArgumentParser) -> None:
    """Which entries to show."""
    parser.add_argument("--days", type=int, default=30, help="how far back (audit-log)")


def audit_log_task(
    engine: Engine, options: argparse.Namespace, now: datetime, say: Callable[[str], None]
) -> None:
    """Print the newest entries, oldest of them first."""
    found = _events(engine, now - timedelta(days=max(0, options.days)))
    names = _names(engine, {event.user_id for _, event in found if event.user_id})
    if options.json:
        told = [
            {"at": at.isoformat(), **asdict(event), "name": names.get((event.organization_id, event.user_id))}
            for at, event in found
        ]
        say(json.dumps(told, indent=2))
        return
    for at, event in found:
        say(_line(at, event, names))
    if not found:
        say("Nothing is noted.")


def _line(at: datetime, event: Event, names: Mapping[tuple[str | None, str | None], str]) -> str:
    device = f"laptop {event.device}" if event.device is not None else ""
    who = safe_line(event.user_id or "", 40)
    if name := names.get((event.organization_id, event.user_id)):
        who += f" {safe_line(name, 40)}"
    if event.actor:
        who += f", played by {safe_line(event.actor, 40)}"
    organization = safe_line(event.organization_id or "", 40)
    cells = (f"{at:%Y-%m-%d %H:%M:%S}", 21), (event.what, 10), (event.outcome, 20), (device, 20), (who, 58)
    return in_columns(*cells, (organization, 38))


def _names(engine: Engine, user_ids: Collection[str]) -> dict[tuple[str | None, str | None], str]:
    """By organization and person, those who have left among them."""
    people = KINDS["user"].table
    query = select(people.c.scope_id, people.c.id, people.c.name).where(people.c.id.in_(user_ids))
    with engine.connect() as connection:
        operator(connection)
        return {(row.scope_id, row.id): row.name for row in connection.execute(query)}


def _events(engine: Engine, since: datetime) -> Sequence[tuple[datetime, Event]]:
    query = select(AUDIT).where(AUDIT.c.at >= since).order_by(AUDIT.c.id.desc()).limit(SHOWN_MAX)
    with engine.connect() as connection:
        operator(connection)
        rows = connection.execute(query).all()
    return [
        (row.at, Event(row.what, row.outcome, row.organization_id, row.user_id, row.device, row.actor))
        for row in reversed(rows)
    ]
