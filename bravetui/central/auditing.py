"""`bravetui audit verify`: every scope's ledger recomputed, the first entry that does not add up named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bravetui.auth.signing import signed_by
from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line
from bravetui.central.ledger import Verified, scopes_in_ledger, verify_scope
from bravetui.central.service import Central
from bravetui.central.tenants import operator

Noted = Mapping[str, Mapping[int, str]]
"""Chain hashes noted earlier, by scope and number of entry."""


def verify_ledger(central: Central, noted: Noted | None = None) -> tuple[Verified, ...]:
    """Look at every scope, at one moment, whatever is being written meanwhile."""
    centrals = signed_by(central.keys.public)
    noted = noted or {}
    reading = central.engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with reading as connection, connection.begin():
        operator(connection)
        every = sorted({*scopes_in_ledger(connection), *noted})
        return tuple(verify_scope(connection, one, centrals, noted.get(one)) for one in every)


def noted_in(path: Path) -> Noted:
    """The chain hashes in what an earlier `--json` printed. Raises BadInput."""
    try:
        told = json.loads(path.read_bytes())
        return {
            str(scope["scope_id"]): {int(scope["entries"]): str(scope["chain"])} if scope["entries"] else {}
            for scope in told["scopes"]
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(
            f"The file {safe_line(path.name)} is no earlier report.",
            "Name what `bravetui audit verify --json` printed.",
        ) from error


def audit_json(found: Sequence[Verified]) -> dict[str, Any]:
    """The report for programs, and for the next `--against`."""
    return {"ok": all(one.broken_at is None for one in found), "scopes": [asdict(one) for one in found]}


def audit_lines(found: Sequence[Verified]) -> list[str]:
    """The report for people."""
    lines = []
    for one in found:
        scope = safe_line(one.scope_id, 40)
        if one.broken_at is None:
            lines.append(f"{scope}: {one.entries:,} entries, all in order. Chain {one.chain[:16] or 'empty'}")
        else:
            named = f" (change {one.broken_dot})" if one.broken_dot else ""
            lines.append(f"{scope}: BROKEN at entry {one.broken_at:,}{named}: {one.why}.")
    if any(one.broken_at is not None for one in found):
        lines.append(
            "Keep this database as it is and compare it with a backup: somebody or something has changed the past."
        )
    return lines
