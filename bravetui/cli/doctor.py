"""`bravetui doctor`: looks at everything this laptop keeps, mends what can be mended, compares it with central, and says so.

What waits in the queue is looked at and never touched. `--bundle` writes what it found, and what else helps support, into
one file without answers or names; also where the laptop does not open.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from bravetui.base.clock import SystemClock
from bravetui.base.errors import BadInput, BravetuiError
from bravetui.base.files import free_name
from bravetui.base.text import safe_line
from bravetui.cli.common import folder_of, laptop_of, print_json, write_new
from bravetui.wiring import Laptop
from bravetui.wiring.checkup import Finding, Health, check_up, not_fetched
from bravetui.wiring.comparing import compare_with_central
from bravetui.wiring.diagnosis import diagnosis, of_laptop, shut
from bravetui.wiring.looking import ONLY_LOOKED_AT

EPILOG = (
    "Exit codes: 0 all is in order, or was mended; 1 something needs a person, or could not be looked at, and it says what "
    "to do; 2 used wrongly; 75 not now, try again. JSON: {healthy, findings: [{part, health, words, todo}]}, "
    "health one of sound, mended, look, unknown. A bundle is a JSON file with no answers, names or secrets in it: read "
    "it, then send it to support."
)

_SIGNS = {Health.SOUND: "ok", Health.MENDED: "mended", Health.LOOK: "LOOK", Health.UNKNOWN: "?"}


def options(parser: argparse.ArgumentParser) -> None:
    """With central or without, and for whom."""
    parser.add_argument("--offline", action="store_true", help="do not compare with central")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--bundle",
        metavar="FILE|DIR",
        type=Path,
        help="write a diagnosis for support, without answers or names, to a new file",
    )
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Look, mend, compare, say; with --bundle, write it down."""
    if getattr(arguments, "bundle", None) is not None:
        return _bundle(arguments)
    with laptop_of(arguments, say_notices=False, only_looks=arguments.offline) as laptop:
        told = _told(laptop, arguments)
    healthy = _is_healthy(told)
    if arguments.json:
        print_json({"healthy": healthy, "findings": [asdict(finding) for finding in told]})
    elif healthy:
        print("This laptop is in order.")
    return 0 if healthy else 1


def _bundle(arguments: argparse.Namespace) -> int:
    """The file is written whatever becomes of the looking; nothing is looked at for a file that cannot be written."""
    clock = SystemClock()
    path = _new_file(arguments.bundle, f"{clock.now():%Y%m%dT%H%M%SZ}")
    findings: list[Finding] = []
    try:
        with laptop_of(arguments, say_notices=False, only_looks=arguments.offline) as laptop:
            findings = _told(laptop, arguments)
            inside = of_laptop(laptop, findings)
    except Exception as error:  # noqa: BLE001 - what keeps a laptop from opening is what support wants to know
        inside = shut(error)
        why = error if isinstance(error, BravetuiError) else f"({type(error).__name__})"
        print(f"The laptop could not be looked into. {safe_line(str(why), 300)}", file=sys.stderr)
    write_new(
        path, json.dumps(diagnosis(folder_of(arguments), clock, inside), indent=1, ensure_ascii=True) + "\n"
    )
    healthy = bool(findings) and _is_healthy(findings)
    where = safe_line(str(path), 200)
    if arguments.json:
        print_json({"healthy": healthy, "bundle": str(path), "findings": [asdict(one) for one in findings]})
    else:
        print(
            f"The diagnosis is in {where}: no answers, no names, no secrets. Read it, then send it to support."
        )
    return 0 if healthy else 1


def _new_file(named: Path, stamp: str) -> Path:
    """The file to write. Raises BadInput where one is there already, or no folder for it is."""
    path = free_name(named / f"bravetui-diagnosis-{stamp}.json") if named.is_dir() else named
    if path.exists() or path.is_symlink():
        raise BadInput("A file of that name is there already.", "Name another; nothing is overwritten.")
    if not path.parent.is_dir():
        raise BadInput("There is no such folder to write the file into.", "Make it first, or name another.")
    return path


def _told(laptop: Laptop, arguments: argparse.Namespace) -> list[Finding]:
    """What was found, said as it is found."""
    told = []
    for finding in _findings(laptop, offline=arguments.offline):
        told.append(finding)
        if not arguments.json:
            print("\n".join(lines_of(finding)), flush=True)
    return told


def _is_healthy(findings: Iterable[Finding]) -> bool:
    return all(finding.health in (Health.SOUND, Health.MENDED) for finding in findings)


def _findings(laptop: Laptop, *, offline: bool) -> Iterable[Finding]:
    for notice in laptop.notices:
        health = Health.LOOK if notice in (ONLY_LOOKED_AT, *laptop.concerns) else Health.MENDED
        yield Finding("start", health, notice)
    yield from check_up(laptop.store)
    if offline:
        yield from not_fetched(laptop.store)
    else:
        yield asyncio.run(compare_with_central(laptop))


def lines_of(finding: Finding) -> list[str]:
    """A finding in words."""
    lines = [f"{_SIGNS[finding.health]:<7} {finding.part:<9} {safe_line(finding.words, 300)}"]
    if finding.todo:
        lines.append(f"{'':17} {safe_line(finding.todo, 300)}")
    return lines
