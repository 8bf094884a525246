"""`bravetui mirror [DIR | off]`: keep a sealed second copy of unconfirmed work on a card, or say how it stands."""

from __future__ import annotations

import argparse
from pathlib import Path

from bravetui.base.text import counted, safe_line
from bravetui.cli.common import ask_passphrase, folder_of, laptop_of, print_json, progress, ring_of
from bravetui.db.mirror import Mirror, MirrorReport, MirrorState
from bravetui.wiring import set_mirror

OFF = "off"
EPILOG = (
    "JSON: {folder, state, why, photos, photos_left, photos_why}, or null without a black box. States: in step, behind, "
    "away, full, foreign."
)


def options(parser: argparse.ArgumentParser) -> None:
    """Where to, or off."""
    parser.epilog = EPILOG
    parser.add_argument(
        "place",
        nargs="?",
        metavar="DIR",
        help="folder on the card; `off` to keep none; nothing: how it stands",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    """Set it, and say how it stands. A window that is open takes it up with its next save."""
    if arguments.place is not None:
        folder = folder_of(arguments)
        place = None if arguments.place == OFF else Path(arguments.place)
        set_mirror(folder, ring_of(folder, ask_passphrase), place)
        if place is not None and place.stat().st_dev == folder.stat().st_dev and not arguments.json:
            print(
                "This is the disk that the laptop works on: it helps against deletion, not against a dead disk."
            )
    with laptop_of(arguments) as laptop:
        if laptop.mirror is not None:
            _wait(laptop.mirror, is_new=arguments.place is not None)
        report = laptop.mirror.report if laptop.mirror else None
    if arguments.json:
        print_json(report_json(report))
    else:
        print(f"The black box is {report_words(report)}" if report else "This laptop keeps no black box.")
    return 0


def _wait(mirror: Mirror, *, is_new: bool) -> None:
    """Give the card its time: a new one for all of the photos, unless a person breaks it off."""
    if is_new:
        with progress("photos copied") as said:
            mirror.finish(said)
    mirror.close()


def report_words(report: MirrorReport | None) -> str:
    """The black box on one line."""
    if report is None:
        return "not kept"
    where = safe_line(str(report.folder), 200)
    if report.state is MirrorState.IN_STEP:
        return f"in step, in {where}{_photos(report)}"
    return f"not in step, in {where}: {safe_line(report.why, 300)}"


def _photos(report: MirrorReport) -> str:
    told = f"; {counted(report.photos, 'photo')} on it" if report.photos else ""
    if report.photos_left:
        why = f": {safe_line(report.photos_why, 200)}" if report.photos_why else " yet"
        told += f"; {counted(report.photos_left, 'photo')} not{why}"
    return told


def report_json(report: MirrorReport | None) -> dict[str, str | int] | None:
    """The same for programs."""
    if report is None:
        return None
    return {
        "folder": str(report.folder), "state": report.state.value, "why": report.why, "photos": report.photos,
        "photos_left": report.photos_left, "photos_why": report.photos_why,
    }  # fmt: skip
