"""Who may do what, asked anew at every contact: a permission taken away is gone with the next request.

A scope that a person may not see and a scope that does not exist are answered alike, so that nobody can probe for other
companies' projects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from bravetui.base.errors import NeedsSignIn
from bravetui.central.state import last_number
from bravetui.central.tables import DEVICES, SCOPES
from bravetui.db.kinds import KINDS
from bravetui.wire.messages import ScopeGrant

OFFICE_ROLES = frozenset({"admin", "office", "org_admin", "project_manager", "compliance_manager"})
"""May write reference data, and work in every project of the organization."""

SUPPORT_ROLE = "support"
"""Looks after laptops (`central.support`), and is shown no record of anybody's: neither reads nor writes."""

READING_ROLES = frozenset({"viewer", "agency", SUPPORT_ROLE})
"""Write nothing; all but support read."""

ROLES = OFFICE_ROLES | READING_ROLES | {"foreman"}
"""All that may be given; whatever else is written in a person's record has a foreman's rights."""

OWNERS_MAX = 500
"""Owners of device numbers told in one answer; the next one goes on from there."""

_member = KINDS["project_member"].table
_user = KINDS["user"].table


@dataclass(frozen=True, slots=True)
class Access:
    """One device's person, and what they may do now."""

    device: int
    organization_id: str
    user_id: str
    user_name: str
    role: str
    scopes: Mapping[str, ScopeGrant]
    reading_only: frozenset[str] = frozenset()
    """Scopes in which nothing may be written."""
    closed: str = ""
    """Why nothing is taken of what this laptop hands in, but kept for the office: a `callers.Standing`."""

    @property
    def office(self) -> bool:
        """Whether reference data may be written."""
        return self.role in OFFICE_ROLES


def access_of(
    connection: Connection, device: int, organization_id: str, user_id: str, now: datetime
) -> Access:
    """What the person behind a device may do. Raises NeedsSignIn for one whom the organization no longer knows."""
    person = connection.execute(
        select(_user.c.name, _user.c.role).where(
            _user.c.scope_id == organization_id, _user.c.id == user_id, _user.c.deleted.is_(False)
        )
    ).one_or_none()
    if person is None:
        raise NeedsSignIn(
            "The organization no longer knows this person.",
            "Ask the office; unsent work stays on this laptop.",
        )
    roles, permissions = _memberships(connection, organization_id, user_id, now)
    rows = connection.execute(
        select(SCOPES).where(SCOPES.c.organization_id == organization_id).order_by(SCOPES.c.scope_id)
    )
    scopes = {
        row.scope_id: ScopeGrant(
            scope_id=row.scope_id, name=row.name, kind=row.kind, permissions=permissions.get(row.scope_id, ())
        )
        for row in rows
        if _is_shown(row.scope_id, row.kind, roles, person.role)
    }
    reading_only = frozenset(
        scope_id for scope_id in scopes if roles.get(scope_id, person.role) in READING_ROLES
    )
    return Access(device, organization_id, user_id, person.name, person.role, scopes, reading_only)


def _is_shown(scope_id: str, kind: str, roles: Mapping[str, str], role: str) -> bool:
    """Whether a person of that role, and of those roles by project, is given the scope."""
    if SUPPORT_ROLE in (role, roles.get(scope_id)):
        return False
    return kind == "organization" or scope_id in roles or role in OFFICE_ROLES


def _memberships(
    connection: Connection, organization_id: str, user_id: str, now: datetime
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """The person's role and permissions by project, of memberships that hold today."""
    query = (
        select(
            _member.c.scope_id,
            _member.c.project_role,
            _member.c.permissions,
            _member.c.from_date,
            _member.c.to_date,
        )
        .join(SCOPES, SCOPES.c.scope_id == _member.c.scope_id)
        .where(
            _member.c.user_id == user_id,
            _member.c.deleted.is_(False),
            SCOPES.c.organization_id == organization_id,
        )
    )
    roles: dict[str, str] = {}
    permissions: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(query):
        begun = row.from_date is None or row.from_date <= now.date()
        if begun and (row.to_date is None or now.date() <= row.to_date):
            roles[row.scope_id] = row.project_role
            permissions[row.scope_id] = tuple(row.permissions)
    return roles, permissions


def is_left_out(connection: Connection, number: int) -> bool:
    """Whether this life of central neither knows the number nor gives it out, as one before it may have done."""
    if not 0 < number <= last_number(connection):
        return False
    # By a laptop of whatever organization, or in a ledger: central's own numbers stood among those of laptops once.
    return connection.execute(select(func.central_number_is_used(number))).scalar_one() is False


def owners(connection: Connection, organization_id: str, above: int | None) -> dict[int, str]:
    """Whose the organization's device numbers above `above` are (None: nobody asked): numbers only grow."""
    if above is None:
        return {}
    query = select(DEVICES.c.number, DEVICES.c.user_id).where(
        DEVICES.c.organization_id == organization_id, DEVICES.c.number > above
    )
    rows = connection.execute(query.order_by(DEVICES.c.number).limit(OWNERS_MAX))
    return {row.number: row.user_id for row in rows}


def held_under(connection: Connection, public_key: str) -> dict[int, Sequence[Sequence[int]]]:
    """Which counters central holds, for every number of the key: the laptop's own and those of its twins."""
    query = select(DEVICES.c.number, DEVICES.c.held).where(DEVICES.c.public_key == public_key)
    return {row.number: row.held for row in connection.execute(query.order_by(DEVICES.c.number))}
