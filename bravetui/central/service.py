"""Central's work behind the routes: enrol a laptop, exchange with one, and write what the office writes. Blocking.

Every call is a handful of short transactions. Nothing here knows HTTP; routes run these functions through a `Runner`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert as upsert

from bravetui.base.canonical import Json
from bravetui.base.clock import Clock, IdSource
from bravetui.base.errors import BadInput, NeedsSignIn
from bravetui.central.access import Access, access_of, held_under, owners
from bravetui.central.audit_log import Event, forget_old, note, note_seldom
from bravetui.central.callers import (
    REMEMBERED,
    Caller,
    Shown,
    Standing,
    check_known,
    forget,
    recognise,
    remember,
    renewed,
)
from bravetui.central.checks import check_values, known
from bravetui.central.clerk import ClerkIssuer
from bravetui.central.desk import Desk
from bravetui.central.enrolling import Enrolling
from bravetui.central.feed import Own, late_verdicts, pages
from bravetui.central.incoming import Incoming
from bravetui.central.keys import CentralKeys
from bravetui.central.parked import take_parked
from bravetui.central.push import push
from bravetui.central.sent import Sent
from bravetui.central.shelf import Shelf
from bravetui.central.standing import is_lost, standing
from bravetui.central.state import State, arrive, begin_epoch_after, state_of
from bravetui.central.tables import DEVICES, HEADS, SCOPES
from bravetui.central.taking import AUTHOR, Taking
from bravetui.central.tenants import operator, stranger, tenant
from bravetui.central.texts import made_whole
from bravetui.db.kinds import kind_of
from bravetui.wire.change import Op
from bravetui.wire.messages import (
    Checkpoint,
    Enrol,
    Enrolled,
    PullAsk,
    ScopeGrant,
    SyncAnswer,
    SyncRequest,
    Verdict,
)
from bravetui.wire.receipt import sign

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Writing:
    """One record that the office writes: values by path; an id of its own choosing."""

    kind: str
    record_id: str
    values: Mapping[str, Json]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Recognised:
    """A laptop that is known."""

    caller: Caller
    access: Access
    state: State
    checkpoint: Checkpoint
    """Not signed yet: where the scopes stand is told once the rows have been read."""
    earlier: tuple[Checkpoint, ...]
    numbers: tuple[int, ...]
    """All numbers of its key: its own, and those of copies."""


class Central:
    """The service; safe to call from several threads."""

    def __init__(
        self,
        engine: Engine,
        keys: CentralKeys,
        clock: Clock,
        ids: IdSource,
        issuer: ClerkIssuer | None = None,
    ) -> None:
        """`issuer` says who people are; without one a laptop is enrolled by a one-time code alone."""
        self.enrolling = Enrolling(engine, keys, clock, ids, issuer)
        self.engine, self.keys, self.clock, self.ids = engine, keys, clock, ids
        self._forgot_at: datetime | None = None

    def enrol(self, asked: Enrol, shown: Shown) -> Enrolled:
        """Let a laptop in (`enrolling.Enrolling.enrol`)."""
        return self.enrolling.enrol(asked, shown)

    def exchange(self, shown: Shown, incoming: Incoming) -> SyncAnswer:
        """Take what the laptop pushes, give what it asks for and may read. Raises NeedsSignIn for a stranger."""
        request, now = incoming.request, self.clock.now()
        who = self._recognise(shown, request, now)
        reads = who.caller.standing is Standing.OPEN
        access, state = who.access, who.state
        knows_this_life = request.epoch in ("", state.epoch)
        if not knows_this_life:
            # What it had handed in before may be lost, and has to come first: whoever reads its later words, whose numbers
            # cover the lost ones, would pass for having seen those.
            incoming = incoming.without_changes()
        incoming = self._whole(access, incoming)
        verdicts, new_device = self.take(access, state, incoming, now)
        batches = incoming.batches()
        own = _own(batches, verdicts)
        asks = request.pull if knows_this_life else _from_the_start(request.pull)
        reading = self.engine.connect().execution_options(isolation_level="REPEATABLE READ")
        with reading as connection, connection.begin():
            tenant(connection, access.organization_id)
            answered = pages(connection, access, asks, own, request.answer_bytes_max) if reads else ()
            late = late_verdicts(connection, who.numbers, asks, answered)
            devices = owners(connection, access.organization_id, request.knows_devices) if reads else {}
            stands = standing(connection, access.scopes, state, self.keys.mark)
        checkpoint = sign(who.checkpoint.model_copy(update={"standing": stands}), self.keys.sign)
        # A copy's change and its original's may bear one dot: only the hash tells whose word this is.
        final = {(verdict.dot, verdict.hash) for verdict in late}
        return SyncAnswer(
            epoch=state.epoch, now=now,
            verdicts=tuple(_spared(incoming, (*(v for v in verdicts if (v.dot, v.hash) not in final), *late))),
            pages=answered, checkpoint=checkpoint, earlier=who.earlier, new_device=new_device,
            scopes=tuple(_granted(access)) if reads else (),
            sealing_key=self.keys.sealing_key if request.wants_sealing_key else None, devices=devices,
            known=known(request.asks_known), closed=who.caller.standing,
            grant=renewed(who.caller, access, self.keys, now, self.ids.new_id()),
        )  # fmt: skip

    def take(
        self, access: Access, state: State, incoming: Incoming, now: datetime
    ) -> tuple[list[Verdict], int | None]:
        """Take what was pushed, by whatever road it came; returns the verdicts and, for a twin, its new number."""
        desk = Desk(self.engine, self.keys.sign, state.epoch, now)
        verdicts, new_device = push(desk, access, incoming.batches())
        verdicts += incoming.refusals(now, state.epoch, self.keys.sign)
        take_parked(desk, access)
        return verdicts, new_device

    def _whole(self, access: Access, incoming: Incoming) -> Incoming:
        if not incoming.edited:
            return incoming
        with self.engine.begin() as connection:
            tenant(connection, access.organization_id)
            return made_whole(connection, access, incoming)

    def open_scope(self, scope_id: str, organization_id: str, kind: str, name: str) -> None:
        """Make a scope, or rename it. An organization's own scope bears its id."""
        if kind not in ("organization", "project"):
            raise BadInput(f"A scope is an organization or a project, not {kind[:40]!r}.")
        row = {"scope_id": scope_id, "organization_id": organization_id, "kind": kind, "name": name}
        with self.engine.begin() as connection:
            operator(connection)
            scope = upsert(SCOPES).values(row)
            connection.execute(scope.on_conflict_do_update(index_elements=["scope_id"], set_={"name": name}))
            head = upsert(HEADS).values(scope_id=scope_id, seq=0, chain="")
            connection.execute(head.on_conflict_do_nothing())

    def publish(
        self, scope_id: str, writings: Sequence[Writing], author_id: str = AUTHOR
    ) -> tuple[Verdict, ...]:
        """Write records for the office, which sees them as they are: made or edited, in order, in one transaction."""
        now = self.clock.now()
        with self.engine.begin() as connection:
            operator(connection)
            state = state_of(connection, now)
            organization_id = _organization_of(connection, scope_id)
            tenant(connection, organization_id)
            shelf = Shelf(connection, {scope_id: organization_id})
            taking = Taking(connection, self.keys.sign, state.epoch, now, shelf)
            taking.hold([scope_id])
            taking.reserve(len(writings))
            shelf.fetch_records((scope_id, one.kind, one.record_id, one.values) for one in writings)
            verdicts = [_write(taking, scope_id, one, author_id) for one in writings]
            taking.finish()
        return tuple(verdicts)

    def _recognise(self, shown: Shown, request: SyncRequest, now: datetime) -> _Recognised:
        """Who asks, and what central held of him before this request."""
        with self.engine.begin() as connection:
            stranger(connection, shown.proof.key)
            check_known(connection, shown)
            remember(connection, shown.proof, now, self.keys)
            if self._forgot_at is None or not self._forgot_at <= now < self._forgot_at + REMEMBERED:
                forget(connection, now)
                forget_old(connection)
                self._forgot_at = now
            # Committed before anybody is recognised: what was shown about the database is true, whoever showed it.
            state = self._life(connection, request, now)
        with self.engine.begin() as connection:
            stranger(connection, shown.proof.key)
            caller, access = caller_and_access(connection, shown, request.device, now)
            held = held_under(connection, shown.proof.key)
        told = {
            device: Checkpoint(
                device=device,
                epoch=state.epoch,
                held=tuple((first, last) for first, last in ranges),
                at=now,
            )
            for device, ranges in held.items()
            if ranges or device == access.device
        }
        own = told.pop(access.device)
        earlier = tuple(sign(one, self.keys.sign) for one in told.values())
        return _Recognised(caller, access, state, own, earlier, tuple(held))

    def _life(self, connection: Connection, request: SyncRequest, now: datetime) -> State:
        """The epoch: a new one if the laptop brings central's own word, given in this one, on what is not here."""
        state = arrive(connection, now)
        if not is_lost(connection, request.standing, state.epoch, self.keys.mark):
            return state
        fresh = self.ids.new_id().replace("-", "")[-16:]
        begun = begin_epoch_after(connection, state.epoch, fresh, now)
        log.warning(
            "this database lacks what central has told a laptop; epoch %s follows %s",
            begun.epoch,
            state.epoch,
        )
        return begun


