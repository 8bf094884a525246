"""New keys for a laptop: nothing saved is missing, the old key opens nothing, and kill -9 at any step changes neither."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bravetui import wiring
from bravetui.auth.high_water import HighWater
from bravetui.base.clock import ManualClock, SystemClock
from bravetui.base.errors import BadInput, Busy, Corrupt, Unusable, WrongKey
from bravetui.db import engine as engine_module
from bravetui.db.engine import open_laptop_engine
from bravetui.db.lease import Lease
from bravetui.db.store import Identity
from bravetui.db.unconfirmed import read_journal
from bravetui.wiring.folder import LEASE
from bravetui.wiring.locking import standing
from bravetui.wiring.rotating import Typed, rotate
from tests.durability.checking import Told, check
from tests.durability.foreman import MORNING, make_template, open_laptop, ring_of
from tests.keys.rotator import WORDS

ROOT = Path(__file__).parents[2]
POINTS = 40
"""More than there are: the last of them are reached by no run."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """A laptop in use, closed in the evening, and what its foreman was told."""
    told, folder = Told(), tmp_path_factory.mktemp("made") / "laptop"
    make_template(folder, told.hear)
    (folder / wiring.BALLAST).write_bytes(b"")
    return folder, told


@pytest.fixture
def told(made: tuple[Path, Told]) -> Told:
    return made[1].copy()


@pytest.fixture
def folder(made: tuple[Path, Told], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "laptop"))


@pytest.fixture(autouse=True)
def _small_ballast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bravetui.db.ballast.Ballast.restore_if_room", lambda self: True)


def rotated(folder: Path) -> tuple[str, ...]:
    clock = ManualClock(MORNING)
    clock.advance(hours=5)
    return rotate(folder, ring_of(folder), Typed(WORDS), clock)


def test_everything_is_there_under_the_new_key_and_nothing_under_the_old(folder: Path, told: Told) -> None:
    """Database, journal, mark and key file; the locks are the same ones."""
    old = ring_of(folder).load()
    names = [lock.name for lock in standing(folder)]
    assert rotated(folder) == ()
    new = ring_of(folder).load()
    assert new.database_key != old.database_key
    assert (new.next_key, new.device_key, new.identity) == (None, old.device_key, old.identity)
    assert [lock.name for lock in standing(folder)] == names
    for open_it in (
        lambda: open_laptop_engine(folder / wiring.DATABASE, old.database_key),
        lambda: read_journal(folder / wiring.JOURNAL, old.database_key),
        lambda: HighWater.open(folder / wiring.MARK, old.database_key),
    ):
        with pytest.raises((WrongKey, Corrupt)):
            open_it()
    assert check(folder, told, deep=True) == ()


def test_an_old_key_file_put_back_opens_nothing(folder: Path) -> None:
    """It opens with its passphrase, and its key is no longer that of anything here; nothing is set aside for it."""
    kept = {name: (folder / name).read_bytes() for name in ("keys.a", "keys.b")}
    rotated(folder)
    for name, data in kept.items():
        (folder / name).write_bytes(data)
    with pytest.raises(WrongKey, match="journal"):
        open_laptop(folder)
    assert not list(folder.glob("*.damaged*"))


def test_kill_9_at_every_step_leaves_a_laptop_that_has_everything(
    made: tuple[Path, Told], tmp_path: Path
) -> None:
    """Every fault point of a rotation, one after the other, and then the next start."""
    names = []
    for point in range(1, POINTS):
        folder = Path(shutil.copytree(made[0], tmp_path / str(point)))
        ended, name = killed(folder, point, 0.0)
        assert check(folder, made[1].copy(), deep=point % 5 == 0) == (), name
        assert ring_of(folder).load().next_key is None
        shutil.rmtree(folder)
        if ended == 0:
            break
        names.append(name)
    else:
        raise AssertionError("more steps than are tried")
    wanted = {
        "rotation_noted",
        "rotation_sure",
        "rekeyed",
        "rotation_database",
        "rotation_journal",
        "rotation_mark",
        "rotation_photos",
    }
    assert wanted <= set(names)
    assert names.count("before_replace") >= 6


@pytest.mark.parametrize("seed", range(8))
def test_kill_9_while_pages_are_sealed_anew_leaves_them_all_old_or_all_new(
    folder: Path, told: Told, seed: int
) -> None:
    """At a moment that no fault point names."""
    killed(folder, 0, random.Random(seed).uniform(0.0001, 0.08))
    assert check(folder, told, deep=True) == ()


def killed(folder: Path, point: int, delay_s: float) -> tuple[int, str]:
    """Rotate in a process that dies; its exit code and where it was."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.keys.rotator", str(folder), str(point), str(delay_s)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, done.stdout.strip()


