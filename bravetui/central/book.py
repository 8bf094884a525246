"""What one transaction enters into the ledger: the scopes it holds, their next numbers, and the chain its entries go on.

Nothing is written before `write`; the heads stay locked until the commit that follows, so numbers become visible in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, Row, Select, bindparam, func, select, tuple_, update

from bravetui.central.announcing import announce
from bravetui.central.bulk import insert_rows
from bravetui.central.ledger import chained
from bravetui.central.sent import Sent
from bravetui.central.shelf import Target
from bravetui.central.tables import HEADS, LEDGER
from bravetui.merge.version import Dot
from bravetui.wire.change import Change
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Verdict
from bravetui.wire.receipt import MENDED

# Built once: building a statement costs more than running it.
_HELD = (
    select(HEADS)
    .where(HEADS.c.scope_id.in_(bindparam("scopes", expanding=True)))
    .order_by(HEADS.c.scope_id)
    .with_for_update()
)
_OF_DOTS = tuple_(LEDGER.c.device, LEDGER.c.counter).in_(
    select(
        func.unnest(bindparam("devices", type_=ARRAY(BigInteger))),
        func.unnest(bindparam("counters", type_=ARRAY(BigInteger))),
    )
)
_ENTERED = select(LEDGER.c.device, LEDGER.c.counter, LEDGER.c.body).where(_OF_DOTS)
_HOLDS = select(LEDGER.c.device, LEDGER.c.counter).where(_OF_DOTS)
_MOVED = (
    update(HEADS)
    .where(HEADS.c.scope_id == bindparam("scope"))
    .values(seq=bindparam("at"), chain=bindparam("link"))
)


AGAIN = "again"
"""Code of the verdict on a change that was taken before under another number of the same laptop."""

_NOT_PUT_DOWN = tuple(f'"code":"{code}"' for code in (AGAIN, MENDED))
"""How a verdict says it, in its JSON; what people wrote there has its quotes escaped."""


@dataclass(slots=True)
class _Head:
    seq: int
    chain: str


class Book:
    """The ledger's end, as one transaction goes on with it."""

    def __init__(self, connection: Connection, received_at: datetime) -> None:
        self._connection, self._now = connection, received_at
        self._heads: dict[str, _Head] = {}
        self._entries: list[dict[str, Any]] = []
        self._found: dict[Dot, str | None] = {}

    def hold(self, scope_ids: Iterable[str]) -> None:
        """Lock the scopes' heads until the commit, in an order that all keep: two pushes never wait in a circle."""
        rows = self._connection.execute(_HELD, {"scopes": sorted(set(scope_ids))})
        self._heads = {row.scope_id: _Head(row.seq, row.chain) for row in rows}

    def next_seq(self, scope_id: str) -> int:
        """The number of the scope's next entry."""
        return self._heads[scope_id].seq + 1

    def enter(
        self, sent: Sent, lane: Lane, paths: Iterable[str], verdict: Verdict, *, created: bool, waited: bool
    ) -> None:
        """Add the change with the signed verdict on it, under the verdict's number."""
        change, head = sent.change, self._heads[sent.change.scope_id]
        assert verdict.seq == head.seq + 1, "a number left out or given twice"
        told = verdict.model_dump_json(exclude_defaults=True)
        head.seq = verdict.seq
        head.chain = chained(head.chain, change.scope_id, head.seq, sent.hash, told)
        self._entries.append(
            {
                "scope_id": change.scope_id, "seq": head.seq, "lane": lane.value,
                "device": change.dot.device, "counter": change.dot.counter, "hash": sent.hash,
                "kind": change.kind, "record_id": change.record_id, "created": created, "paths": list(paths),
                "body": sent.body.decode(), "verdict": told, "waited": waited, "received_at": self._now,
                "chain": head.chain,
            }
        )  # fmt: skip

    def about(self, target: Target, *, put_down: bool = False) -> Iterator[Change]:
        """All that the ledger says of a record, in the order taken, this transaction's own entries last. With `put_down`
        without what the record has in another way: taken under another number, or mended at the office."""
        scope_id, kind, record_id = target
        query = select(LEDGER.c.body, LEDGER.c.verdict).where(
            LEDGER.c.scope_id == scope_id, LEDGER.c.kind == kind, LEDGER.c.record_id == record_id
        )
        rows = self._connection.execute(query.order_by(LEDGER.c.seq)).all()
        own = (
            (entry["body"], entry["verdict"])
            for entry in self._entries
            if (entry["scope_id"], entry["kind"], entry["record_id"]) == target
        )
        for body, verdict in (*rows, *own):
            if not (put_down and any(code in verdict for code in _NOT_PUT_DOWN)):
                yield Change.model_validate_json(body)

    def find(self, dot: Dot) -> Change | None:
        """The change of a dot, as it was entered before this transaction."""
        if dot not in self._found:
            self.look_up([dot])
        body = self._found[dot]
        return Change.model_validate_json(body) if body else None

    def look_up(self, dots: Collection[Dot]) -> None:
        """Read at once what `find` may be asked for."""
        if not dots:
            return
        entered = {Dot(row.device, row.counter): row.body for row in self._rows(_ENTERED, dots)}
        self._found |= {dot: entered.get(dot) for dot in dots}

    def holds(self, dots: Collection[Dot]) -> frozenset[Dot]:
        """Those of these changes that are entered, by this transaction too."""
        if not dots:
            return frozenset()
        own = {Dot(entry["device"], entry["counter"]) for entry in self._entries}
        return frozenset(
            {Dot(row.device, row.counter) for row in self._rows(_HOLDS, dots)} | own.intersection(dots)
        )

    def _rows(self, query: Select[Any], dots: Collection[Dot]) -> Sequence[Row[Any]]:
        asked = {"devices": [dot.device for dot in dots], "counters": [dot.counter for dot in dots]}
        return self._connection.execute(query, asked).all()

    def write(self) -> None:
        """Write entries and heads, and tell who listens."""
        if not self._entries:
            return
        insert_rows(self._connection, LEDGER, self._entries)
        moved = {entry["scope_id"] for entry in self._entries}
        for scope_id in moved:
            head = self._heads[scope_id]
            self._connection.execute(_MOVED, {"scope": scope_id, "at": head.seq, "link": head.chain})
        announce(self._connection, {scope_id: self._heads[scope_id].seq for scope_id in moved})
