"""kill -9 of a foreman at work, and in three cases of ten again of the one who starts the laptop after him."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.durability.checking import Told, check, demand
from tests.durability.foreman import Tell, open_laptop, work_and_say
from tests.durability.lab import Child, Lab, in_child
from tests.durability.shim import KILL, Shim

SORT = "kills"
SAVES_MAX = 120
WORK_S, START_S = 0.3, 0.03
WORK_CALLS, START_CALLS = 900, 60
SECOND_KILL = 0.3


def trial(lab: Lab, case: int) -> str:
    """Kill, perhaps kill again, and check; returns how it was killed. Raises Lost."""
    chance, told = lab.chance(SORT, case), lab.told_before()
    exactly = Shim.is_here() and case % 2 == 0
    with lab.laptop() as folder:
        _worked(lab, folder, case, chance, told, exactly)
        again = chance.random() < SECOND_KILL
        if again:
            _started(folder, chance, exactly)
            if chance.random() < 0.5:
                _worked(lab, folder, case, chance, told, exactly)
        check(folder, told, deep=case % 4 == 0)
    return ("at a call" if exactly else "at a moment") + (", twice" if again else "")


def _worked(lab: Lab, folder: Path, case: int, chance: Random, told: Told, exactly: bool) -> None:
    """Let the foreman work until he is killed."""
    first = 1000 * (1 + len(told.tries))
    seed = f"{lab.seed}/{case}/{first}"
    nth, after_s = chance.randrange(WORK_CALLS), chance.uniform(0, WORK_S)

    def work(tell: Tell) -> None:
        if exactly:
            Shim().arm(folder, KILL, nth)
        work_and_say(folder, seed, SAVES_MAX, tell, first)

    child = in_child(work, None if exactly else after_s)
    _demand_sound(child)
    for line in child.lines:
        told.hear(line)


def _started(folder: Path, chance: Random, exactly: bool) -> None:
    """Start the laptop and kill it while it recovers."""
    nth, after_s = chance.randrange(START_CALLS), chance.uniform(0, START_S)

    def start(tell: Tell) -> None:
        if exactly:
            Shim().arm(folder, KILL, nth)
        open_laptop(folder)

    _demand_sound(in_child(start, None if exactly else after_s))


def _demand_sound(child: Child) -> None:
    demand(not (last := [line for line in child.lines if line.startswith("traceback")]), f"it failed: {last}")
