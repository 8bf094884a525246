"""Ctrl-C at a question ends the command at once, and so does the end of the input: on a real terminal."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bravetui.base.exits import EXIT_INTERRUPTED
from tests.cli.terminal import ROOT

if sys.platform == "win32":
    pytest.skip("terminals are another thing there", allow_module_level=True)

CTRL_C, CTRL_D = b"\x03", b"\x04"
PROGRAM = """
import fcntl, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # the keys of this terminal reach this process as signals
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background inherit that it is ignored
from bravetui.cli.main import main
"""
PASTES = """
from bravetui.cli import enrol
from bravetui.cli.signing_in import TerminalWays
async def ask(*words, **more): await TerminalWays().ask_for_paste(None)
enrol.enrol, enrol.keys_for = ask, lambda folder, ring: None
"""
"""Enrolment, at the moment when an address is to be pasted."""
QUESTIONS = {"passphrase": ("", b"Passphrase: "), "paste": (PASTES, b"here: ")}


def pressed(key: bytes, question: str, folder: str) -> tuple[int, str]:
    """Press a key at a question of enrolment; the exit code and all that was said. A command that goes on is killed."""
    import pty  # not on Windows

    patch, at = QUESTIONS[question]
    main, theirs = pty.openpty()
    environment = {name: told for name, told in os.environ.items() if name != "BRAVETUI_PASSPHRASE_FILE"}
    words = ["--folder", folder, "enrol", "http://127.0.0.1:9", "ABCDE-FGHJK"]
    process = subprocess.Popen(
        [sys.executable, "-c", f"{PROGRAM}{patch}raise SystemExit(main(sys.argv[1:]))", *words],
        cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said, asked, end = b"", False, time.monotonic() + 30
    while time.monotonic() < end:
        if at in said and not asked:
            time.sleep(0.3)  # until it really waits
            os.write(main, key)
            asked, end = True, time.monotonic() + 10
        if select.select([main], [], [], 0.1)[0]:
            try:
                said += os.read(main, 4096)
            except OSError:  # the other end has gone
                break
        elif process.poll() is not None:
            break
    if process.poll() is None and not asked:
        process.kill()
    try:
        code = process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    os.close(main)
    return code, said.decode()


@pytest.mark.parametrize("question", QUESTIONS)
def test_ctrl_c_ends_a_question_of_enrolment_at_once(tmp_path: Path, question: str) -> None:
    """Not after the next Enter."""
    code, said = pressed(CTRL_C, question, str(tmp_path / "laptop"))
    assert code == EXIT_INTERRUPTED, said
    assert "What was saved is saved" in said


@pytest.mark.parametrize("question", QUESTIONS)
def test_ctrl_d_at_a_question_is_a_sentence_and_no_fault_of_the_program(
    tmp_path: Path, question: str
) -> None:
    code, said = pressed(CTRL_D, question, str(tmp_path / "laptop"))
    assert code == 2, said
    assert "Nothing was typed" in said


def test_an_interrupted_simulation_says_so_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    """Neither the months' folders nor PostgreSQL's data, which root's lies elsewhere."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "bravetui", "simulate", "--months", "500", "--days", "2", "--jobs", "1", "--once"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    assert "month 1:" in process.stdout.readline()
    before = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert "Stopping ..." in process.stderr.readline()
    assert time.monotonic() - before < 2
    process.send_signal(signal.SIGINT)  # whoever presses it again changes nothing
    told, _ = process.communicate(timeout=120)
    assert (process.returncode, "months in" in told or "month in" in told) == (EXIT_INTERRUPTED, True)
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("bravetui-")]
