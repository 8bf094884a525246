"""What this person may do in a project, judged without a line as central judges it (`central.access`), from its last word.

It decides what screens offer and nothing else: what is written all the same is kept, and central's answer to it shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from bravetui.db.kinds import KINDS
from bravetui.db.site import READING_ROLES
from bravetui.db.store import Store
from bravetui.views.sign_in import grant_of, permissions_of

WRITE = "records:write"
NO_PROJECT = "You are in no project yet. The office adds you; sync once (F5) after that."
_RECORDS = "records:"
_ROLE_WORDS: Mapping[str, str] = {
    "viewer": "as a viewer", "agency": "for an agency", "support": "for support",
}  # fmt: skip


def only_reads(store: Store, scope_id: str) -> str:
    """Why nothing can be written here, in one line; empty where something can."""
    with store.look() as connection:
        return only_reads_in(connection, store, scope_id)


def only_reads_in(connection: Connection, store: Store, scope_id: str) -> str:
    """`only_reads` inside a look that is open already."""
    if not scope_id:
        return NO_PROJECT
    role = _role(connection, store, scope_id)
    told = [one for one in permissions_of(connection, store.identity, scope_id) if one.startswith(_RECORDS)]
    if role not in READING_ROLES and (not told or WRITE in told):
        return ""
    here = f"You are here {_ROLE_WORDS[role]}" if role in _ROLE_WORDS else "You may read here"
    return f"{here} and can write nothing. The office can change that."


def _role(connection: Connection, store: Store, scope_id: str) -> str:
    """That in the project, of a membership that holds today; else the person's own; else what the grant says."""
    member, user = KINDS["project_member"].table, KINDS["user"].table
    user_id, today = store.identity.user_id, store.clock.now().date()
    query = select(member.c.project_role, member.c.from_date, member.c.to_date).where(
        member.c.scope_id == scope_id, member.c.user_id == user_id, member.c.deleted.is_(False)
    )
    for row in connection.execute(query):
        if (row.from_date is None or row.from_date <= today) and (
            row.to_date is None or today <= row.to_date
        ):
            return str(row.project_role)
    own = connection.execute(select(user.c.role).where(user.c.id == user_id, user.c.deleted.is_(False)))
    grant = grant_of(store.identity)
    return str(own.scalar() or (grant.role if grant is not None else ""))
