"""`bravetui queue`: the outbox, change by change; a refused one can be sent again."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from bravetui.actions.queue import send_again
from bravetui.base.options import LINES_MAX, whole
from bravetui.base.text import counted, in_columns, safe_line
from bravetui.cli.common import laptop_of, print_json, write_new
from bravetui.merge.version import Dot
from bravetui.views.queue import queue, refused

EPILOG = (
    "JSON: {total, items: [{dot, lane, label, kind, record_id, what, title, changed, state, state_words, attempts, "
    "next_attempt_at, why, made_at, size_bytes}]}. Times are ISO 8601 in UTC, or null. Without --titles no word that "
    "somebody wrote is in it."
)


def options(parser: argparse.ArgumentParser) -> None:
    """Look, or send again."""
    parser.epilog = EPILOG
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--titles", action="store_true", help="name records by what people wrote (not to be sent on)"
    )
    parser.add_argument("--limit", type=whole(1, LINES_MAX), default=100, help="changes shown (default 100)")
    parser.add_argument(
        "--export",
        metavar="FILE",
        type=Path,
        help="write what was refused, in full, to a new file of your own",
    )
    parser.add_argument("--send-again", metavar="DOT", help="take this refused change out of quarantine")


def run(arguments: argparse.Namespace) -> int:
    """Print the queue in the order in which it will go."""
    with laptop_of(arguments, only_looks=not arguments.send_again) as laptop:
        if arguments.send_again:
            send_again(laptop.store, Dot.parse(arguments.send_again))
            print(f"{arguments.send_again} goes again with the next contact.")
            return 0
        if arguments.export:
            changes = refused(laptop.store)
            write_new(arguments.export, json.dumps(changes, indent=2, ensure_ascii=True) + "\n")
            where = safe_line(str(arguments.export), 200)
            print(f"{counted(len(changes), 'refused change')} written to {where}; kept here, too.")
            return 0
        seen = queue(laptop.store, arguments.limit, titles=arguments.titles)
    if arguments.json:
        print_json({"total": seen.total, "items": [asdict(item) for item in seen.items]})
        return 0
    for item in seen.items:
        what = safe_line(item.what, 60)
        print(in_columns((item.dot, 18), (item.label, 10), (item.state_words, 24), (what, 60)))
        if item.why:
            print(f"{'':18}{safe_line(item.why, 200)}")
    if seen.total > len(seen.items):
        print(f"… and {seen.total - len(seen.items)} more (--limit)")
    elif not seen.total:
        print("The queue is empty.")
    return 0
