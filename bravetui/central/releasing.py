"""`bravetui central quarantine`: what central refused, for somebody at the office to read, mend, release or set aside; and
what it keeps for a record that has not come."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from bravetui.base.errors import BadInput
from bravetui.base.text import in_columns, safe_line
from bravetui.central.quarantine import Waiting, on_hold, parse_mend, release, set_aside, waiting
from bravetui.central.service import Central
from bravetui.merge.version import Dot


def add_quarantine_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do with what was refused."""
    parser.add_argument("--show", metavar="DOT", help="one change that waits, in full (quarantine)")
    parser.add_argument("--release", metavar="DOT", help="take a refused change after all (quarantine)")
    parser.add_argument(
        "--set", metavar="PATH=VALUE", action="append", default=[],
        help="with --release: mend a value first; may be given several times (quarantine)",
    )  # fmt: skip
    parser.add_argument("--aside", metavar="DOT", help="looked at, and not to be taken (quarantine)")
    parser.add_argument("--by", metavar="ID", help="who at the office does it (quarantine)")


def check_quarantine(options: argparse.Namespace) -> None:
    """That what is to be settled is named, and by whom. Raises BadInput."""
    if not (options.release or options.aside):
        return
    if not options.by:
        raise BadInput(
            "Who does it?",
            "Give the id of somebody at the office with --by; `bravetui central people` lists them.",
        )
    Dot.parse(options.release or options.aside)
    for mend in options.set:
        parse_mend(mend)


def quarantine_task(central: Central, options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """List, show, release or set aside."""
    if options.release or options.aside:
        dot = Dot.parse(options.release or options.aside)
        if options.aside:
            set_aside(central, dot, options.by)
            say(f"{dot} is set aside. It stays here and on its laptop.")
        else:
            verdict = release(central, dot, options.by, dict(map(parse_mend, options.set)))
            mended = ", mended in the name of --by" if options.set else ""
            say(
                f"{dot} is taken ({verdict.outcome.value}){mended}. Its laptop hears of it with the next contact."
            )
        return
    found = [*waiting(central), *on_hold(central)]
    if options.show:
        found = [one for one in found if str(one.change.dot) == options.show]
        if not found:
            raise BadInput(f"No change {safe_line(options.show, 40)} waits.", "List them without --show.")
    if options.json or options.show:
        say(json.dumps([_plain(one) for one in found], indent=2, ensure_ascii=True))
        return
    for one in found:
        author, kind = safe_line(one.change.author_id, 40), safe_line(one.change.kind, 40)
        say(in_columns((str(one.change.dot), 18), (author, 38), (kind, 20), (one.code, 20)))
        say(f"{'':18}{safe_line(one.reason, 200)}")
    if not found:
        say("Nothing waits for the office.")


def _plain(one: Waiting) -> dict[str, object]:
    return {
        "dot": str(one.change.dot), "code": one.code, "reason": one.reason, "received_at": one.received_at.isoformat(),
        "change": one.change.to_json(),
    }  # fmt: skip
