"""The key file opens with any of its locks, with nothing else, and survives damage to one of its copies."""

import dataclasses
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bravetui.auth.keys import Secrets, new_secrets, open_or_create
from bravetui.auth.locks import Passphrase, RecoveryKey
from bravetui.auth.os_keyring import OsKeyring
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.copies import TwoCopies
from bravetui.base.errors import BadInput, Corrupt, StorageFull, WrongKey

WORDS = "correct horse battery"
OFFICE = X25519PrivateKey.from_private_bytes(bytes(range(32)))


def passphrase(text: str = WORDS) -> Passphrase:
    """A lock that is as cheap as Argon2id allows, since cost is not what is tested."""
    return Passphrase(text, memory_kib=32)


def recovery(*, at_office: bool) -> RecoveryKey:
    private = OFFICE.private_bytes_raw() if at_office else None
    return RecoveryKey(OFFICE.public_key().public_bytes_raw(), private)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "laptop.keys"


def made(path: Path) -> Secrets:
    return open_or_create(SealedFile(path, [passphrase(), recovery(at_office=False)]))


def test_new_secrets_are_random_and_the_same_after_opening_again(path: Path, tmp_path: Path) -> None:
    first = made(path)
    assert made(path) == first
    assert made(tmp_path / "other").database_key != first.database_key


def test_the_office_opens_the_file_when_the_passphrase_is_forgotten(path: Path) -> None:
    secrets = made(path)
    assert SealedFile(path, [recovery(at_office=True)]).load() == secrets


def test_the_laptop_itself_cannot_open_the_recovery_lock(path: Path) -> None:
    made(path)
    with pytest.raises(WrongKey, match="recovery key"):
        SealedFile(path, [recovery(at_office=False)]).load()


def test_another_passphrase_is_refused_and_replaces_nothing(path: Path) -> None:
    secrets = made(path)
    wrong = SealedFile(path, [passphrase("correct horse batterY")])
    with pytest.raises(WrongKey, match="passphrase does not open"):
        open_or_create(wrong)
    with pytest.raises(WrongKey, match="not been unlocked"):
        wrong.save(new_secrets())
    assert made(path) == secrets


def test_a_passphrase_typed_on_another_keyboard_is_the_same(path: Path) -> None:
    secrets = open_or_create(SealedFile(path, [passphrase("ame\u0301lie dupont")]))
    assert SealedFile(path, [passphrase("am\u00e9lie dupont")]).load() == secrets


def test_a_short_passphrase_is_refused_before_anything_is_written(path: Path) -> None:
    with pytest.raises(BadInput, match="too short"):
        open_or_create(SealedFile(path, [passphrase("seven77")]))
    assert not path.parent.exists()


def test_where_no_keyring_is_the_passphrase_alone_locks_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    file = SealedFile(path, [OsKeyring("bravetui-test", "nobody"), passphrase()])
    secrets = open_or_create(file)
    assert file.lock_names == ("passphrase",)
    assert SealedFile(path, [OsKeyring("bravetui-test", "nobody"), passphrase()]).load() == secrets


def test_changed_secrets_open_with_every_lock_without_working_any_again(path: Path) -> None:
    made(path)
    file = SealedFile(path, [passphrase()])
    secrets = dataclasses.replace(file.load(), identity="grant", incarnation=2)
    file.save(secrets)
    assert made(path) == secrets
    assert SealedFile(path, [recovery(at_office=True)]).load() == secrets


def test_a_changed_passphrase_opens_and_the_old_one_does_not(path: Path) -> None:
    secrets = made(path)
    SealedFile(path, [passphrase()]).add_lock(passphrase("another horse"))
    assert SealedFile(path, [passphrase("another horse")]).load() == secrets
    with pytest.raises(WrongKey):
        made(path)


def test_a_change_that_was_killed_between_its_copies_leaves_no_older_way_in(path: Path) -> None:
    """Neither while the older copy is there, nor after the next start has brought it up."""
    made(path)
    older = path.with_name(f"{path.name}.b").read_bytes()
    SealedFile(path, [passphrase()]).add_lock(passphrase("another horse"))
    path.with_name(f"{path.name}.b").write_bytes(older)
    with pytest.raises(WrongKey):
        made(path)
    assert not TwoCopies(path).mend()
    path.with_name(f"{path.name}.a").unlink()
    with pytest.raises(WrongKey):
        made(path)
    assert SealedFile(path, [passphrase("another horse")]).load().database_key


@pytest.mark.parametrize("letter", ["a", "b"])
def test_a_flipped_bit_anywhere_in_one_copy_costs_nothing(path: Path, letter: str) -> None:
    secrets = made(path)
    copy = path.with_name(f"{path.name}.{letter}")
    sound = copy.read_bytes()
    for at in range(0, len(sound), 7):
        copy.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << at % 8]) + sound[at + 1 :])
        assert made(path) == secrets, at


@pytest.mark.parametrize("size", [0, 1, 20, 300])
def test_a_copy_cut_short_costs_nothing(path: Path, size: int) -> None:
    secrets = made(path)
    copy = path.with_name(f"{path.name}.a")
    copy.write_bytes(copy.read_bytes()[:size])
    assert made(path) == secrets


def test_both_copies_damaged_is_said_and_never_replaced_by_new_keys(path: Path) -> None:
    made(path)
    for letter in "ab":
        path.with_name(f"{path.name}.{letter}").write_bytes(b"damaged")
    with pytest.raises(Corrupt, match="Both copies"):
        made(path)
    assert path.with_name(f"{path.name}.a").read_bytes() == b"damaged"


def test_no_secret_is_readable_in_the_files_or_in_what_is_printed(path: Path) -> None:
    secrets = made(path)
    stored = b"".join(file.read_bytes() for file in path.parent.iterdir())
    printed = f"{secrets!r}"
    for secret in (secrets.database_key, secrets.device_key, WORDS.encode()):
        assert secret not in stored
        assert repr(secret) not in printed


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps rights in access lists")
def test_only_this_account_may_read_the_key_file(path: Path) -> None:
    made(path)
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are a POSIX thing")
def test_a_full_disk_keeps_the_secrets_as_they_were(path: Path) -> None:
    import resource

    made(path)
    file = SealedFile(path, [passphrase()])
    secrets = file.load()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(StorageFull):
            file.save(dataclasses.replace(secrets, identity="grant"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert made(path) == secrets
    assert len(list(path.parent.iterdir())) == 2


def test_a_file_of_a_newer_version_is_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("bravetui.auth.sealed_file.VERSION", 2)
        made(path)
    with pytest.raises(BadInput, match="newer"):
        made(path)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"database_key": 1}', b"\xff"])
def test_secrets_that_make_no_sense_are_called_damaged(data: bytes) -> None:
    with pytest.raises(Corrupt, match="cannot be used"):
        Secrets.from_bytes(data)


def test_secrets_of_a_newer_version_are_read_as_far_as_they_are_known() -> None:
    secrets = new_secrets()
    assert Secrets.from_bytes(secrets.to_bytes()[:-1] + b',"unknown":[1]}') == secrets
