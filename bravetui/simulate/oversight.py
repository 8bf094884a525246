"""Holds a laptop to its word while the month goes on: all is handed in, tried again by then, what is newer is kept."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from bravetui.base.canonical import Json, canonical_bytes
from bravetui.central.tables import LEDGER
from bravetui.db import blob_rows, meta
from bravetui.db.device import AT_REST, UNACKNOWLEDGED, Cursor, Outbox, OutboxState, Parked, Receipt
from bravetui.db.kinds import KINDS, Kind
from bravetui.db.records import load, rows_of, values_from_row
from bravetui.merge.hlc import Hlc
from bravetui.merge.state import Cell
from bravetui.merge.version import Dot
from bravetui.simulate.central import SimulatedCentral
from bravetui.simulate.crash import CENTRAL
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.simulate.network import STRANGE_KIND, Strange
from bravetui.simulate.older import NEWER_FIELD, Programs
from bravetui.simulate.photo_checks import let_go_too_early, only_here
from bravetui.simulate.witness import Witness
from bravetui.sync.agreement import is_agreed
from bravetui.sync.carrying import ALL
from bravetui.sync.progress import (
    AllHandedIn,
    Exchanged,
    PhotoFailed,
    PhotosCarried,
    Sending,
    SyncEvent,
    Waiting,
)
from bravetui.sync.situation import bytes_due_at
from bravetui.views.status import sync_summary
from bravetui.wire.change import REFILLED, Change
from bravetui.wire.lanes import PAUSE_MAX, Lane

_cursor = Cursor.__table__  # type: ignore[attr-defined]
_outbox = Outbox.__table__  # type: ignore[attr-defined]
_parked = Parked.__table__  # type: ignore[attr-defined]
_receipts = Receipt.__table__  # type: ignore[attr-defined]

_REFUSED_ONCE = (
    select(_receipts.c.counter)
    .where(
        _receipts.c.device == _outbox.c.device,
        _receipts.c.counter == _outbox.c.counter,
        _receipts.c.body.contains('"outcome":"refused"'),
    )
    .exists()
)

LATE_S_MAX = 2.0
"""How much later than shown an attempt may begin: steps are done one at a time."""

COMPARED = 4
"""Of so many times that a laptop says that all is handed in, one is held against central record by record."""

COMPARED_KINDS = (
    "violation", "corrective_action", "safety_alert", "weather_event", "daily_log", "delivery", "submission",
    "signature", "conflict", "project_member", "form_template", "photo",
)  # fmt: skip

LOOKED_AT = 4
"""Every so many failures the status is read, too, as a person reads it; the event says what the status line says."""


class Oversight:
    """Hears every event of every laptop's worker; the witness hears what is not as it was said."""

    def __init__(self, witness: Witness, known: Programs) -> None:
        self._witness, self._programs = witness, known
        self._complain = witness.complaints.append
        self._attempts: dict[str, int] = {}
        self._compared: Counter[str] = Counter()
        self._carried: dict[str, int] = {}
        """By laptop, its requests about photo bytes up to the last event that tells of some."""

    def hear(self, laptop: SimulatedLaptop, event: SyncEvent, central: SimulatedCentral) -> None:
        """One event, in the moment in which a screen would show it."""
        if isinstance(event, Sending):
            self._tried(laptop)
        elif isinstance(event, Exchanged):
            laptop.heard_s = asyncio.get_running_loop().time()
            strange = laptop.line.brought.pop(event.bytes_down, None)
            if strange is not None and self._has_taken(laptop, strange):
                laptop.kept_strange.add(strange.record_id)
            with laptop.store.read() as here:
                for words in hidden_work(here, central):
                    self._complain(f"{laptop.name} {words}")
        elif isinstance(event, Waiting):
            self._tried(laptop)
            self._hold_to(laptop, event)
        elif isinstance(event, AllHandedIn):
            self._hold_to_all(laptop, central)
        elif isinstance(event, PhotosCarried):
            self._hold_to_copies(laptop, central)
        elif isinstance(event, PhotoFailed):
            with laptop.store.read() as here:
                shown = blob_rows.left(here).next_attempt_at
            if shown is not None:
                self._see_to_bytes(laptop, shown)

    def _has_taken(self, laptop: SimulatedLaptop, strange: Strange) -> bool:
        """Whether the page went in: one that was asked for ahead may come too late, and is left out."""
        asked = select(_cursor.c.after).where(
            _cursor.c.scope_id == strange.scope_id, _cursor.c.lane == Lane.CRITICAL
        )
        with laptop.store.read() as connection:
            after = connection.execute(asked).scalar_one_or_none()
        return after is not None and after >= strange.after

    def _hold_to_all(self, laptop: SimulatedLaptop, central: SimulatedCentral) -> None:
        """All handed in says two things: central has what is here, and both hold the same."""
        if not central.is_up:
            return
        self._compared[laptop.name] += 1
        with laptop.store.read() as here, central.engine.begin() as there:
            if meta.get(here, meta.EPOCH) != central.epoch(there):
                return  # it speaks of another life of central's
            found = [*says_too_much(here, there), *only_here(here, there, laptop)]
            if self._compared[laptop.name] % COMPARED == 1 and not laptop.has_lost:
                found += unlike(here, there, self._programs)
        for words in found:
            self._complain(f"{laptop.name} said that all is handed in, and {words}")

    def _tried(self, laptop: SimulatedLaptop) -> None:
        self._attempts[laptop.name] = self._attempts.get(laptop.name, 0) + 1

    def _hold_to(self, laptop: SimulatedLaptop, event: Waiting) -> None:
        """See to it that something is tried by the time shown, unless the lid is shut before."""
        now = laptop.clock.now()
        shown: datetime | None = event.until
        if not event.lanes and laptop.line.carried > self._carried.get(laptop.name, 0):
            self._carried[laptop.name] = laptop.line.carried
            self._see_to_bytes(laptop, event.until)
            return
        if event.lanes and self._attempts[laptop.name] % LOOKED_AT == 0:
            shown = sync_summary(laptop.store).next_attempt_at
        if shown is None:
            self._complain(f"{laptop.name} waits, and shows no time of its next attempt")
            return
        wait_s = (min(shown, event.until) - now).total_seconds()
        told = (laptop.worker, self._attempts.get(laptop.name, 0), laptop.clock.skew)
        asyncio.get_running_loop().call_later(wait_s + LATE_S_MAX, self._look, laptop, told, True)

    def _hold_to_copies(self, laptop: SimulatedLaptop, central: SimulatedCentral) -> None:
        """What central has never had stays, an original twice."""
        self._carried[laptop.name] = laptop.line.carried
        if central.is_up:
            with central.engine.connect() as there:
                for words in let_go_too_early(laptop, self._witness, there):
                    self._complain(f"{laptop.name} {words}")

    def _see_to_bytes(self, laptop: SimulatedLaptop, until: datetime) -> None:
        """See to it that photo bytes, or anything else, are tried by then, unless the lid is shut before."""
        wait_s = max(0.0, (until - laptop.clock.now()).total_seconds())
        told = (laptop.worker, self._tries(laptop), laptop.clock.skew)
        if wait_s < PAUSE_MAX.total_seconds():
            asyncio.get_running_loop().call_later(wait_s + LATE_S_MAX, self._look_at_bytes, laptop, told)

    def _look_at_bytes(self, laptop: SimulatedLaptop, told: tuple[object, int, timedelta]) -> None:
        worker, tries, skew = told
        if laptop.worker is worker and self._tries(laptop) == tries and laptop.clock.skew == skew:
            with laptop.store.read() as connection:
                due = bytes_due_at(connection, ALL)
            if due is not None and due <= laptop.clock.now():
                self._complain(f"{laptop.name} did not try a photo again by the time that it had shown")

    def _tries(self, laptop: SimulatedLaptop) -> int:
        return laptop.line.carried + self._attempts.get(laptop.name, 0)

    def _look(self, laptop: SimulatedLaptop, told: tuple[object, int, timedelta], first: bool) -> None:
        worker, attempts, skew = told
        if laptop.line.carrying:  # steps are done one at a time
            asyncio.get_running_loop().call_later(LATE_S_MAX, self._look, laptop, told, first)
            return
        if laptop.worker is not worker or self._attempts.get(laptop.name, 0) > attempts:
            return
        if laptop.clock.skew == skew or not first:
            self._complain(f"{laptop.name} did not try again by the time that it had shown")
            return
        # The clock was set meanwhile: the time shown is another one now, and yet no pause is longer than the longest.
        until_s = PAUSE_MAX.total_seconds() + LATE_S_MAX
        asyncio.get_running_loop().call_later(until_s, self._look, laptop, told, False)


