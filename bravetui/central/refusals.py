"""Keeps a copy of what central refuses, in the transaction that refuses it; `quarantine` is what the office does with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, StatementError

from bravetui.base.errors import Refused
from bravetui.central.access import Access
from bravetui.central.sent import Sent
from bravetui.central.tables import REFUSED
from bravetui.wire.messages import Outcome, Verdict

KEPT_MAX = 1000
"""Refused changes kept at a time for one laptop, so that nobody can fill central's disk; the rest stays on the laptop."""

OFFICE_DECIDES = (
    f"It stays on this laptop, and of up to {KEPT_MAX:,} such changes the office has a copy: "
    "it looks at them and decides."
)
"""What is said to somebody whose right is gone: true of the first change and of those past the limit."""

_SICK = (DataError, IntegrityError, ProgrammingError)


def is_sick(error: StatementError) -> bool:
    """Whether it is a change that makes the database say so; anything else (a lost connection, say) is not its fault."""
    return not isinstance(error, DBAPIError) or isinstance(error, _SICK)


def poison() -> Refused:
    """What is said of a change that breaks the program, or that the database chokes on."""
    return Refused(
        "Central cannot make sense of this change.",
        "It is kept on this laptop; tell the office, and send it again after central's next update.",
        code="unprocessable",
    )


def keep(connection: Connection, organization_id: str, sent: Sent, why: Refused, now: datetime) -> None:
    """Keep one refused change, whatever else is kept for its laptop: central had it."""
    connection.execute(_KEEP, _row(organization_id, sent, why.code, str(why), now))


def note(
    connection: Connection, access: Access, sent: Sequence[Sent], verdicts: Sequence[Verdict], now: datetime
) -> None:
    """Keep what was refused just now; what was refused before and has been taken now is settled."""
    refused = [
        _row(access.organization_id, one, verdict.code, verdict.reason, now)
        for one, verdict in zip(sent, verdicts, strict=True)
        if verdict.outcome is Outcome.REFUSED and one.change.dot.device == access.device
    ]
    unsettled = (REFUSED.c.device == access.device, REFUSED.c.settled_at.is_(None))
    if refused:
        kept = connection.execute(select(func.count()).where(*unsettled)).scalar_one()
        for row in refused[: max(0, KEPT_MAX - kept)]:
            connection.execute(_KEEP, row)
    taken = [verdict.dot.counter for verdict in verdicts if verdict.outcome is not Outcome.REFUSED]
    if taken:
        done = update(REFUSED).where(*unsettled, REFUSED.c.counter.in_(taken))
        connection.execute(done.values(settled_at=now, settled_as="taken"))


def _row(
    organization_id: str, sent: Sent, code: str | None, reason: str | None, now: datetime
) -> dict[str, Any]:
    dot = sent.change.dot
    return {
        "device": dot.device, "counter": dot.counter, "hash": sent.hash, "organization_id": organization_id,
        "body": sent.body.decode(), "code": code or "", "reason": reason or "", "received_at": now,
    }  # fmt: skip


def _keeping() -> Insert:
    statement = insert(REFUSED)
    again = {name: statement.excluded[name] for name in ("hash", "body", "code", "reason", "received_at")}
    return statement.on_conflict_do_update(
        index_elements=["device", "counter"],
        set_={**again, "settled_at": None},
        where=REFUSED.c.settled_by.is_(None),
    )


_KEEP = _keeping()