def caller_and_access(
    connection: Connection, shown: Shown, number: int | None, now: datetime
) -> tuple[Caller, Access]:
    """Who asks, and what he may do. Raises NeedsSignIn for a stranger.

    Of a revoked laptop, or one whose person has left, nothing is taken: what it hands in is kept for the office. The rest of
    the transaction is for the caller's organization.
    """
    caller = recognise(connection, shown, number, now)
    who = caller.device, caller.organization_id, caller.user_id
    if caller.standing is not Standing.REVOKED:
        try:
            return caller, access_of(connection, *who, now)
        except NeedsSignIn:
            caller = replace(caller, standing=Standing.LEFT)
            event = Event("contact", Standing.LEFT, caller.organization_id, caller.user_id, caller.device)
            note_seldom(connection, event, now)
    return caller, Access(*who, user_name="", role="", scopes={}, closed=caller.standing)


def _granted(access: Access) -> Iterator[ScopeGrant]:
    """What the device may sync now, and in which of it nothing may be written."""
    for scope_id, grant in access.scopes.items():
        yield grant.model_copy(update={"reads_only": True}) if scope_id in access.reading_only else grant


def _spared(incoming: Incoming, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Verdicts without the hashes that the laptop has, if it wants them so: a third of a verdict's bytes."""
    sent = {(one.change.dot, one.hash) for batch in incoming.batches() for one in batch}
    spares = incoming.request.spares_hashes
    return (
        one.model_copy(update={"hash": ""}) if spares and (one.dot, one.hash) in sent else one
        for one in verdicts
    )


def _from_the_start(asks: Iterable[PullAsk]) -> tuple[PullAsk, ...]:
    """A cursor of another epoch counts nothing that is here: numbers may have been given anew since."""
    return tuple(ask.model_copy(update={"after": 0, "before": 0}) for ask in asks)


def _own(batches: Iterable[Sequence[Sent]], verdicts: Iterable[Verdict]) -> Own:
    """What need not come back. Where a central of before had taken it, or it is handed in once more, its sender may show
    something else since."""
    own = Own()
    sent = {(one.change.dot, one.hash): one for batch in batches for one in batch}
    for verdict in verdicts:
        one = sent.get((verdict.dot, verdict.hash))
        if one is not None and not one.taken_before and not one.change.said:
            own.add(one.change, verdict)
    return own


def _organization_of(connection: Connection, scope_id: str) -> str:
    query = select(SCOPES.c.organization_id).where(SCOPES.c.scope_id == scope_id)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise BadInput(f"There is no scope {scope_id[:40]!r}.", "Open it first.")
    return str(found)


def _write(taking: Taking, scope_id: str, one: Writing, author_id: str) -> Verdict:
    kind = kind_of(one.kind)
    check_values(kind, one.values)
    target = (scope_id, kind.name, one.record_id)
    op = Op.EDIT if taking.shelf.get(target) is not None else Op.CREATE
    return taking.author(target, one.values, author_id, op, one.reason)


def revoke(engine: Engine, device: int, now: datetime) -> None:
    """Let a device in no more. Raises BadInput when there is none."""
    with engine.begin() as connection:
        operator(connection)
        done = connection.execute(
            DEVICES.update()
            .where(DEVICES.c.number == device, DEVICES.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        if done.rowcount == 0:
            raise BadInput(f"There is no device {device} to revoke.", "Look at the list of devices.")
        whose = select(DEVICES.c.organization_id, DEVICES.c.user_id).where(DEVICES.c.number == device)
        row = connection.execute(whose).one()
        note(connection, Event("revoke", "revoked", row.organization_id, row.user_id, device), now)
