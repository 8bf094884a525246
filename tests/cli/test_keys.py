"""`bravetui keys` and `bravetui central unlock`, as people type them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.errors import WrongKey
from bravetui.central.database import open_central_engine
from bravetui.cli.main import main
from bravetui.wiring import KEYS
from tests.cli.terminal import ROOT, Terminal
from tests.support.keyrings import desktop, missing_programs

NEW = "another four words"


def typed(terminal: Terminal, lines: str, *words: str, code: int = 0) -> str:
    """Run a command that asks, with the answers on its input."""
    environment = {name: value for name, value in os.environ.items() if name != "BRAVETUI_PASSPHRASE_FILE"}
    done = subprocess.run(
        [sys.executable, "-m", "bravetui", "--folder", str(terminal.folder), *words],
        cwd=ROOT, env=environment, input=lines, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def opens(terminal: Terminal, passphrase: str) -> bool:
    """Whether this passphrase opens the laptop's keys."""
    try:
        SealedFile(terminal.folder / KEYS, [Passphrase(passphrase)]).load()
    except WrongKey:
        return False
    return True


def test_enrolment_leaves_two_locks_and_says_which(terminal: Terminal, central: tuple[str, str]) -> None:
    """Where no keyring is: a passphrase and the office's recovery key."""
    said = terminal.run("enrol", *central)
    assert "open by the passphrase; by the organization's recovery key, at the office" in said
    told = json.loads(terminal.run("keys", "status", "--json"))
    assert [lock["name"] for lock in told["locks"]] == ["passphrase", "recovery"]
    assert told["enough"] is True
    assert "the organization's recovery key" in terminal.run("keys")


