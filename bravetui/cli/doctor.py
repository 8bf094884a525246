"""`bravetui doctor`: looks at everything this laptop keeps, mends what can be mended, compares it with central, and says so.

What waits in the queue is looked at and never touched.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable
from dataclasses import asdict

from bravetui.base.text import safe_line
from bravetui.cli.common import laptop_of, print_json
from bravetui.wiring import Laptop
from bravetui.wiring.checkup import Finding, Health, check_up
from bravetui.wiring.comparing import compare_with_central
from bravetui.wiring.looking import ONLY_LOOKED_AT

EPILOG = (
    "Exit code 1: something needs a person; it says what to do. JSON: {healthy, findings: [{part, health, words, todo}]}, "
    "health one of sound, mended, look, unknown."
)

_SIGNS = {Health.SOUND: "ok", Health.MENDED: "mended", Health.LOOK: "LOOK", Health.UNKNOWN: "?"}


def options(parser: argparse.ArgumentParser) -> None:
    """With central or without."""
    parser.add_argument("--offline", action="store_true", help="do not compare with central")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Look, mend, compare, say."""
    healthy = True
    told: list[Finding] = []
    with laptop_of(arguments, say_notices=False, only_looks=arguments.offline) as laptop:
        for finding in _findings(laptop, offline=arguments.offline):
            healthy &= finding.health in (Health.SOUND, Health.MENDED)
            told.append(finding)
            if not arguments.json:
                print("\n".join(_lines(finding)), flush=True)
    if arguments.json:
        print_json({"healthy": healthy, "findings": [asdict(finding) for finding in told]})
    elif healthy:
        print("This laptop is in order.")
    return 0 if healthy else 1


def _findings(laptop: Laptop, *, offline: bool) -> Iterable[Finding]:
    for notice in laptop.notices:
        health = Health.LOOK if notice in (ONLY_LOOKED_AT, *laptop.concerns) else Health.MENDED
        yield Finding("start", health, notice)
    yield from check_up(laptop.store)
    if not offline:
        yield asyncio.run(compare_with_central(laptop))


def _lines(finding: Finding) -> list[str]:
    lines = [f"{_SIGNS[finding.health]:<7} {finding.part:<9} {safe_line(finding.words, 300)}"]
    if finding.todo:
        lines.append(f"{'':17} {safe_line(finding.todo, 300)}")
    return lines
