"""What must hold when everybody is back: nothing lost, nothing doubled, all alike, the past unaltered, nobody stuck.

Each check takes what the end looks like and returns complaints; no complaint, no problem.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from bravetui.auth.signing import signed_by
from bravetui.base.canonical import Json, canonical_bytes
from bravetui.base.errors import Corrupt
from bravetui.central.ledger import audit
from bravetui.central.tables import HEADS, LEDGER
from bravetui.central.taking import AGAIN, AUTHOR, MENDED
from bravetui.db.device import UNACKNOWLEDGED, Outbox, OutboxState, Parked, Receipt
from bravetui.db.kinds import KINDS, rules_for
from bravetui.db.records import load, rows_of, stored_from_row
from bravetui.merge.hlc import Hlc, clamp
from bravetui.merge.rules import Rule
from bravetui.merge.state import DELETED, RecordState
from bravetui.merge.version import Dot
from bravetui.simulate.central import SimulatedCentral
from bravetui.simulate.laptop import SimulatedLaptop
from bravetui.simulate.network import STRANGE_KIND
from bravetui.simulate.witness import Saved, Witness
from bravetui.sync import refill
from bravetui.sync.refill import REASON
from bravetui.wire.change import Change
from bravetui.wire.lanes import POLICY
from bravetui.wire.messages import Verdict
from bravetui.wire.receipt import is_genuine

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_receipts = Receipt.__table__  # type: ignore[attr-defined]
_parked = Parked.__table__  # type: ignore[attr-defined]

_REFUSED_ONCE = (
    select(_receipts.c.counter)
    .where(
        _receipts.c.device == _outbox.c.device,
        _receipts.c.counter == _outbox.c.counter,
        _receipts.c.body.contains('"outcome":"refused"'),
    )
    .exists()
)

Key = tuple[str, str]
"""(kind, record id)"""


@dataclass(frozen=True)
class Fates:
    """What became of every value that was saved. The counts add up to all that was saved."""

    kept: int = 0
    in_conflict: int = 0
    superseded: int = 0
    folded: int = 0
    """Typed over on the same laptop before it was ever sent."""
    gone_with_disk: int = 0


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
    """Changes that a laptop still holds as not confirmed, in words."""
    strange: Mapping[str, int]
    forged: Mapping[str, int]
    """Receipts that a laptop keeps and that central has not signed."""
    chain: str
    """What the audit of the ledger's chain complains of."""
    witness: Witness
    fates: Fates = field(default_factory=Fates)

    @property
    def acts(self) -> Iterator[Change]:
        """The ledger without the entries that only note another dot."""
        return (change for change in self.ledger if change.dot not in self.again)


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
        received_ms = [int(row.received_at.timestamp() * 1000) for row in entries]
        chain = _audited(connection)
    held, unsent, strange, forged = {}, {}, {}, {}
    for laptop in laptops:
        with laptop.store.read() as connection:
            held[laptop.name] = _records(connection)
            unsent[laptop.name] = _unsent(connection)
            strange[laptop.name] = sum(
                row.kind == STRANGE_KIND for row in connection.execute(select(_parked.c.kind))
            )
            receipts = connection.execute(select(_receipts.c.body)).scalars()
            is_centrals = signed_by(laptop.store.identity.central_key)
            forged[laptop.name] = sum(
                not is_genuine(Verdict.model_validate_json(body), is_centrals) for body in receipts
            )
    return End(records, ledger, again, received_ms, held, unsent, strange, forged, chain, witness)


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
        if POLICY[kind.lane].page_rows:
            for row in rows_of(connection, select(kind.table)):
                found[kind.name, row["id"]] = stored_from_row(kind, row).state
    return found


def _unsent(connection: Connection) -> list[str]:
    query = select(_outbox).where(_outbox.c.state != OutboxState.CONFIRMED).order_by(_outbox.c.counter)
    return [
        f"{row.device}.{row.counter} {row.kind} is {row.state}: {row.error or ''}"
        for row in connection.execute(query)
    ]


