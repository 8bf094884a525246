"""How the office opens the keys of a laptop whose locks are lost: a request file, an answer file, and a code read out aloud.

The request holds the laptop's key file, sealed as it is, and a public key that is made of a new passphrase; the answer holds
the content key, sealed to that. So neither file opens anything for whoever finds it, nothing has to be kept on the laptop in
between, and the new passphrase never leaves the person's head. Bytes in, bytes out.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bravetui.auth.locks import (
    MEMORY_KIB,
    PASSPHRASE_CHARACTERS_MIN,
    RecoveryKey,
    stretched,
    stretching,
    typed_bytes,
)
from bravetui.auth.signing import decode, encode
from bravetui.base.canonical import Json, canonical_bytes
from bravetui.base.errors import BadInput, WrongKey

VERSION = 1
_REQUEST, _ANSWER = "bravetui unlock request", "bravetui unlock answer"
_CODE_LETTERS = 10


@dataclass(frozen=True, slots=True)
class Request:
    """What a laptop asks of the office."""

    keys: bytes
    """Its key file, sealed as it is."""
    made_at: datetime
    code: str
    """To be read out by who asks, and compared: the file may have been swapped on its way."""
    _public: str
    _settings: Mapping[str, Any]

    def answer(self, content_key: bytes) -> bytes:
        """The file that opens the laptop, for who knows the new passphrase."""
        wrap = RecoveryKey(decode(self._public, 32, "public key")).wrap(content_key)
        told: dict[str, Json] = {
            "kind": _ANSWER,
            "version": VERSION,
            "settings": dict(self._settings),
            "wrap": dict(wrap),
        }
        return canonical_bytes(told) + b"\n"


def make_request(keys: bytes, passphrase: str, now: datetime, *, memory_kib: int = MEMORY_KIB) -> bytes:
    """The file to be brought to the office. `passphrase` is the new one. Raises BadInput for one that is too short."""
    if len(passphrase) < PASSPHRASE_CHARACTERS_MIN:
        raise BadInput(
            f"The passphrase is too short: it needs {PASSPHRASE_CHARACTERS_MIN} characters or more.",
            "Choose a longer one, such as four words.",
        )
    settings = stretching(memory_kib)
    told: dict[str, Json] = {
        "kind": _REQUEST, "version": VERSION, "made_at": now.isoformat(), "keys": base64.b64encode(keys).decode(),
        "public": encode(_private(passphrase, settings).public_key().public_bytes_raw()), "settings": settings,
    }  # fmt: skip
    return canonical_bytes(told) + b"\n"


def read_request(data: bytes) -> Request:
    """The request in a file. Raises BadInput for another kind of file, a newer one, or a damaged one."""
    told = _told(data, _REQUEST)
    try:
        decode(told["public"], 32, "public key")
        return Request(
            base64.b64decode(told["keys"], validate=True), datetime.fromisoformat(told["made_at"]),
            code_of(data), str(told["public"]), dict(told["settings"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged() from error


def take_answer(data: bytes, passphrase: str) -> bytes:
    """The content key in an answer. Raises BadInput for another file, WrongKey for another passphrase, Corrupt."""
    told = _told(data, _ANSWER)
    settings, wrap = told.get("settings"), told.get("wrap")
    if not isinstance(settings, dict) or not isinstance(wrap, dict):
        raise _damaged()
    private = _private(passphrase, settings)
    lock = RecoveryKey(private.public_key().public_bytes_raw(), private.private_bytes_raw())
    if wrap.get("to") != encode(private.public_key().public_bytes_raw()):
        raise WrongKey(
            "This is not the passphrase that the request was made with.",
            "Type that one; if it is forgotten, make a new request: bravetui keys recover ask FILE.",
        )
    return lock.unwrap(wrap)


def code_of(data: bytes) -> str:
    """Ten letters and digits that stand for a request, to be read out: 50 bits of its SHA-256."""
    letters = base64.b32encode(hashlib.sha256(data.strip()).digest()).decode()[:_CODE_LETTERS]
    return f"{letters[:5]}-{letters[5:]}"


def _private(passphrase: str, settings: Mapping[str, Any]) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(stretched(typed_bytes(passphrase), settings))


def _told(data: bytes, kind: str) -> Mapping[str, Any]:
    try:
        told = json.loads(data)
        found, version = told["kind"], int(told["version"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged() from None
    if found != kind:
        raise BadInput(f"This file is no {kind}.", "Name the other one of the two.")
    if version > VERSION:
        raise BadInput("This file was made by a newer bravetui.", "Update the program and try again.")
    assert isinstance(told, dict)
    return told


def _damaged() -> BadInput:
    return BadInput(
        "This file is not what `bravetui keys recover ask` or `bravetui central unlock` wrote, or is damaged.",
        "Copy it again, whole and unchanged.",
    )
