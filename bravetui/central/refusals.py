"""Keeps a copy of what central refuses, in the transaction that refuses it; `quarantine` is what the office does with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bravetui.central.access import Access
from bravetui.central.sent import Sent
from bravetui.central.tables import REFUSED
from bravetui.wire.messages import Outcome, Verdict

KEPT_MAX = 1000
"""Refused changes kept at a time for one laptop, so that nobody can fill central's disk; the rest stays on the laptop."""


def note(
    connection: Connection, access: Access, sent: Sequence[Sent], verdicts: Sequence[Verdict], now: datetime
) -> None:
    """Keep what was refused just now; what was refused before and has been taken now is settled."""
    refused = [
        {
            "device": one.change.dot.device, "counter": one.change.dot.counter, "hash": one.hash,
            "organization_id": access.organization_id, "body": one.body.decode(), "code": verdict.code or "",
            "reason": verdict.reason or "", "received_at": now,
        }
        for one, verdict in zip(sent, verdicts, strict=True)
        if verdict.outcome is Outcome.REFUSED and one.change.dot.device == access.device
    ]  # fmt: skip
    unsettled = (REFUSED.c.device == access.device, REFUSED.c.settled_at.is_(None))
    if refused:
        kept = connection.execute(select(func.count()).where(*unsettled)).scalar_one()
        statement = insert(REFUSED)
        again = {name: statement.excluded[name] for name in ("hash", "body", "code", "reason", "received_at")}
        statement = statement.on_conflict_do_update(
            index_elements=["device", "counter"],
            set_={**again, "settled_at": None},
            where=REFUSED.c.settled_by.is_(None),
        )
        for row in refused[: max(0, KEPT_MAX - kept)]:
            connection.execute(statement, row)
    taken = [verdict.dot.counter for verdict in verdicts if verdict.outcome is not Outcome.REFUSED]
    if taken:
        done = update(REFUSED).where(*unsettled, REFUSED.c.counter.in_(taken))
        connection.execute(done.values(settled_at=now, settled_as="taken"))
