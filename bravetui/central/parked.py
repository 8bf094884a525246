"""Changes on hold: each is taken once what it belongs to has arrived, or refused then, if it turns out not to fit.

Whatever one of them does, the others are taken, and no laptop that only looks in is answered with another's fault.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.exc import StatementError

from bravetui.base.errors import Refused
from bravetui.base.fault import fault
from bravetui.central.access import Access
from bravetui.central.checkpoint import without_counter
from bravetui.central.checks import Admitted
from bravetui.central.desk import Desk
from bravetui.central.refusals import is_sick, keep, poison
from bravetui.central.sent import Sent
from bravetui.central.shelf import Shelf, Target
from bravetui.central.tables import DEVICES, PARKED
from bravetui.central.taking import Taking
from bravetui.central.tenants import tenant
from bravetui.db.kinds import kind_of
from bravetui.db.records import normalised
from bravetui.wire.change import Change, Op

log = logging.getLogger(__name__)

_SCOPES_WAITING = (
    select(PARKED.c.scope_id).where(PARKED.c.scope_id.in_(bindparam("scopes", expanding=True))).distinct()
)
_WAITING = (
    select(PARKED.c.body)
    .where(PARKED.c.scope_id == bindparam("scope"))
    .order_by(PARKED.c.device, PARKED.c.counter)
    .limit(2000)
)

Misfits = list[tuple[Sent, Refused]]
"""What could not be taken though what it belongs to is there, and why."""


def take_parked(desk: Desk, access: Access) -> None:
    """Take the parked changes of the scopes whose parents have arrived, each scope in its own transaction."""
    with desk.engine.begin() as connection:
        tenant(connection, access.organization_id)
        waiting = list(connection.execute(_SCOPES_WAITING, {"scopes": sorted(access.scopes)}).scalars())
    for scope_id in waiting:
        try:
            misfits = _take_in(desk, access.organization_id, scope_id)
        except StatementError as error:
            if not is_sick(error):
                raise
            misfits = _take_in(desk, access.organization_id, scope_id, one_by_one=True)
        for sent, why in misfits:
            _refuse(desk, access.organization_id, sent, why)


def _take_in(desk: Desk, organization_id: str, scope_id: str, *, one_by_one: bool = False) -> Misfits:
    """Take what can be taken of a scope. `one_by_one` finds whom the database chokes on."""
    with desk.engine.begin() as connection:
        tenant(connection, organization_id)
        bodies = connection.execute(_WAITING, {"scope": scope_id}).scalars()
        left = [Sent.of(Change.model_validate_json(body)) for body in bodies]
        taking = _begun(desk, connection, organization_id, scope_id, left)
        misfits: Misfits = []
        moved = True
        while moved:
            moved = False
            behind: set[tuple[Target, int]] = set()
            still: list[Sent] = []
            for sent in left:
                if one_by_one:
                    taking = _begun(desk, connection, organization_id, scope_id, [sent])
                if _has_to_wait(taking, sent, behind):
                    still.append(sent)
                    continue
                moved = True
                why = _take(connection, taking, sent, at_once=one_by_one)
                if why is not None:
                    misfits.append((sent, why))
                else:
                    _no_longer_on_hold(connection, sent)
            left = still
        if not one_by_one:
            taking.finish()
        fault("central_parked_taken")
    return misfits


def _begun(
    desk: Desk, connection: Connection, organization_id: str, scope_id: str, about: Sequence[Sent]
) -> Taking:
    shelf = Shelf(connection, {scope_id: organization_id})
    taking = Taking(connection, desk.sign, desk.epoch, desk.now, shelf)
    taking.hold([scope_id])
    taking.from_copies = True
    shelf.fetch(sent.change for sent in about)
    return taking


def _has_to_wait(taking: Taking, sent: Sent, behind: set[tuple[Target, int]]) -> bool:
    """Whether what it belongs to is not there, or an earlier change of its laptop to the same record waits."""
    key = (sent.target, sent.change.dot.device)
    queues = key in behind and sent.change.op is not Op.CREATE
    if not queues and taking.missing(sent, kind_of(sent.change.kind)) is None:
        return False
    behind.add(key)
    return True


def _take(connection: Connection, taking: Taking, sent: Sent, *, at_once: bool) -> Refused | None:
    """Take it, written at once or when the taking is finished; returns why not."""
    kind = kind_of(sent.change.kind)
    try:
        with connection.begin_nested() if at_once else contextlib.nullcontext():
            taking.take(sent, Admitted(kind, normalised(kind, sent.change.after)), waited=True)
            if at_once:
                taking.finish()
    except Refused as error:
        return error
    except StatementError as error:
        if not at_once or not is_sick(error):
            raise
        log.warning("change %s cannot be stored: %s", sent.change.dot, type(error).__name__)
        return poison()
    except Exception:
        log.exception("change %s breaks the program; it is refused, the others are taken", sent.change.dot)
        return poison()
    return None


def _no_longer_on_hold(connection: Connection, sent: Sent) -> None:
    dot = sent.change.dot
    connection.execute(delete(PARKED).where(PARKED.c.device == dot.device, PARKED.c.counter == dot.counter))


def _refuse(desk: Desk, organization_id: str, sent: Sent, why: Refused) -> None:
    """Say no to what was on hold: it is kept for the office, and its laptop, which finds that central holds it no more,
    hands it in again and hears why. In a transaction of its own: a push holds its laptop's row before the scopes' heads."""
    device = DEVICES.c.number == sent.change.dot.device
    with desk.engine.begin() as connection:
        tenant(connection, organization_id)
        held = connection.execute(select(DEVICES.c.held).where(device).with_for_update()).scalar_one()
        _no_longer_on_hold(connection, sent)
        keep(connection, organization_id, sent, why, desk.now)
        left = without_counter(held, sent.change.dot.counter)
        connection.execute(update(DEVICES).where(device).values(held=left))
