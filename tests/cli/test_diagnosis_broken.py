"""A diagnosis of a laptop that is broken, that does not open, or whose disk is full: it says what it could not look at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bravetui.auth.locks import Passphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.db.lease import Lease
from bravetui.wiring import KEYS, LEASE, open_laptop
from tests.cli.terminal import ROOT, Terminal
from tests.cli.test_diagnosis import diagnosed


def database_gone_to_zeros(folder: Path) -> None:
    for path in folder.glob("site.db-*"):
        path.unlink()
    (folder / "site.db").write_bytes(b"\x00" * 8192)


def both_key_files_damaged(folder: Path) -> None:
    for path in folder.glob("keys.*"):
        path.write_bytes(b"\x00" * 100)


def no_key_file(folder: Path) -> None:
    for path in folder.glob("keys.*"):
        path.unlink()


def database_is_a_folder(folder: Path) -> None:
    for path in folder.glob("site.db*"):
        path.unlink()
    (folder / "site.db").mkdir()


def journal_damaged(folder: Path) -> None:
    data = bytearray((folder / "journal").read_bytes())
    data[20:40] = b"\xff" * 20
    (folder / "journal").write_bytes(data)


def nothing_at_all(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


BROKEN: list[tuple[Callable[[Path], None], bool]] = [
    (database_gone_to_zeros, True), (journal_damaged, True), (both_key_files_damaged, False), (no_key_file, False),
    (database_is_a_folder, False), (nothing_at_all, False),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "opens"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_laptop_still_gives_a_diagnosis(
    enrolled: Terminal, tmp_path: Path, spoil: Callable[[Path], None], opens: bool
) -> None:
    """It says what could not be looked at, and why, and tells the rest."""
    enrolled.run("sync", "--once")
    spoil(enrolled.folder)
    # One whose database was begun anew has not what central has: it is not in order either.
    code = 0 if spoil is journal_damaged else 1
    told, _ = diagnosed(enrolled, tmp_path / "out.json", code=code)
    assert told["program"]["version"]
    assert told["disk"]["bytes_free"]
    assert told["files"]["own"] or spoil is nothing_at_all
    assert ("not_looked_at" in told["inside"]) is not opens
    if opens:
        assert any(one["part"] == "start" and one["health"] == "mended" for one in told["findings"])
    else:
        assert told["inside"]["not_looked_at"].strip()


def test_keys_that_do_not_open_are_said_and_the_rest_is_told(enrolled: Terminal, tmp_path: Path) -> None:
    """Nobody at the desk knows the passphrase."""
    wrong = tmp_path / "wrong"
    wrong.write_text("not the right words", encoding="utf-8")
    place = tmp_path / "out.json"
    said = enrolled.run("doctor", "--offline", "--bundle", str(place), code=1, passphrase=wrong)
    told = json.loads(place.read_text(encoding="ascii"))
    assert "passphrase" in told["inside"]["not_looked_at"]
    assert "could not be looked into" in said
    assert {lock["name"] for lock in told["locks"]["locks"]} >= {"passphrase"}


def test_beside_a_window_that_syncs_it_says_who_does(enrolled: Terminal, tmp_path: Path) -> None:
    """Reads the tables of a laptop that is open, and takes nothing away from it."""
    enrolled.run("sync", "--once")
    words = enrolled.passphrase.read_text(encoding="utf-8")
    laptop = open_laptop(enrolled.folder, SealedFile(enrolled.folder / KEYS, [Passphrase(words)]))
    with Lease.take(enrolled.folder / LEASE, laptop.store.clock.now()):
        place = tmp_path / "out.json"
        enrolled.run("doctor", "--bundle", str(place), code=1)
        told = json.loads(place.read_text(encoding="ascii"))
    laptop.close()
    assert told["sync_runs"]["process"] == os.getpid()
    assert any("another window" in one["words"] for one in told["findings"])


FULL = """
mount -t tmpfs -o size=12m none "$FOLDER" || exit 77
python() { "$PYTHON" -m bravetui --folder "$FOLDER/laptop" "$@"; }
python enrol "$ADDRESS" "$CODE" || exit 70
python sync --once || exit 71
cat /dev/zero > "$FOLDER/filler" 2>/dev/null
while printf x >> "$FOLDER/filler" 2>/dev/null; do :; done
python doctor --offline --bundle "$FOLDER/here.json"
echo "exit code $?"
[ -e "$FOLDER/here.json" ] && echo "half a file"
python doctor --offline --bundle "$OUT"
ls "$OUT"
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("unshare") or os.geteuid() != 0,
    reason="a small disk of its own can only be mounted by root on Linux",
)
def test_on_a_full_disk_it_says_to_write_elsewhere_and_leaves_no_half_file(
    tmp_path: Path, central: tuple[str, str]
) -> None:
    for name in ("disk", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "words").write_text("four words are enough", encoding="utf-8")
    (tmp_path / "words").chmod(0o600)
    environment = {
        **os.environ, "FOLDER": str(tmp_path / "disk"), "OUT": str(tmp_path / "out"), "PYTHON": sys.executable,
        "ADDRESS": central[0], "CODE": central[1], "BRAVETUI_PASSPHRASE_FILE": str(tmp_path / "words"),
    }  # fmt: skip
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", FULL],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("this machine lets nobody mount a small disk")
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "has no room for the file. Name a place on another one" in said
    assert "exit code 1" in said
    assert "half a file" not in said
    (file,) = (tmp_path / "out").glob("*.json")
    told = json.loads(file.read_text(encoding="ascii"))
    assert told["disk"]["bytes_free"] == 0
    assert told["inside"]["sync"]["lanes"]
