"""Background sync: what is written reads back as the system reads it, whatever the folder is called."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bravetui.auth.keys import new_secrets
from bravetui.auth.locks import Lock, Passphrase
from bravetui.auth.pin import Pin
from bravetui.auth.sealed_file import SealedFile
from bravetui.cli.main import main
from bravetui.cli.service import TASK, UNIT, service_for
from bravetui.wiring import KEYS
from bravetui.wiring.folder import tries_of
from tests.support.keyrings import Held, MemoryKeyring

FOLDERS = [
    "/srv/carlos/site",
    "/srv/carlos/My Site",
    "/srv/100% sure",
    '/srv/a"b',
    "/srv/$HOME",
    "/srv/back\\slash",
    "/srv/<&>",
]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_unit_starts_this_folders_sync(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    service = service_for(Path(folder), windows=False, program=["/usr/bin/bravetui"])
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(service.text)
    words = shlex.split(unit["Service"]["ExecStart"])
    plain = [word.replace("%%", "%").replace("$$", "$") for word in words]
    assert plain == ["/usr/bin/bravetui", "--folder", folder, "sync", "--watch"]
    assert service.path == tmp_path / "systemd" / "user" / UNIT


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    path = tmp_path / UNIT
    path.write_text(service_for(tmp_path, windows=False, program=[sys.executable]).text)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(path)], capture_output=True, text=True, check=False
    )
    assert UNIT not in done.stderr, done.stderr


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_task_is_xml_and_starts_this_folders_sync(folder: str) -> None:
    service = service_for(Path(folder), windows=True, program=[r"C:\Python\python.exe", "-m", "bravetui"])
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    root = ElementTree.fromstring(service.text.replace(' encoding="UTF-16"', ""))
    command, told = root.find(f".//{space}Command"), root.find(f".//{space}Arguments")
    assert command is not None
    assert told is not None
    assert command.text == r"C:\Python\python.exe"
    assert told.text == subprocess.list2cmdline(
        ["-m", "bravetui", "--folder", str(Path(folder)), "sync", "--watch"]
    )
    assert service.path.name == TASK


def test_show_prints_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert main(["--folder", str(tmp_path), "service", "show"]) == 0
    assert "sync" in capsys.readouterr().out
    assert main(["--folder", str(tmp_path), "service", "show", "--windows"]) == 0
    assert "<Task" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="systemd is not there")
def test_install_and_remove_tell_the_system_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a systemctl of our own, that writes down what it is told."""
    told = tmp_path / "told"
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{systemctl.parent}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert main(["--folder", str(tmp_path), "service", "install"]) == 0
    unit = tmp_path / "config" / "systemd" / "user" / UNIT
    assert unit.exists()
    assert main(["--folder", str(tmp_path), "service", "remove"]) == 0
    assert not unit.exists()
    assert told.read_text().splitlines() == [
        "--user daemon-reload", f"--user enable --now {UNIT}", f"--user disable --now {UNIT}",
    ]  # fmt: skip
    systemctl.write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
    assert main(["--folder", str(tmp_path), "service", "install"]) == 2
    assert "Failed to connect to bus" in capsys.readouterr().err


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the unit will be, on a machine whose systemd says yes to everything."""
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text("#!/bin/sh\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{systemctl.parent}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "systemd" / "user" / UNIT


def laptop_with(folder: Path, *locks: Lock) -> Path:
    """A folder whose keys open by these locks."""
    folder.mkdir()
    SealedFile(folder / KEYS, list(locks)).save(new_secrets())
    return folder


PHRASE = Passphrase("four words are enough", memory_kib=32)


@pytest.mark.skipif(sys.platform == "win32", reason="systemd is not there")
@pytest.mark.parametrize("has_pin", [True, False])
def test_a_laptop_that_needs_something_typed_says_so_before_anything_is_written(
    tmp_path: Path, installed: Path, capsys: pytest.CaptureFixture[str], has_pin: bool
) -> None:
    """A PIN, or the passphrase: what runs in the background would wait for nobody, at every start, unseen."""
    folder = laptop_with(tmp_path / "laptop", PHRASE)
    if has_pin:
        pin = Pin(MemoryKeyring(Held()), lambda _: "274913", tries_of(folder), memory_kib=32)
        SealedFile(folder / KEYS, [PHRASE]).add_lock(pin)
    assert main(["--folder", str(folder), "service", "install"]) == 2
    said = capsys.readouterr().err
    assert f"opens by {'a PIN' if has_pin else 'a passphrase'}, which background sync cannot type." in said
    assert "BRAVETUI_PASSPHRASE_FILE" in said
    assert len(said.strip().splitlines()) == 1
    assert not installed.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="systemd is not there")
def test_with_the_passphrase_in_a_file_or_a_keyring_that_opens_it_is_installed(
    tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is named as it is found from anywhere."""
    keyring = laptop_with(tmp_path / "keyring", PHRASE, MemoryKeyring(Held()))
    assert main(["--folder", str(keyring), "service", "install"]) == 0
    typed = laptop_with(tmp_path / "typed", PHRASE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRAVETUI_PASSPHRASE_FILE", "words")
    assert main(["--folder", str(typed), "service", "install"]) == 0
    assert f'"BRAVETUI_PASSPHRASE_FILE={tmp_path / "words"}"' in installed.read_text(encoding="utf-8")
