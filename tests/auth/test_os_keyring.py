"""A keyring that cannot be used is told apart four ways, in bounded time, and never replaced by a plain-text one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bravetui.auth.locks import seal_key
from bravetui.auth.os_keyring import KeyringState, OsKeyring, key_id, open_with, unusable
from bravetui.auth.signing import encode
from bravetui.base.errors import Corrupt, WrongKey

KEY, CONTENT_KEY = bytes(range(32)), bytes(32)


def use(monkeypatch: pytest.MonkeyPatch, backend: str) -> OsKeyring:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    return OsKeyring("bravetui-test", "nobody", wait_s=30)


def test_each_state_has_a_sentence_of_its_own_that_ends_in_another_way_in() -> None:
    errors = [unusable(state) for state in KeyringState]
    assert len({error.what for error in errors}) == 4
    assert all("passphrase" in error.todo for error in errors)


def test_a_machine_without_a_keyring_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = use(monkeypatch, "keyring.backends.fail.Keyring")
    with pytest.raises(WrongKey, match="has no keyring"):
        lock.wrap(CONTENT_KEY)
    with pytest.raises(WrongKey, match="has no keyring"):
        lock.unwrap({})


def test_a_keyring_that_keeps_nothing_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongKey, match="has no keyring"):
        use(monkeypatch, "keyring.backends.null.Keyring").wrap(CONTENT_KEY)


PLAIN = """
from pathlib import Path
from keyring.backend import KeyringBackend

class PlainKeyring(KeyringBackend):
    priority = 9
    path = Path(__file__).with_name("secret")

    def set_password(self, service, username, password):
        self.path.write_text(password)

    def get_password(self, service, username):
        return self.path.read_text()
"""


def test_a_keyring_that_writes_readable_files_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain_keyring.py").write_text(PLAIN)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path.cwd())]))
    with pytest.raises(WrongKey, match="has no keyring"):
        use(monkeypatch, "plain_keyring.PlainKeyring").wrap(CONTENT_KEY)
    assert not (tmp_path / "secret").exists()


def test_a_keyring_that_does_not_answer_is_given_up_on() -> None:
    with pytest.raises(WrongKey, match="locked, or did not answer"):
        OsKeyring("bravetui-test", "nobody", wait_s=0.001).unwrap({})


def test_an_emptied_keyring_is_told_apart_from_a_damaged_and_a_swapped_one() -> None:
    wrap = seal_key(KEY, CONTENT_KEY, {"key_id": "another"})
    for stored, words in ((None, "holds no key"), ("\x00?", "damaged"), (encode(KEY), "another laptop")):
        with pytest.raises(WrongKey, match=words):
            open_with(stored, wrap)


def test_the_key_from_the_keyring_opens_and_a_damaged_wrap_is_called_damaged() -> None:
    wrap = seal_key(KEY, CONTENT_KEY, {"key_id": key_id(KEY)})
    assert open_with(encode(KEY), wrap) == CONTENT_KEY
    with pytest.raises(Corrupt):
        open_with(encode(KEY), {**wrap, "nonce": "?"})


@pytest.mark.parametrize("request_", [{"do": "get"}, {"do": "set", "value": "secret"}, {"do": "delete"}])
def test_the_keyring_process_answers_every_request_with_one_object(
    request_: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    done = subprocess.run(
        [sys.executable, "-m", "bravetui.auth.keyring_process"],
        input=json.dumps({"service": "bravetui-test", "user": "nobody", **request_}).encode(),
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"failed": "absent"}
