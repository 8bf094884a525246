"""Where the ledger stands, in a word that only central can make, and whether it still holds when a laptop brings it back.

A failover to a copy that was behind leaves nothing in the database that says so: numbers are given anew, to other changes.
But every laptop brings back central's last word on the numbers and the chain of that moment. Brought a word of its own on a
past that is not here, central knows. Nobody else can make such a word, and it holds in one epoch only.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from urllib.parse import quote, unquote

from sqlalchemy import Connection, bindparam, select, text

from bravetui.auth.signing import encode
from bravetui.base.errors import Transient
from bravetui.central.state import SERVER, State
from bravetui.central.tables import HEADS

CHAIN_BYTES = 8
"""Of SHA-256: against accidents, since nobody but central chooses what goes into it."""

# Built once: every exchange asks both, and building a statement costs more than running it.
_HEADS = (
    select(HEADS.c.scope_id, HEADS.c.seq, HEADS.c.chain, SERVER.label("server"))
    .where(HEADS.c.scope_id.in_(bindparam("scopes", expanding=True)), HEADS.c.seq > 0)
    .order_by(HEADS.c.scope_id)
)
# By a function, since this is asked of whoever brings the word, before it is known which organization's rows he may see.
_CHAINS = text("SELECT scope_id, chain FROM central_chains(CAST(:scopes AS text[]), CAST(:seqs AS bigint[]))")

Mark = Callable[[bytes], str]
"""Bytes to what only central can say of them."""


def standing(connection: Connection, scope_ids: Iterable[str], state: State, mark: Mark) -> str:
    """Where these scopes stand, as the connection's transaction sees them. Raises Transient on another server than that
    of `state`: the word that the laptop brought was held against that one, and this answer would take it away."""
    rows = connection.execute(_HEADS, {"scopes": list(scope_ids)}).all()
    if any(row.server != state.server for row in rows):
        raise Transient("Central's database was started anew meanwhile.", wait_s=1.0)
    heads = " ".join(f"{quote(row.scope_id, safe='')}:{row.seq}" for row in rows)
    chains = {row.scope_id: row.chain for row in rows}
    chain = _hash_over(chains, chains)
    return f"{heads} {chain} {mark(_marked(state.epoch, heads, chain))}"


def is_lost(connection: Connection, word: str, epoch: str, mark: Mark) -> bool:
    """Whether the word is central's own, was given in this epoch, and speaks of a past that is not here."""
    rest, _, shown = word.rpartition(" ")
    heads, _, chain = rest.rpartition(" ")
    if not heads or not hmac.compare_digest(mark(_marked(epoch, heads, chain)).encode(), shown.encode()):
        return False
    told = (one.partition(":") for one in heads.split(" "))
    named = [(unquote(scope_id), int(seq)) for scope_id, _, seq in told]
    asked = {"scopes": [scope_id for scope_id, _ in named], "seqs": [seq for _, seq in named]}
    chains = {row.scope_id: row.chain for row in connection.execute(_CHAINS, asked)}
    return _hash_over(dict(named), chains) != chain


def _marked(epoch: str, heads: str, chain: str) -> bytes:
    return f"bravetui-standing-1\n{epoch}\n{heads}\n{chain}".encode()


def _hash_over(scope_ids: Iterable[str], chains: Mapping[str, str]) -> str:
    """One hash over the chains of these scopes, in order; one whose entry is not here makes it another."""
    told = "\n".join(chains.get(scope_id, "") for scope_id in scope_ids)
    return encode(sha256(told.encode()).digest()[:CHAIN_BYTES])
