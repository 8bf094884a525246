"""The ledger's chain: every entry is hashed over the one before it, so an edited past shows.

A laptop that kept a receipt, or an auditor with last month's chain hash, needs no trust in whoever runs central. Not covered
are `paths` and `waited`, which only say what travels in an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, case, func, select, union

from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import Corrupt
from bravetui.central.tables import HEADS, LEDGER, SCOPES
from bravetui.db.kinds import KINDS
from bravetui.merge.version import Dot
from bravetui.wire.change import Change
from bravetui.wire.messages import Verdict
from bravetui.wire.receipt import Verify, is_genuine

_BLOCK = 1000

_AT = LEDGER.c.received_at
_ENTRY = select(
    *(column for column in LEDGER.c if column is not _AT),
    # A moment that no verdict can name (`infinity`, a year of five digits) would not even be read.
    case((_AT.between(datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)), _AT)).label(
        "received_at"
    ),
)


@dataclass(frozen=True, slots=True)
class Verified:
    """What recomputing one scope's chain found."""

    scope_id: str
    entries: int
    """Entries that add up, from the first on."""
    chain: str
    """Chain hash of the last of them: keep it, and nobody can change what is before it unseen."""
    broken_at: int | None = None
    """Number of the first entry that does not add up."""
    broken_dot: str | None = None
    """The change in it, as its row says."""
    why: str = ""


def chained(before: str, scope_id: str, seq: int, content_hash: str, verdict: str) -> str:
    """The chain hash of an entry: SHA-256 over the hash before it and what the entry says."""
    told = "\n".join((before, scope_id, str(seq), content_hash, sha256_hex(verdict.encode())))
    return sha256_hex(told.encode())


def scopes_in_ledger(connection: Connection) -> tuple[str, ...]:
    """Every scope that has an entry, a head or a name."""
    every = union(*(select(table.c.scope_id) for table in (SCOPES, HEADS, LEDGER)))
    return tuple(sorted(connection.execute(every).scalars()))


def verify_scope(
    connection: Connection,
    scope_id: str,
    centrals: Verify | None = None,
    known: Mapping[int, str] | None = None,
) -> Verified:
    """Recompute a scope's chain, and everything in its rows that follows from what is chained.

    `centrals` checks signatures too. `known` holds chain hashes that were noted earlier, by number of entry: they show a
    past that was rewritten as a whole, or cut off.
    """
    chain, count, known = "", 0, known or {}
    while rows := _block(connection, scope_id, count):
        for row in rows:
            following = chained(chain, scope_id, row.seq, row.hash, row.verdict)
            why = _fault(row, count + 1, following, centrals)
            if not why and known.get(count + 1, following) != following:
                why = "the past up to here is not the one that was noted earlier"
            if why:
                return Verified(scope_id, count, chain, count + 1, str(Dot(row.device, row.counter)), why)
            chain, count = following, count + 1
    head = connection.execute(select(HEADS).where(HEADS.c.scope_id == scope_id)).one_or_none()
    if (head.seq, head.chain) != (count, chain) if head is not None else count:
        return Verified(scope_id, count, chain, count + 1, None, "the head does not fit the last entry")
    if count < max(known, default=0):
        return Verified(scope_id, count, chain, count + 1, None, "entries that were noted earlier are gone")
    began = _misplaced_beginning(connection, scope_id)
    if began is not None:
        return Verified(scope_id, count, chain, began, None, "it wrongly says whether its record began here")
    return Verified(scope_id, count, chain)


def audit(connection: Connection, scope_id: str) -> int:
    """Recompute a scope's chain; returns its number of entries. Raises Corrupt, naming the first that does not fit."""
    found = verify_scope(connection, scope_id)
    if found.broken_at is not None:
        raise Corrupt(
            f"The ledger of {scope_id} does not add up at entry {found.broken_at}.",
            "Keep this database as it is and compare it with a backup: somebody or something has changed the past.",
        )
    return found.entries


def _block(connection: Connection, scope_id: str, after: int) -> list[Row[Any]]:
    query = _ENTRY.where(LEDGER.c.scope_id == scope_id, LEDGER.c.seq > after).order_by(LEDGER.c.seq)
    return list(connection.execute(query.limit(_BLOCK)))


def _fault(row: Row[Any], seq: int, chain: str, centrals: Verify | None) -> str:
    """What is wrong with an entry; empty when nothing is."""
    if row.seq != seq:
        return f"entry {seq} is missing"
    if sha256_hex(row.body.encode()) != row.hash:
        return "the change is not the one that was hashed"
    if row.chain != chain:
        return "it does not follow from the entry before it"
    try:
        change, verdict = Change.model_validate_json(row.body), Verdict.model_validate_json(row.verdict)
    except ValidationError:
        return "it cannot be read"
    dot = Dot(row.device, row.counter)
    if (change.scope_id, change.kind, change.record_id, change.dot) != (
        row.scope_id,
        row.kind,
        row.record_id,
        dot,
    ):
        return "its columns do not say what the change says"
    if row.kind in KINDS and KINDS[row.kind].lane != row.lane:
        return "it stands in the wrong lane"
    if (verdict.dot, verdict.hash, verdict.seq, verdict.at) != (dot, row.hash, row.seq, row.received_at):
        return "the receipt is not about this entry"
    if centrals is not None and not is_genuine(verdict, centrals):
        return "central did not sign this receipt"
    return ""


def _misplaced_beginning(connection: Connection, scope_id: str) -> int | None:
    """The first entry whose `created` is not what its place among its record's entries says."""
    place = func.row_number().over(partition_by=(LEDGER.c.kind, LEDGER.c.record_id), order_by=LEDGER.c.seq)
    told = select(LEDGER.c.seq, LEDGER.c.created, place.label("place")).where(LEDGER.c.scope_id == scope_id)
    rows = told.subquery()
    wrong = select(func.min(rows.c.seq)).where(rows.c.created != (rows.c.place == 1))
    found: int | None = connection.execute(wrong).scalar_one()
    return found