def unmoved(connection: Connection) -> list[str]:
    """What is on its way, and has no reason to stay on it: neither refused, nor behind what is refused, nor waiting at
    central for something else. Where nothing is, whether the laptop still has not found itself equal to central."""
    columns = [_outbox.c[name] for name in ("device", "counter", "scope_id", "kind", "record_id", "state")]
    query = select(*columns).where(_outbox.c.state.not_in(AT_REST)).order_by(_outbox.c.counter)
    rows = connection.execute(query).all()
    stuck = {
        (r.scope_id, r.kind, r.record_id)
        for r in rows
        if r.state in (OutboxState.REFUSED, OutboxState.PARKED)
    }
    if not rows and not is_agreed(connection):
        return ["all is handed in, and it does not say so"]
    return [
        f"{row.kind} {row.device}.{row.counter} is {row.state}"
        for row in rows
        if (row.scope_id, row.kind, row.record_id) not in stuck
    ]


def hidden_work(connection: Connection, central: SimulatedCentral) -> list[str]:
    """Typed here, not handed in, not on the screen: asked after every exchange, for the next one may heal it.

    Not while a restored central is refilled: then all of one's changes go again, also those that others have typed over.
    Nor what was refused once and goes again (`sync.again`), for the same reason; nor what a later word stands over: it goes
    again to be told as outdone; nor what waits behind a refused change and is shown joined with a colleague's word, as the
    field's rule says; nor what central has, of which a laptop that was put back to an older image does not know it.
    """
    if meta.is_refilling(connection):
        return []
    query = (
        select(_outbox.c.body)
        .where(_outbox.c.state.in_(UNACKNOWLEDGED), ~_REFUSED_ONCE)
        .order_by(_outbox.c.device, _outbox.c.counter)
    )
    typed: dict[tuple[str, str, str], dict[str, tuple[Json, Hlc, Dot]]] = defaultdict(dict)
    for body in connection.execute(query).scalars():
        change = Change.model_validate_json(body)
        if change.reason == REFILLED:  # central decides between that and what it has by now
            continue
        said = {path: (value, change.stamp_of(path), change.dot) for path, value in change.after.items()}
        typed[change.scope_id, change.kind, change.record_id] |= said
    found = [
        (dot, f"typed and not shown: {kind} {record_id} {path} = {value!r}, but {shown.get(path)!r}")
        for (scope_id, kind, record_id), values in typed.items()
        for shown in [_shown(connection, scope_id, kind, record_id)]
        for path, (value, stamp, dot) in values.items()
        if not _is_shown(shown.get(path), value, stamp, dot)
    ]
    handed_in = _handed_in(central, {dot for dot, _ in found})
    return [words for dot, words in found if dot not in handed_in]


