"""Signing out: the grant is put away, and nothing else is touched. Signing in again is enrolling with the number kept."""

from __future__ import annotations

from dataclasses import replace

from bravetui.auth.proof import hash_of
from bravetui.db import meta
from bravetui.db.store import Store


def sign_out(store: Store) -> None:
    """From now on this laptop reads nothing; it records, and hands in, as before. All that is here stays.

    Noted in the database and taken from beside the keys: other windows lock at once, and an old key file put back stays
    signed out.
    """
    grant = store.identity.grant
    with store.maintain() as connection:
        meta.put(connection, meta.SIGNED_OUT, hash_of(grant))
    store.become(replace(store.identity, grant=""))
