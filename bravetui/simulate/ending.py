"""The end of a month, read once: what central, every laptop and the witness have to say. Judges nothing."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from pydantic import ValidationError
from sqlalchemy import Connection, select

from bravetui.auth.signing import signed_by
from bravetui.base.errors import Corrupt
from bravetui.central.book import AGAIN
from bravetui.central.ledger import audit
from bravetui.central.tables import HEADS, LEDGER, PARKED, REFUSED
from bravetui.db.device import AT_REST, Outbox, OutboxState, Parked, Receipt
from bravetui.db.kinds import KINDS
from bravetui.db.records import rows_of, stored_from_row
from bravetui.db.store import Store
from bravetui.merge.state import RecordState
from bravetui.merge.version import Dot
from bravetui.simulate import photo_checks, photographs
from bravetui.simulate.central import SimulatedCentral
from bravetui.simulate.gone import Key, gone
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.simulate.oversight import newer_dropped
from bravetui.simulate.photo_checks import Photos
from bravetui.simulate.witness import Witness
from bravetui.wire.change import Change
from bravetui.wire.lanes import POLICY
from bravetui.wire.messages import Verdict
from bravetui.wire.receipt import MENDED, is_genuine

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_parked = Parked.__table__  # type: ignore[attr-defined]
_receipts = Receipt.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Fates:
    """What became of every value that was saved. The counts add up to all that was saved."""

    kept: int = 0
    in_conflict: int = 0
    superseded: int = 0
    folded: int = 0
    """Typed over on the same laptop before it was ever sent."""
    gone_with_disk: int = 0
    set_aside: int = 0
    """The office looked at it and would not take it, and its laptop is gone; central keeps it."""
    on_hold: int = 0
    """An edit of what nobody holds any more (`simulate.gone`); it waits at central."""
    put_away: int = 0
    """Of a new record that central refused and a person then removed; that laptop's journal keeps it."""


@dataclass
class End:
    """The end of a month, read once."""

    central: Mapping[Key, RecordState]
    ledger: list[Change]
    again: set[Dot]
    """Entries that only note another dot of a change that central had."""
    received_ms: list[int]
    """When central took each of them."""
    laptops: Mapping[str, Mapping[Key, RecordState]]
    unsent: Mapping[str, list[str]]
    """Changes that a laptop still holds as not confirmed, in words; without those of what is gone."""
    gone: Mapping[Key, list[Change]]
    """Edits of what nobody holds any more."""
    waiting: Mapping[str, list[str]]
    """What central sent and a laptop has not put into its tables, though its program knows it, in words."""
    dropped: Mapping[str, list[str]]
    """What a newer central sent to a laptop, and it has no longer, in words."""
    forged: Mapping[str, int]
    """Receipts that a laptop keeps and that central has not signed."""
    chain: str
    """What the audit of the ledger's chain complains of."""
    aside: list[Change]
    """Refused changes that the office would not take."""
    parked: list[Change]
    """What waits at central for a record."""
    witness: Witness
    put_away: list[Change] = field(default_factory=list)
    """What journals keep of refused new records that were removed."""
    fates: Fates = field(default_factory=Fates)
    photos: Photos = field(default_factory=Photos)

    @property
    def acts(self) -> Iterator[Change]:
        """The ledger without the entries that only note another dot."""
        return (change for change in self.ledger if change.dot not in self.again)


def ledger_of(connection: Connection) -> list[Change]:
    """Every change that central has taken, in its order by scope."""
    query = select(LEDGER.c.body).order_by(LEDGER.c.scope_id, LEDGER.c.seq)
    return [Change.model_validate(json.loads(body)) for body in connection.execute(query).scalars()]


