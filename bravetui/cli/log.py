"""`bravetui log`: what sync did, in words anyone can read, to look at or to send to support."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

from bravetui.base.options import LINES_MAX, decimal, whole
from bravetui.base.text import safe_line
from bravetui.cli.common import json_line, laptop_of, write_new
from bravetui.views.status import LogLine, log

EPILOG = (
    "JSON: one object a line, {at, event, lane, words}; at is ISO 8601 in UTC. It holds counts and words of the program's "
    "own, no answer, no secret, and no name but that of whoever was here as support, so it may be sent to anybody."
)

EXPORTED_MAX = 10_000
DAYS_MAX = 10_000


def options(parser: argparse.ArgumentParser) -> None:
    """How much, and in what form."""
    parser.epilog = EPILOG
    parser.add_argument("--days", type=decimal(0, DAYS_MAX), default=30, help="how far back (default 30)")
    parser.add_argument(
        "--limit", type=whole(1, LINES_MAX), default=200, help="lines shown, the newest (default 200)"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--export", type=Path, metavar="FILE", help="all of it into a new file")


def run(arguments: argparse.Namespace) -> int:
    """Print or write it, the oldest first."""
    with laptop_of(arguments, only_looks=True) as laptop:
        since = laptop.store.clock.now() - timedelta(days=arguments.days)
        limit = EXPORTED_MAX if arguments.export else arguments.limit
        lines = [line_of(one, as_json=arguments.json) for one in reversed(log(laptop.store, limit, since))]
    if arguments.export:
        write_new(arguments.export, "\n".join(lines) + "\n")
        print(f"{len(lines)} lines written to {safe_line(str(arguments.export), 200)}.")
    else:
        print("\n".join(lines) or "Nothing has been synced yet.")
    return 0


def line_of(one: LogLine, *, as_json: bool) -> str:
    """A line of the log, for people or for programs."""
    if as_json:
        return json_line({"at": one.at, "event": one.event, "lane": one.lane, "words": one.words})
    words = f"{one.lane}: {one.words}" if one.lane else one.words
    return f"{one.at.astimezone():%Y-%m-%d %H:%M:%S %Z}  {one.event:<10} {safe_line(words, 200)}"
