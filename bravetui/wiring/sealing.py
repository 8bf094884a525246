"""Gives a laptop a new database key: content key, journal, counter mark, photos and every page of the database, sealed
anew.

The new key is noted in the key file, beside the old one, before anything is sealed with it; then each file is brought over
in a way that leaves it old or new, and may be repeated; then the old key is forgotten. Killed at any moment, the next start
finds both keys and goes on where it stopped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from bravetui.auth.high_water import HighWater
from bravetui.auth.keys import DATABASE_KEY_BYTES, KeyRing, Secrets
from bravetui.auth.locks import Lock
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.errors import Corrupt, FailingDisk, WrongKey
from bravetui.base.fault import fault
from bravetui.db.blobs import BlobFiles
from bravetui.db.engine import refuse_others, rekey
from bravetui.db.frames import journal_cipher, scan
from bravetui.db.journal import seal_anew
from bravetui.wiring.folder import DATABASE, JOURNAL, MARK, PHOTOS


def begin_rotation(folder: Path, ring: SealedFile, locks: Sequence[Lock]) -> None:
    """Note a new key, under a new content key that exactly these locks open. The laptop is closed, and was in order.

    Raises Busy while another window has the laptop open, and as the locks and the disk do; then nothing has changed.
    """
    secrets = ring.load()
    refuse_others(folder / DATABASE, secrets.database_key)
    ring.seal_anew(replace(secrets, next_key=os.urandom(DATABASE_KEY_BYTES)), locks)
    fault("rotation_noted")


def finish_rotation(folder: Path, ring: KeyRing) -> Secrets:
    """Bring every file over to the key that was noted, and forget the old one. Raises Busy, StorageFull; may be repeated."""
    secrets = ring.load()
    old, new = secrets.database_key, secrets.next_key
    if new is None:
        return secrets
    ring.save(secrets)  # both copies of the key file know the new key before anything depends on it
    fault("rotation_sure")
    with _whatever_is_damaged():
        rekey(folder / DATABASE, old, new)
    fault("rotation_database")
    with _whatever_is_damaged():
        seal_anew(folder / JOURNAL, old, new)
    fault("rotation_journal")
    with _whatever_is_damaged():
        HighWater.seal_anew(folder / MARK, old, new)
    fault("rotation_mark")
    BlobFiles(folder / PHOTOS, new).seal_anew(old)
    fault("rotation_photos")
    done = replace(secrets, database_key=new, next_key=None)
    ring.save(done)
    fault("rotation_done")
    return done


@contextmanager
def _whatever_is_damaged() -> Iterator[None]:
    """What opens with neither key is set aside or begun anew by the start, as ever; a disk that fails stops it here."""
    try:
        yield
    except FailingDisk:
        raise
    except (WrongKey, Corrupt):
        pass


def key_of(journal: Path, secrets: Secrets) -> bytes:
    """Which of a laptop's keys its journal lies under, for whoever only reads."""
    data = journal.read_bytes() if journal.exists() else b""
    for key in secrets.database_keys:
        with suppress(WrongKey):
            if scan(journal_cipher(key), data).file_id:
                return key
    return secrets.database_key
