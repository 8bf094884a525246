"""`make fuzz`: a hundred thousand spoiled inputs for what strangers send, and the routes asked by their own page."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence

from tests.fuzz.parsers import hunted, targets
from tests.support.central import central_site
from tests.support.postgres import TestServer


def main(words: Sequence[str] | None = None) -> int:
    """Run both and say how it went; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="spoiled inputs, of all parsers together")
    parser.add_argument("--examples", type=int, default=100, help="of each route, kind of data and asker")
    parser.add_argument("--seed", type=int, default=0, help="where the seeds begin")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    told = parser.parse_args(words)
    return 1 if _parsers(told) + _routes(told) else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parsers(told: argparse.Namespace) -> int:
    names = [target.name for target in targets()]
    each = -(-told.inputs // len(names))
    began_s = time.monotonic()
    pieces = [
        (name, told.seed + start, min(500, each - start)) for name in names for start in range(0, each, 500)
    ]
    with multiprocessing.get_context("spawn").Pool(told.workers) as pool:
        finds = [find for some in pool.imap_unordered(hunted, pieces) for find in some]
    for find in finds:
        _say(f"FOUND {find}")
    seconds = time.monotonic() - began_s
    _say(f"parsers: {each * len(names):,} inputs of {len(names)} kinds, {len(finds)} found, {seconds:.0f} s")
    return len(finds)


def _routes(told: argparse.Namespace) -> int:
    from tests.fuzz.api import ask_everything

    began_s = time.monotonic()
    with TestServer.running() as server, central_site(server) as site:
        try:
            asked = ask_everything(site, told.examples, told.seed)
        except (AssertionError, BaseExceptionGroup) as error:
            _say(f"FOUND by a route: {error}")
            return 1
    _say(f"routes: {asked.count:,} requests, 0 found, {time.monotonic() - began_s:.0f} s")
    for (path, status), count in sorted(asked.statuses.items()):
        _say(f"  {path:<16}{status}  {count:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
