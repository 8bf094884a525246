"""Where each file of a laptop lies, which keys open them, and as whom it works."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

from bravetui.auth.keys import KeyRing, Secrets
from bravetui.auth.locks import AskedPassphrase, Lock, Passphrase
from bravetui.auth.os_keyring import OsKeyring
from bravetui.auth.pin import Pin
from bravetui.auth.sealed_file import KEYS_LOST, SealedFile
from bravetui.auth.tries import Tries
from bravetui.base.clock import Clock, SystemClock
from bravetui.base.copies import TwoCopies
from bravetui.base.errors import Corrupt, NeedsSignIn, Unusable
from bravetui.base.text import safe_line
from bravetui.db.store import Identity

FOLDER_VARIABLE = "BRAVETUI_FOLDER"
PASSPHRASE_FILE_VARIABLE = "BRAVETUI_PASSPHRASE_FILE"

KEYS, DATABASE, JOURNAL, MARK, BALLAST, LEASE = "keys", "site.db", "journal", "mark", "reserve", "sync.lease"
TRIES = "pin.tries"
CARRIED = "carried"
"""Central's words on colleagues' bundles that went over this laptop's line."""
PHOTOS = "photos"
"""Folder of the photos' bytes."""
TIME = "time"
"""The time that has certainly passed (`auth.time_floor`)."""
_SEALED = (DATABASE, JOURNAL, f"{MARK}.a", f"{MARK}.b")
"""What only the laptop's own keys open."""
MIRROR = "mirror"
"""File that says where the black box is: outside the database, which may be what is broken."""


_WRONG_IN_FILE = (
    f"The passphrase in the file that {PASSPHRASE_FILE_VARIABLE} names does not open the keys of this laptop.",
    "Correct that file, or unset the variable to be asked.",
)


def passphrase_file_trouble() -> str:
    """What is wrong with how the passphrase file lies there; empty where nothing is, or modes say nothing (Windows)."""
    named = os.environ.get(PASSPHRASE_FILE_VARIABLE)
    if not named or os.name == "nt":
        return ""
    try:
        mode = Path(named).stat().st_mode
    except OSError:
        return ""  # whoever reads it says so
    if not stat.S_ISREG(mode) or not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return ""
    return (
        f"The file that {PASSPHRASE_FILE_VARIABLE} names can be read or changed by others on this machine. "
        "It should be its owner's alone: chmod 600 FILE."
    )


def default_folder() -> Path:
    """The user's data folder, or the one that BRAVETUI_FOLDER names."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("bravetui", appauthor=False))


def key_ring(
    folder: Path,
    ask_passphrase: Callable[[], str] | None = None,
    ask_pin: Callable[[str], str] | None = None,
    clock: Clock | None = None,
    *,
    passphrase_tries: int = 1,
) -> SealedFile:
    """Where this laptop's keys are: a sealed file that the OS keyring opens by itself or with a PIN, a passphrase always.

    `ask_pin` hears what went wrong before, and answers "" to leave it to the passphrase.
    """
    keyring = keyring_of(folder)
    locks: list[Lock] = [keyring]
    if (
        ask_pin is not None and TwoCopies(folder / KEYS).exist()
    ):  # a new file is never given a PIN without asking for one
        locks.append(Pin(keyring, ask_pin, tries_of(folder, clock)))
    named = os.environ.get(PASSPHRASE_FILE_VARIABLE)
    if named:
        locks.insert(0, Passphrase(Path(named).read_text(encoding="utf-8").strip(), wrong=_WRONG_IN_FILE))
    elif ask_passphrase is not None:
        locks.append(AskedPassphrase(ask_passphrase, passphrase_tries))
    return SealedFile(folder / KEYS, locks)


def keyring_of(folder: Path) -> OsKeyring:
    """The keyring of this machine; the folder's path only finds what was put there before entries had names of their own."""
    return OsKeyring("bravetui", str(folder.resolve()))


def tries_of(folder: Path, clock: Clock | None = None) -> Tries:
    """Where wrong PINs are counted."""
    return Tries(folder / TRIES, clock or SystemClock())


def who_is_here(ring: KeyRing, folder: Path | None = None) -> tuple[Secrets, Identity]:
    """The laptop's secrets, and as whom it works. Raises NeedsSignIn for one that never enrolled, and as the ring does.

    With the `folder` of its data, raises Corrupt where that is here and the keys are not.
    """
    if folder is not None:
        refuse_orphans(ring, folder)
    secrets = ring.load() if ring.exists() else None
    if secrets is None or secrets.identity is None:
        raise _unknown_here()
    return secrets, Identity.parse(secrets.identity)


def refuse_orphans(ring: KeyRing, folder: Path) -> None:
    """Raises Corrupt for data whose keys are gone: new keys would never open it. And Unusable for what is no folder."""
    if folder.exists() and not folder.is_dir():
        raise Unusable(
            f"{safe_line(str(folder), 100)} is not a folder.", "Name the laptop's folder with --folder."
        )
    if not ring.exists() and any((folder / name).exists() for name in _SEALED):
        raise Corrupt("The key file of this laptop is missing, and its data is here.", KEYS_LOST)


def mirror_of(folder: Path) -> Path | None:
    """Where this laptop's black box is; None when it keeps none."""
    try:
        return Path(json.loads((folder / MIRROR).read_bytes())["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _unknown_here() -> NeedsSignIn:
    return NeedsSignIn("This laptop is not known to central yet.", "Enrol it: bravetui enrol ADDRESS.")
