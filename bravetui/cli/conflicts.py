"""`bravetui conflicts`: what two people set apart from each other, side by side, for support over SSH."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line, shortened
from bravetui.cli.common import laptop_of, print_json
from bravetui.views.conflicts import ConflictView, conflict, conflicts
from bravetui.views.sign_in import refuse_locked
from bravetui.views.status import scopes

EPILOG = (
    "JSON: a list of {id, record_kind, record_id, title, what, opened_at, status, lost_here}; with --show a list of one "
    "{id, title, status, fields: [{path, label, local, remote}]}. Without --titles and --show no "
    "word that somebody wrote is in it."
)


def options(parser: argparse.ArgumentParser) -> None:
    """All, or one."""
    parser.epilog = EPILOG
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--titles", action="store_true", help="name records by what people wrote (not to be sent on)"
    )
    parser.add_argument("--show", metavar="ID", help="one conflict, field by field")


def run(arguments: argparse.Namespace) -> int:
    """Print conflicts of all projects on this laptop. Deciding is done in the app, by somebody with the right."""
    with laptop_of(arguments, only_looks=True) as laptop:
        refuse_locked(laptop.store)
        found = [
            (scope, row)
            for scope in scopes(laptop.store)
            for row in conflicts(laptop.store, scope.id, titles=arguments.titles)
        ]
        shown = [conflict(laptop.store, scope.id, row.id) for scope, row in found if row.id == arguments.show]
    if arguments.show:
        if not shown:
            raise BadInput("There is no such conflict on this laptop.", "List them: bravetui conflicts.")
        if arguments.json:
            print_json([_plain(view) for view in shown])
        else:
            print("\n".join(_side_by_side(shown[0])))
        return 0
    if arguments.json:
        print_json([asdict(row) for _, row in found])
        return 0
    for row in (row for _, row in found):
        print(
            f"{row.status:<13}{shortened(row.what, 66)}\n{'':13}{shortened(row.title, 60)}\n{'':13}{row.id}"
        )
    if not found:
        print("No conflicts.")
    return 0


def _plain(view: ConflictView) -> dict[str, object]:
    fields = [
        {"path": f.path, "label": f.label, "local": f.local.raw, "remote": f.remote.raw} for f in view.fields
    ]
    return {"id": view.id, "title": view.title, "status": view.status, "fields": fields}


def _side_by_side(view: ConflictView) -> list[str]:
    lines = [f"{view.title} ({view.status})"]
    for field in view.fields:
        lines += ["", field.label]
        for label, side in ((view.local_label, field.local), (view.remote_label, field.remote)):
            lines.append(f"  {label + ':':<14}{safe_line(side.text, 400)}   {side.who}")
    decided = [f"  {safe_line(words, 400)}" for words in view.resolution.values()]
    if decided:
        by = f" by {view.resolved_by}" if view.resolved_by else ""
        why = f": {view.reason}" if view.reason else ""
        lines += ["", f"Decided{by}{why}", *decided]
    return [*lines, "", *([view.remembered_words] if view.remembered_words else ()), view.what_next]
