"""What a person sets for this laptop alone; never synced."""

from __future__ import annotations

from bravetui.db import meta
from bravetui.db.store import Changed, Store


def choose_theme(store: Store, name: str) -> Changed:
    """Remember the colours that this person reads best."""
    with store.maintain() as connection:
        meta.put(connection, meta.THEME, name)
    return Changed()


def lock_after(store: Store, minutes: int) -> Changed:
    """Lock the screen after so many minutes without a key; 0: only by its key."""
    assert minutes >= 0
    with store.maintain() as connection:
        meta.put(connection, meta.LOCK_AFTER, str(minutes))
    return Changed()