def hidden_work(connection: Connection) -> list[str]:
    """Typed here, not handed in, not on the screen: asked at the end of every visit, for the end of the month heals it.

    Not while a restored central is refilled: then all of one's changes go again, also those that others have written over.
    Nor what was refused once and goes again (`sync.again`), for the same reason.
    """
    if refill.is_on(connection):
        return []
    query = (
        select(_outbox.c.body)
        .where(_outbox.c.state.in_(UNACKNOWLEDGED), ~_REFUSED_ONCE)
        .order_by(_outbox.c.device, _outbox.c.counter)
    )
    typed: dict[tuple[str, str, str], dict[str, Json]] = defaultdict(dict)
    for body in connection.execute(query).scalars():
        change = Change.model_validate_json(body)
        typed[change.scope_id, change.kind, change.record_id] |= change.after
    complaints = []
    for (scope_id, kind, record_id), values in typed.items():
        stored = load(connection, KINDS[kind], scope_id, record_id)
        shown = stored.state.values() if stored else {}
        complaints += [
            f"typed and not shown: {kind} {record_id} {path} = {value!r}, but {shown.get(path)!r}"
            for path, value in values.items()
            if path not in shown or canonical_bytes(shown[path]) != canonical_bytes(value)
        ]
    return complaints


# ---------------------------------------------------------------------- the checks


def nobody_complained(end: End) -> list[str]:
    """Nobody saw an error that is not ours, and every laptop opened."""
    return list(end.witness.complaints)


def nobody_is_called_a_copy(end: End) -> list[str]:
    """A laptop is told to be a copy only where one has been made."""
    if end.witness.renumbered and not end.witness.copies:
        return [f"{end.witness.renumbered} times a laptop was called a copy, and none was made"]
    return []


def everything_is_handed_in(end: End) -> list[str]:
    """Liveness: with the line up for hours, nothing is left on any laptop."""
    return [f"{name} still holds {words}" for name, changes in end.unsent.items() for words in changes]


def nothing_is_lost(end: End) -> list[str]:
    """Every saved value is kept, in a conflict, superseded in the ledger, or was typed over before it was sent."""
    written, asked, replaced = _written(end.ledger), _asked(end.central), _replaced(end.ledger)
    later: set[tuple[str, str, str, str]] = set()
    counts: dict[str, int] = defaultdict(int)
    lost: list[str] = []
    died_in_time = _durable_unannounced(end, written)
    for one in reversed(end.witness.saved):
        where = (one.by, one.kind, one.record_id, one.path)
        if died_in_time.get(where, -1.0) >= one.at_s:
            later.add(where)
        fate = _fate(one, end.central, written, asked, later)
        if not fate and _by_another(one, replaced):
            fate = "superseded"  # saved as it stood already, and the one who set it is on a disk that is gone
        if fate:
            counts[fate] += 1
        else:
            lost.append(f"lost: {one.by} saved {one.kind} {one.record_id} {one.path} = {one.value!r}")
        later.add(where)
    end.fates = Fates(**counts)
    return lost


def _durable_unannounced(
    end: End, written: Mapping[tuple[str, str, str], set[bytes]]
) -> dict[tuple[str, str, str, str], float]:
    """When something was last typed whose save reached central, by place; the machine may have died before saying so."""
    found: dict[tuple[str, str, str, str], float] = {}
    for one in end.witness.begun:
        if canonical_bytes(one.value) in written.get((one.kind, one.record_id, one.path), ()):
            found[one.by, one.kind, one.record_id, one.path] = one.at_s
    return found


