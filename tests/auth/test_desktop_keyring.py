"""The desktop's own keyring, really running, in every state it is met in: the sentence, the time, and never a lost form."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bravetui.auth.keys import open_or_create
from bravetui.auth.locks import Passphrase
from bravetui.auth.os_keyring import WAIT_S, OsKeyring
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.errors import WrongKey
from tests.support.keyrings import Desktop, desktop, missing_programs

pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=f"no keyring: {missing_programs()}")

PHRASE = Passphrase("correct horse battery", memory_kib=32)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    with desktop() as made:
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "PYTHON_KEYRING_BACKEND"):
            monkeypatch.delenv(name, raising=False)
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        made.start()
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def keyring() -> OsKeyring:
    return OsKeyring("bravetui-test", "nobody")


def locked_to(path: Path) -> SealedFile:
    """A key file that this keyring opens by itself, and a passphrase too."""
    file = SealedFile(path, [keyring(), PHRASE])
    open_or_create(file)
    assert file.lock_names == ("keyring", "passphrase")
    assert SealedFile(path, [keyring()]).load().database_key
    return file


def refused(path: Path) -> tuple[str, float]:
    """What the keyring says, and in how many seconds; the passphrase opens all the same."""
    started = time.monotonic()
    with pytest.raises(WrongKey) as caught:
        SealedFile(path, [keyring()]).load()
    took_s = time.monotonic() - started
    assert SealedFile(path, [PHRASE]).load().database_key
    return caught.value.what, took_s


def test_a_keyring_that_works_opens_by_itself_and_again_after_it_was_restarted(
    desk: Desktop, path: Path
) -> None:
    locked_to(path)
    desk.stop()
    desk.start()
    assert SealedFile(path, [keyring()]).load().database_key


def test_without_a_bus_there_is_no_keyring(
    desk: Desktop, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked_to(path)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    words, _ = refused(path)
    assert "no keyring" in words


def test_a_bus_without_a_keyring_is_no_keyring_either(desk: Desktop, path: Path) -> None:
    locked_to(path)
    desk.stop()
    words, _ = refused(path)
    assert "no keyring" in words


def test_a_locked_keyring_is_called_locked(desk: Desktop, path: Path) -> None:
    locked_to(path)
    desk.stop()
    desk.start(unlocked=False)
    words, took_s = refused(path)
    assert "is locked" in words
    assert took_s < WAIT_S + 1


def test_an_entry_that_was_wiped_is_missed(desk: Desktop, path: Path) -> None:
    file = locked_to(path)
    keyring().forget(file.wraps()["keyring"])
    words, _ = refused(path)
    assert "holds no key" in words


def test_an_entry_that_was_swapped_is_known_for_anothers(desk: Desktop, path: Path, tmp_path: Path) -> None:
    wrap = locked_to(path).wraps()["keyring"]
    other = locked_to(tmp_path / "other").wraps()["keyring"]
    theirs = keyring()._call("get", other["entry"])
    keyring()._call("set", wrap["entry"], theirs)
    words, _ = refused(path)
    assert "another laptop" in words


def test_an_entry_that_was_damaged_is_called_damaged(desk: Desktop, path: Path) -> None:
    wrap = locked_to(path).wraps()["keyring"]
    keyring()._call("set", wrap["entry"], "not what was put there")
    words, _ = refused(path)
    assert "damaged" in words


def test_a_keyring_whose_file_is_damaged_costs_the_keyring_only(desk: Desktop, path: Path) -> None:
    """The daemon makes of it what it will; the sentence is one of the four, and comes in time."""
    locked_to(path)
    desk.stop()
    for file in desk.files():
        file.write_bytes(b"GnomeKeyring\n\r\0\n" + os.urandom(300))
    desk.start()
    words, took_s = refused(path)
    assert any(told in words for told in ("no keyring", "locked", "damaged", "another laptop"))
    assert took_s < WAIT_S + 1


def test_a_keyring_that_hangs_is_given_up_on_after_three_seconds(desk: Desktop, path: Path) -> None:
    locked_to(path)
    desk.hang()
    words, took_s = refused(path)
    assert "did not answer within 3 seconds" in words
    assert WAIT_S <= took_s < WAIT_S + 1
