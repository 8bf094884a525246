"""`bravetui rescue export DIR | send FILE`: when no line comes, unconfirmed work travels to central by hand."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bravetui.auth.bundle import PASSPHRASE_VARIABLE
from bravetui.auth.locks import AskedPassphrase
from bravetui.base.clock import SystemClock
from bravetui.base.errors import BadInput
from bravetui.base.text import counted, safe_line
from bravetui.cli.common import ask_passphrase, folder_of, print_json, progress, ring_of
from bravetui.db.mirror import black_box_in
from bravetui.views.words import age_words, photos_words
from bravetui.wire.delivery import Delivery
from bravetui.wiring import carry, rescue, who_is_here

if TYPE_CHECKING:
    from bravetui.db.unconfirmed import Unconfirmed
    from bravetui.sync.rescue import Exported

EPILOG = (
    "JSON of export: {path, size_bytes, changes, records, by_kind, oldest_at, opens_by, photos, photo_bytes, "
    "photos_unreadable, damaged, unreadable, database_read, marked, signatures_left}, path null when all is confirmed; "
    "of send: {device, outcomes, photos, kept, why, at, bundles}, bundles each with central's signature."
)


def options(parser: argparse.ArgumentParser) -> None:
    """Export or send."""
    parser.epilog = EPILOG
    tasks = parser.add_subparsers(dest="task", metavar="export|send", required=True)
    out = tasks.add_parser("export", help="seal all unconfirmed work, photos too, into a new file")
    out.add_argument("place", type=Path, metavar="DIR", help="folder on a stick or another disk")
    out.add_argument(
        "--from-mirror",
        type=Path,
        metavar="DIR",
        help="read a dead laptop's black box instead of this laptop",
    )
    out.add_argument(
        "--with-passphrase",
        action="store_true",
        help=f"let a passphrase open it too (asked for, or from the file that {PASSPHRASE_VARIABLE} names)",
    )
    send = tasks.add_parser("send", help="carry a bundle to central; whose it is does not matter")
    send.add_argument("place", type=Path, metavar="FILE", help="the bundle")
    for task in (out, send):
        task.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say in words what is in the file or what became of it."""
    if arguments.task == "export":
        return _export(arguments)
    ring = ring_of(folder_of(arguments), ask_passphrase)
    who_is_here(ring)  # what has to be typed for it is typed before the loop, where Ctrl-C is heard
    folder = folder_of(arguments)
    with progress("sent") as said:
        told = asyncio.run(carry(ring, arguments.place, folder=folder, told=said))
    if arguments.json:
        print_json(told.as_json())
    else:
        print("\n".join(carried_lines(told)))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    folder = black_box_in(arguments.from_mirror) if arguments.from_mirror else folder_of(arguments)
    locks = [AskedPassphrase(_new_passphrase)] if arguments.with_passphrase else []
    ring = ring_of(folder, ask_passphrase)
    with progress("photos sealed") as said:
        found, exported = rescue(folder, ring, arguments.place, locks, told=said)
    if arguments.json:
        print_json(_plain(found, exported))
    else:
        print("\n".join(exported_lines(found, exported)))
    return 0


def exported_lines(found: Unconfirmed, exported: Exported | None) -> list[str]:
    """What is in the file, and what could not be put into it."""
    lines = []
    if exported is None:
        lines.append("Nothing to rescue: central has confirmed everything that this laptop holds.")
    else:
        lines += [
            _inside(exported),
            *_oldest(exported),
            *_beneath(found),
            f"Sealed in {safe_line(str(exported.path), 400)} ({exported.size_bytes:,} bytes), read back and compared.",
            _who_opens(exported),
            "Carry it to central: bravetui rescue send FILE on any laptop with a line, or bravetui central import FILE.",
        ]
    return [*lines, *_left_out(found, exported)]