@pytest.mark.skipif(bool(missing_programs()), reason=f"no keyring: {missing_programs()}")
def test_with_a_keyring_enrolment_needs_no_passphrase(
    terminal: Terminal, central: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keyring and the office are two locks; the next command opens by itself."""
    with desktop() as desk:
        monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
        for name, value in desk.environment().items():
            monkeypatch.setenv(name, value)
        desk.start()
        said = typed(terminal, "", "enrol", *central)
        assert "open by the keyring of this machine, by itself; by the organization's recovery key" in said
        assert "Only here" in typed(terminal, "", "status")


def test_without_keyring_and_passphrase_nothing_is_made(terminal: Terminal, central: tuple[str, str]) -> None:
    """No terminal to ask on, no file that holds one: no keys, and least of all readable ones."""
    said = typed(terminal, "", "enrol", *central, code=1)
    assert "A passphrase is needed" in said
    assert not (terminal.folder / "keys.a").exists()


def test_a_passphrase_is_changed_and_the_old_one_opens_nothing(enrolled: Terminal, tmp_path: Path) -> None:
    """From a file, since tests have no terminal."""
    (tmp_path / "new").write_text(NEW, encoding="utf-8")
    assert "is set" in enrolled.run("keys", "passphrase", "--from", str(tmp_path / "new"))
    assert opens(enrolled, NEW)
    assert not opens(enrolled, "four words are enough")
    enrolled.run("status", code=1)
    enrolled.run("status", passphrase=tmp_path / "new")


def test_a_pin_without_a_keyring_is_refused_in_a_sentence(enrolled: Terminal) -> None:
    """Half of its key would be nowhere."""
    environment = {**os.environ, "BRAVETUI_PASSPHRASE_FILE": str(enrolled.passphrase)}
    done = subprocess.run(
        [sys.executable, "-m", "bravetui", "--folder", str(enrolled.folder), "keys", "pin"],
        cwd=ROOT, env=environment, input="274913\n274913\n", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "no keyring that bravetui may use" in done.stderr
    assert "Here the passphrase is the lock" in done.stderr
    assert done.stdout == "", "nobody is asked for what cannot be set"


def test_keys_are_rotated_and_work_goes_on(enrolled: Terminal) -> None:
    """The same passphrase opens the new ones."""
    assert "sealed anew" in enrolled.run("keys", "rotate")
    enrolled.run("sync", "--once")


def test_how_long_until_it_locks_is_a_setting(enrolled: Terminal) -> None:
    """0 is never."""
    assert "after 3 minutes" in enrolled.run("keys", "idle", "3")
    assert "Ctrl+L only" in enrolled.run("keys", "idle", "0")


def test_the_office_opens_a_laptop_whose_passphrase_is_forgotten(
    enrolled: Terminal, operator: Terminal, tmp_path: Path
) -> None:
    """Request, code on the telephone, answer, new passphrase; on record at central; the old passphrase is gone."""
    ask, answer = tmp_path / "ask", tmp_path / "answer"
    said = typed(enrolled, f"{NEW}\n{NEW}\n", "keys", "recover", "ask", str(ask))
    code = re.findall(r"[A-Z2-7]{5}-[A-Z2-7]{5}", said)[0]
    refused = operator.run("central", "unlock", str(ask), code=2)
    assert "Whoever stole it could ask too" in refused
    assert code not in refused
    assert "swapped the file" in operator.run("central", "unlock", str(ask), "--code", "AAAAA-AAAAA", code=2)
    assert "on record" in operator.run("central", "unlock", str(ask), "--code", code, "--into", str(answer))
    assert "not the passphrase that the request" in typed(
        enrolled, "four words are enough\n", "keys", "recover", "take", str(answer), code=1
    )
    typed(enrolled, f"{NEW}\n", "keys", "recover", "take", str(answer))
    assert opens(enrolled, NEW)
    assert not opens(enrolled, "four words are enough")
    enrolled.passphrase.write_text(NEW, encoding="utf-8")
    enrolled.run("sync", "--once")
    assert f"laptop 1  {code}  read out" in operator.run("central", "unlock")


def test_an_answer_that_cannot_be_put_on_record_is_not_given(
    enrolled: Terminal, operator: Terminal, tmp_path: Path, database_url: str
) -> None:
    """The record comes first: a key handed on that nobody can find again is what the record is against."""
    engine = open_central_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE unlock ADD CONSTRAINT closed CHECK (false) NOT VALID"))
    engine.dispose()
    answer = tmp_path / "answer"
    keys = str(enrolled.folder / "keys.a")
    operator.run("central", "unlock", keys, "--vouch", "--into", str(answer), code=75)
    assert not answer.exists()


def test_neither_file_of_an_unlocking_opens_anything_for_its_finder(
    enrolled: Terminal, operator: Terminal, tmp_path: Path
) -> None:
    """Not the database key, not the passphrase, not a name; and an answer opens only the laptop that asked."""
    ask, answer = tmp_path / "ask", tmp_path / "answer"
    said = typed(enrolled, f"{NEW}\n{NEW}\n", "keys", "recover", "ask", str(ask))
    code = re.findall(r"[A-Z2-7]{5}-[A-Z2-7]{5}", said)[0]
    operator.run("central", "unlock", str(ask), "--code", code, "--into", str(answer))
    secrets = SealedFile(enrolled.folder / KEYS, [Passphrase("four words are enough")]).load()
    for data in (ask.read_bytes(), answer.read_bytes()):
        assert NEW.encode() not in data
        assert secrets.database_key not in data
        assert json.loads(secrets.identity or "")["grant"].encode() not in data


def test_the_office_answers_nobody_for_a_revoked_laptop(
    enrolled: Terminal, operator: Terminal, tmp_path: Path
) -> None:
    """Unless a manager answers for it."""
    ask = tmp_path / "ask"
    said = typed(enrolled, f"{NEW}\n{NEW}\n", "keys", "recover", "ask", str(ask))
    code = re.findall(r"[A-Z2-7]{5}-[A-Z2-7]{5}", said)[0]
    operator.run("central", "revoke", "--device", "1")
    assert "has been revoked" in operator.run("central", "unlock", str(ask), "--code", code, code=2)
    assert not (tmp_path / "ask.answer").exists()
    operator.run("central", "unlock", str(ask), "--code", code, "--vouch")


def test_a_laptop_that_was_brought_in_is_opened_by_its_key_file(
    enrolled: Terminal, operator: Terminal, tmp_path: Path
) -> None:
    """The office chooses a passphrase for once and tells it apart from the file."""
    keys = enrolled.folder / "keys.a"
    assert "anybody may have copied it" in operator.run("central", "unlock", str(keys), code=2)
    answer = tmp_path / "answer"
    said = operator.run("central", "unlock", str(keys), "--vouch", "--into", str(answer))
    once = re.findall(r"(?:[A-Z0-9]{4}-){4}[A-Z0-9]{4}", said)[0]
    typed(enrolled, f"{once}\n", "keys", "recover", "take", str(answer))
    assert opens(enrolled, once)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"BRV2", b'{"kind": "bravetui unlock request", "version": 1}']
)
def test_a_file_that_is_no_request_is_refused_in_a_sentence(
    operator: Terminal, enrolled: Terminal, tmp_path: Path, content: bytes
) -> None:
    """By both ends."""
    (tmp_path / "file").write_bytes(content)
    operator.run("central", "unlock", str(tmp_path / "file"), "--code", "X", code=2)
    typed(enrolled, f"{NEW}\n", "keys", "recover", "take", str(tmp_path / "file"), code=2)


@pytest.mark.skipif(sys.platform == "win32", reason="modes say nothing there")
def test_a_passphrase_file_that_others_can_read_is_told_of(enrolled: Terminal) -> None:
    """Nothing is refused: a service that has worked for a year goes on."""
    assert "chmod 600" not in enrolled.run("status")
    enrolled.passphrase.chmod(0o640)
    said = enrolled.run("status")
    assert "can be read or changed by others" in said
    assert "chmod 600" in said


def test_a_wrong_passphrase_out_of_a_file_is_nobodys_to_type_again(
    enrolled: Terminal, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("not the right words", encoding="utf-8")
    said = enrolled.run("status", code=1, passphrase=other)
    assert "The passphrase in the file that BRAVETUI_PASSPHRASE_FILE names does not open" in said
    assert "Type it again" not in said


@pytest.mark.parametrize(("wrong", "code"), [(2, 0), (3, 1)])
def test_a_wrong_passphrase_is_asked_for_again_three_times(
    enrolled: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: int,
    code: int,
) -> None:
    right = enrolled.passphrase.read_text(encoding="utf-8")
    typed_words = iter([*["not these four words"] * wrong, right])
    monkeypatch.delenv("BRAVETUI_PASSPHRASE_FILE", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda words: next(typed_words))
    assert main(["--folder", str(enrolled.folder), "status"]) == code
    said = capsys.readouterr()
    assert said.err.count("does not open the keys of this laptop") == wrong
    assert ("Only here" in said.out) == (code == 0)
