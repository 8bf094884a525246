"""The lock of a short number: a key made of the PIN and of a secret in the operating system's keyring, so that neither alone
opens anything. It takes the place of the plain keyring lock, which would open without the PIN.

A PIN is a key and not a flag: there is nothing to compare it with. Wrong tries are counted in `tries`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bravetui.auth.locks import (
    CONTENT_KEY_BYTES,
    MEMORY_KIB,
    Wrap,
    open_key,
    seal_key,
    stretched,
    stretching,
    typed_bytes,
)
from bravetui.auth.os_keyring import OsKeyring
from bravetui.auth.tries import Tries
from bravetui.base.errors import BadInput, WrongKey

PIN_CHARACTERS_MIN = 6
_OTHER_WAY = "Forgotten? The passphrase opens it too, and the office: bravetui keys recover."


class Pin:
    """A PIN together with the keyring of this machine."""

    name = "pin"

    def __init__(
        self, keyring: OsKeyring, ask: Callable[[str], str], tries: Tries, *, memory_kib: int = MEMORY_KIB
    ) -> None:
        """`ask` is given what went wrong before ("" at first) and returns what was typed; "" leaves it to other locks."""
        self._keyring, self._ask, self._tries = keyring, ask, tries
        self._memory_kib = memory_kib

    def wrap(self, content_key: bytes) -> Wrap:
        """Put a new secret into the keyring and wrap with it and the PIN. Raises BadInput for too simple a PIN, WrongKey
        where there is no keyring to use."""
        pin = self._ask("")
        check_pin(pin)
        secret = os.urandom(CONTENT_KEY_BYTES)
        settings = {**stretching(self._memory_kib), **self._keyring.put(secret)}
        self._tries.forgive()
        return seal_key(_joined(secret, pin, settings), content_key, settings)

    def unwrap(self, wrap: Wrap) -> bytes:
        """The content key. Raises WrongKey with the keyring's state, for a wrong PIN or one that has to wait; Corrupt."""
        secret = self._keyring.secret_of(wrap)
        error, said = WrongKey("No PIN was typed.", _OTHER_WAY), ""
        while pin := self._ask(said):
            self._tries.take()
            try:
                content_key = open_key(_joined(secret, pin, wrap), wrap, "This is not the PIN.", _OTHER_WAY)
            except WrongKey:
                said = f"This is not the PIN. {self._tries.words()}"
                error = WrongKey(said, _OTHER_WAY)
            else:
                self._tries.forgive()
                return content_key
        raise error


def check_pin(pin: str) -> None:
    """Raises BadInput for a PIN that anybody would try first."""
    if len(pin) < PIN_CHARACTERS_MIN:
        raise BadInput(
            f"The PIN is too short: it needs {PIN_CHARACTERS_MIN} digits or more.",
            "Choose a longer one; letters may be in it.",
        )
    steps = {ord(b) - ord(a) for a, b in pairwise(pin)}
    if len(set(pin)) < 3 or steps in ({1}, {-1}):
        raise BadInput(
            "That PIN is among the first that anybody would try.", "Choose one that is no run of digits."
        )


def _joined(secret: bytes, pin: str, settings: Wrap) -> bytes:
    known = stretched(typed_bytes(pin), settings)
    return HKDF(SHA256(), CONTENT_KEY_BYTES, salt=None, info=b"bravetui pin v1").derive(secret + known)
