"""The demo without a terminal: the whole story as text, with central's own rows, and a second time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tell(folder: Path, *words: str) -> str:
    """Play the demo; returns what it told."""
    done = subprocess.run(
        [sys.executable, "-m", "bravetui", "demo", "--folder", str(folder), *words],
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
