"""What an administrator does before the first laptop comes: found an organization, name people, open projects.

All of it goes through the ledger like any other change, so laptops get it by ordinary sync.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from bravetui.base.canonical import Json
from bravetui.central.service import Central, Writing
from bravetui.central.tables import DEVICES, SCOPES
from bravetui.central.tenants import operator
from bravetui.db.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody an organization knows."""

    organization_id: str
    organization: str
    user_id: str
    name: str
    role: str
    devices: tuple[int, ...]
    """Numbers of the laptops enrolled in this name."""
    laptops: tuple[tuple[int, ...], ...] = ()
    """The same by laptop: first the number it enrolled under, then those of copies of it and of what came on a stick."""


@dataclass(frozen=True, slots=True)
class Scope:
    """An organization or a project."""

    scope_id: str
    organization_id: str
    name: str


def found_organization(
    central: Central, name: str, values: Mapping[str, Json] | None = None, new_id: str = ""
) -> str:
    """Make an organization and its scope; returns its id."""
    organization_id = new_id or central.ids.new_id()
    central.open_scope(organization_id, organization_id, "organization", name)
    central.publish(
        organization_id, [Writing("organization", organization_id, {"name": name, **(values or {})})]
    )
    return organization_id


def add_person(
    central: Central,
    organization_id: str,
    name: str,
    role: str,
    values: Mapping[str, Json] | None = None,
    new_id: str = "",
) -> str:
    """Make a person known to an organization; returns the user id."""
    user_id = new_id or central.ids.new_id()
    told = {"name": name, "role": role, **(values or {})}
    central.publish(organization_id, [Writing("user", user_id, told)])
    return user_id


def open_project(
    central: Central,
    organization_id: str,
    values: Mapping[str, Json],
    members: Mapping[str, str],
    permissions: Sequence[str] = (),
    new_id: str = "",
    *,
    may_sign: bool = False,
) -> str:
    """Make a project and its scope; `members` gives each user id a role in it. Returns the id of both."""
    project_id = new_id or central.ids.new_id()
    central.open_scope(project_id, organization_id, "project", str(values.get("name", "")))
    writings = [Writing("project", project_id, values)]
    for user_id, role in members.items():
        told = _membership(user_id, role, permissions, may_sign)
        writings.append(Writing("project_member", central.ids.new_id(), told))
    central.publish(project_id, writings)
    return project_id


def add_member(central: Central, project_id: str, user_id: str, role: str, *, may_sign: bool = False) -> None:
    """Let a person into a project; who is in it already has the new role there, and no second membership."""
    member = KINDS["project_member"].table
    query = select(member.c.id).where(
        member.c.scope_id == project_id, member.c.user_id == user_id, member.c.deleted.is_(False)
    )
    with central.engine.connect() as connection:
        operator(connection)
        known = connection.execute(query.order_by(member.c.id).limit(1)).scalar_one_or_none()
    told = _membership(user_id, role, (), may_sign)
    central.publish(project_id, [Writing("project_member", known or central.ids.new_id(), told)])


def _membership(user_id: str, role: str, permissions: Sequence[str], may_sign: bool) -> dict[str, Json]:
    told: dict[str, Json] = {"user_id": user_id, "project_role": role, "permissions": list(permissions)}
    return {**told, "may_sign": True} if may_sign else told


def scopes(central: Central, kind: str) -> tuple[Scope, ...]:
    """Every `organization`, or every `project`, by name."""
    query = select(SCOPES.c.scope_id, SCOPES.c.organization_id, SCOPES.c.name).where(SCOPES.c.kind == kind)
    with central.engine.connect() as connection:
        operator(connection)
        rows = connection.execute(query.order_by(SCOPES.c.name, SCOPES.c.scope_id))
        return tuple(Scope(*row) for row in rows)


def people(central: Central) -> tuple[Person, ...]:
    """Everybody central knows, by organization and name."""
    user = KINDS["user"].table
    query = (
        select(user.c.scope_id, SCOPES.c.name.label("organization"), user.c.id, user.c.name, user.c.role)
        .join(SCOPES, SCOPES.c.scope_id == user.c.scope_id)
        .where(user.c.deleted.is_(False))
        .order_by(SCOPES.c.name, user.c.name)
    )
    with central.engine.connect() as connection:
        operator(connection)
        owners = select(DEVICES.c.number, DEVICES.c.organization_id, DEVICES.c.user_id, DEVICES.c.public_key)
        laptops: dict[tuple[str, str], dict[str, list[int]]] = {}
        in_use = owners.where(DEVICES.c.revoked_at.is_(None)).order_by(
            DEVICES.c.enrolled_at, DEVICES.c.number
        )
        for row in connection.execute(in_use):
            of_person = laptops.setdefault((row.organization_id, row.user_id), {})
            of_person.setdefault(row.public_key, []).append(row.number)
        return tuple(
            _person(row, laptops.get((row.scope_id, row.id), {}).values())
            for row in connection.execute(query)
        )


def _person(row: Any, laptops: Collection[Sequence[int]]) -> Person:
    numbers = tuple(sorted(number for one in laptops for number in one))
    by_laptop = tuple(sorted(map(tuple, laptops)))
    return Person(row.scope_id, row.organization, row.id, row.name, row.role, numbers, by_laptop)
