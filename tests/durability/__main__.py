"""Durability on trial: `make durability`, or `make durability ARGS="--kills 1000 --cuts 20000 --damages 10000"`.

A foreman who is made up saves and takes photos, and is told what is saved; then something is done to his laptop, and the
program opens it again. Nothing that he was told is saved may be missing, and no number of his may name two changes. Five
sorts of trial:

    kills     the process is killed (-9) at any moment or file call, and sometimes again while it recovers
    both      he and central are killed (-9) while they talk, on real processes, HTTP and PostgreSQL
    cuts      the power is cut: calls not yet flushed are lost, kept, torn or out of order, and new names with them
    damages   one file is damaged: a bit, a page, its end, all of it, or the file itself
    refusals  a file call fails, as on a full disk or a broken one, once or for ever

`foreman` is the person and his script, `checking` is what must hold, `disk` is the disk that loses power, `shim.c` is what
stands between the program and the files, `lab` is where trials are made. Everything random comes from seed and number of a
trial, so a failure prints the command that makes it again: `python -m tests.durability --only cuts/1/4711`.

Needs Linux. Cuts and refusals need the shim, and with it a C compiler: `cc`, or the wheel `ziglang`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.durability.campaign import Tally, run
from tests.durability.shim import ABSENT, built

SORTS = {"kills": 1000, "both": 1000, "cuts": 20_000, "damages": 10_000, "refusals": 8400}
"""With the number of trials made by default; the last is every file call of a day in six ways."""


def main(words: list[str] | None = None) -> int:
    """Run the trials asked for and print what came of them; 1 if the promise was broken in any."""
    parser = argparse.ArgumentParser(prog="python -m tests.durability", description="Durability on trial.")
    for sort, count in SORTS.items():
        parser.add_argument(f"--{sort}", type=int, default=count, help=f"how many (default {count})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", metavar="SORT/SEED/NUMBER", help="make one trial again")
    chosen = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        shim = built(Path(folder))
        if shim is None:
            _say(f"Without cuts and refusals: {ABSENT}.")
        if chosen.only:
            sort, seed, number = chosen.only.split("/")
            return _report(run(sort, int(seed), range(int(number), int(number) + 1), shim), 0.0)
        failed = 0
        for sort in SORTS:
            began = time.monotonic()
            cases = range(getattr(chosen, sort))
            if cases and (shim or sort in ("kills", "both", "damages")):
                failed |= _report(run(sort, chosen.seed, cases, shim), time.monotonic() - began)
        return failed


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _report(tally: Tally, took_s: float) -> int:
    _say(f"{tally.sort}: {tally.made} made, {len(tally.failures)} failed, {took_s:.0f} s")
    for came, count in sorted(tally.came.items()):
        _say(f"    {count:6} {came}")
    for case, words in tally.failures[:20]:
        _say(
            f"  FAILED {words}\n    again: python -m tests.durability --only {tally.sort}/{tally.seed}/{case}"
        )
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
