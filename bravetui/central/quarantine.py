"""What central refused, kept for the office: to read, to mend, to release, without the laptop that sent it.

A copy of every refused change stays here, so that work on a project that was taken from its author is handed over by being
sent, and a laptop that never comes back takes nothing with it. Released, a change is taken as it was written, under its
author's name. Mended, the office writes what it says in the office's own name, and the change itself counts as answered.
Either way its laptop hears of it with the next contact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, select, update

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput, Refused
from bravetui.central.access import access_of
from bravetui.central.audit_log import Event, note
from bravetui.central.checkpoint import with_counters
from bravetui.central.checks import check_content, check_number
from bravetui.central.sent import Sent
from bravetui.central.service import Central
from bravetui.central.shelf import Shelf
from bravetui.central.state import state_of
from bravetui.central.tables import DEVICES, PARKED, REFUSED, SCOPES
from bravetui.central.taking import Taking
from bravetui.central.tenants import operator, tenant
from bravetui.db.kinds import KINDS
from bravetui.merge.version import Dot
from bravetui.wire.change import Change
from bravetui.wire.messages import Verdict

ON_HOLD_FOR = timedelta(days=1)
"""Changes overtake the record that they belong to every day, by lanes and by laptops; beyond this somebody may wonder."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One change that nobody has settled: refused, or on hold for another record."""

    change: Change
    code: str
    reason: str
    received_at: datetime


def waiting(central: Central) -> Sequence[Waiting]:
    """Everything that waits for the office, oldest first."""
    query = (
        select(REFUSED)
        .where(REFUSED.c.settled_at.is_(None))
        .order_by(REFUSED.c.received_at, REFUSED.c.counter)
    )
    with central.engine.begin() as connection:
        operator(connection)
        return [_waiting(row) for row in connection.execute(query)]


def on_hold(central: Central) -> Sequence[Waiting]:
    """Changes that have waited for another record for longer than `ON_HOLD_FOR`, oldest first: its laptop has not come in.

    Nobody has to do anything for them; whoever looks learns which record, and so which laptop, to look for.
    """
    query = (
        select(PARKED)
        .where(PARKED.c.received_at < central.clock.now() - ON_HOLD_FOR)
        .order_by(PARKED.c.received_at, PARKED.c.device, PARKED.c.counter)
    )
    with central.engine.begin() as connection:
        operator(connection)
        return [_on_hold(row) for row in connection.execute(query)]


def release(central: Central, dot: Dot, by: str, mends: Mapping[str, Json] | None = None) -> Verdict:
    """Take a refused change after all, as it is, or with `mends` (values by path) in the name of `by`.

    Raises BadInput where there is nothing to release or `by` is nobody at the office, Refused where the values still do
    not fit.
    """
    now = central.clock.now()
    with central.engine.begin() as connection:
        operator(connection)
        # First of all, as a push does: two that hold in another order wait for each other.
        device = DEVICES.c.number == dot.device
        held = connection.execute(select(DEVICES.c.held).where(device).with_for_update()).scalar_one_or_none()
        row = _locked(connection, dot)
        tenant(connection, row.organization_id)
        _from_the_office(connection, row.organization_id, by, now)
        assert held is not None, "what is kept is kept of a laptop that is known"
        check_number(dot, held)
        sent = Sent.of(Change.model_validate_json(row.body))
        change = sent.change
        said = change.model_copy(update={"after": {**change.after, **(mends or {})}})
        told = check_content(said, len(sent.body))
        taking = _taking(central, connection, change, row.organization_id, now)
        taking.shelf.fetch_records([(*sent.target, told.after)])
        verdict = taking.mend(sent, told, by) if mends else taking.take(sent, told, waited=True)
        taking.finish()
        held_now = with_counters(held, [dot.counter])
        connection.execute(update(DEVICES).where(device).values(held=held_now))
        settled_as = "mended" if mends else "released"
        _settle(connection, dot, by, settled_as, now)
        note(connection, Event("release", settled_as, row.organization_id, by, dot.device), now)
    return verdict


def set_aside(central: Central, dot: Dot, by: str) -> None:
    """Say that the office has looked at it and will not take it. It is kept, here and on its laptop."""
    now = central.clock.now()
    with central.engine.begin() as connection:
        operator(connection)
        row = _locked(connection, dot)
        tenant(connection, row.organization_id)
        _from_the_office(connection, row.organization_id, by, now)
        _settle(connection, dot, by, "set aside", now)
        note(connection, Event("release", "set aside", row.organization_id, by, dot.device), now)


def parse_mend(text: str) -> tuple[str, Json]:
    """`path=value`, the value as JSON or else as text; a number with a fraction travels as text. Raises BadInput."""
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise BadInput(f"{text[:60]!r} is no mend.", "Write --set PATH=VALUE, e.g. --set severity=major.")
    try:
        return path, json.loads(value, parse_float=str, parse_constant=str)
    except ValueError:
        return path, value


def _waiting(row: Row[Any]) -> Waiting:
    return Waiting(Change.model_validate_json(row.body), row.code, row.reason, row.received_at)


def _on_hold(row: Row[Any]) -> Waiting:
    kind = KINDS[row.waits_for_kind].label if row.waits_for_kind in KINDS else row.waits_for_kind
    reason = f"It belongs to the {kind} {row.waits_for_id}, which no laptop has handed in."
    return Waiting(Change.model_validate_json(row.body), "on_hold", reason, row.received_at)


def _locked(connection: Connection, dot: Dot) -> Row[Any]:
    query = select(REFUSED).where(
        REFUSED.c.device == dot.device, REFUSED.c.counter == dot.counter, REFUSED.c.settled_at.is_(None)
    )
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise BadInput(f"No refused change {dot} waits.", "List them: bravetui central quarantine.")
    return row


def _from_the_office(connection: Connection, organization_id: str, user_id: str, now: datetime) -> None:
    if not access_of(connection, 0, organization_id, user_id, now).office:
        raise BadInput(
            "Only somebody at the office may settle this.", "`bravetui central people` lists them: --by ID."
        )


def _taking(
    central: Central, connection: Connection, change: Change, organization_id: str, now: datetime
) -> Taking:
    known = select(SCOPES.c.scope_id).where(
        SCOPES.c.scope_id == change.scope_id, SCOPES.c.organization_id == organization_id
    )
    if connection.execute(known).first() is None:
        raise Refused(
            "There is no such project in this organization.",
            "Set it aside, or open the project.",
            code="no_scope",
        )
    shelf = Shelf(connection, {change.scope_id: organization_id})
    taking = Taking(connection, central.keys.sign, state_of(connection, now).epoch, now, shelf)
    taking.hold([change.scope_id])
    taking.from_copies = True
    return taking


def _settle(connection: Connection, dot: Dot, by: str, settled_as: str, now: datetime) -> None:
    where = and_(REFUSED.c.device == dot.device, REFUSED.c.counter == dot.counter)
    connection.execute(
        update(REFUSED).where(where).values(settled_at=now, settled_by=by, settled_as=settled_as)
    )
