"""A screen is there only when keys come from it and pictures go to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STREAMS = ("stdin", "stdout", "stderr")
ASK = "from bravetui.base.terminal import on_terminal; raise SystemExit(not on_terminal())"

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind"
)


@pytest.mark.parametrize("elsewhere", [None, *STREAMS])
def test_with_any_stream_led_elsewhere_there_is_no_screen(elsewhere: str | None, tmp_path: Path) -> None:
    """Led into a file, as `2> log` does, the pictures would fill it and the person see nothing."""
    ours, theirs = os.openpty()
    try:
        with (tmp_path / "file").open("w+b") as file:
            streams = {stream: file if stream == elsewhere else theirs for stream in STREAMS}
            done = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, timeout=60, check=False, **streams)  # type: ignore[call-overload]
    finally:
        os.close(theirs)
        os.close(ours)
    assert (done.returncode == 0) == (elsewhere is None)
