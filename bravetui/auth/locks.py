"""What opens the key file: each lock wraps the same content key in a way of its own, and any one of them
opens it.

A passphrase (Argon2id, RFC 9106), the organization's recovery key (X25519, wrap only), and in `os_keyring`
the keyring of the operating system. A wrap is a small JSON object; its settings are authenticated with it.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bravetui.auth.signing import decode, encode
from bravetui.base.canonical import canonical_bytes
from bravetui.base.errors import BadInput, Corrupt, WrongKey

CONTENT_KEY_BYTES = 32
PASSPHRASE_CHARACTERS_MIN = 8
"""As NIST SP 800-63B section 5.1.1.1 asks for at least."""
WRONG_PASSPHRASE = (
    "This passphrase does not open the keys of this laptop.",
    "Type it again, minding capitals, or let the office open it: bravetui keys recover ask FILE.",
)
_NONCE_BYTES = 12
_SALT_BYTES = 16
MEMORY_KIB = 64 * 1024
"""What Argon2id fills for each try: RFC 9106 section 4, second choice (64 MiB, 3 passes, 4 lanes)."""
_MEMORY_KIB_MAX = 1024 * 1024
_ITERATIONS = 3
_ITERATIONS_MAX = 20
_LANES = 4

Wrap = Mapping[str, Any]


class Lock(Protocol):
    """One way to open the key file."""

    @property
    def name(self) -> str:
        """Its name in the key file; one lock of a name."""
        ...

    def wrap(self, content_key: bytes) -> Wrap:
        """The content key, wrapped. Raises WrongKey or BadInput where this lock cannot be used here."""
        ...

    def unwrap(self, wrap: Wrap) -> bytes:
        """The content key. Raises WrongKey, or Corrupt for a wrap that makes no sense."""
        ...


class Passphrase:
    """A passphrase that a person knows; the only lock that needs nothing of the machine."""

    name = "passphrase"

    def __init__(
        self, passphrase: str, *, memory_kib: int = MEMORY_KIB, wrong: tuple[str, str] = WRONG_PASSPHRASE
    ) -> None:
        """`wrong`: what is said, and what to do, where it does not open."""
        self._wrong = wrong
        self._passphrase = typed_bytes(passphrase)
        self._characters = len(passphrase)
        self._memory_kib = memory_kib

    def wrap(self, content_key: bytes) -> Wrap:
        """Wrap under a fresh salt. Raises BadInput for a passphrase that is too short."""
        if self._characters < PASSPHRASE_CHARACTERS_MIN:
            raise BadInput(
                f"The passphrase is too short: it needs {PASSPHRASE_CHARACTERS_MIN} characters or more.",
                "Choose a longer one, such as four words.",
            )
        settings = stretching(self._memory_kib)
        return seal_key(stretched(self._passphrase, settings), content_key, settings)

    def unwrap(self, wrap: Wrap) -> bytes:
        """Unwrap with the settings in the wrap. Raises WrongKey, Corrupt."""
        return open_key(stretched(self._passphrase, wrap), wrap, *self._wrong)


def typed_bytes(text: str) -> bytes:
    """What a person typed, as a KDF takes it: NFKC, since keyboards and systems compose the same letters differently
    (RFC 8265 section 4.2)."""
    return unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")


def stretching(memory_kib: int = MEMORY_KIB) -> dict[str, Any]:
    """Settings of Argon2id with a fresh salt, to be kept beside what is sealed with its key."""
    return {
        "salt": encode(os.urandom(_SALT_BYTES)),
        "memory_kib": memory_kib,
        "iterations": _ITERATIONS,
        "lanes": _LANES,
    }


def stretched(secret: bytes, settings: Wrap) -> bytes:
    """The key that Argon2id makes of what a person knows. Raises Corrupt for settings that this program never wrote."""
    try:
        salt = decode(settings["salt"], _SALT_BYTES, "salt")
        memory_kib, iterations, lanes = (
            int(settings[name]) for name in ("memory_kib", "iterations", "lanes")
        )
        # A damaged file must not be able to ask for all memory of the laptop.
        if not (
            0 < iterations <= _ITERATIONS_MAX
            and 0 < lanes <= 16
            and 8 * lanes <= memory_kib <= _MEMORY_KIB_MAX
        ):
            raise ValueError
    except (KeyError, TypeError, ValueError, BadInput):
        raise senseless_wrap() from None
    kdf = Argon2id(
        salt=salt, length=CONTENT_KEY_BYTES, iterations=iterations, lanes=lanes, memory_cost=memory_kib
    )
    return kdf.derive(secret)


class AskedPassphrase:
    """A passphrase that is asked for only when nothing else has opened what it locks."""

    name = Passphrase.name

    def __init__(self, ask: Callable[[], str], tries: int = 1) -> None:
        """`tries`: how often it is asked for while it is wrong."""
        self._ask, self._tries, self._known = ask, tries, ""

    def wrap(self, content_key: bytes) -> Wrap:
        """As `Passphrase` does."""
        return self._lock().wrap(content_key)

    def unwrap(self, wrap: Wrap) -> bytes:
        """As `Passphrase` does, once it is right."""
        for left in reversed(range(self._tries)):
            try:
                return self._lock().unwrap(wrap)
            except WrongKey:
                self._known = ""
                if not left:
                    raise
        raise AssertionError("asked for at least once")

    def _lock(self) -> Passphrase:
        self._known = self._known or self._ask()
        return Passphrase(self._known)


class RecoveryKey:
    """The organization's recovery key: the laptop wraps to its public half, the office opens with the private
    one."""

    name = "recovery"

    def __init__(self, public_key: bytes, private_key: bytes | None = None) -> None:
        self._public_key = public_key
        self._private_key = private_key

    def wrap(self, content_key: bytes) -> Wrap:
        """Wrap to the public key, with a key pair made for this wrap alone."""
        once = X25519PrivateKey.generate()
        shared = once.exchange(X25519PublicKey.from_public_bytes(self._public_key))
        settings: Wrap = {
            "once": encode(once.public_key().public_bytes_raw()),
            "to": encode(self._public_key),
        }
        return seal_key(_shared_key(shared, settings), content_key, settings)

    def unwrap(self, wrap: Wrap) -> bytes:
        """Unwrap with the private key. Raises WrongKey where it is not at hand, or is another's."""
        words = "The keys of this laptop were not locked to this recovery key."
        if self._private_key is None or wrap.get("to") != encode(self._public_key):
            raise WrongKey(words, _UNLOCK)
        try:
            once = X25519PublicKey.from_public_bytes(decode(wrap["once"], 32, "public key"))
            shared = X25519PrivateKey.from_private_bytes(self._private_key).exchange(once)
        except (KeyError, TypeError, ValueError, BadInput):
            raise senseless_wrap() from None
        return open_key(_shared_key(shared, wrap), wrap, words)


