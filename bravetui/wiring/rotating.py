"""`bravetui keys rotate`: a new database key and a new content key for a laptop, locked as it was before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bravetui.auth.locks import Lock, Passphrase, central_lock
from bravetui.auth.pin import Pin
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.clock import Clock, SystemClock
from bravetui.base.errors import BadInput, BravetuiError, Busy, WrongKey
from bravetui.db.lease import Lease, read_holder
from bravetui.db.store import Identity
from bravetui.wiring.folder import DATABASE, JOURNAL, KEYS, LEASE, keyring_of, mirror_of, tries_of
from bravetui.wiring.locking import (
    KEYRING,
    LOCKS_MIN,
    PASSPHRASE,
    PIN,
    RECOVERY,
    WORDS,
    refuse_without_keyring,
)
from bravetui.wiring.opening import open_laptop
from bravetui.wiring.rescuing import set_mirror
from bravetui.wiring.sealing import begin_rotation, finish_rotation


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person knows and was asked for, since it has to lock the new key too."""

    passphrase: str = field(default="", repr=False)
    pin: str = field(default="", repr=False)


def rotate(folder: Path, ring: SealedFile, typed: Typed, clock: Clock | None = None) -> tuple[str, ...]:
    """Give the laptop new keys; returns what a person should know. Everything unsent stays.

    Raises Busy while another window is open, WrongKey for something typed wrong, BadInput where fewer than two locks would
    be left, StorageFull. Before anything has changed all of them; after that the next start finishes what was begun.
    """
    clock = clock or SystemClock()
    with _alone(folder, clock):
        laptop = open_laptop(folder, ring, clock)
        laptop.close()  # whole, mended, and in nobody's hands
        identity, before = laptop.store.identity, ring.wraps()
        locks = _tried(folder, typed, clock, [name for name in before if name not in (KEYRING, RECOVERY)])
        locks += _quiet(folder, identity, set(before))
        if len(locks) < LOCKS_MIN:
            raise BadInput(
                "Fewer than two locks would open the new key.",
                "First: bravetui keys passphrase, or bravetui keys keyring.",
            )
        begin_rotation(folder, ring, locks)
        finish_rotation(folder, ring)
        for name in (KEYRING, PIN):
            if name in before:
                with suppress(WrongKey):
                    keyring_of(folder).forget(before[name])
        gone = sorted(set(before) - {lock.name for lock in locks})
        return (*_lost_locks(gone), *_old_copies(folder), *_card(folder, ring))


def _alone(folder: Path, clock: Clock) -> Lease:
    """The lease, by which nobody else works on this laptop. Raises Busy, saying who does."""
    try:
        return Lease.take(folder / LEASE, clock.now())
    except Busy as error:
        holder = read_holder(folder / LEASE)
        who = f"process {holder.process} on {holder.host}" if holder else "another process"
        raise Busy(
            f"The keys cannot be changed while the app or the background sync is open here ({who}).",
            "Close it, then run this again; nothing was changed.",
        ) from error


def _tried(folder: Path, typed: Typed, clock: Clock, names: list[str]) -> list[Lock]:
    """The locks of what was typed, each of which has just opened the file."""
    locks: list[Lock] = []
    for name in names:
        if name == PASSPHRASE:
            locks.append(Passphrase(typed.passphrase))
        elif name == PIN:
            locks.append(Pin(keyring_of(folder), lambda _: typed.pin, tries_of(folder, clock)))
        else:
            raise BadInput(
                "The key file has a lock that this version does not know.", "Use the version that made it."
            )
    once = iter([typed.pin])
    for name, lock in (
        (PASSPHRASE, Passphrase(typed.passphrase)),
        (PIN, Pin(keyring_of(folder), lambda _: next(once, ""), tries_of(folder, clock))),
    ):
        if name in names:
            SealedFile(folder / KEYS, [lock]).load()
    return locks


def _quiet(folder: Path, identity: Identity, names: set[str]) -> list[Lock]:
    """The locks for which nobody is asked, as far as they can be made here now."""
    locks: list[Lock] = []
    office = central_lock(identity.sealing_key)
    if office is not None:
        locks.append(office)
    if KEYRING in names:
        try:
            refuse_without_keyring(folder)
            locks.append(keyring_of(folder))
        except WrongKey:
            pass
    return locks


def _lost_locks(names: list[str]) -> Iterator[str]:
    for name in names:
        yield f"It does not open by {WORDS.get(name, name)} any more: that could not be used just now."


def _old_copies(folder: Path) -> Iterator[str]:
    """Files that were set aside lie under the old key, which is gone with this."""
    aside = [
        path.name
        for name in (DATABASE, JOURNAL)
        for path in sorted(folder.glob(f"{name}.*"))
        if path.is_file()
    ]
    if aside:
        yield f"Set aside earlier, and under the old key for good: {', '.join(aside)}."


def _card(folder: Path, ring: SealedFile) -> Iterator[str]:
    """The black box begins anew; the old one still opens by the old key, with what it was locked with."""
    card = mirror_of(folder)
    if card is None:
        return
    try:
        made = set_mirror(folder, ring, card.parent)
    except BravetuiError as error:
        yield f"The black box lies under the old key and follows no more: set it again with bravetui mirror. {error}"
        return
    if made != card:
        yield f"The black box begins anew beside the old one. What lies in {card.name} opens by the old key: erase it."
