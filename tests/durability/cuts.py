"""Power cuts: a real run is written down call by call, and the disk is left as a cut at one of them may have left it.

A run is two days' work: open, save, sync to nothing, be killed, open again (which recovers), save, close. The trials of
one run share its record; each has a moment and a disk of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.durability.checking import Told, check, demand
from tests.durability.disk import Call, Disk, Leaves, calls_of
from tests.durability.foreman import Tell, lay_ballast, work_and_say
from tests.durability.lab import Lab, in_child
from tests.durability.shim import RECORD, Shim

SORT = "cuts"
PER_RUN = 100
SAVES_MAX = 50


@dataclass
class Run:
    """A recorded run and the disk as replayed so far."""

    number: int
    start: Path
    """The folder as it was before."""
    calls: list[Call]
    disk: Disk
    told: Told
    at: int = 0

    def forward(self, to: int) -> None:
        """Let all calls before this one be made."""
        for call in self.calls[self.at : to]:
            if call.what == "A":
                self.told.hear(call.data.decode())
            else:
                self.disk.take(call)
        self.at = max(self.at, to)


_runs: dict[int, Run] = {}


def trial(lab: Lab, case: int) -> str:
    """Cut the power of one run at one moment, and check what is left; returns what the disk did. Raises Lost."""
    number, place = divmod(case, PER_RUN)
    run, chance = _run(lab, number), lab.chance(SORT, case)
    # In order of time, so that the disk is played forward once for all trials of a run.
    share = len(run.calls) / PER_RUN
    moment = min(len(run.calls), round(share * (place + chance.random())))
    leaves, strict = chance.choice(list(Leaves)), chance.random() < 0.5
    if moment < run.at:
        _runs.clear()
        run = _run(lab, number)
    run.forward(moment)
    with tempfile.TemporaryDirectory(dir=lab.folder) as name:
        folder = Path(name) / "laptop"
        folder.mkdir(mode=0o700)
        for file, content in run.disk.left(chance, leaves, strict).items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content)
        lay_ballast(folder)
        told = run.told.copy()
        check(folder, told, deep=case % 10 == 0)
    return f"{leaves.value}, {'strict' if strict else 'in order'}"


def _run(lab: Lab, number: int) -> Run:
    if number not in _runs:
        _runs.clear()
        _runs[number] = _recorded(lab, number)
    return _runs[number]


def _recorded(lab: Lab, number: int) -> Run:
    chance = Random(f"run/{lab.seed}/{number}")
    saves = [chance.randint(5, SAVES_MAX) for _ in range(2)]
    folder, record = lab.folder / f"run-{number}", lab.folder / f"record-{number}"
    shutil.copytree(lab.template, folder)
    disk = Disk(folder)
    lay_ballast(folder)
    for day, count in enumerate(saves, start=1):
        child = in_child(lambda tell: _day(folder, record, f"{number}/{day}", count, day * 1000))  # noqa: B023
        demand(not child.lines and child.code == 0, f"the recorded run failed: {child.lines}")
    calls = list(calls_of(record.read_bytes()))
    shutil.rmtree(folder)
    record.unlink()
    return Run(number, folder, calls, disk, lab.told_before())


def _day(folder: Path, record: Path, seed: str, saves: int, first: int) -> None:
    log = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    shim = Shim()
    shim.arm(folder, RECORD, log=log)
    say: Tell = shim.mark
    laptop = work_and_say(folder, seed, saves, say, first)
    if first > 1000:
        laptop.close()