def test_a_rescue_in_the_middle_of_it_finds_the_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is mended on the way; whichever key the journal lies under is taken."""
    for point in (3, 8, 12):
        copy = Path(shutil.copytree(folder, tmp_path / str(point)))
        killed(copy, point, 0.0)
        (tmp_path / f"stick{point}").mkdir()
        found, exported = wiring.rescue(copy, ring_of(copy), tmp_path / f"stick{point}")
        assert exported is not None
        assert found.changes


def test_beside_the_open_app_it_says_what_to_close(folder: Path) -> None:
    """That one holds the lease; this is no window that would show the same."""
    with Lease.take(folder / LEASE, SystemClock().now()), pytest.raises(Busy) as raised:
        rotated(folder)
    assert (
        f"keys cannot be changed while the app or the background sync is open here (process {os.getpid()}"
        in str(raised.value)
    )
    assert "Close it, then run this again" in raised.value.todo


def test_with_another_window_open_it_is_refused_and_nothing_has_changed(folder: Path, told: Told) -> None:
    """Support over SSH looks at the same database."""
    before = ring_of(folder).wraps()
    other = open_laptop(folder)
    with pytest.raises(Busy):
        rotated(folder)
    other.close()
    assert ring_of(folder).wraps() == before
    assert check(folder, told, deep=True) == ()


def test_the_black_box_begins_anew_beside_the_old_one(folder: Path, tmp_path: Path, told: Told) -> None:
    """It follows at the next start; the old one is named, since it opens by the old key."""
    (tmp_path / "card").mkdir()
    old = wiring.set_mirror(folder, ring_of(folder), tmp_path / "card")
    open_laptop(folder).close()
    (said,) = rotated(folder)
    assert old is not None
    assert f"What lies in {old.name} opens by the old key" in said
    assert check(folder, told, deep=True) == ()
    new = wiring.mirror_of(folder)
    assert new is not None
    assert new != old
    assert read_journal(new / "journal", ring_of(folder).load().database_key).changes


def test_a_black_box_that_is_out_is_said(folder: Path, tmp_path: Path, told: Told) -> None:
    """The laptop itself has its new keys."""
    (tmp_path / "card").mkdir()
    wiring.set_mirror(folder, ring_of(folder), tmp_path / "card")
    shutil.rmtree(tmp_path / "card")
    (said,) = [words for words in rotated(folder) if "under the old key" in words]
    assert "set it again with bravetui mirror" in said


def test_a_wrong_passphrase_changes_nothing(folder: Path, told: Told) -> None:
    """It would lock the new key, and nobody would know it."""
    before = (folder / "keys.a").read_bytes()
    with pytest.raises(WrongKey):
        rotate(folder, ring_of(folder), Typed("a truck in the sun"), ManualClock(MORNING))
    assert (folder / "keys.a").read_bytes() == before
    assert check(folder, told) == ()


def test_fewer_than_two_locks_are_never_made(folder: Path) -> None:
    """Of a laptop whose central has no recovery key to give."""
    ring = ring_of(folder)
    secrets = ring.load()
    identity = replace(Identity(**json.loads(secrets.identity or "")), sealing_key="")
    ring.save(replace(secrets, identity=json.dumps(asdict(identity))))
    ring.change_locks(remove=["recovery"])
    with pytest.raises(BadInput, match="Fewer than two"):
        rotated(folder)


def test_a_database_that_does_not_take_the_new_key_keeps_the_old_one(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle of it: said, and finished by the start that finds room."""
    real = engine_module._opens
    monkeypatch.setattr(engine_module, "_opens", lambda path, key: False)
    with pytest.raises(Unusable, match="could not be given its new key"):
        rotated(folder)
    monkeypatch.setattr(engine_module, "_opens", real)
    assert check(folder, told, deep=True) == ()
