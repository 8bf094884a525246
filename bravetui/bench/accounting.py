"""What became of every value that was entered apart: it stands, is in an open conflict, or is superseded in the ledger.

Counted at central, value by value, from what the ledger says was entered; a value that is none of the three is lost.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from bravetui.central.tables import LEDGER
from bravetui.db.kinds import KINDS
from bravetui.db.records import rows_of, stored_from_row
from bravetui.db.templates import rules_of
from bravetui.merge.join import KEEPS_BOTH
from bravetui.merge.state import Cell, RecordState, alike
from bravetui.merge.version import Dot
from bravetui.wire.change import Change

Key = tuple[str, str]
"""(kind, record id)"""


@dataclass(frozen=True, slots=True)
class Account:
    """The count. `kept`, `in_conflict` and `superseded` add up to `entered`, or something is lost."""

    entered: int
    kept: int = 0
    in_conflict: int = 0
    superseded: int = 0
    """Somebody who had seen it wrote over it, or a rule let another's stand: the ledger has it, and says so."""
    lost: int = 0

    @property
    def words(self) -> str:
        """In one line, with the sum."""
        total = self.kept + self.in_conflict + self.superseded
        sign = "=" if total == self.entered else "!="
        return (
            f"{self.kept:,} kept + {self.in_conflict:,} in conflict + {self.superseded:,} superseded {sign} "
            f"{self.entered:,} entered"
        )


def account(connection: Connection, scope_id: str, after_seq: int) -> Account:
    """Where each value of the ledger's entries after `after_seq` is now. Central's own entries are nobody's values."""
    query = select(LEDGER.c.body, LEDGER.c.verdict).where(
        LEDGER.c.scope_id == scope_id, LEDGER.c.seq > after_seq
    )
    entries = [
        (Change.model_validate_json(row.body), tuple(json.loads(row.verdict).get("superseded", ())))
        for row in connection.execute(query.order_by(LEDGER.c.seq))
    ]
    entries = [(change, told) for change, told in entries if change.kind != "conflict"]
    records = _records(connection, scope_id, {(change.kind, change.record_id) for change, _ in entries})
    sides = _sides(connection, scope_id)
    later: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for change, _ in entries:
        for path in change.after:
            later[change.kind, change.record_id, path].append(change)
    fates: Counter[str] = Counter()
    for change, told in entries:
        state = records[change.kind, change.record_id]
        rules = rules_of(connection, KINDS[change.kind], state)
        for path in change.after:
            where = (change.kind, change.record_id, path)
            value = _Value(change, path, path in told, rules.of(path).rule in KEEPS_BOTH)
            fates[_fate(value, state.cells.get(path), sides.get(where, {}), later[where])] += 1
    return Account(
        sum(fates.values()), *(fates[name] for name in ("kept", "in_conflict", "superseded", "lost"))
    )


@dataclass(frozen=True, slots=True)
class _Value:
    """One value that somebody entered."""

    change: Change
    path: str
    told: bool
    """Whether its author's receipt names it as superseded."""
    woven: bool
    """Whether its rule keeps what both wrote, so that what stands differs from either."""


def _fate(value: _Value, cell: Cell | None, sides: Mapping[Dot, bool], others: Iterable[Change]) -> str:
    dot = value.change.dot
    if sides.get(dot):
        return "in_conflict"
    if dot in sides or value.told:
        return "superseded"
    if (
        cell is not None
        and dot in cell.dots
        and (value.woven or alike(cell.value, value.change.after[value.path]))
    ):
        return "kept"
    return (
        "superseded" if any(other.context.covers([dot]) for other in others if other.dot != dot) else "lost"
    )


def _records(connection: Connection, scope_id: str, keys: Iterable[Key]) -> dict[Key, RecordState]:
    ids: dict[str, list[str]] = defaultdict(list)
    for name, record_id in keys:
        ids[name].append(record_id)
    found: dict[Key, RecordState] = {}
    for name, some in ids.items():
        kind = KINDS[name]
        query = select(kind.table).where(kind.table.c.scope_id == scope_id, kind.table.c.id.in_(some))
        for row in rows_of(connection, query):
            found[name, row["id"]] = stored_from_row(kind, row).state
    return found


def _sides(connection: Connection, scope_id: str) -> dict[tuple[str, str, str], dict[Dot, bool]]:
    """The dots of both sides of every conflict by place, and whether nobody has decided it."""
    table = KINDS["conflict"].table
    found: dict[tuple[str, str, str], dict[Dot, bool]] = defaultdict(dict)
    for row in connection.execute(select(table).where(table.c.scope_id == scope_id)).mappings():
        lost = row["resolution"].get("set_aside")
        for name in ("local", "remote"):
            if lost is not None and name != lost:
                continue  # the side that a rule let stand
            for dot in row[name]["dots"]:
                for path in row["paths"]:
                    found[row["record_kind"], row["record_id"], path][Dot.parse(dot)] = (
                        row["status"] == "open"
                    )
    return found
