"""The key file: the secrets sealed under a random content key, which each lock wraps; kept twice, so one
damaged copy costs nothing.

Any one lock opens it, so a broken keyring never costs a form. What is in it can be changed without any lock
being worked again. Never holds a readable secret. Layout: canonical JSON inside `base.copies`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bravetui.auth.keys import Secrets
from bravetui.auth.locks import CONTENT_KEY_BYTES, Lock
from bravetui.auth.signing import decode, encode
from bravetui.base.canonical import canonical_bytes
from bravetui.base.copies import TwoCopies
from bravetui.base.errors import BadInput, BravetuiError, Corrupt, WrongKey
from bravetui.base.files import make_private_folder

VERSION = 1
_BOUND = b"bravetui key file v1"
_NONCE_BYTES = 12

KEYS_LOST = (
    "Put keys.a and keys.b back, from a backup of this folder or from its black box (bravetui mirror). Without them nothing "
    "in this folder opens: keep it as it is, and enrol in another --folder; what central has comes back."
)
"""What to do where no key file can be read: nobody can make another that opens the same data."""


class SealedFile:
    """A `KeyRing` in a file. Locks are tried in the order given: the quiet ones (keyring) before those a
    person types."""

    def __init__(self, path: Path, locks: Sequence[Lock]) -> None:
        assert locks
        self._path = path
        self._copies = TwoCopies(path, KEYS_LOST)
        self._locks = tuple(locks)
        self._content_key: bytes | None = None
        self._wraps: dict[str, Any] = {}

    @property
    def lock_names(self) -> tuple[str, ...]:
        """The locks that the file has, once it was loaded or saved; a single one is worth a warning."""
        return tuple(sorted(self._wraps))

    def exists(self) -> bool:
        """Whether there is a key file, readable or not."""
        return self._copies.exist()

    def load(self) -> Secrets:
        """Open with the first lock that does. Raises the last lock's WrongKey, Corrupt, or BadInput (newer
        version)."""
        candidates = self._copies.candidates()
        if not candidates:
            raise WrongKey("This laptop has no key file yet.", "Sign in to set it up.")
        failures: list[BravetuiError] = []
        for candidate in candidates:
            try:
                return self._opened(_parsed(candidate))
            except (WrongKey, Corrupt) as error:
                failures.append(error)
        raise failures[0]

    def save(self, secrets: Secrets) -> None:
        """Seal and keep the secrets; the first time under all locks that can be used here, of which one must.

        Raises StorageFull, or the first lock's error when none can be used.
        """
        if self._content_key is None:
            if self.exists():
                raise WrongKey(
                    "The key file has not been unlocked, so it cannot be changed.", "Unlock it first."
                )
            self._lock_anew()
        assert self._content_key is not None
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._content_key).encrypt(nonce, secrets.to_bytes(), _BOUND)
        make_private_folder(self._path.parent)
        self._copies.write(
            canonical_bytes(
                {"version": VERSION, "locks": self._wraps, "nonce": encode(nonce), "sealed": encode(sealed)}
            )
        )

    def add_lock(self, lock: Lock) -> None:
        """Let `lock` open the file too, in place of one of the same name (a changed passphrase). Loads if
        need be."""
        secrets = self.load()
        assert self._content_key is not None
        self._wraps = {**self._wraps, lock.name: lock.wrap(self._content_key)}
        self.save(secrets)

    def _lock_anew(self) -> None:
        content_key = os.urandom(CONTENT_KEY_BYTES)
        wraps: dict[str, Any] = {}
        failures: list[BravetuiError] = []
        for lock in self._locks:
            try:
                wraps[lock.name] = lock.wrap(content_key)
            except WrongKey as error:
                failures.append(error)
        if not wraps:
            raise failures[0]
        self._content_key, self._wraps = content_key, wraps

    def _opened(self, file: Mapping[str, Any]) -> Secrets:
        content_key = self._content_key or self._unlocked(file["locks"])
        try:
            data = AESGCM(content_key).decrypt(file["nonce"], file["sealed"], _BOUND)
        except (InvalidTag, ValueError):
            raise _damaged() from None
        secrets = Secrets.from_bytes(data)
        self._content_key, self._wraps = content_key, dict(file["locks"])
        return secrets

    def _unlocked(self, wraps: Mapping[str, Any]) -> bytes:
        error: BravetuiError = WrongKey(
            "The key file has none of the locks that can be opened here.",
            f"It opens by: {', '.join(sorted(wraps)) or 'nothing'}.",
        )
        for lock in self._locks:
            if lock.name not in wraps:
                continue
            try:
                return lock.unwrap(wraps[lock.name])
            except (WrongKey, Corrupt) as failure:
                error = failure
        raise error


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        file = json.loads(data)
        version = int(file["version"])
        parsed = {
            "locks": {str(name): dict(wrap) for name, wrap in file["locks"].items()},
            "nonce": decode(file["nonce"], _NONCE_BYTES, "nonce"),
            "sealed": decode(file["sealed"], None, "key file"),
        }
    except (ValueError, KeyError, TypeError, AttributeError, BadInput):
        raise _damaged() from None
    if version > VERSION:
        raise BadInput(
            "The key file was written by a newer bravetui.", "Install that version again, or a later one."
        )
    return parsed


def _damaged() -> Corrupt:
    return Corrupt("The key file of this laptop is damaged.", KEYS_LOST)
