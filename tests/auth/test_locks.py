"""A damaged or forged wrap neither opens nor costs the laptop its memory or time."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bravetui.auth.locks import Lock, Passphrase, RecoveryKey
from bravetui.auth.os_keyring import open_with
from bravetui.auth.signing import encode
from bravetui.base.errors import BravetuiError, Corrupt, WrongKey

CONTENT_KEY = bytes(range(32))
OFFICE = X25519PrivateKey.from_private_bytes(bytes(32))
LOCKS: list[Lock] = [
    Passphrase("correct horse", memory_kib=32),
    RecoveryKey(OFFICE.public_key().public_bytes_raw(), OFFICE.private_bytes_raw()),
]
SENSELESS: list[Any] = [None, "", 0, -1, 10**9, "A", "A" * 22, "A" * 43, [], {}, "\x00"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_opens_what_it_wrapped(lock: Lock) -> None:
    assert lock.unwrap(lock.wrap(CONTENT_KEY)) == CONTENT_KEY


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_wrapping_twice_gives_nothing_alike(lock: Lock) -> None:
    assert lock.wrap(CONTENT_KEY)["sealed"] != lock.wrap(CONTENT_KEY)["sealed"]


@pytest.mark.parametrize("value", SENSELESS, ids=repr)
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_any_entry_of_a_wrap_made_senseless_or_taken_away_fails_in_a_sentence(lock: Lock, value: Any) -> None:
    wrap = lock.wrap(CONTENT_KEY)
    for name in wrap:
        without = {key: kept for key, kept in wrap.items() if key != name}
        for damaged in ({**wrap, name: value}, without):
            with pytest.raises((WrongKey, Corrupt)):
                lock.unwrap(damaged)


def test_a_wrap_that_asks_for_all_memory_is_refused_before_it_gets_any() -> None:
    wrap = LOCKS[0].wrap(CONTENT_KEY)
    with pytest.raises(Corrupt):
        LOCKS[0].unwrap({**wrap, "memory_kib": 2**31})


def test_a_weaker_setting_put_into_the_file_does_not_open_it() -> None:
    wrap = LOCKS[0].wrap(CONTENT_KEY)
    with pytest.raises(WrongKey):
        LOCKS[0].unwrap({**wrap, "iterations": 1})


@pytest.mark.parametrize("stored", [None, "", "damaged", encode(bytes(32)), encode(bytes(31))])
def test_whatever_a_keyring_holds_a_wrap_of_another_key_stays_shut(stored: str | None) -> None:
    with pytest.raises(BravetuiError):
        open_with(stored, {"key_id": "0" * 16, "nonce": "", "sealed": ""})
