"""What the role of requests may do in the database, given at every start, and whether a login can pass row security by.

The schema's steps bind rows to organizations; this gives `tenants.ROLE` the tables. A database that was restored on another
server has the first and not the second, so it is looked at each time and mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, text

from bravetui.central.tables import CENTRAL
from bravetui.central.tenants import ROLE
from bravetui.db.kinds import KINDS
from bravetui.db.tables import SITE

_MOST = "SELECT, INSERT, UPDATE"
_RIGHTS = {
    "ledger": "SELECT, INSERT",
    "scope": "SELECT",
    "enrolment_code": "SELECT, UPDATE",
    "parked_change": f"{_MOST}, DELETE",
    "shown_proof": f"{_MOST}, DELETE",
    "audit_event": "SELECT, INSERT",
    "blob_part": "SELECT, INSERT, DELETE",
    "unlock": "",
    "alembic_version": "SELECT",
}
"""Where requests need less than most, or more: ledger and log are only appended to, nobody makes a scope or a code, a part
is never another, and what the operator has unlocked is no request's business."""

_FUNCTIONS = (
    "central_number_is_used", "central_key_of", "central_chains", "central_organizations_of", "central_waiting",
    "central_forget_audit",
)  # fmt: skip

_ROLE = text(
    "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role) AS there,"
    " current_user AS who, current_schema() AS schema"
).bindparams(role=ROLE)
_MAKE_ROLE = (
    f"DO $$ BEGIN CREATE ROLE {ROLE} NOLOGIN;"
    " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
)
"""Roles belong to the whole server: the central of another database on it may make this one at the same moment."""
_IS_MEMBER = text("SELECT pg_has_role(current_user, :role, 'MEMBER')").bindparams(role=ROLE)
_LACKING = text(
    "SELECT name FROM unnest(CAST(:names AS text[]), CAST(:rights AS text[])) AS wanted (name, rights)"
    " WHERE EXISTS (SELECT FROM unnest(string_to_array(rights, ', ')) AS one"
    " WHERE NOT has_table_privilege(:role, name, one))"
).bindparams(bindparam("names"), bindparam("rights"), role=ROLE)
_LOGIN = text(
    "SELECT session_user AS name, bool_or(rolsuper OR rolbypassrls) AS passes,"
    " pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = to_regclass('scope')), 'USAGE') AS owns"
    " FROM pg_roles WHERE rolname = session_user"
)


@dataclass(frozen=True, slots=True)
class Login:
    """Who logged in to the database."""

    name: str
    passes: bool
    """Whether row security does not hold for him."""
    owns: bool
    """Whether central's tables are his."""


def give_rights(connection: Connection) -> None:
    """Make the role of requests where there is none, and give it what it lacks. Writes nothing where it lacks nothing."""
    found = connection.execute(_ROLE).one()
    if not found.there:
        connection.exec_driver_sql(_MAKE_ROLE)
    if not connection.execute(_IS_MEMBER).scalar_one():
        connection.exec_driver_sql(f"GRANT {ROLE} TO {_quoted(found.who)}")
    rights = dict(_wanted())
    asked = {"names": list(rights), "rights": list(rights.values())}
    lacking = connection.execute(_LACKING, asked).scalars().all()
    for table in lacking:
        connection.exec_driver_sql(f"GRANT {rights[table]} ON {table} TO {ROLE}")
    if lacking:
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {_quoted(found.schema)} TO {ROLE}")
        connection.exec_driver_sql(f"GRANT ALL ON SEQUENCE device_number_seq TO {ROLE}")
        for function in _FUNCTIONS:
            connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {function} TO {ROLE}")


def login_of(connection: Connection) -> Login:
    """Who logged in."""
    row = connection.execute(_LOGIN).one()
    return Login(row.name, bool(row.passes), bool(row.owns))


def _wanted() -> Iterator[tuple[str, str]]:
    assert KINDS, "their tables are in SITE once they have been read"
    for table in (*SITE.sorted_tables, *CENTRAL.sorted_tables):
        yield table.name, _RIGHTS.get(table.name, _MOST)
    yield "alembic_version", _RIGHTS["alembic_version"]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
