"""Announces in a transaction which scopes it moves: PostgreSQL tells every process of central when it commits."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, text

CHANNEL = "bravetui_news"

_NOTIFY = text("SELECT pg_notify(:channel, :told)")


def announce(connection: Connection, heads: Mapping[str, int]) -> None:
    """Announce scopes and their new heads; heard once this transaction has committed and not before."""
    for scope_id, seq in heads.items():
        connection.execute(_NOTIFY, {"channel": CHANNEL, "told": json.dumps([scope_id, seq])})
