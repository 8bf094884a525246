"""A PIN is half of a key: neither it nor what the keyring holds opens anything alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bravetui.auth.keys import Secrets, open_or_create
from bravetui.auth.locks import Passphrase
from bravetui.auth.os_keyring import KeyringState
from bravetui.auth.pin import Pin, check_pin
from bravetui.auth.sealed_file import SealedFile
from bravetui.auth.tries import Tries
from bravetui.base.clock import ManualClock
from bravetui.base.errors import BadInput, WrongKey
from tests.support.keyrings import Held, MemoryKeyring

CONTENT_KEY = bytes(range(32))
RIGHT = "274913"


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def tries(tmp_path: Path) -> Tries:
    return Tries(tmp_path / "pin.tries", ManualClock(datetime(2026, 8, 3, tzinfo=UTC)))


def pin(held: Held, tries: Tries, *typed: str) -> Pin:
    """A lock before which a person types these, one after the other, and then Enter alone."""
    words = iter([*typed, ""])
    return Pin(MemoryKeyring(held), lambda _: next(words), tries, memory_kib=32)


def test_pin_and_keyring_together_open(held: Held, tries: Tries) -> None:
    wrap = pin(held, tries, RIGHT).wrap(CONTENT_KEY)
    assert pin(held, tries, RIGHT).unwrap(wrap) == CONTENT_KEY
    assert pin(held, tries, "111999", RIGHT).unwrap(wrap) == CONTENT_KEY


@pytest.mark.parametrize("state", list(KeyringState))
def test_the_pin_alone_opens_nothing(held: Held, tries: Tries, state: KeyringState) -> None:
    wrap = pin(held, tries, RIGHT).wrap(CONTENT_KEY)
    held.state = state
    with pytest.raises(WrongKey, match="keyring"):
        pin(held, tries, RIGHT).unwrap(wrap)


def test_what_the_keyring_holds_is_not_the_key(held: Held, tries: Tries) -> None:
    wrap = pin(held, tries, RIGHT).wrap(CONTENT_KEY)
    with pytest.raises(WrongKey):
        MemoryKeyring(held).unwrap(wrap)


def test_a_wrong_pin_opens_nothing_and_is_counted(held: Held, tries: Tries) -> None:
    wrap = pin(held, tries, RIGHT).wrap(CONTENT_KEY)
    with pytest.raises(WrongKey, match="3 more tries"):
        pin(held, tries, "274914", "274915").unwrap(wrap)


def test_after_too_many_even_the_right_one_has_to_wait(held: Held, tries: Tries) -> None:
    wrap = pin(held, tries, RIGHT).wrap(CONTENT_KEY)
    with pytest.raises(WrongKey, match="next try is possible"):
        pin(held, tries, *["999222"] * 9).unwrap(wrap)
    with pytest.raises(WrongKey, match="passphrase opens this laptop without waiting"):
        pin(held, tries, RIGHT).unwrap(wrap)


def test_typing_nothing_counts_nothing(held: Held, tries: Tries) -> None:
    wrap = pin(held, tries, RIGHT).wrap(CONTENT_KEY)
    for _ in range(9):
        with pytest.raises(WrongKey, match="No PIN was typed"):
            pin(held, tries).unwrap(wrap)
    assert pin(held, tries, RIGHT).unwrap(wrap) == CONTENT_KEY


def test_a_broken_keyring_counts_nothing(held: Held, tries: Tries) -> None:
    wrap = pin(held, tries, RIGHT).wrap(CONTENT_KEY)
    held.state = KeyringState.LOCKED
    for _ in range(9):
        with pytest.raises(WrongKey, match="locked"):
            pin(held, tries, RIGHT).unwrap(wrap)
    held.state = None
    assert pin(held, tries, RIGHT).unwrap(wrap) == CONTENT_KEY


@pytest.mark.parametrize("simple", ["", "27491", "123456", "987654", "111111", "121212"])
def test_a_pin_that_anybody_would_try_is_refused(simple: str) -> None:
    with pytest.raises(BadInput):
        check_pin(simple)


def test_where_the_pin_must_wait_the_passphrase_opens_at_once(
    tmp_path: Path, held: Held, tries: Tries
) -> None:
    """And both copies of the file, being alike, ask only once."""
    path = tmp_path / "keys"
    phrase = Passphrase("correct horse battery", memory_kib=32)
    secrets: Secrets = open_or_create(SealedFile(path, [MemoryKeyring(held), phrase]))
    SealedFile(path, [phrase]).change_locks([pin(held, tries, RIGHT)], remove=["keyring"])
    asked: list[str] = []

    def ask(wrong: str) -> str:
        asked.append(wrong)
        return "999222" if len(asked) < 7 else ""

    file = SealedFile(path, [Pin(MemoryKeyring(held), ask, tries, memory_kib=32), phrase])
    assert file.load() == secrets
    assert len(asked) == 6
    assert "next try" in file.shut["pin"].what


def test_once_there_is_a_pin_the_keyring_alone_opens_the_file_no_more(
    tmp_path: Path, held: Held, tries: Tries
) -> None:
    path = tmp_path / "keys"
    phrase = Passphrase("correct horse battery", memory_kib=32)
    open_or_create(SealedFile(path, [MemoryKeyring(held), phrase]))
    SealedFile(path, [phrase]).change_locks([pin(held, tries, RIGHT)], remove=["keyring"])
    with pytest.raises(WrongKey, match="none of the locks"):
        SealedFile(path, [MemoryKeyring(held)]).load()
