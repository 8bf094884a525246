"""A disk that is really full: nothing saved is lost, and giving up the ballast lets saving and deleting go on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FILLED = """
import os, sys
from pathlib import Path
from bravetui.base.errors import StorageFull
from bravetui.db.ballast import Ballast
from bravetui.db.engine import open_laptop_engine, read_transaction, write_transaction
from bravetui.db.journal import Journal

folder, key = Path(sys.argv[1]), bytes(range(32))
engine = open_laptop_engine(folder / "bravetui.db", key)
journal = Journal.open(folder / "journal", key)
ballast = Ballast(folder / "ballast", 2 * 1024 * 1024)
ballast.reserve()
with write_transaction(engine) as connection:
    connection.exec_driver_sql("CREATE TABLE form (id INTEGER PRIMARY KEY, text TEXT)")
saved = 0

def save():
    global saved
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("INSERT INTO form VALUES (?, ?)", (saved, "x" * 3000))
        journal.append([b"%d" % saved])
    saved += 1

def stored():
    with read_transaction(engine) as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM form").scalar_one()

def fill():
    try:
        while True:
            save()
    except StorageFull:
        return

for _ in range(20):
    save()
other = (folder / "other").open("wb", buffering=0)
try:
    while True:
        other.write(bytes(4096))
except OSError:
    pass
fill()
before = saved
assert stored() == saved, (stored(), saved)
try:
    (folder / "one-more").write_bytes(b"x" * 8192)
    raise AssertionError("the disk was not full")
except OSError:
    pass
assert ballast.give_up()
save()
with write_transaction(engine) as connection:
    connection.exec_driver_sql("DELETE FROM form WHERE id < 3")
assert stored() == saved - 3
kept = [int(payload) for payload in Journal.open(folder / "journal", key).frames()]
assert set(range(saved)) <= set(kept), kept
assert not ballast.restore_if_room()
print("held", before, saved)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("unshare") or os.geteuid() != 0,
    reason="a small disk of its own can only be mounted by root on Linux",
)
def test_on_a_full_disk_nothing_is_lost_and_the_ballast_brings_saving_back(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=6m none '{tmp_path}' || exit 77; exec \"$@\""
    script = ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", FILLED, str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("this machine lets nobody mount a small disk")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("held")
