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

from bravetui.cli.main import main
from bravetui.cli.service import TASK, UNIT, service_for

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