def _fate(
    one: Saved,
    central: Mapping[Key, RecordState],
    written: Mapping[tuple[str, str, str], set[bytes]],
    asked: Mapping[tuple[str, str, str], set[bytes]],
    later: set[tuple[str, str, str, str]],
) -> str:
    where, told = (one.kind, one.record_id, one.path), canonical_bytes(one.value)
    record = central.get((one.kind, one.record_id))
    in_ledger = told in written.get(where, ())
    if (
        in_ledger
        and record is not None
        and one.path in record.cells
        and record.cells[one.path].value == one.value
    ):
        return "kept"
    if in_ledger and told in asked.get(where, ()):
        return "in_conflict"
    if in_ledger:
        return "superseded"
    if (one.by, *where) in later:
        return "folded"
    return "gone_with_disk" if one.gone_with_disk else ""


def _by_another(one: Saved, replaced: Mapping[tuple[str, str, str], set[tuple[str, bytes]]]) -> bool:
    """Whether somebody else had seen the value and wrote over it."""
    told = canonical_bytes(one.value)
    return any(
        author != one.by and value == told
        for author, value in replaced.get((one.kind, one.record_id, one.path), ())
    )


def _written(ledger: Iterable[Change]) -> dict[tuple[str, str, str], set[bytes]]:
    """The values that the ledger's changes set, by where they belong."""
    found: dict[tuple[str, str, str], set[bytes]] = defaultdict(set)
    for change in ledger:
        for path, value in change.after.items():
            found[change.kind, change.record_id, path].add(canonical_bytes(value))
    return found


def _replaced(ledger: Iterable[Change]) -> dict[tuple[str, str, str], set[tuple[str, bytes]]]:
    """Who wrote over what, having seen it, by where it belongs."""
    found: dict[tuple[str, str, str], set[tuple[str, bytes]]] = defaultdict(set)
    for change in ledger:
        for path, value in change.before.items():
            found[change.kind, change.record_id, path].add((change.author_id, canonical_bytes(value)))
    return found


def _asked(central: Mapping[Key, RecordState]) -> dict[tuple[str, str, str], set[bytes]]:
    """The values that conflicts hold, by where they belong."""
    found: dict[tuple[str, str, str], set[bytes]] = defaultdict(set)
    for (kind, _), record in central.items():
        if kind == "conflict":
            told = record.values()
            for side in (told["local"], told["remote"]):
                values: Mapping[str, Json] = side["values"]  # type: ignore[index,call-overload,assignment]
                for path, value in values.items():
                    found[str(told["record_kind"]), str(told["record_id"]), path].add(canonical_bytes(value))
    return found


def every_receipt_is_centrals(end: End) -> list[str]:
    """What a laptop would show to an inspector, central has signed."""
    return [
        f"{name} keeps {count} receipts that central did not sign"
        for name, count in end.forged.items()
        if count
    ]


def everybody_hands_in_his_own(end: End) -> list[str]:
    """What a restored central had lost comes back from whoever wrote it, and only then from others who still show it.

    A laptop that forgets a change before it is confirmed is healed by its neighbours, and so would go unnoticed.
    """
    handed_in: dict[tuple[str, str, str], set[bytes]] = defaultdict(set)
    for change in end.acts:
        if change.reason != REASON:
            for path, value in change.after.items():
                handed_in[change.kind, change.record_id, path].add(canonical_bytes(value))
    offered, first = _written(change for change in end.acts if change.reason == REASON), dict[object, str]()
    complaints = []
    for one in end.witness.saved:
        where, told = (one.kind, one.record_id, one.path), canonical_bytes(one.value)
        author = first.setdefault((where, told), one.by)
        alone = told in offered.get(where, ()) and told not in handed_in.get(where, ())
        if alone and author == one.by != "office" and one.by not in end.witness.gone_back:
            complaints.append(f"{one.by} forgot {' '.join(where)} = {one.value!r}; only others handed it in")
    return complaints


def nothing_is_doubled(end: End) -> list[str]:
    """No edit counts twice: a second entry of it may only note the other dot, and change nothing."""
    seen: dict[tuple[str, ...], str] = {}
    complaints = []
    for change in end.acts:
        if change.author_id == AUTHOR:
            continue
        what = (
            change.kind,
            change.record_id,
            str(change.hlc),
            change.author_id,
            canonical_bytes(change.after).decode(),
        )
        if what in seen:
            complaints.append(
                f"doubled: {change.kind} {change.record_id} under {seen[what]} and {change.dot}"
            )
        seen[what] = str(change.dot)
    return complaints