def _inside(exported: Exported) -> str:
    told = []
    if exported.changes:
        kinds = ", ".join(f"{count} {safe_line(kind, 40)}" for kind, count in exported.by_kind)
        told.append(
            f"{counted(exported.changes, 'change')} of {counted(exported.records, 'record')}: {kinds}"
        )
    if exported.photos:
        told.append(photos_words(exported.photos, exported.photo_bytes))
    return f"{'; '.join(told) or 'Nothing that reads'}."


def _oldest(exported: Exported) -> list[str]:
    if exported.oldest_at is None:
        return []
    return [f"The oldest was made {age_words(exported.oldest_at, SystemClock().now())}."]


def _left_out(found: Unconfirmed, exported: Exported | None) -> Iterator[str]:
    if not found.database_read:
        photos = " and photos" if found.photos else ""
        yield (
            f"Only the journal was read: what central has confirmed may be among the changes{photos}, which does no harm."
        )
    elif exported is not None and not found.marked:
        yield "The disk is so full that this laptop could not note what left: free room and export again before typing on."
    if found.signatures_left:
        yield (
            f"{counted(found.signatures_left, 'signature')} not in the file: central has refused an answer of the report. "
            "Correct it in the app, where F4 says what, and sign again."
        )
    if found.damaged:
        yield f"{found.damaged} stretches of the journal could not be read; the rest is in the file."
    if found.unreadable:
        yield f"Of a newer program, and not in the file: {counted(found.unreadable, 'change')}. Export with that one."
    if exported is not None and exported.photos_unreadable:
        yield (
            f"Of {counted(exported.photos_unreadable, 'photo')} a file here is damaged, and not in it. The original may be: "
            "bravetui doctor says, and mends what can be."
        )


def carried_lines(told: Delivery) -> list[str]:
    """What became of a colleague's file; never what is in it."""
    counts = [f"{count} {safe_line(outcome, 20)}" for outcome, count in told.outcomes.items()]
    if told.photos:
        counts.append(counted(told.photos, "photo"))
    lines = [f"Central has it. Laptop {told.device}: {', '.join(counts) or 'nothing was taken yet'}."]
    if told.kept:
        lines += [
            f"It is kept for a manager: {safe_line(told.why, 500)}.",
            "Nothing is lost. Tell the office: `bravetui central quarantine` lists what it has to decide.",
        ]
    else:
        lines.append("Nothing of it is missing at central; its laptop learns so at its next contact.")
    return lines


def _beneath(found: Unconfirmed) -> list[str]:
    if not found.beneath:
        return []
    count = counted(len(found.beneath), "earlier change")
    return [f"With {count} of the same records, already confirmed, in case central has lost them."]


def _who_opens(exported: Exported) -> str:
    if "recovery" not in exported.opens_by:
        return "Only the passphrase opens it: tell it to the office, and keep it apart from the stick."
    also = " and the passphrase" if "passphrase" in exported.opens_by else ""
    return f"Only central{also} can open it; whoever finds the stick sees a laptop's number and a date."


def _plain(found: Unconfirmed, exported: Exported | None) -> dict[str, object]:
    told: dict[str, object] = {"path": None, "changes": 0, "photos": 0, "photo_bytes": 0}
    if exported is not None:
        told = {**asdict(exported), "path": str(exported.path)}
    notes = ("damaged", "unreadable", "database_read", "marked", "signatures_left")
    return {**told, **{name: getattr(found, name) for name in notes}}


def _new_passphrase() -> str:
    """From the named file, or asked twice."""
    named = os.environ.get(PASSPHRASE_VARIABLE)
    if named:
        try:
            return Path(named).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"The file that {PASSPHRASE_VARIABLE} names cannot be read.",
                "Name a text file that you can read.",
            ) from error
    if not sys.stdin.isatty():
        raise BadInput(
            "The bundle needs a passphrase, and there is no terminal to ask on.",
            f"Put one of 8 characters or more into a file, and name that in {PASSPHRASE_VARIABLE}.",
        )
    first, second = getpass.getpass("Passphrase for the bundle: "), getpass.getpass("Once more: ")
    if first != second:
        raise BadInput("The two differ.", "Run the same command again.")
    return first