def _shown(connection: Connection, scope_id: str, kind: str, record_id: str) -> Mapping[str, Cell]:
    stored = load(connection, KINDS[kind], scope_id, record_id)
    return stored.state.cells if stored else {}


def _is_shown(cell: Cell | None, value: Json, stamp: Hlc, dot: Dot) -> bool:
    """Whether a word is on the screen, joined with another, or under a later one."""
    if cell is None:
        return False
    is_later, is_joined = cell.hlc > stamp, dot in cell.dots and len(cell.dots) > 1
    return is_later or is_joined or canonical_bytes(cell.value) == canonical_bytes(value)


def _handed_in(central: SimulatedCentral, dots: Collection[Dot]) -> set[Dot]:
    if not dots or not central.is_up:
        return set()
    held = select(LEDGER.c.device, LEDGER.c.counter).where(
        LEDGER.c.counter.in_([dot.counter for dot in dots])
    )
    with central.engine.connect() as there:
        return {Dot(*row) for row in there.execute(held)}


def says_too_much(here: Connection, there: Connection) -> list[str]:
    """What central does not have of a laptop that says that it has everything; but for what it was never to be sent."""
    query = select(_outbox.c.device, _outbox.c.counter, _outbox.c.hash, _outbox.c.kind, _outbox.c.state)
    query = query.where(_outbox.c.state != OutboxState.PUT_AWAY)
    rows = here.execute(query.order_by(_outbox.c.device, _outbox.c.counter)).all()
    devices = sorted({row.device for row in rows})
    ledger = select(LEDGER.c.device, LEDGER.c.counter, LEDGER.c.hash).where(LEDGER.c.device.in_(devices))
    held = {(row.device, row.counter): row.hash for row in there.execute(ledger)}
    return [
        f"{row.kind} {row.device}.{row.counter} is {row.state} here and not at central"
        for row in rows
        if held.get((row.device, row.counter)) != row.hash
    ]


