"""Which locks a laptop's key file has, and that there are two at least before the first form is written.

One lock alone is one broken keyring away from losing everything; so central's recovery key is added by itself as soon as
central has given it. What is asked of a person is asked by whoever calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bravetui.auth.keys import KeyRing
from bravetui.auth.locks import Passphrase, RecoveryKey, central_lock
from bravetui.auth.os_keyring import KeyringUnusable, OsKeyring
from bravetui.auth.pin import Pin, check_pin
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.clock import Clock
from bravetui.base.errors import BadInput, BravetuiError, WrongKey
from bravetui.db.store import Identity
from bravetui.wiring.folder import KEYS, keyring_of, tries_of

LOCKS_MIN = 2
KEYRING, PIN, PASSPHRASE, RECOVERY = OsKeyring.name, Pin.name, Passphrase.name, RecoveryKey.name

WORDS = {
    KEYRING: "the keyring of this machine, by itself",
    PIN: "the PIN, together with the keyring of this machine",
    PASSPHRASE: "the passphrase",
    RECOVERY: "the organization's recovery key, at the office",
}


@dataclass(frozen=True, slots=True)
class LockStanding:
    """One lock of the key file, for a person."""

    name: str
    words: str
    trouble: str = ""
    """Why it does not open here now; empty when it does, or when only a try can tell."""


def complete(ring: KeyRing, identity: Identity) -> tuple[str, ...]:
    """Bring the locks of an opened key file up to date; returns what a person should know of them.

    To be called where a laptop has just been enrolled, and at every opening. Raises nothing: a laptop that opens, opens.
    """
    if not isinstance(ring, SealedFile):
        return ()
    trouble = ""
    try:
        _lock_to_office(ring, identity)
        _name_entry(ring)
    except BravetuiError as error:
        trouble = f"The locks of this laptop's keys could not be brought up to date. {error}"
    return tuple(filter(None, (trouble, *_told(ring))))


def _lock_to_office(ring: SealedFile, identity: Identity) -> None:
    """Let the office open the file too, with the key that central has now."""
    lock = central_lock(identity.sealing_key)
    if lock is not None and ring.wraps().get(RECOVERY, {}).get("to") != identity.sealing_key:
        ring.add_lock(lock)


def _name_entry(ring: SealedFile) -> None:
    """A keyring entry that is found by the folder's path is lost when the home is renamed: give it a name of its own."""
    wrap = ring.wraps().get(KEYRING)
    keyring = ring.lock(KEYRING)
    if wrap is None or "entry" in wrap or keyring is None or KEYRING in ring.shut:
        return
    assert isinstance(keyring, OsKeyring)
    ring.add_lock(keyring)
    keyring.forget(wrap)


def _told(ring: SealedFile) -> Iterator[str]:
    names = set(ring.wraps())
    shut = next((ring.shut[name] for name in (KEYRING, PIN) if name in ring.shut and name in names), None)
    if isinstance(shut, KeyringUnusable) and shut.is_lost:
        again = (
            "a new PIN: bravetui keys pin" if PIN in names else "locking to it anew: bravetui keys keyring"
        )
        yield f"{shut.what} These keys were opened another way. For {again}."
    if len(names) < LOCKS_MIN:
        only = WORDS.get(next(iter(names)), "one lock")
        yield f"Only {only} opens this laptop's keys. Add a second way: bravetui keys passphrase."


def standing(folder: Path) -> tuple[LockStanding, ...]:
    """The locks of the key file in `folder`, without opening it. Raises WrongKey where there is none, Corrupt, BadInput."""
    wraps = SealedFile(folder / KEYS, [keyring_of(folder)]).wraps()
    return tuple(
        LockStanding(
            name, WORDS.get(name, "a lock that this version does not know"), _trouble(folder, name, wrap)
        )
        for name, wrap in sorted(wraps.items())
    )


def _trouble(folder: Path, name: str, wrap: Mapping[str, Any]) -> str:
    if name not in (KEYRING, PIN):
        return ""
    try:
        keyring_of(folder).secret_of(wrap)
    except WrongKey as error:
        return error.what
    return ""


def set_passphrase(ring: SealedFile, passphrase: str) -> None:
    """Make it the passphrase, in place of any other. Raises BadInput for a short one, and as the ring does."""
    ring.add_lock(Passphrase(passphrase))


def refuse_without_keyring(folder: Path) -> None:
    """Raises WrongKey where the keyring does not answer: half of a PIN's key would be nowhere. Before anybody is asked."""
    try:
        keyring_of(folder).forget({"entry": "bravetui-no-entry"})
    except WrongKey as error:
        raise WrongKey(
            f"A PIN opens the keys together with the system's keyring. {error.what}",
            "Here the passphrase is the lock; to change it: bravetui keys passphrase.",
        ) from error


def set_pin(ring: SealedFile, folder: Path, pin: str, clock: Clock | None = None) -> None:
    """Let the PIN and the keyring open together what the keyring opened alone.

    Raises BadInput for too simple a PIN or where nothing else would open the file, WrongKey where no keyring is.
    """
    check_pin(pin)
    if not set(ring.wraps()) & {PASSPHRASE, RECOVERY}:
        raise BadInput(
            "A PIN that is forgotten would close this laptop for good: nothing else opens its keys yet.",
            "First: bravetui keys passphrase.",
        )
    _instead(ring, Pin(keyring_of(folder), lambda _: pin, tries_of(folder, clock)), folder)


def remove_pin(ring: SealedFile, folder: Path) -> None:
    """Let the keyring open the file by itself again. Raises BadInput where there is no PIN, WrongKey where no keyring is."""
    if PIN not in ring.wraps():
        raise BadInput("There is no PIN on this laptop.", "To set one: bravetui keys pin.")
    _instead(ring, keyring_of(folder), folder)


def lock_to_keyring(ring: SealedFile, folder: Path) -> None:
    """Lock to the keyring of this machine anew, after it was emptied or swapped. Raises WrongKey where no keyring is."""
    if PIN in ring.wraps():
        raise BadInput("This laptop opens by a PIN.", "To make it anew: bravetui keys pin.")
    _instead(ring, keyring_of(folder), folder)


def _instead(ring: SealedFile, lock: OsKeyring | Pin, folder: Path) -> None:
    """One lock of the keyring in place of another; what the old one kept there goes once the file no longer needs it."""
    ring.load()
    before = ring.wraps()
    ring.change_locks([lock], remove={KEYRING, PIN} - {lock.name})
    for name in (KEYRING, PIN):
        if name in before:
            with suppress(WrongKey):  # then an entry stays there that opens nothing any more
                keyring_of(folder).forget(before[name])
