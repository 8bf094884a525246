"""Refused changes that go again by themselves, since what they were refused for is no more.

An older central has been updated: the laptop names the kinds and fields that were not known, and central answers which of
them it knows now. Asked only in a contact that hands nothing in: where old and new processes answer behind one address, a
change is tried at most once a poll. Or a right that was taken away has been given back.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bravetui.db import meta
from bravetui.db.device import Outbox, OutboxState
from bravetui.db.quarantine import release
from bravetui.merge.version import Dot
from bravetui.sync.log import write_log
from bravetui.wire.messages import KNOWN_MAX, ScopeGrant

_outbox = Outbox.__table__  # type: ignore[attr-defined]

_NOWHERE = "-"
"""In the place of scopes: told, and none."""

_NO_RIGHT = ("not_permitted", "right_lost")
"""Codes of refusals for want of a right."""

_SHUT_OUT = ("revoked", "left")
"""Codes of refusals, and words of `SyncAnswer.closed`, for a laptop from which nothing is taken."""

_REFUSED = select(*(_outbox.c[name] for name in ("device", "counter", "scope_id", "kind", "verdict"))).where(
    _outbox.c.state == OutboxState.REFUSED
)


def asked(connection: Connection) -> tuple[str, ...]:
    """The kinds and fields for which changes lie here refused, as a `SyncRequest` asks about them."""
    names = {_not_known(row) for row in connection.execute(_REFUSED)}
    return tuple(sorted(name for name in names if name))[:KNOWN_MAX]


def understood(connection: Connection, known: Collection[str], now: datetime) -> None:
    """Release what was refused for kinds and fields that central knows by now."""
    if known:
        free = [row for row in connection.execute(_REFUSED).all() if _not_known(row) in known]
        _go(connection, free, now, "Central knows by now what it was too old for")


def given_back(connection: Connection, scopes: Collection[ScopeGrant], now: datetime) -> None:
    """Release what was refused for want of a right, in scopes where nothing could be written at the last contact."""
    writable = {scope.scope_id for scope in scopes if not scope.reads_only}
    told, before = "\n".join(sorted(writable)) or _NOWHERE, meta.get(connection, meta.WRITABLE)
    if told == before:
        return
    meta.put(connection, meta.WRITABLE, told)
    back = writable - set(before.splitlines()) if before else set()
    free = [
        row
        for row in connection.execute(_REFUSED).all()
        if row.scope_id in back and (row.verdict or {}).get("code") in _NO_RIGHT
    ]
    _go(connection, free, now, "A right that was taken away has been given back")


def let_in(connection: Connection, now: datetime) -> None:
    """Release what was refused because the laptop had been revoked, or its person had left: central reads to it again."""
    if meta.get(connection, meta.CLOSED) in _SHUT_OUT:
        free = [
            row for row in connection.execute(_REFUSED).all() if (row.verdict or {}).get("code") in _SHUT_OUT
        ]
        _go(connection, free, now, "This laptop has been let in again")


def _go(connection: Connection, free: Collection[Any], now: datetime, why: str) -> None:
    for row in free:
        release(connection, Dot(row.device, row.counter))
    if free:
        write_log(connection, now, "again", f"{why}: {len(free)} refused before are sent again")


def _not_known(row: Any) -> str | None:
    """`kind` or `kind/field` that central did not know when it refused the change; None where that was not why."""
    code, field = ((row.verdict or {}).get(name) for name in ("code", "field"))
    if code == "unknown_field" and field:
        return f"{row.kind}/{str(field).partition('/')[0]}"
    return str(row.kind) if code == "unknown_kind" else None