def read_end(central: SimulatedCentral, laptops: Iterable[SimulatedLaptop], witness: Witness) -> End:
    """Look at central and at every laptop that is open."""
    with central.engine.connect() as connection:
        records = _records(connection)
        query = select(LEDGER.c.body, LEDGER.c.verdict, LEDGER.c.received_at).order_by(
            LEDGER.c.scope_id, LEDGER.c.seq
        )
        entries = connection.execute(query).all()
        ledger = [Change.model_validate(json.loads(row.body)) for row in entries]
        again = {
            change.dot
            for change, row in zip(ledger, entries, strict=True)
            if json.loads(row.verdict).get("code") in (AGAIN, MENDED)
        }
        looked_at = select(REFUSED.c.body).where(REFUSED.c.settled_as == "set aside")
        aside = [Change.model_validate_json(body) for body in connection.execute(looked_at).scalars()]
        waits = connection.execute(select(PARKED.c.body)).scalars()
        parked = [Change.model_validate_json(body) for body in waits]
        received_ms = [int(row.received_at.timestamp() * 1000) for row in entries]
        chain, photos = _audited(connection), Photos(photographs.held(connection))
    laptops = list(laptops)
    held, unsent, aside_here, dropped, forged = {}, {}, {}, {}, {}
    away: list[Change] = []
    for laptop in laptops:
        with laptop.store.read() as connection:
            held[laptop.name] = _records(connection)
    lost = _gone(records, held, laptops)
    for laptop in laptops:
        with laptop.store.read() as connection:
            unsent[laptop.name] = _unsent(connection, lost)
            aside_here[laptop.name] = _left_aside(connection)
            dropped[laptop.name] = newer_dropped(connection, laptop)
            away += _put_away(connection, laptop.store)
            photos.waiting[laptop.name] = photo_checks.waiting(connection)
            photos.forged[laptop.name] = photo_checks.forged(connection, laptop.store.identity.central_key)
            receipts = connection.execute(select(_receipts.c.body)).scalars()
            is_centrals = signed_by(laptop.store.identity.central_key)
            forged[laptop.name] = sum(
                not is_genuine(Verdict.model_validate_json(body), is_centrals) for body in receipts
            )
    return End(
        records, ledger, again, received_ms, held, unsent, lost, aside_here, dropped, forged, chain, aside, parked,
        witness, away, photos=photos,
    )  # fmt: skip


def _audited(connection: Connection) -> str:
    try:
        for scope_id in connection.execute(select(HEADS.c.scope_id)).scalars():
            audit(connection, scope_id)
    except Corrupt as error:
        return str(error)
    return ""


def _records(connection: Connection) -> dict[Key, RecordState]:
    found: dict[Key, RecordState] = {}
    for kind in KINDS.values():
        if POLICY[kind.lane].comes_down:
            for row in rows_of(connection, select(kind.table)):
                found[kind.name, row["id"]] = stored_from_row(kind, row).state
    return found


def _gone(
    central: Mapping[Key, RecordState],
    held: Mapping[str, Mapping[Key, RecordState]],
    laptops: Iterable[SimulatedLaptop],
) -> Mapping[Key, list[Change]]:
    with ExitStack() as reading:
        told = [(held[one.name], reading.enter_context(one.store.read())) for one in laptops]
        return gone(central, told)


def _unsent(connection: Connection, lost: Container[Key]) -> list[str]:
    query = select(_outbox).where(_outbox.c.state.not_in(AT_REST)).order_by(_outbox.c.counter)
    return [
        f"{row.device}.{row.counter} {row.kind} is {row.state}: {row.error or ''}"
        for row in connection.execute(query)
        if (row.kind, row.record_id) not in lost
    ]


def _put_away(connection: Connection, store: Store) -> list[Change]:
    """What a laptop's journal has of the records whose removal was put away."""
    query = select(_outbox.c.kind, _outbox.c.record_id).where(_outbox.c.state == OutboxState.PUT_AWAY)
    keys = {(row.kind, row.record_id) for row in connection.execute(query)}
    found = []
    for frame in store.journal.frames() if keys else ():
        with suppress(ValidationError):  # of a newer program
            change = Change.model_validate_json(frame)
            if (change.kind, change.record_id) in keys:
                found.append(change)
    return found


def _left_aside(connection: Connection) -> list[str]:
    query = select(_parked.c.kind, _parked.c.record_id).where(_parked.c.kind.in_(list(KINDS)))
    return [f"{row.kind} {row.record_id}" for row in connection.execute(query)]
