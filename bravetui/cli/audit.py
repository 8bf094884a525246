"""`bravetui audit verify`: on central's machine, prove that nobody has changed the past."""

from __future__ import annotations

import argparse
from pathlib import Path

from bravetui.cli.common import print_json

EPILOG = (
    "Exit code 1: an entry does not add up; it is named. JSON: {ok, scopes: [{scope_id, entries, chain, broken_at, "
    "broken_dot, why}]}. Keep one a month away from central: --against finds a past rewritten or cut off as a whole."
)


def options(parser: argparse.ArgumentParser) -> None:
    """Where central's database is."""
    from bravetui.central.place import add_place_arguments

    parser.epilog = EPILOG
    parser.add_argument("task", choices=["verify"], help="recompute every chain")
    parser.add_argument("--against", type=Path, metavar="FILE", help="an earlier report, from --json")
    parser.add_argument("--json", action="store_true", help="for programs")
    add_place_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify, and say so."""
    from bravetui.base.stopping import stoppable
    from bravetui.central.auditing import audit_json, audit_lines, noted_in, verify_ledger
    from bravetui.central.place import opened

    noted = noted_in(arguments.against) if arguments.against else None
    with stoppable(), opened(arguments) as central:
        found = verify_ledger(central, noted)
    if arguments.json:
        print_json(audit_json(found))
    else:
        print("\n".join(audit_lines(found)) or "The ledger is empty.")
    return 0 if all(one.broken_at is None for one in found) else 1
