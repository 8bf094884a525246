"""What support did on this laptop, written down where its foreman reads it."""

from __future__ import annotations

from bravetui.base.text import safe_line
from bravetui.db import meta
from bravetui.db.store import Changed, Store
from bravetui.sync.log import SUPPORT, WHO, write_log

WHO_CHARACTERS_MAX = 200


def note_support(store: Store, who: str, did: str) -> Changed:
    """A line of the sync log, and the last visit for every window to show. `did` goes on after the name: `read the log`."""
    now, who = store.clock.now(), safe_line(who, WHO_CHARACTERS_MAX)
    with store.maintain() as connection:
        write_log(connection, now, SUPPORT, did, numbers={WHO: who})
        meta.put(connection, meta.SUPPORT, f"{now.isoformat()}\n{who}\n{did}")
    return Changed()
