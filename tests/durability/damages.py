"""Damage to any one file, of photos too: a bit turned, a page of zeros, the end cut off, all of it emptied or gone.

The laptop was closed in the evening, or killed at work, or killed with its log just folded in. Nothing saved may be
missing after the next start, and the start must say what it found. What may pass in silence: damage to bytes of which
there are newer ones, and a log without its end where nothing but sync's own notes stood there, which a log that was
never longer looks like. Those are counted apart.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from random import Random

from bravetui import wiring
from bravetui.base.errors import BravetuiError
from bravetui.db.blobs import SECOND
from bravetui.db.engine import fold_wal
from bravetui.wiring.folder import PHOTOS
from tests.durability.checking import Lost, Told, check, demand
from tests.durability.foreman import Tell, work_and_say
from tests.durability.lab import Lab, in_child

SORT = "damages"
PER_FOLDER = 50
PAGE_BYTES = 4096
SAVES_MAX = 40
WAL = f"{wiring.DATABASE}-wal"
FILES = (
    wiring.DATABASE,
    WAL,
    wiring.JOURNAL,
    *(f"{name}.{copy}" for name in (wiring.KEYS, wiring.MARK) for copy in "ab"),
)
OF_PHOTOS = 0.3
"""So many of the damages are to a photo's files."""
ENDS = ("closed", "killed", "folded")

_bases: dict[int, tuple[Path, Told, str]] = {}


def trial(lab: Lab, case: int) -> str:
    """Damage one file in one way, and check; returns what was done to which. Raises Lost."""
    base, told, end = _base(lab, case // PER_FOLDER)
    chance = lab.chance(SORT, case)
    with tempfile.TemporaryDirectory(dir=lab.folder) as name:
        folder = Path(name) / "laptop"
        shutil.copytree(base, folder)
        here = [file for file in FILES if (folder / file).exists() and (folder / file).stat().st_size]
        photos = sorted(path.relative_to(folder).as_posix() for path in (folder / PHOTOS).rglob("*.*"))
        file = chance.choice(photos if photos and chance.random() < OF_PHOTOS else here)
        replaced = _pages_in(folder / WAL) if file == wiring.DATABASE else set()
        what, damaged = damage(folder / file, chance)
        try:
            notices = check(folder, told.copy(), deep=case % 5 == 0)
        except (Lost, BravetuiError) as error:
            raise Lost(f"{file} ({end}) {what}: {error}") from error
        unseen = bool(damaged) and not notices and not damaged <= replaced
        notes_only = unseen and file == WAL and not what.startswith("bit")
        demand(not unseen or notes_only, f"nobody noticed: {file} ({end}) {what}")
    came = f"{_sort_of(file)} {what.split()[0]}"
    return came + (", sync's own notes, unnoticed" if notes_only else "")


def _sort_of(file: str) -> str:
    if file.startswith(PHOTOS):
        return f"photo's {'second ' if SECOND in file else ''}{file.rpartition('.')[2]}"
    return file.removesuffix(".a").removesuffix(".b")


def _pages_in(wal: Path) -> set[int]:
    """The pages of which the log has a newer copy: damage to the old one is mended by folding it in."""
    data = wal.read_bytes()[32:] if wal.exists() else b""
    return {int.from_bytes(data[at : at + 4]) - 1 for at in range(0, len(data), 24 + PAGE_BYTES)}


def damage(path: Path, chance: Random) -> tuple[str, set[int]]:
    """Do one thing to the file; returns it in words, and the pages that are others now, or gone (-1: all of them)."""
    content = bytearray(path.read_bytes())
    old, at = bytes(content), chance.randrange(len(content))
    what = chance.choice(("bit", "page", "cut", "emptied", "deleted"))
    if what == "deleted":
        path.unlink()
        return what, {-1}
    if what == "bit":
        content[at] ^= 1 << chance.randrange(8)
    elif what == "page":
        start = at // PAGE_BYTES * PAGE_BYTES
        stop = min(len(content), start + PAGE_BYTES)
        content[start:stop] = bytes(stop - start)
    elif what == "cut":
        del content[at:]
    else:
        content.clear()
    path.write_bytes(content)
    if len(content) < len(old):
        return f"{what} at {at} of {len(old)}", set(
            range(len(content) // PAGE_BYTES, -(-len(old) // PAGE_BYTES))
        )
    return f"{what} at {at} of {len(old)}", {at // PAGE_BYTES} if bytes(content) != old else set()


def _base(lab: Lab, number: int) -> tuple[Path, Told, str]:
    """The laptop that so many trials in turn damage."""
    if number not in _bases:
        for old, *_ in _bases.values():
            shutil.rmtree(old)
        _bases.clear()
        chance, told = Random(f"base/{lab.seed}/{number}"), lab.told_before()
        end, saves = chance.choice(ENDS), chance.randint(1, SAVES_MAX)
        folder = lab.folder / f"base-{number}"
        shutil.copytree(lab.template, folder)
        child = in_child(lambda tell: _work(folder, f"{lab.seed}/{number}", saves, end, tell))
        demand(child.code == 0, f"the foreman failed: {child.lines}")
        for line in child.lines:
            told.hear(line)
        _bases[number] = (folder, told, end)
    return _bases[number]


def _work(folder: Path, seed: str, saves: int, end: str, tell: Tell) -> None:
    laptop = work_and_say(folder, seed, saves, tell, 1000)
    if end == "closed":
        laptop.close()
    elif end == "folded":
        fold_wal(laptop.store.engine)
