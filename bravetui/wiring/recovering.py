"""The laptop's half of an unlocking by the office: makes the request, takes the answer, sets the new passphrase."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.auth.unlocking import code_of, make_request, take_answer
from bravetui.base.copies import TwoCopies
from bravetui.base.errors import BadInput, WrongKey
from bravetui.wiring.folder import KEYS, keyring_of
from bravetui.wiring.locking import KEYRING, PIN, RECOVERY


def ask_office(folder: Path, passphrase: str, now: datetime) -> tuple[bytes, str]:
    """The request file, and the code to be read out.

    Raises BadInput where the office has no lock or the passphrase is short, WrongKey where there is no key file, Corrupt.
    """
    if RECOVERY not in SealedFile(folder / KEYS, [keyring_of(folder)]).wraps():
        raise BadInput(
            "The office cannot open these keys: they were never locked to its recovery key.",
            "Keep this folder as it is, in case passphrase or keyring come back. What was handed in is at central; "
            "what was not opens by its passphrase alone.",
        )
    request = make_request(TwoCopies(folder / KEYS).candidates()[0], passphrase, now)
    return request, code_of(request)


def take_from_office(folder: Path, answer: bytes, passphrase: str) -> tuple[str, ...]:
    """Open the keys by the answer and make the passphrase theirs; returns what a person should know.

    A PIN goes, since it is what may have been forgotten; the keyring takes its place where it works. Raises WrongKey,
    BadInput, Corrupt, StorageFull; then nothing has changed.
    """
    ring = SealedFile(folder / KEYS, [Passphrase(passphrase)])
    ring.open_with_content_key(take_answer(answer, passphrase))
    ring.change_locks([Passphrase(passphrase)], remove={PIN, KEYRING})
    try:
        ring.add_lock(keyring_of(folder))
    except WrongKey as error:
        return (f"The passphrase opens it; the keyring does not: {error.what}",)
    return ()