def unlike(here: Connection, there: Connection, known: Programs) -> list[str]:
    """What central has, up to where the laptop has read, and the laptop has not or otherwise; what its program does not
    know counts as had where it is kept aside."""
    read = {(row.scope_id, row.lane): row.after for row in here.execute(select(_cursor))}
    aside = {(row.kind, row.record_id) for row in here.execute(select(_parked.c.kind, _parked.c.record_id))}
    complaints = []
    for kind in (KINDS[name] for name in COMPARED_KINDS):
        told = known.of(CENTRAL).get(kind.name, kind)
        own = _values(here, known[kind.name]) if kind.name in known else {}
        for row in rows_of(there, select(kind.table).order_by(kind.table.c.id)):
            if row["seq"] > read.get((row["scope_id"], kind.lane), 0):
                continue
            if kind.name not in known:
                alike = (kind.name, row["id"]) in aside
            else:
                alike = own.get(row["id"]) == (row["version"], values_from_row(told, row))
            if not alike:
                complaints.append(f"{kind.name} {row['id']} is not as central has it")
    return complaints


def _values(connection: Connection, kind: Kind) -> dict[str, tuple[Json, dict[str, Json]]]:
    rows = rows_of(connection, select(kind.table))
    return {row["id"]: (row["version"], values_from_row(kind, row)) for row in rows}


def invented(connection: Connection, known: Mapping[str, Kind]) -> list[str]:
    """Fields that an update has added, and that pass for written with nothing in them: nobody writes that."""
    name, field = NEWER_FIELD
    rows = rows_of(connection, select(known[name].table).order_by(known[name].table.c.id))
    return [
        f"has a {field} in {name} {row['id']} that nobody has written"
        for row in rows
        if values_from_row(known[name], row).get(field, "") is None
    ]


def newer_dropped(connection: Connection, laptop: SimulatedLaptop) -> list[str]:
    """Records of a kind that only a newer central knows, which a laptop took and has no longer, or has otherwise."""
    query = select(_parked.c.record_id, _parked.c.row).where(_parked.c.kind == STRANGE_KIND)
    kept = {
        row.record_id: [*(one["row"] for one in row.row.get("former", ())), *row.row["rows"]]
        for row in connection.execute(query)
    }
    assert STRANGE_KIND not in KINDS
    whole = {key for key, rows in kept.items() if rows and rows[-1]["stamps"][0]["cells"] == {"height_m": 12}}
    return [
        f"dropped {STRANGE_KIND} {record_id} of a newer central"
        for record_id in sorted(laptop.kept_strange - whole)
    ]
