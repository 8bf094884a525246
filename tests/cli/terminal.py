"""Runs the program as a person in a shell does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Terminal:
    """Runs commands as a person in a shell does; the passphrase comes from a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.passphrase = folder.parent / "passphrase"
        self.passphrase.write_text("four words are enough", encoding="utf-8")
        self.passphrase.chmod(0o600)

    def run(self, *words: str, code: int = 0, passphrase: Path | None = None) -> str:
        """Standard output, after checking the exit code and that nobody saw a traceback."""
        environment = {**os.environ, "BRAVETUI_PASSPHRASE_FILE": str(passphrase or self.passphrase)}
        done = subprocess.run(
            [sys.executable, "-m", "bravetui", "--folder", str(self.folder), *words],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert "Traceback" not in said
        assert done.returncode == code, said
        return said
