"""Keeps a copy of what central refuses, in the transaction that refuses it; `quarantine` is what the office does with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Text, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, StatementError

from bravetui.base.errors import Refused
from bravetui.central.access import Access
from bravetui.central.sent import Sent
from bravetui.central.tables import REFUSED
from bravetui.merge.version import Dot
from bravetui.wire.change import REFILLED, Change, Op
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
    """Keep what was refused just now; what was refused before, and has been taken now or written again, is settled."""
    own = [
        (one, verdict)
        for one, verdict in zip(sent, verdicts, strict=True)
        if one.change.dot.device == access.device
    ]
    refused = [
        _row(access.organization_id, one, verdict.code, verdict.reason, now)
        for one, verdict in own
        if verdict.outcome is Outcome.REFUSED
    ]
    waiting = _unsettled(access.device)
    kept = connection.execute(select(func.count()).where(*waiting)).scalar_one()
    for row in refused[: max(0, KEPT_MAX - kept)]:
        connection.execute(_KEEP, row)
    if kept:
        held = [one.change for one, verdict in own if verdict.outcome is not Outcome.REFUSED]
        _settle(connection, access.device, [one.change.record_id for one, _ in own], held, now)


def _settle(
    connection: Connection, device: int, record_ids: Sequence[str], held: Sequence[Change], now: datetime
) -> None:
    """Settle what waits of these records and is among the changes `held` now, or has been written again."""
    waiting = _unsettled(device)
    alike = any_(literal([f"%{record_id}%" for record_id in record_ids], ARRAY(Text)))
    rows = connection.execute(select(REFUSED.c.body).where(*waiting, REFUSED.c.body.like(alike)))
    changes = [change for body in rows.scalars() if (change := _change_in(body)) is not None]
    settled = {
        "taken": [change.dot.counter for change in held],
        "written again": [dot.counter for dot in written_again([*changes, *held])],
    }
    for settled_as, counters in settled.items():
        done = update(REFUSED).where(*waiting, REFUSED.c.counter.in_(counters))
        connection.execute(done.values(settled_at=now, settled_as=settled_as))


def settle_said(
    connection: Connection, organization_id: str, holds: Callable[[Change], bool], now: datetime
) -> None:
    """Settle what was handed in once more, and refused, of which central `holds` all from somebody else by now."""
    waiting = (REFUSED.c.organization_id == organization_id, REFUSED.c.settled_at.is_(None))
    query = select(REFUSED.c.body).where(*waiting, REFUSED.c.body.contains(REFILLED, autoescape=True))
    changes = [change for body in connection.execute(query).scalars() if (change := _change_in(body))]
    for dot in [change.dot for change in changes if change.said and holds(change)]:
        one = (REFUSED.c.device == dot.device, REFUSED.c.counter == dot.counter)
        connection.execute(update(REFUSED).where(*one).values(settled_at=now, settled_as="taken"))


def _unsettled(device: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return REFUSED.c.device == device, REFUSED.c.settled_at.is_(None)


def _change_in(body: str) -> Change | None:
    """None for one that this version does not read: it waits for the office as before."""
    try:
        return Change.model_validate_json(body)
    except ValidationError:
        return None


def written_again(changes: Sequence[Change]) -> list[Dot]:
    """Of one laptop's changes those in whose place it has put others since (`db.quarantine`), that say all of it.

    What goes in another's place bears a later number and has not seen it; a laptop has seen whatever else it said before.
    """
    found = []
    for change in changes:
        later = [one.after.keys() for one in changes if _goes_in_place_of(one, change)]
        if change.op in (Op.CREATE, Op.EDIT) and later and change.after.keys() <= set().union(*later):
            found.append(change.dot)
    return found


def _goes_in_place_of(one: Change, change: Change) -> bool:
    return (
        (one.scope_id, one.kind, one.record_id) == (change.scope_id, change.kind, change.record_id)
        and one.dot.counter > change.dot.counter
        and one.hlc >= change.hlc
        and not one.context.covers([change.dot])
    )


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
