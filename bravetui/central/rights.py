"""What somebody could do when he wrote a change, out of the ledger: work done in good faith before a right was lost goes to
the office under a name of its own. What he may do now stands in `access`; only that makes a change count by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, select

from bravetui.base.canonical import Json
from bravetui.base.clock import local_time
from bravetui.base.errors import Refused
from bravetui.central.access import OFFICE_ROLES, READING_ROLES, Access
from bravetui.central.refusals import OFFICE_DECIDES
from bravetui.central.tables import LEDGER, SCOPES
from bravetui.db.kinds import KINDS
from bravetui.wire.change import Change

Values = Mapping[str, Json]


def by_the_time_written(connection: Connection, error: Refused, change: Change, access: Access) -> Refused:
    """The refusal of a change for want of a right; another one where its author had it when he wrote that change.

    When that was is said by his own clock, so it decides nothing but what the office is told.
    """
    is_of_author = error.code == "not_permitted" and change.author_id == access.user_id
    if not is_of_author or not _could_write(connection, change, access):
        return error
    return Refused(
        "You could write this when you wrote it; the right has been taken away since.",
        OFFICE_DECIDES,
        code="right_lost",
    )


def _could_write(connection: Connection, change: Change, access: Access) -> bool:
    here = select(SCOPES.c.scope_id).where(
        SCOPES.c.scope_id == change.scope_id, SCOPES.c.organization_id == access.organization_id
    )
    if connection.execute(here).first() is None:
        return False
    at = local_time(change.at, UTC)
    people = _as_of(connection, access.organization_id, "user", at)
    person = people.get(access.user_id, {"deleted": True})
    if person.get("deleted"):
        return False
    if person.get("role") in OFFICE_ROLES:
        return True
    members = _as_of(connection, change.scope_id, "project_member", at).values()
    kind = KINDS.get(change.kind)
    return kind is not None and not kind.office_only and _is_member(members, access.user_id, change.at.date())


def _is_member(members: Iterable[Values], user_id: str, day: date) -> bool:
    return any(
        one.get("user_id") == user_id
        and not one.get("deleted")
        and one.get("project_role") not in READING_ROLES
        and str(one.get("from_date") or "") <= day.isoformat() <= str(one.get("to_date") or "9999")
        for one in members
    )


def _as_of(connection: Connection, scope_id: str, kind: str, at: datetime) -> dict[str, dict[str, Any]]:
    """The records of an office's kind as they stood then: what it writes has one author at a time."""
    query = select(LEDGER.c.record_id, LEDGER.c.body).where(
        LEDGER.c.scope_id == scope_id, LEDGER.c.kind == kind, LEDGER.c.received_at <= at
    )
    found: dict[str, dict[str, Any]] = {}
    for record_id, body in connection.execute(query.order_by(LEDGER.c.seq)):
        found.setdefault(record_id, {}).update(json.loads(body)["after"])
    return found
