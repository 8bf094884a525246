"""The key file: the secrets sealed under a random content key, which each lock wraps; kept twice, so one
damaged copy costs nothing.

Any one lock opens it, so a broken keyring never costs a form. What is in it can be changed without any lock
being worked again. Never holds a readable secret. Layout: canonical JSON inside `base.copies`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
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
        self.shut: dict[str, BravetuiError] = {}
        """Why a lock that was tried did not open the file, by its name."""

    @property
    def lock_names(self) -> tuple[str, ...]:
        """The locks that the file has, once it was loaded or saved; a single one is worth a warning."""
        return tuple(sorted(self._wraps))

    def exists(self) -> bool:
        """Whether there is a key file, readable or not."""
        return self._copies.exist()

    def wraps(self) -> Mapping[str, Mapping[str, Any]]:
        """The locks of the file and how each is made, without opening any. Raises Corrupt, BadInput (newer version)."""
        candidates = self._candidates()
        return dict(_parsed(candidates[0])["locks"])

    def lock(self, name: str) -> Lock | None:
        """The lock of that name that is tried here."""
        return next((lock for lock in self._locks if lock.name == name), None)

    def load(self) -> Secrets:
        """Open with the first lock that does. Raises the last lock's WrongKey, Corrupt, or BadInput (newer
        version).

        The older copy counts where the newer one is damaged, and never because it has locks that are meant to be gone.
        """
        failures: list[BravetuiError] = []
        for candidate in self._candidates():
            try:
                return self._opened(_parsed(candidate))
            except Corrupt as error:
                failures.append(error)
        raise failures[0]

    def save(self, secrets: Secrets) -> None:
        """Seal and keep the secrets; the first time under all locks that can be used here, of which one must.

        Raises StorageFull, or the last lock's error when none can be used.
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
        self.change_locks([lock])

    def change_locks(self, add: Sequence[Lock] = (), remove: Collection[str] = ()) -> None:
        """Add locks and take others away, all with one write. Raises what the locks raise, and StorageFull; then the file
        is as before."""
        secrets = self.load()
        assert self._content_key is not None
        kept = {name: wrap for name, wrap in self._wraps.items() if name not in remove}
        made = {lock.name: lock.wrap(self._content_key) for lock in add}
        assert kept or made
        self._wraps = {**kept, **made}
        self.save(secrets)

    def seal_anew(self, secrets: Secrets, locks: Sequence[Lock]) -> None:
        """Keep the secrets under a new content key, which exactly these locks open; one write. Raises as `change_locks`."""
        assert locks
        content_key = os.urandom(CONTENT_KEY_BYTES)
        self._wraps = {lock.name: lock.wrap(content_key) for lock in locks}
        self._content_key = content_key
        self.save(secrets)

    def open_with_content_key(self, content_key: bytes) -> Secrets:
        """Open by what a lock that is not here has given (the office's recovery key). Raises WrongKey, Corrupt."""
        before, self._content_key = self._content_key, content_key
        for candidate in self._candidates():
            file = _parsed(candidate)
            with contextlib.suppress(InvalidTag, ValueError):
                return self._read(file, content_key)
        self._content_key = before
        raise WrongKey(
            "This is the key of another laptop, or of another state of it.", "Ask the office again."
        )

    def content_key(self, lock: Lock) -> bytes:
        """What `lock` unwraps of this file, for whoever hands it on sealed. Raises WrongKey, Corrupt."""
        wrap = self.wraps().get(lock.name)
        if wrap is None:
            raise _no_such_lock(self.wraps())
        return lock.unwrap(wrap)

    def _candidates(self) -> tuple[bytes, ...]:
        candidates = self._copies.candidates()
        if not candidates:
            raise WrongKey("This laptop has no key file yet.", "Sign in to set it up.")
        return tuple(dict.fromkeys(candidates))  # nobody is asked twice for two copies that are alike

    def _lock_anew(self) -> None:
        content_key = os.urandom(CONTENT_KEY_BYTES)
        wraps: dict[str, Any] = {}
        for lock in self._locks:
            try:
                wraps[lock.name] = lock.wrap(content_key)
            except WrongKey as error:
                self.shut[lock.name] = error
        if not wraps:
            raise list(self.shut.values())[-1]
        self._content_key, self._wraps = content_key, wraps

    def _opened(self, file: Mapping[str, Any]) -> Secrets:
        if self._content_key is not None:
            with contextlib.suppress(InvalidTag, ValueError):
                return self._read(file, self._content_key)
        content_key = self._unlocked(file["locks"])  # also when another process has sealed it anew meanwhile
        try:
            return self._read(file, content_key)
        except (InvalidTag, ValueError):
            raise _damaged() from None

    def _read(self, file: Mapping[str, Any], content_key: bytes) -> Secrets:
        secrets = Secrets.from_bytes(AESGCM(content_key).decrypt(file["nonce"], file["sealed"], _BOUND))
        self._content_key, self._wraps = content_key, dict(file["locks"])
        return secrets

    def _unlocked(self, wraps: Mapping[str, Any]) -> bytes:
        error: BravetuiError = _no_such_lock(wraps)
        for lock in self._locks:
            if lock.name not in wraps:
                continue
            try:
                return lock.unwrap(wraps[lock.name])
            except (WrongKey, Corrupt) as failure:
                error = self.shut[lock.name] = failure
        raise error


def _no_such_lock(wraps: Mapping[str, Any]) -> WrongKey:
    return WrongKey(
        "The key file has none of the locks that can be opened here.",
        f"It opens by: {', '.join(sorted(wraps)) or 'nothing'}.",
    )


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
