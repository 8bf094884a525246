"""What a laptop hands in: each batch one transaction, each change one verdict, replays answered as the first time.

A broken change is refused and harms no other; a batch that the database chokes on is taken again change by change, so
that only the culprit stays behind. A copied laptop (a twin) is found out by its dots before anything of it is taken.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    any_,
    bindparam,
    func,
    insert,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import StatementError

from bravetui.base.errors import Refused
from bravetui.base.fault import fault
from bravetui.central.access import Access
from bravetui.central.checkpoint import with_counters
from bravetui.central.checks import Admitted, admit, check_number
from bravetui.central.desk import Desk
from bravetui.central.refusals import is_sick, note, poison, settle_said
from bravetui.central.rights import by_the_time_written
from bravetui.central.sent import Sent
from bravetui.central.shelf import Shelf
from bravetui.central.tables import DEVICES, LEDGER, PARKED, REFUSED, TWINS
from bravetui.central.taking import Taking
from bravetui.central.tenants import tenant
from bravetui.merge.version import Dot
from bravetui.wire.messages import Outcome, Verdict
from bravetui.wire.receipt import sign

log = logging.getLogger(__name__)

HELD = (Outcome.APPLIED, Outcome.MERGED, Outcome.CONFLICT, Outcome.PARKED)
"""Outcomes after which central has the change."""


@dataclass(frozen=True, slots=True)
class Known:
    """What central said of a dot before."""

    hash: str
    verdict: Verdict | str

    @property
    def again(self) -> Verdict:
        """The verdict as it was first given."""
        return Verdict.model_validate_json(self.verdict) if isinstance(self.verdict, str) else self.verdict


# Asked at every push, and built once: building a statement costs more than running it.
_own = DEVICES.alias()
_SENDER = (
    select(
        DEVICES.c.held,
        select(func.count()).where(_own.c.public_key == DEVICES.c.public_key).scalar_subquery(),
    )
    .where(DEVICES.c.number == bindparam("device"))
    .with_for_update(of=DEVICES)
)
_COUNTERS = any_(bindparam("counters", type_=ARRAY(BigInteger)))
_KNOWN = union_all(
    *(
        select(table.c.counter, table.c.hash, table.c.verdict).where(
            table.c.device == bindparam("device"), table.c.counter == _COUNTERS
        )
        for table in (PARKED, LEDGER)
    )
)
_KEPT = select(REFUSED.c.counter, REFUSED.c.hash).where(
    REFUSED.c.device == bindparam("device"), REFUSED.c.counter == _COUNTERS
)


def push(desk: Desk, access: Access, batches: Iterable[Sequence[Sent]]) -> tuple[list[Verdict], int | None]:
    """Take the batches in order; returns the verdicts and, for a twin, its new device number."""
    wanted = [list(batch) for batch in batches if batch]
    if not wanted:
        return [], None
    with desk.engine.begin() as connection:
        tenant(connection, access.organization_id)
        everything = [sent for batch in wanted for sent in batch]
        dots = [sent.change.dot for sent in everything]
        known = _known(connection, access.device, dots)
        heard = _kept(connection, access.device, dots) | {dot: one.hash for dot, one in known.items()}
        if any(heard.get(sent.change.dot, sent.hash) != sent.hash for sent in everything):
            return _answer_twin(desk, connection, access, wanted, known)
    verdicts: list[Verdict] = []
    for batch in wanted:
        verdicts += _push_batch(desk, access, batch)
    return verdicts, None


def _push_batch(desk: Desk, access: Access, batch: Sequence[Sent]) -> list[Verdict]:
    try:
        with desk.engine.begin() as connection:
            tenant(connection, access.organization_id)
            verdicts = _take_all(desk, connection, access, batch)
            fault("central_before_commit")
    except StatementError as error:
        if not is_sick(error):
            raise
        if len(batch) == 1:
            log.warning("change %s cannot be stored: %s", batch[0].change.dot, type(error).__name__)
            return [_unprocessable(desk, access, batch[0])]
        return [verdict for sent in batch for verdict in _push_batch(desk, access, [sent])]
    fault("central_after_commit")
    return verdicts


def _take_all(desk: Desk, connection: Connection, access: Access, batch: Sequence[Sent]) -> list[Verdict]:
    held, numbers = connection.execute(_SENDER, {"device": access.device}).one()
    shelf = Shelf(connection, dict.fromkeys(access.scopes, access.organization_id))
    taking = Taking(connection, desk.sign, desk.epoch, desk.now, shelf)
    taking.from_copies = numbers > 1
    admitted = [_admitted(connection, sent, access, held) for sent in batch]
    good = [sent for sent, told in zip(batch, admitted, strict=True) if isinstance(told, Admitted)]
    taking.hold(sent.change.scope_id for sent in good)
    known = _known(connection, access.device, [sent.change.dot for sent in batch])
    shelf.fetch(sent.change for sent in good)
    taking.look_up_authors(sent.change for sent in good)
    verdicts: list[Verdict] = []
    for sent, told in zip(batch, admitted, strict=True):
        verdict = _take_one(taking, sent, told, known.get(sent.change.dot))
        if verdict.outcome in HELD:
            known[sent.change.dot] = Known(sent.hash, verdict)
        verdicts.append(verdict)
    taking.finish()
    note(connection, access, batch, verdicts, desk.now)
    if any(sent.taken_before or sent.change.said for sent in batch):
        settle_said(connection, access.organization_id, taking.has_all, desk.now)
    counters = [verdict.dot.counter for verdict in verdicts if verdict.outcome in HELD]
    now_held = with_counters(held, counters)
    if [list(span) for span in now_held] != held:
        connection.execute(update(DEVICES).where(DEVICES.c.number == access.device).values(held=now_held))
    return verdicts


def _admitted(
    connection: Connection, sent: Sent, access: Access, held: Sequence[Sequence[int]]
) -> Admitted | Refused:
    try:
        check_number(sent.change.dot, held)
    except Refused as error:
        return error
    try:
        return admit(sent.change, access, len(sent.body))
    except Refused as error:
        return by_the_time_written(connection, error, sent.change, access)


def _take_one(taking: Taking, sent: Sent, told: Admitted | Refused, known: Known | None) -> Verdict:
    """The verdict on one change: as the first time for one that is known, else as admitted and taken."""
    if known is not None and known.hash == sent.hash:
        return known.again
    dot = sent.change.dot
    try:
        if isinstance(told, Refused):
            raise told
        if known is not None:
            raise Refused(
                "Two different changes in one request bear the same number.",
                "Tell the office.",
                code="doubled_dot",
            )
        return taking.take(sent, told)
    except Refused as error:
        return taking.refuse(dot, sent.hash, error)
    except StatementError:
        raise
    except Exception:
        log.exception("change %s breaks the program; it is refused, the others are taken", dot)
        return taking.refuse(dot, sent.hash, poison())


def _unprocessable(desk: Desk, access: Access, sent: Sent) -> Verdict:
    """The verdict on what the database chokes on; the office is shown it, unless it cannot be kept either."""
    error = poison()
    told = Verdict(
        dot=sent.change.dot, hash=sent.hash, outcome=Outcome.REFUSED, at=desk.now, epoch=desk.epoch,
        code=error.code, reason=str(error),
    )  # fmt: skip
    verdict = sign(told, desk.sign)
    try:
        with desk.engine.begin() as connection:
            tenant(connection, access.organization_id)
            note(connection, access, [sent], [verdict], desk.now)
    except StatementError as sick:
        if not is_sick(sick):
            raise
    return verdict


def _known(connection: Connection, device: int, dots: Iterable[Dot]) -> dict[Dot, Known]:
    """What is already in the ledger, or parked, under these dots."""
    rows = connection.execute(_KNOWN, {"device": device, "counters": _counters(device, dots)})
    return {Dot(device, row.counter): Known(row.hash, row.verdict) for row in rows}


def _kept(connection: Connection, device: int, dots: Iterable[Dot]) -> dict[Dot, str]:
    """The hashes of what was refused under these dots and is kept for the office: a copy's change of the same number would
    settle it unread."""
    rows = connection.execute(_KEPT, {"device": device, "counters": _counters(device, dots)})
    return {Dot(device, row.counter): row.hash for row in rows}


def _counters(device: int, dots: Iterable[Dot]) -> list[int]:
    return [dot.counter for dot in dots if dot.device == device]


def _answer_twin(
    desk: Desk,
    connection: Connection,
    access: Access,
    batches: Iterable[Sequence[Sent]],
    known: Mapping[Dot, Known],
) -> tuple[list[Verdict], int]:
    """Take nothing new: what the copy shares with its original is answered, for all else it gets a number of its own."""
    verdicts: list[Verdict] = []
    strange: list[Sent] = []
    for sent in (sent for batch in batches for sent in batch):
        before = known.get(sent.change.dot)
        if before is not None and before.hash == sent.hash:
            verdicts.append(before.again)
        else:
            strange.append(sent)
    connection.execute(select(DEVICES.c.number).where(DEVICES.c.number == access.device).with_for_update())
    given = _given(connection, access.device, strange)
    number = _asked_again(connection, given, strange) or _new_number(connection, access.device, desk.now)
    rows = []
    for sent in strange:
        earlier = given.get((sent.change.dot, sent.hash))
        verdict = Verdict.model_validate_json(earlier.verdict) if earlier else _twin_verdict(desk, sent)
        verdicts.append(verdict)
        rows.append(
            {
                "device": access.device, "counter": sent.change.dot.counter, "hash": sent.hash,
                "new_device": number, "verdict": verdict.model_dump_json(exclude_defaults=True),
            }
        )  # fmt: skip
    noted = upsert(TWINS)
    noted = noted.on_conflict_do_update(
        index_elements=list(TWINS.primary_key), set_={"new_device": noted.excluded.new_device}
    )
    connection.execute(noted, rows)
    return verdicts, number


def _given(connection: Connection, device: int, strange: Iterable[Sent]) -> dict[tuple[Dot, str], Row[Any]]:
    """What copies have been told of these before, by dot and hash."""
    counters = [sent.change.dot.counter for sent in strange]
    query = select(TWINS).where(TWINS.c.device == device, TWINS.c.counter.in_(counters))
    return {(Dot(device, row.counter), row.hash): row for row in connection.execute(query)}


def _asked_again(
    connection: Connection, given: Mapping[tuple[Dot, str], Row[Any]], strange: Iterable[Sent]
) -> int | None:
    """The number that was given for just these, if nothing has come under it: the answer was lost. Else who asks is another
    copy that shares them: under one number, each would pass for having seen what the other does."""
    told = [given.get((sent.change.dot, sent.hash)) for sent in strange]
    numbers = {row.new_device if row is not None else None for row in told}
    number = numbers.pop() if len(numbers) == 1 else None
    if number is None:
        return None
    held = select(DEVICES.c.held).where(DEVICES.c.number == number)
    kept = select(REFUSED.c.counter).where(REFUSED.c.device == number).limit(1)
    is_used = connection.execute(held).scalar_one() or connection.execute(kept).first() is not None
    return None if is_used else number


def _twin_verdict(desk: Desk, sent: Sent) -> Verdict:
    told = Verdict(
        dot=sent.change.dot, hash=sent.hash, outcome=Outcome.TWIN, at=desk.now, epoch=desk.epoch, code="twin",
        reason="Another laptop already used this number: this one is a copy of it. It gets a number of its own and "
        "sends the change again; nothing is lost.",
    )  # fmt: skip
    return sign(told, desk.sign)


def _new_number(connection: Connection, original: int, now: datetime) -> int:
    """A device number for a copy; it shares the key of its original, which is all that the copy has to show."""
    columns = ("organization_id", "user_id", "name", "public_key")
    row = (
        connection.execute(select(*(DEVICES.c[name] for name in columns)).where(DEVICES.c.number == original))
        .mappings()
        .one()
    )
    made = insert(DEVICES).values(**dict(row), held=[], enrolled_at=now).returning(DEVICES.c.number)
    return int(connection.execute(made).scalar_one())
