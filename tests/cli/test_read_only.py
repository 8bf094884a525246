"""A laptop on a disk that takes no writing: everything can be looked at, and nothing pretends to have been saved."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.cli.terminal import ROOT, Terminal
from tests.cli.test_rescue import with_work

CANNOT_MOUNT = 77


def run(terminal: Terminal, *words: str) -> tuple[int, str]:
    """A command while the laptop's folder is read-only: the exit code and all that was said."""
    mount = f"mount --bind {terminal.folder} {terminal.folder} && mount -o remount,ro,bind {terminal.folder}"
    script = f'{{ {mount}; }} 2>/dev/null || exit {CANNOT_MOUNT}; exec "$@"'
    command = [sys.executable, "-m", "bravetui", "--folder", str(terminal.folder), *words]
    environment = {**os.environ, "BRAVETUI_PASSPHRASE_FILE": str(terminal.passphrase)}
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *command],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode == CANNOT_MOUNT:
        pytest.skip("this machine lets nobody mount a folder")
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("unshare") or os.geteuid() != 0,
    reason="a folder can only be mounted by root on Linux",
)
def test_on_a_read_only_disk_everything_can_be_looked_at_and_nothing_saved(enrolled: Terminal) -> None:
    with_work(enrolled)
    for words, said in (
        (("status",), "Only here     1 change"),
        (("queue",), "on this laptop"),
        (("conflicts",), "No conflicts."),
        (("log",), ""),
    ):
        code, told = run(enrolled, *words)
        assert (code, "This disk is read-only." in told, said.lower() in told.lower()) == (0, True, True), (
            told
        )
    code, told = run(enrolled, "doctor", "--offline")
    assert (code, "LOOK    start     This disk is read-only." in told) == (1, True), told
    for writing in ("queue --send-again 1.1", "sync --once"):
        code, told = run(enrolled, *writing.split())
        assert (code, "the disk is not read-only" in told) == (1, True), told
