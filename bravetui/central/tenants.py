"""As whom a transaction of central works: for one organization, for somebody who has shown a key, or for the operator.

Every transaction begins with one of these three, and PostgreSQL's row security keeps it to the rows it may touch, whatever
the checks in the code say (CWE-639, CWE-1220). Requests work as `ROLE`, which owns nothing and passes by no policy; what is
set holds until the commit and never reaches the next user of a pooled connection. A transaction that begins with none is
found by a test, and sees nothing where the login is an ordinary one.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

ROLE = "bravetui_app"
"""The database role of every request. It has no login; whoever logs in for central is a member."""

_AS = "SELECT set_config('role', 'bravetui_app', true)"
_TENANT = text(f"{_AS}, set_config('bravetui.organization', :organization, true)")
_STRANGER = text(
    f"{_AS}, set_config('bravetui.organization', '', true), set_config('bravetui.key', :key, true),"
    " set_config('bravetui.code', :code, true)"
)
_OPERATOR = text("SELECT set_config('bravetui.operator', 'on', true)")


def tenant(connection: Connection, organization_id: str) -> None:
    """From here to the commit: the rows of this organization, and those of the key that was shown before, if one was."""
    connection.execute(_TENANT, {"organization": organization_id})


def stranger(connection: Connection, key: str = "", code_hash: str = "") -> None:
    """From here to the commit: the laptops and the grant of a public key that was proven, and an enrolment code by its hash.

    With neither, nothing that belongs to anybody.
    """
    connection.execute(_STRANGER, {"key": key, "code": code_hash})


def operator(connection: Connection) -> None:
    """From here to the commit: everything, for whoever logged in as the tables' owner; for anybody else nothing more."""
    connection.execute(_OPERATOR)