def central_lock(sealing_key: str) -> RecoveryKey | None:
    """The lock that only central opens; None before central has given its key."""
    return RecoveryKey(decode(sealing_key, 32, "sealing key")) if sealing_key else None


_UNLOCK = "Unlock with the passphrase, or let the office open it: bravetui keys recover ask FILE."


def seal_key(key: bytes, content_key: bytes, settings: Wrap) -> Wrap:
    """`content_key` sealed under `key` (AES-256-GCM), with `settings` authenticated beside it."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, content_key, canonical_bytes(dict(settings)))
    return {**settings, "nonce": encode(nonce), "sealed": encode(sealed)}


def open_key(key: bytes, wrap: Wrap, words: str, todo: str = _UNLOCK) -> bytes:
    """What `seal_key` sealed. Raises WrongKey with `words` and `todo`, or Corrupt."""
    settings = {name: value for name, value in wrap.items() if name not in ("nonce", "sealed")}
    try:
        nonce = decode(wrap["nonce"], _NONCE_BYTES, "nonce")
        sealed = decode(wrap["sealed"], CONTENT_KEY_BYTES + 16, "wrapped key")
        return AESGCM(key).decrypt(nonce, sealed, canonical_bytes(settings))
    except (KeyError, TypeError, ValueError, BadInput):
        raise senseless_wrap() from None
    except InvalidTag:
        raise WrongKey(words, todo) from None


def senseless_wrap() -> Corrupt:
    """The error for a wrap that no version of this program wrote."""
    return Corrupt("One lock of the key file is damaged.", _UNLOCK)


def _shared_key(shared: bytes, settings: Wrap) -> bytes:
    salt = f"{settings['once']}|{settings['to']}".encode()
    return HKDF(SHA256(), CONTENT_KEY_BYTES, salt=salt, info=b"bravetui recovery v1").derive(shared)
