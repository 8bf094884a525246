"""`bravetui sign-out`: nothing is read on this laptop any more, until its person signs in again. Nothing is deleted."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bravetui.actions.session import sign_out
from bravetui.base.errors import BadInput
from bravetui.cli.common import laptop_of
from bravetui.cli.rescue import exported_lines
from bravetui.db.lease import Lease
from bravetui.views.sign_in import SIGNED_OUT, sign_in
from bravetui.views.status import sync_summary
from bravetui.wiring import LEASE, rescue

SIGNED_OUT_WORDS = (
    "Signed out. Nothing was deleted: new work can be recorded, and what is here is handed in as before.\n"
    "To read again: bravetui enrol --again."
)


def options(parser: argparse.ArgumentParser) -> None:
    """Without asking, and with a rescue bundle."""
    parser.add_argument("--yes", action="store_true", help="do not ask, even if work exists only here")
    parser.add_argument(
        "--rescue",
        type=Path,
        metavar="DIR",
        help="first seal all unconfirmed work into a file in this folder",
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask where work exists only here, then sign out. The app and background sync must be closed: they read."""
    with laptop_of(arguments) as laptop, Lease.take(laptop.folder / LEASE, laptop.store.clock.now()):
        if sign_in(laptop.store).state == SIGNED_OUT:
            print("Nobody is signed in here.")
            return 0
        summary = sync_summary(laptop.store)
        only_here = summary.waiting + summary.refused
        into = arguments.rescue
        if only_here and into is None and not arguments.yes:
            into = _asked(only_here, summary.refused)
        if into is not None:
            print("\n".join(exported_lines(*rescue(laptop.folder, laptop.ring, into))))
        if only_here and not arguments.yes and not _agreed(only_here):
            print("Still signed in.")
            return 0
        sign_out(laptop.store)
    print(SIGNED_OUT_WORDS)
    return 0


def _counted(changes: int) -> str:
    return f"{changes} change{'s' * (changes != 1)} exist{'s' * (changes == 1)} only on this laptop."


def _asked(only_here: int, refused: int) -> Path | None:
    """Where a rescue bundle goes; None for none. Raises BadInput where nobody can be asked."""
    if not sys.stdin.isatty():
        first = "See `bravetui queue` for what was refused" if only_here == refused else "Sync first"
        raise BadInput(
            _counted(only_here),
            f"{first}, or add --rescue DIR for a bundle on a stick; --yes signs out all the same.",
        )
    print(f"{_counted(only_here)} They stay here, and are handed in as soon as there is a line.")
    told = input("Folder for a rescue bundle of them, such as a stick (Enter: none): ").strip()
    return Path(told) if told else None


def _agreed(only_here: int) -> bool:
    if not sys.stdin.isatty():
        return True  # a bundle was asked for and made
    return input(f"{_counted(only_here)} Sign out? (y/N) ").strip().lower() in ("y", "yes")
