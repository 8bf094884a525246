"""The lock that the operating system's keyring holds: Windows, macOS, GNOME, KDE.

Keeps a random key in the keyring and wraps with that, so that the keyring's size limits do not matter and a
changed secret needs no keyring. Calls it in a process that is killed after `WAIT_S`. A keyring that is
absent, locked, corrupt or swapped is four different sentences, and each ends in another way to unlock.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from enum import StrEnum

from bravetui.auth.locks import CONTENT_KEY_BYTES, Wrap, open_key, seal_key
from bravetui.auth.signing import decode, encode
from bravetui.base.errors import BadInput, WrongKey

WAIT_S = 3.0
_ENTRY_BYTES = 8


class KeyringState(StrEnum):
    """Why the keyring does not help."""

    ABSENT = "absent"
    LOCKED = "locked"
    CORRUPT = "corrupt"
    SWAPPED = "swapped"


class KeyringUnusable(WrongKey):
    """The keyring does not help; another lock may."""

    def __init__(self, state: KeyringState, *, is_lost: bool) -> None:
        super().__init__(_WORDS[state], "Unlock with the passphrase instead; nothing is lost.")
        self.state = state
        self.is_lost = is_lost
        """Whether the key is gone from it for good; else it may be there for the next session, as over SSH."""


_WORDS = {
    KeyringState.ABSENT: "This machine has no keyring that bravetui may use, or its keyring holds no key of it.",
    KeyringState.LOCKED: "The keyring of this machine is locked, or did not answer within 3 seconds.",
    KeyringState.CORRUPT: "The keyring of this machine is damaged.",
    KeyringState.SWAPPED: "The keyring of this machine holds the key of another laptop or older installation.",
}


class OsKeyring:
    """A key in the keyring of the operating system, under the service and an entry that the wrap names.

    The entry is random and kept in the key file: it is found again where the folder, the home or the account has another
    name by now. Wraps from before that name none and are found by `user`.
    """

    name = "keyring"

    def __init__(self, service: str, user: str, *, wait_s: float = WAIT_S) -> None:
        self._service = service
        self._user = user
        self._wait_s = wait_s

    def wrap(self, content_key: bytes) -> Wrap:
        """Put a new key into the keyring and wrap with it. Raises WrongKey where there is no keyring to
        use."""
        key = os.urandom(CONTENT_KEY_BYTES)
        return seal_key(key, content_key, self.put(key))

    def unwrap(self, wrap: Wrap) -> bytes:
        """The content key. Raises WrongKey with the sentence for the keyring's state, or Corrupt for a
        damaged wrap."""
        return open_with(self._call("get", self._entry(wrap)), wrap)

    def put(self, key: bytes) -> dict[str, str]:
        """Keep a key under a new entry; returns what a wrap must say to find it. Raises WrongKey as `wrap` does."""
        entry = os.urandom(_ENTRY_BYTES).hex()
        self._call("set", entry, encode(key))
        # Some keyrings accept a value and do not keep it: what cannot be read back is no lock.
        if self._call("get", entry) != encode(key):
            raise unusable(KeyringState.CORRUPT)
        return {"entry": entry, "key_id": key_id(key)}

    def secret_of(self, wrap: Wrap) -> bytes:
        """The key that a wrap was made with. Raises WrongKey with the sentence for the keyring's state."""
        return _fitting(self._call("get", self._entry(wrap)), wrap)

    def forget(self, wrap: Wrap) -> None:
        """Take a wrap's key out of the keyring; the other locks of the key file still open it."""
        self._call("delete", self._entry(wrap))

    def _entry(self, wrap: Wrap) -> str:
        return str(wrap.get("entry", self._user))

    def _call(self, do: str, entry: str, value: str | None = None) -> str | None:
        request = json.dumps({"do": do, "service": self._service, "user": entry, "value": value})
        try:
            done = subprocess.run(
                # -P: a folder one happens to stand in must not be able to bring a `keyring` of its own.
                [sys.executable, "-P", "-m", "bravetui.auth.keyring_process"],
                input=request.encode(),
                capture_output=True,
                timeout=self._wait_s,
                check=True,
            )
            answer = json.loads(done.stdout)
            if "failed" in answer:
                raise unusable(KeyringState(answer["failed"]))
            found = answer["value"]
        except subprocess.TimeoutExpired:
            raise unusable(KeyringState.LOCKED) from None
        except (subprocess.CalledProcessError, OSError, ValueError, KeyError, TypeError):
            raise unusable(KeyringState.CORRUPT) from None
        return None if found is None else str(found)


def open_with(stored: str | None, wrap: Wrap) -> bytes:
    """The content key, given what the keyring holds. Raises WrongKey, or Corrupt for a damaged wrap."""
    return open_key(_fitting(stored, wrap), wrap, _WORDS[KeyringState.CORRUPT])


def _fitting(stored: str | None, wrap: Wrap) -> bytes:
    """The key that the keyring holds, if it is the one that the wrap was made with."""
    if stored is None:
        raise unusable(KeyringState.ABSENT, is_lost=True)
    try:
        key = decode(stored, CONTENT_KEY_BYTES, "key")
    except BadInput:
        raise unusable(KeyringState.CORRUPT, is_lost=True) from None
    if wrap.get("key_id") != key_id(key):
        raise unusable(KeyringState.SWAPPED, is_lost=True)
    return key


def unusable(state: KeyringState, *, is_lost: bool = False) -> KeyringUnusable:
    """The error for a keyring in `state`."""
    return KeyringUnusable(state, is_lost=is_lost)


def key_id(key: bytes) -> str:
    """Says which key a wrap needs, and nothing about it."""
    return hashlib.sha256(b"bravetui key id " + key).hexdigest()[:16]
