"""`bravetui why`: who wrote what a field says, what others wrote, what each had seen, and which rule decided."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line
from bravetui.cli.common import laptop_of, print_json
from bravetui.views.sign_in import refuse_locked
from bravetui.views.status import project_zone, scopes
from bravetui.views.why import fields, lines_of, why

EPILOG = (
    "Without FIELD, the names of the record's fields. `bravetui queue --json` and `bravetui conflicts --json` tell kinds "
    "and ids. JSON: {title, label, text, writers, rule_words, apart: [{conflict_id, sides, rule_words, outcome, at}], "
    "made_here}."
)


TEXT_SHOWN = 400
"""Characters of one value; --json has all of it."""


def options(parser: argparse.ArgumentParser) -> None:
    """Which field of which record."""
    parser.epilog = EPILOG
    parser.add_argument("kind", help="e.g. submission, violation, inspection")
    parser.add_argument("id", help="the record's id")
    parser.add_argument("field", nargs="?", help="e.g. answers/rain_in")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    """Tell the field's story from what is on this laptop; asks nobody."""
    with laptop_of(arguments, only_looks=True) as laptop:
        store = laptop.store
        where = [s.id for s in scopes(store) if fields(store, s.id, arguments.kind, arguments.id)]
        if not where:
            refuse_locked(store)
            raise BadInput(
                "There is no such record on this laptop.", "bravetui conflicts --json tells kinds and ids."
            )
        if arguments.field is None:
            names = fields(store, where[0], arguments.kind, arguments.id)
            print_json(list(names)) if arguments.json else print(*(safe_line(n) for n in names), sep="\n")
            return 0
        told = why(store, where[0], arguments.kind, arguments.id, arguments.field)
        now, zone = store.clock.now(), project_zone(store, where[0])
    if arguments.json:
        print_json(asdict(told))
    else:
        print("\n".join(lines_of(told, now, zone, TEXT_SHOWN)))
    return 0
