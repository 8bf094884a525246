"""Decides whether everything may be read: as the sign-in stands, which another process may have renewed a moment ago."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Connection

from bravetui.auth.grant import read_grant
from bravetui.auth.keys import KeyRing
from bravetui.base.clock import Clock
from bravetui.base.errors import BravetuiError
from bravetui.db.store import Identity, Store
from bravetui.views.sign_in import sign_in_of

LOOKS_EVERY_S = 2.0
"""So often at most a locked laptop looks whether somebody has signed in: `bravetui enrol --again` is another process."""


class Gate:
    """Asked at every look at the tables."""

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring, self._clock = ring, clock
        self._looked_s: float | None = None

    def reads_all(self, store: Store, connection: Connection) -> bool:
        """Whether the sign-in lasts. A new one that is found beside the keys counts at once."""
        if sign_in_of(connection, store.identity, store.passed).reads:
            return True
        now_s = self._clock.monotonic_s()
        if self._looked_s is not None and now_s - self._looked_s < LOOKS_EVERY_S:
            return False
        self._looked_s = now_s
        with suppress(BravetuiError):
            self._take_renewed(store)
        return sign_in_of(connection, store.identity, store.passed).reads

    def _take_renewed(self, store: Store) -> None:
        """Go on under the grant that is kept beside the keys, if that is a newer one."""
        kept = self._ring.load().identity
        known = Identity.parse(kept) if kept else store.identity
        if not known.grant or known.grant == store.identity.grant:
            return
        grant = read_grant(known.grant, known.central_key)
        store.identity = known
        store.passed.told(grant.issued_at)
