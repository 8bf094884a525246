"""One process runs sync; the next is told who, and takes over cleanly once that one is gone."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bravetui.base.errors import Busy
from bravetui.db.lease import Lease, read_holder

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)

HOLDER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from bravetui.db.lease import Lease

lease = Lease.take(Path(sys.argv[1]), datetime(2026, 11, 23, 8, 30, tzinfo=UTC))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_window_is_told_which_process_syncs_and_since_when(tmp_path: Path) -> None:
    path = tmp_path / "sync.lease"
    said = rf"Sync already runs in process {os.getpid()} on .+ since 2026-11-23 08:30 UTC\."
    with Lease.take(path, NOW), pytest.raises(Busy, match=said):
        Lease.take(path, NOW)


def test_a_lease_given_back_can_be_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "sync.lease"
    for _ in range(3):
        lease = Lease.take(path, NOW)
        assert lease.is_held
        lease.release()
        lease.release()
        assert not lease.is_held
    assert read_holder(path) is None


def test_a_lease_is_taken_over_from_a_process_that_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "sync.lease"
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline().strip() == b"held"
        with pytest.raises(Busy, match=f"process {other.pid}"):
            Lease.take(path, NOW)
        other.kill()
        other.wait()
    with Lease.take(path, NOW) as lease:
        assert lease.is_held
        holder = read_holder(path)
    assert holder
    assert holder.process == os.getpid()


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"process": 1}', b"\xff\xfe"])
def test_a_damaged_note_costs_words_and_not_the_lease(tmp_path: Path, note: bytes) -> None:
    path = tmp_path / "sync.lease"
    with Lease.take(path, NOW):
        (tmp_path / "sync.lease.holder").write_bytes(note)
        with pytest.raises(Busy, match="another process"):
            Lease.take(path, NOW)


def test_a_note_cannot_carry_escape_codes_to_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "sync.lease"
    with Lease.take(path, NOW):
        note = '{"process": 1, "host": "\\u001b[2J", "since": "2026-11-23T08:30:00+00:00"}'
        (tmp_path / "sync.lease.holder").write_text(note)
        with pytest.raises(Busy) as caught:
            Lease.take(path, NOW)
    assert "\x1b" not in str(caught.value)
