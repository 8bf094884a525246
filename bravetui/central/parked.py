"""Changes on hold: each is taken once what it belongs to has arrived, or refused then, if it turns out not to fit.

Whatever one of them does, the others are taken, and no laptop that only looks in is answered with another's fault.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial

from sqlalchemy import Connection, String, any_, bindparam, delete, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY
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
from bravetui.db.kinds import KINDS, kind_of
from bravetui.db.records import normalised
from bravetui.wire.change import Change, Op

log = logging.getLogger(__name__)

_SCOPES_WAITING = (
    select(PARKED.c.scope_id).where(PARKED.c.scope_id.in_(bindparam("scopes", expanding=True))).distinct()
)
_WAITED_FOR = (
    select(PARKED.c.waits_for_kind, PARKED.c.waits_for_id)
    .where(PARKED.c.scope_id == bindparam("scope"), PARKED.c.kind.in_(KINDS))
    .distinct()
)

AT_ONCE = 1000
"""Records waited for that are looked after in one transaction; what waits for others is not even read."""

Misfits = list[tuple[Sent, Refused]]
"""What could not be taken though what it belongs to is there, and why."""


def take_parked(desk: Desk, access: Access) -> None:
    """Take the parked changes of the scopes whose parents have arrived, each scope in its own transaction."""
    with desk.engine.begin() as connection:
        tenant(connection, access.organization_id)
        waiting = list(connection.execute(_SCOPES_WAITING, {"scopes": sorted(access.scopes)}).scalars())
    for scope_id in waiting:
        while _take_in(desk, access.organization_id, scope_id):
            pass  # what was taken may be what others wait for


def _take_in(desk: Desk, organization_id: str, scope_id: str) -> bool:
    """Take what can be taken of a scope; whether anything was, or was refused."""
    try:
        moved, misfits = _settle(desk, organization_id, scope_id)
    except StatementError as error:
        if not is_sick(error):
            raise
        moved, misfits = _settle(desk, organization_id, scope_id, one_by_one=True)
    for sent, why in misfits:
        _refuse(desk, organization_id, sent, why)
    return moved


def _settle(
    desk: Desk, organization_id: str, scope_id: str, *, one_by_one: bool = False
) -> tuple[bool, Misfits]:
    """Whether the turn of any had come, and what did not fit. `one_by_one` finds whom the database chokes on."""
    with desk.engine.begin() as connection:
        tenant(connection, organization_id)
        there = _there(connection, scope_id, organization_id)
        if not there:
            return False, []
        begin = partial(_begun, desk, connection, organization_id, scope_id)
        taking = begin()
        # Read once the head is held: nobody else takes them meanwhile.
        waiting = _waiting_for(connection, scope_id, there)
        taking.shelf.fetch(sent.change for sent in waiting)
        left, misfits = waiting, []
        while True:
            still, more = _round(connection, left, begin if one_by_one else lambda *_: taking, one_by_one)
            misfits += more
            if len(still) == len(left):
                break
            left = still
        if not one_by_one:
            taking.finish()
        fault("central_parked_taken")
    return len(left) < len(waiting), misfits


def _round(
    connection: Connection, left: Sequence[Sent], taking_of: Callable[[Sent], Taking], at_once: bool
) -> tuple[list[Sent], Misfits]:
    """Take those whose turn it is; returns the others, in order, and what did not fit."""
    behind: set[tuple[Target, int]] = set()
    still: list[Sent] = []
    misfits: Misfits = []
    for sent in left:
        taking = taking_of(sent)
        if _has_to_wait(taking, sent, behind):
            still.append(sent)
            continue
        why = _take(connection, taking, sent, at_once=at_once)
        if why is not None:
            misfits.append((sent, why))
        else:
            _off_hold(connection, sent)
    return still, misfits


def _there(connection: Connection, scope_id: str, organization_id: str) -> list[tuple[str, str]]:
    """Of the records that are waited for in a scope those that have arrived."""
    ids: dict[str, list[str]] = {}
    for row in connection.execute(_WAITED_FOR, {"scope": scope_id}):
        ids.setdefault(row.waits_for_kind, []).append(row.waits_for_id)
    there: list[tuple[str, str]] = []
    for kind in sorted(KINDS.keys() & ids.keys()):
        table = KINDS[kind].table
        here = table.c.scope_id.in_([scope_id, organization_id])
        wanted = table.c.id == any_(literal(ids[kind], ARRAY(String)))
        found = connection.execute(select(table.c.id).where(here, wanted).limit(AT_ONCE)).scalars()
        there += [(kind, record_id) for record_id in found]
    return there[:AT_ONCE]


def _waiting_for(connection: Connection, scope_id: str, there: Collection[tuple[str, str]]) -> list[Sent]:
    """What waits for these records, and whatever else waits of the same ones as that; each laptop's in order."""
    waits = tuple_(PARKED.c.waits_for_kind, PARKED.c.waits_for_id)
    records = select(PARKED.c.kind, PARKED.c.record_id).where(PARKED.c.scope_id == scope_id, waits.in_(there))
    query = (
        select(PARKED.c.body, PARKED.c.taken_before)
        .where(PARKED.c.scope_id == scope_id, tuple_(PARKED.c.kind, PARKED.c.record_id).in_(records))
        .order_by(PARKED.c.device, PARKED.c.counter)
    )
    return [
        Sent.of(Change.model_validate_json(row.body), taken_before=row.taken_before)
        for row in connection.execute(query)
    ]


def _begun(desk: Desk, connection: Connection, organization_id: str, scope_id: str, *about: Sent) -> Taking:
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


def _off_hold(connection: Connection, sent: Sent) -> bool:
    """Whether it was on hold still."""
    dot = sent.change.dot
    one = delete(PARKED).where(PARKED.c.device == dot.device, PARKED.c.counter == dot.counter)
    return connection.execute(one).rowcount > 0


def _refuse(desk: Desk, organization_id: str, sent: Sent, why: Refused) -> None:
    """Say no to what was on hold: it is kept for the office, and its laptop, which finds that central holds it no more,
    hands it in again and hears why. In a transaction of its own: a push holds its laptop's row before the scopes' heads."""
    device = DEVICES.c.number == sent.change.dot.device
    with desk.engine.begin() as connection:
        tenant(connection, organization_id)
        held = connection.execute(select(DEVICES.c.held).where(device).with_for_update()).scalar_one()
        if _off_hold(connection, sent):
            keep(connection, organization_id, sent, why, desk.now)
            left = without_counter(held, sent.change.dot.counter)
            connection.execute(update(DEVICES).where(device).values(held=left))
