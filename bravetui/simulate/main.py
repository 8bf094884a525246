"""`bravetui simulate`: many months, several at a time, each lived twice; what went wrong, and how to replay it."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import textwrap
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path

from bravetui.base.collecting import collect_seldom
from bravetui.base.errors import BadInput
from bravetui.base.stopping import stoppable
from bravetui.base.text import counted
from bravetui.central.postgres import data_folder, embedded_postgres
from bravetui.simulate import disk
from bravetui.simulate.central import FOREMEN, found_site
from bravetui.simulate.database import Databases, databases_on
from bravetui.simulate.month import simulate
from bravetui.simulate.outcome import Outcome, Plan, unlived
from bravetui.simulate.planted import PLANTED, likeliest, planted
from bravetui.simulate.tally import Record, Tally

COMPLAINTS_SHOWN = 8


def options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--months", type=int, default=20, help="how many months, one seed each (default 20)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default 1)")
    parser.add_argument("--seed", type=int, help="replay one month and print all that happened in it")
    parser.add_argument("--laptops", type=int, default=Plan.laptops, help=f"1 to {len(FOREMEN)} (default 3)")
    parser.add_argument("--days", type=int, default=Plan.days, help="length of a month (default 30)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="months at a time (default: one a core)"
    )
    parser.add_argument(
        "--once", action="store_true", help="live each month once instead of comparing two runs of it"
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="keep the tally there; interrupted, go on from it"
    )
    parser.add_argument("--planted", choices=["all", *PLANTED], help="plant a bug, and see that it is found")


def run(arguments: argparse.Namespace) -> int:
    """Simulate as asked; 0 when everything held (with --planted: when every bug was found)."""
    if (
        not 1 <= arguments.laptops <= len(FOREMEN)
        or min(arguments.days, arguments.months, arguments.jobs) < 1
    ):
        raise BadInput(f"Give 1 to {len(FOREMEN)} laptops, and at least one day, month and job.")
    plan = plan_of(arguments)
    record = Record(arguments.record, plan, twice=not arguments.once)
    record.read()  # a wrong file is said before a server is started
    with (
        disk.folder() as folder,
        stoppable("Stopping ... what is under way is ended in order."),
        disk.swept(data_folder(folder).parent),
        embedded_postgres(folder) as server,
    ):
        if arguments.seed is not None:
            return _replay(server, arguments.seed, plan, arguments.planted)
        if arguments.planted:
            names = list(PLANTED) if arguments.planted == "all" else [arguments.planted]
            return _hunt(server, names, arguments.first, plan, arguments.jobs)
        seeds = range(arguments.first, arguments.first + arguments.months)
        return _soak(server, seeds, plan, arguments.jobs, record, twice=not arguments.once)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """The months that are asked for."""
    return Plan(laptops=arguments.laptops, days=arguments.days)


def _soak(server: str, seeds: range, plan: Plan, jobs: int, record: Record, *, twice: bool) -> int:
    tally, began = record.read(), time.monotonic()
    before, before_s = len(tally.lived), tally.took_s
    left = [seed for seed in seeds if seed not in tally.lived]
    if before:
        print(f"{counted(before, 'month')} in the record already; left: {len(left)}", flush=True)
    tasks: list[Task] = [(seed, plan, "", twice) for seed in left]
    try:
        for count, outcome in enumerate(_outcomes(server, tasks, jobs), 1):
            took_s = time.monotonic() - began
            tally.add(outcome)
            tally.took_s = before_s + took_s
            record.write(tally)
            left_min = took_s / count * (len(left) - count) / 60
            said = (
                f"month {outcome.seed}: {_verdict(outcome)}  ({count}/{len(left)}, {left_min:.0f} min left)"
            )
            print(said, flush=True)
            if outcome.complaints:
                _told(outcome, plan)
    finally:  # also of what was interrupted
        _summary(tally)
    return 1 if tally.complained | tally.unlived else 0


def _told(outcome: Outcome, plan: Plan) -> None:
    """What went wrong, what came just before the end, and the one command that lives through it again."""
    for words in outcome.complaints[:COMPLAINTS_SHOWN]:
        print(textwrap.indent(words, "    "))
    for words in outcome.trace:
        print(f"    ... {words}")
    print(
        f"    again: bravetui simulate --seed {outcome.seed} --laptops {plan.laptops} --days {plan.days}",
        flush=True,
    )


def _verdict(outcome: Outcome) -> str:
    return f"{len(outcome.complaints)} complaints" if outcome.complaints else "all held"


def _summary(tally: Tally) -> None:
    complained = len(tally.complained | tally.unlived)
    months = counted(len(tally.lived | tally.unlived), "month")
    print(f"\n{months} in {tally.took_s / 60:.1f} min, {complained} of them with complaints")
    print(
        f"{tally.changes:,} changes in the ledgers, {tally.conflicts:,} conflicts, {tally.requests:,} requests, "
        f"{tally.bytes:,} bytes"
    )
    print(
        f"{tally.saved:,} values saved: "
        + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in tally.fates.items())
    )
    print(
        f"{sum(tally.photos.values()):,} photos taken, {tally.photo_bytes:,} bytes: "
        + ", ".join(f"{count:,} {name}" for name, count in sorted(tally.photos.items()))
    )
    print("faults: " + ", ".join(f"{count:,} {name}" for name, count in tally.faults.most_common()))


def _hunt(server: str, names: list[str], first: int, plan: Plan, jobs: int) -> int:
    """Look for each planted bug until an invariant complains."""
    missed = 0
    for name in names:
        tried = 0
        found: Outcome | None = None
        for outcome in _outcomes(
            server, [(seed, plan, name, False) for seed in likeliest(name, first)], jobs
        ):
            tried += 1
            if outcome.complaints:
                found = outcome
                break
        missed += found is None
        said = (
            f"found in month {found.seed}, {tried} tried: {found.complaints[0]}"
            if found
            else f"NOT FOUND in {tried} months"
        )
        print(f"{name}: {PLANTED[name].says} {said[:200]}", flush=True)
    return 1 if missed else 0


def _replay(server: str, seed: int, plan: Plan, bug: str | None) -> int:
    with databases_on(server, own=True) as databases:
        outcome = _month(databases, found_site(databases), seed, plan, bug or "")
    print("\n".join(outcome.trace))
    for words in outcome.complaints:
        print(f"COMPLAINT {words}")
    print(f"month {seed}: {_verdict(outcome)}, fingerprint {outcome.fingerprint}")
    return 1 if outcome.complaints else 0


def _month(databases: Databases, template: str, seed: int, plan: Plan, bug: str) -> Outcome:
    logging.getLogger("bravetui.central").setLevel(
        logging.CRITICAL
    )  # faults are counted here, not logged one by one
    with planted(bug) if bug else ExitStack():
        return simulate(databases, template, seed, plan)


# ---------------------------------------------------------------------- processes

Task = tuple[int, Plan, str, bool]
"""(seed, plan, planted bug or "", whether to live it twice)"""

_here: list[tuple[Databases, str]] = []
"""This process's databases and its template."""


