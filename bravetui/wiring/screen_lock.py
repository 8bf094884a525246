"""Unlocks a screen by unwrapping the key file anew with what was typed, and by opening this laptop's database with it.

Nothing is compared with anything remembered: another key file laid in this one's place opens, and its key does not open the
database. Every call reads the file as it is now, so a PIN that was changed in a shell counts at once.
"""

from __future__ import annotations

from pathlib import Path

from bravetui.auth.locks import PASSPHRASE_CHARACTERS_MIN, Lock, Passphrase
from bravetui.auth.pin import Pin
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.clock import Clock
from bravetui.base.errors import BravetuiError, WrongKey
from bravetui.db.engine import open_laptop_engine
from bravetui.wiring.folder import DATABASE, KEYS, keyring_of, tries_of
from bravetui.wiring.locking import PASSPHRASE, PIN


class FolderLock:
    """The lock of the laptop in a folder (`views.services.ScreenLock`)."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    def asked(self) -> str:
        """What a person is asked for; empty where nothing that could be typed opens the keys, or they cannot be read."""
        names = self._names()
        if PIN in names:
            return "PIN, or passphrase:" if PASSPHRASE in names else "PIN:"
        return "Passphrase:" if PASSPHRASE in names else ""

    def open(self, typed: str) -> None:
        """Return if it opens the keys and they the database. Raises WrongKey, saying what is wrong and how long to wait."""
        words = iter([typed, ""])
        locks: list[Lock] = [
            Pin(keyring_of(self._folder), lambda _: next(words, ""), tries_of(self._folder, self._clock))
        ]
        # Before the PIN: a passphrase is no wrong PIN. Where there is none, whatever was typed is a passphrase.
        if len(typed) >= PASSPHRASE_CHARACTERS_MIN or PIN not in self._names():
            locks.insert(0, Passphrase(typed))
        secrets = self._file(locks).load()
        try:
            open_laptop_engine(self._folder / DATABASE, secrets.database_key).dispose()
        except WrongKey:
            raise WrongKey(
                "The key file in this laptop's folder is another laptop's.",
                "Put its own back: see bravetui keys.",
            ) from None

    def _names(self) -> set[str]:
        try:
            return set(self._file([keyring_of(self._folder)]).wraps())
        except BravetuiError:
            return set()

    def _file(self, locks: list[Lock]) -> SealedFile:
        return SealedFile(self._folder / KEYS, locks)
