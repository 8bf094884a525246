"""A disk without a byte to spare, after saves that it refused: everything can be looked at, and it is said what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bravetui.actions import forms
from bravetui.base.errors import StorageFull
from bravetui.views.forms import templates
from tests.cli.terminal import ROOT, Terminal
from tests.cli.test_support import opened

LOOKING = """
mount -t tmpfs -o size=12m none "$FOLDER" || exit 77
python() { "$PYTHON" -m bravetui --folder "$FOLDER/laptop" "$@"; }
python enrol "$ADDRESS" "$CODE" || exit 70
python sync --once || exit 71
"$PYTHON" -m tests.cli.test_full_disk "$FOLDER" || exit 72
for command in queue conflicts log receipts; do
  python $command > /dev/null 2>&1 || echo "not read: $command"
done
python doctor --offline
echo "doctor ends with $?"
python status
echo "status ends with $?"
python status --json 2> /dev/null | grep room_kept
python sync --once
echo "sync ends with $?"
rm "$FOLDER/filler"
python sync --once
"""


def work_until_the_disk_is_full(disk: Path) -> None:
    """Save a form, take every byte that is left, go on typing in vain, and close: the next start has to write."""
    laptop = Terminal(disk / "laptop")
    with opened(laptop) as (store, project_id):
        begun = forms.start_form(store, project_id, templates(store)[0].id).submission_id
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space left"), filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(1 if shutil.disk_usage(disk).free < 65536 else 65536))
        with pytest.raises(StorageFull):
            forms.answer(store, project_id, begun, {"summary": "Fence torn at gate 2."})


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("unshare") or os.geteuid() != 0,
    reason="a small disk of its own can only be mounted by root on Linux",
)
def test_after_a_refused_save_on_a_full_disk_everything_can_be_looked_at(
    tmp_path: Path, central: tuple[str, str]
) -> None:
    """Words for what to do, an exit code for each; a command that writes still refuses, and works with room again."""
    (tmp_path / "disk").mkdir()
    words = tmp_path / "passphrase"
    words.write_text("four words are enough", encoding="utf-8")
    words.chmod(0o600)
    environment = {
        **os.environ, "FOLDER": str(tmp_path / "disk"), "PYTHON": sys.executable, "ADDRESS": central[0], "CODE": central[1],
        "BRAVETUI_PASSPHRASE_FILE": str(words),
    }  # fmt: skip
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", LOOKING],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("this machine lets nobody mount a small disk")
    said = done.stdout + done.stderr
    assert (done.returncode, "Traceback" in said, "not read" in said) == (0, False, False), said
    assert "Only here     1 change" in said
    assert "status ends with 0" in said
    assert "Disk          full, or nearly so: free 150 MB on it. What was saved is still here." in said
    assert '"room_kept": false' in said
    assert (
        "LOOK    start     The disk is full, so nothing was mended; what was saved is not lost. Free 150 MB"
        in said
    )
    assert "ok      database" in said
    assert "doctor ends with 1" in said
    assert "sync ends with 1" in said
    assert "All handed in" in done.stdout


if __name__ == "__main__":
    work_until_the_disk_is_full(Path(sys.argv[1]))
