"""What a person sets for this laptop alone; never synced."""

from __future__ import annotations

from bravetui.db import meta
from bravetui.db.store import Changed, Store


def choose_theme(store: Store, name: str) -> Changed:
    """Remember the colours that this person reads best."""
    with store.maintain() as connection:
        meta.put(connection, meta.THEME, name)
    return Changed()
