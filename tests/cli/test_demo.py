"""The demo without a terminal: the whole story as text, with central's own rows, and a second time."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from bravetui.central.postgres import data_folder

ROOT = Path(__file__).parents[2]


def program(folder: Path) -> list[str]:
    """The demo's command line."""
    return [sys.executable, "-m", "bravetui", "demo", "--folder", str(folder)]


def tell(folder: Path, *words: str) -> str:
    """Play the demo; returns what it told."""
    done = subprocess.run(
        [*program(folder), *words],
        cwd=ROOT, capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_the_story_is_told_twice_with_centrals_own_rows(tmp_path: Path) -> None:
    """The second run goes on where the first one ended."""
    story = tell(tmp_path / "demo")
    for told in (
        "the line is cut",
        "No line to central",
        "0 questions left to answer or mend",
        "changes exist nowhere else",
        "Central's own ledger (PostgreSQL)",
        "And she warns the site",
        "2 conflicts",
        "All answers are equal on both",
        "Central's submission row: submitted, rain 0.42 in",
        "all genuine",
        "nothing is doubled",
        "All handed in",
    ):
        assert told in story
    lanes = [line.split()[1] for line in story.splitlines() if line.strip().startswith("#")]
    own = [lane for lane in lanes if lane in ("critical", "forms", "photos", "analytics")]
    assert own.index("critical") < own.index("forms") < own.index("photos") < own.index("analytics")
    again = tell(tmp_path / "demo")
    assert "is enrolled" not in again
    assert "All handed in" in again


def test_a_second_demo_in_the_same_folder_says_so(tmp_path: Path) -> None:
    """And touches nothing of the first one's."""
    with FileLock(tmp_path / "demo.lock"):
        done = subprocess.run(
            [*program(tmp_path), "--fresh"], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    assert (done.returncode, "runs in this folder already" in done.stderr) == (75, True)
    assert [path.name for path in tmp_path.iterdir()] == ["demo.lock"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signal to one process")
@pytest.mark.parametrize("moment", ["Founding a site", "fills in the EPA inspection"])
def test_a_stopped_demo_leaves_no_server_and_goes_on_when_run_again(tmp_path: Path, moment: str) -> None:
    """Stopped while it founds the site, and with the line cut and half a report on the laptop."""
    with subprocess.Popen(
        program(tmp_path), cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as demo:
        assert demo.stdout is not None
        while moment not in demo.stdout.readline():
            assert demo.poll() is None
        demo.send_signal(signal.SIGTERM)
        demo.stdout.read()
    assert demo.returncode == 130
    assert not (data_folder(tmp_path / "central") / "postmaster.pid").exists()
    story = tell(tmp_path)
    assert "nothing is doubled" in story
    assert "All handed in" in story