def _begin(server: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C, and ends its children
    collect_seldom()
    databases = Databases(server)
    _here.append((databases, found_site(databases)))


def _work(task: Task) -> Outcome:
    try:
        return _lived(*task)
    except Exception:  # noqa: BLE001 -- a soak of a thousand months does not end over one of them
        return unlived(task[0], f"the month could not be lived: {traceback.format_exc().rstrip()}")


def _lived(seed: int, plan: Plan, bug: str, twice: bool) -> Outcome:
    databases, template = _here[0]
    outcome = _month(databases, template, seed, plan, bug)
    if twice:
        again = _month(databases, template, seed, plan, bug)
        if again.fingerprint != outcome.fingerprint:
            outcome = outcome.with_complaint(
                f"two runs differ: {_first_difference(outcome.trace, again.trace)}"
            )
    return outcome.without_trace()


def _first_difference(left: tuple[str, ...], right: tuple[str, ...]) -> str:
    pairs = zip(left, right, strict=False)
    return next((f"{one!r} and {other!r}" for one, other in pairs if one != other), "one is longer")


@contextmanager
def _pool(server: str, jobs: int) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (server,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _outcomes(server: str, tasks: list[Task], jobs: int) -> Iterator[Outcome]:
    """The months' outcomes as they come. A process that dies takes the months of that moment with it, not the others."""
    left = list(reversed(tasks))
    with databases_on(server, own=True):
        while left:
            with _pool(server, min(jobs, len(tasks))) as pool:
                yield from _drained(pool, left, jobs)


def _drained(pool: ProcessPoolExecutor, left: list[Task], jobs: int) -> Iterator[Outcome]:
    """Live through what is left, a few at a time, until nothing is, or until the pool breaks."""
    waiting: dict[Future[Outcome], Task] = {}
    try:
        while left or waiting:
            while left and len(waiting) < 2 * jobs:
                waiting[pool.submit(_work, left[-1])] = left[-1]
                left.pop()
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = future.result()
                del waiting[future]
                yield outcome
    except BrokenProcessPool:
        for seed, *_ in [*waiting.values()] or [left.pop()]:
            yield unlived(seed, "the process died that lived through it, or through another at the same time")
