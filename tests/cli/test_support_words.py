"""What support may ask for: one table, split without a shell, judged before anybody signs in or anything is opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bravetui.base.errors import BadInput
from bravetui.cli.support import split
from bravetui.cli.support_tasks import TASKS, read_words
from bravetui.wire.messages import SupportAct
from tests.cli.terminal import ROOT, Terminal

MAY: dict[str, SupportAct | None] = {
    "status": None,
    "queue": None,
    "queue --limit 5": None,
    "queue --send-again 3.17": SupportAct.SEND_AGAIN,
    "log --days 3 --limit 10": None,
    "doctor": None,
    "doctor --bundle": None,
    "keys": None,
    "sync --once": SupportAct.SYNC,
    "bravetui status": None,
    "bravetui support 'status'": None,
}

MAY_NOT = (
    "why submission x", "conflicts", "conflicts --show x", "form compile x", "rescue export /x", "receipts", "receipts x",
    "keys pin", "keys rotate", "keys recover take x", "keys passphrase", "queue --export /x", "queue --json", "sync",
    "sync --watch", "log --export /x", "doctor --bundle /x", "doctor --offline", "enrol http://x", "sign-out", "run",
    "central", "mirror off", "--folder /x status", "status; conflicts", "status && conflicts", "status | cat", "status > x",
    "$(conflicts)", "`conflicts`", "sh -c conflicts", "/bin/sh", "scp -t /x", "internal-sftp", "rsync --server . /x",
    "status --folder /x", "queue --send 3.17", "queue --send-again 3", "sync --once --watch", "status\nconflicts",
    "support --folder /x", "'", "bravetui", "bravetui bravetui status", "status " + "x" * 5000, "-h", "--help", "status -h",
)  # fmt: skip


@pytest.mark.parametrize("line", MAY)
def test_what_is_in_the_table_is_understood_and_what_is_more_than_a_look_is_told_to_central(
    line: str,
) -> None:
    asked = read_words(split(line))
    assert TASKS[asked.task].act(asked) == MAY[line]
    assert TASKS[asked.task].did(asked)


@pytest.mark.parametrize("line", MAY_NOT)
def test_what_is_not_in_the_table_is_refused_in_a_sentence(line: str) -> None:
    """Answers, exports, keys, other folders, and whatever a shell would do with it."""
    with pytest.raises(BadInput):
        read_words(split(line))


@pytest.mark.parametrize("line", ["conflicts", "status; conflicts", "scp -t /x"])
def test_over_ssh_a_command_that_is_not_support_s_is_refused_before_anybody_signs_in(
    terminal: Terminal, line: str
) -> None:
    """And no laptop is opened for it: there is none here."""
    environment = {**os.environ, "SSH_ORIGINAL_COMMAND": line}
    done = subprocess.run(
        [sys.executable, "-m", "bravetui", "--folder", str(terminal.folder), "support"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Support cannot do that here" in done.stderr
    assert not terminal.folder.exists()


def test_without_central_nothing_is_shown_and_support_hears_what_the_foreman_can_do(
    enrolled: Terminal, tmp_path: Path
) -> None:
    """This central knows no provider; and then it is not there at all."""
    enrolled.run("sync", "--once")
    said = enrolled.run("support", "status", code=1)
    assert "knows no identity provider" in said
    assert "Lane" not in said
