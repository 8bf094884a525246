"""Many trials in a few processes, each started under the shim, and the sum of what came of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROCESSES = min(2, os.cpu_count() or 1)
IN_A_ROW = 100
"""Trials that share a recorded run or a damaged folder stay in one process."""


@dataclass
class Tally:
    """What came of the trials of one sort."""

    sort: str
    seed: int
    made: int = 0
    came: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    """Number of the trial, and what was broken."""


def run(
    sort: str, seed: int, cases: range, shim: Path | None, *, processes: int = PROCESSES, planted: str = ""
) -> Tally:
    """Make the trials and count what came of them."""
    tally, share = Tally(sort, seed), -(-len(cases) // processes)
    share = max(1, min(len(cases), -(-share // IN_A_ROW) * IN_A_ROW))
    parts = [cases[start : start + share] for start in range(0, len(cases), share)]
    workers = [_started(sort, seed, part, shim, planted) for part in parts]
    for worker in workers:
        said, _ = worker.communicate()
        for line in said.splitlines():
            _count(tally, json.loads(line))
        if worker.returncode:
            tally.failures.append((-1, f"a process of trials ended with {worker.returncode}"))
    return tally


def _started(sort: str, seed: int, cases: range, shim: Path | None, planted: str) -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "tests.durability.worker"]
    which = map(str, (cases.start, cases.stop, cases.step))
    command = [*program, sort, str(seed), *which, *filter(None, [planted])]
    under = {"LD_PRELOAD": str(shim)} if shim else {}
    environment = {**os.environ, **under, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def _count(tally: Tally, said: dict[str, str | int | float]) -> None:
    tally.made += 1
    if "failed" in said:
        tally.failures.append((int(said["case"]), str(said["failed"])))
    else:
        tally.came[str(said["came"])] += 1
