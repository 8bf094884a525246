"""The ledger's chain: every entry is hashed over the one before it, so an edited past shows.

A laptop that kept a receipt, or an auditor with last month's chain hash, needs no trust in whoever runs central.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from bravetui.base.canonical import sha256_hex
from bravetui.base.errors import Corrupt
from bravetui.central.tables import HEADS, LEDGER

_BLOCK = 1000


def chained(before: str, scope_id: str, seq: int, content_hash: str, verdict: str) -> str:
    """The chain hash of an entry: SHA-256 over the hash before it and what the entry says."""
    told = "\n".join((before, scope_id, str(seq), content_hash, sha256_hex(verdict.encode())))
    return sha256_hex(told.encode())


def audit(connection: Connection, scope_id: str) -> int:
    """Recompute a scope's chain; returns its number of entries. Raises Corrupt, naming the first that does not fit."""
    chain, count = "", 0
    while True:
        query = (
            select(LEDGER).where(LEDGER.c.scope_id == scope_id, LEDGER.c.seq > count).order_by(LEDGER.c.seq)
        )
        rows = connection.execute(query.limit(_BLOCK)).all()
        for row in rows:
            count += 1
            chain = chained(chain, scope_id, row.seq, row.hash, row.verdict)
            if row.seq != count or row.chain != chain or sha256_hex(row.body.encode()) != row.hash:
                raise _tampered(scope_id, count)
        if len(rows) < _BLOCK:
            break
    head = connection.execute(select(HEADS).where(HEADS.c.scope_id == scope_id)).one_or_none()
    if head is not None and (head.seq, head.chain) != (count, chain):
        raise _tampered(scope_id, count + 1)
    return count


def _tampered(scope_id: str, seq: int) -> Corrupt:
    return Corrupt(
        f"The ledger of {scope_id} does not add up at entry {seq}.",
        "Keep this database as it is and compare it with a backup: somebody or something has changed the past.",
    )