def everybody_agrees(end: End) -> list[str]:
    """Every laptop holds exactly what central holds."""
    complaints = []
    for name, held in end.laptops.items():
        for key in sorted(end.central.keys() | held.keys()):
            left, right = held.get(key), end.central.get(key)
            if right is None and KINDS[key[0]].office_only:
                continue  # the office's, lost by a restored central; readable here until it is published again
            if left is None or right is None:
                complaints.append(f"{name} {'lacks' if left is None else 'alone has'} {' '.join(key)}")
            elif left.values() != right.values() or left.version != right.version:
                paths = [
                    p
                    for p in left.cells.keys() | right.cells.keys()
                    if left.cells.get(p) != right.cells.get(p)
                ]
                complaints.append(
                    f"{name} disagrees on {' '.join(key)}: {sorted(paths)} {left.version} {right.version}"
                )
    return complaints


def the_past_is_unaltered(end: End) -> list[str]:
    """The ledger's hash chain adds up."""
    return [end.chain] if end.chain else []


def the_clock_tells_order(end: End) -> list[str]:
    """Whoever had seen a change made the next one later, by the hybrid clock, however wrong his wall clock was.

    A stamp that central had to bound says nothing here: a restored central bounds it again, at a later day. Nor does what
    a laptop writes whose whole disk was put back: it uses its numbers a second time, and where central was put back too,
    nobody is left who knows, until a neighbour hands in what bears them.
    """
    complaints = []
    twice = {name.partition("-")[0] for name in end.witness.gone_back}
    before: dict[Key, list[tuple[Change, Hlc]]] = defaultdict(list)
    for change, received_ms in zip(end.ledger, end.received_ms, strict=True):
        stamp = clamp(change.hlc, received_ms)
        for earlier, told in before[change.kind, change.record_id]:
            if earlier.dot.device == change.dot.device or told < earlier.hlc or earlier.author_id in twice:
                continue  # one laptop's own order is its dots'; a bounded stamp is none
            if change.context.covers([earlier.dot]) and told >= stamp:
                complaints.append(
                    f"{change.dot} had seen {earlier.dot}, and yet is stamped {stamp} <= {told}"
                )
        before[change.kind, change.record_id].append((change, stamp))
    return complaints


def every_clash_was_asked(end: End) -> list[str]:
    """Two values of a reviewed field, neither author having seen the other's, are in a conflict for a person to see."""
    asked = _asked(end.central)
    standing: dict[tuple[str, str, str], list[tuple[Change, bytes]]] = defaultdict(list)
    complaints = []
    for change in end.acts:
        rules = rules_for(KINDS[change.kind])
        for path, value in change.after.items():
            rule = rules.of(path)
            if rule.rule is not Rule.REVIEW or rule.order or path == DELETED or change.kind == "submission":
                continue
            where, told = (change.kind, change.record_id, path), canonical_bytes(value)
            unseen = [one for one in standing[where] if not _had_seen(change, one[0])]
            complaints += [
                f"nobody was asked about {where}: {other!r} or {told!r}"
                for _, other in unseen
                if other != told and not {other, told} & asked.get(where, set())
            ]
            standing[where] = [*unseen, (change, told)]
    return complaints


def _had_seen(change: Change, earlier: Change) -> bool:
    return change.context.covers([earlier.dot]) or earlier.dot.device == change.dot.device


CHECKS: tuple[Callable[[End], list[str]], ...] = (
    nobody_complained, nobody_is_called_a_copy, everything_is_handed_in, nothing_is_lost, everybody_hands_in_his_own,
    nothing_is_doubled, every_receipt_is_centrals, everybody_agrees, the_past_is_unaltered, the_clock_tells_order,
    every_clash_was_asked,
)  # fmt: skip
"""All of them, in the order in which they are reported."""
