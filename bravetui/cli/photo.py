"""`bravetui photo`: add a picture to a report, list what there is and where its bytes are, save one as a file."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict
from pathlib import Path

from bravetui.actions.photos import Owner, remove, take_in
from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line, shortened
from bravetui.cli.common import laptop_of, print_json, write_new
from bravetui.db.store import Store
from bravetui.views.photos import ID_SHOWN, PhotoRow, Target, photo, photos, target, targets, where_words
from bravetui.views.rights import only_reads
from bravetui.views.sign_in import refuse_locked
from bravetui.views.status import project_zone
from bravetui.views.words import bytes_words, day_words
from bravetui.wire.blobs import Rendition
from bravetui.wiring import Laptop
from bravetui.wiring.photos import content

EPILOG = (
    "Examples: bravetui photo add IMG_0412.jpg --caption 'Undercut at SF-2'; bravetui photo list; "
    "bravetui photo save 019d0a11 picture.jpg. An id may be cut short. "
    "JSON of list: a list of {id, sha256, caption, taken_at, owner_kind, owner_id, owner, size_bytes, width, height, here, "
    "at_central, why}."
)


def options(parser: argparse.ArgumentParser) -> None:
    """One task, and what it is about."""
    parser.epilog = EPILOG
    tasks = parser.add_subparsers(dest="task", required=True, metavar="add|list|save|remove")
    adding = tasks.add_parser("add", help="take pictures in: JPEG, PNG or WebP")
    adding.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a picture")
    adding.add_argument(
        "--for", dest="record", metavar="ID", default="", help="the record (default: your last draft)"
    )
    adding.add_argument("--caption", default="", help="what the picture shows")
    listing = tasks.add_parser("list", help="all photos, newest first")
    listing.add_argument("--records", action="store_true", help="what a photo can be added to instead")
    listing.add_argument("--json", action="store_true", help="for programs")
    saving = tasks.add_parser(
        "save", help="write a photo to a file; fetched from central where it is not here"
    )
    saving.add_argument("photo", metavar="ID", help="which one")
    saving.add_argument("file", type=Path, metavar="FILE", help="where to; nothing is overwritten")
    saving.add_argument("--small", action="store_true", help="the preview instead of the original")
    removing = tasks.add_parser("remove", help="take a photo off its record")
    removing.add_argument("photo", metavar="ID", help="which one")


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say what was done."""
    with laptop_of(arguments, only_looks=arguments.task == "list") as laptop:
        refuse_locked(laptop.store)
        _TASKS[arguments.task](laptop, arguments)
    return 0


def _add(laptop: Laptop, arguments: argparse.Namespace) -> None:
    store = laptop.store
    where = target(store, arguments.record)
    if refused := only_reads(store, where.scope_id):
        raise BadInput(refused)
    for path in arguments.files:
        added = take_in(store, where.scope_id, Owner(where.kind, where.record_id), path, arguments.caption)
        name = safe_line(path.name, 60)
        print(
            f"{name}: saved on this laptop with {where.words}. Its id: {added.photo_id[:ID_SHOWN]}",
            flush=True,
        )
    print("They go to central by themselves: bravetui status")


def _list(laptop: Laptop, arguments: argparse.Namespace) -> None:
    store = laptop.store
    if arguments.records:
        _print_records(targets(store), as_json=arguments.json)
        return
    rows = photos(store)
    if arguments.json:
        print_json([_plain(row) for row in rows])
        return
    for row in rows:
        print(
            f"{row.id[:ID_SHOWN]}  {_when(store, row):<17} {bytes_words(row.size_bytes):>8}  {where_words(row)}"
        )
        print(f"{'':15}{shortened(row.caption or 'No caption', 62)}\n{'':15}{shortened(row.owner, 62)}")
        if row.why:
            print(f"{'':15}waits: {shortened(row.why, 55)}")
    if not rows:
        print("No photos. Add one: bravetui photo add FILE")


def _print_records(found: tuple[Target, ...], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        print(f"{one.record_id[:ID_SHOWN]}  {shortened(one.words, 62)}")
    if not found:
        print("Nothing yet that a photo can be added to. Begin a form first: bravetui")


def _save(laptop: Laptop, arguments: argparse.Namespace) -> None:
    row = photo(laptop.store, arguments.photo)
    rendition = Rendition.PREVIEW if arguments.small else Rendition.ORIGINAL
    data = asyncio.run(content(laptop, row, rendition))
    write_new(arguments.file, data)
    print(f"Written: {safe_line(str(arguments.file), 200)} ({bytes_words(len(data))})")


def _remove(laptop: Laptop, arguments: argparse.Namespace) -> None:
    row = photo(laptop.store, arguments.photo)
    if refused := only_reads(laptop.store, row.scope_id):
        raise BadInput(refused)
    remove(laptop.store, row.scope_id, row.id)
    print(f"Taken off {row.owner}: {shortened(row.caption or 'no caption', 60)}")


def _when(store: Store, row: PhotoRow) -> str:
    return day_words(row.taken_at, project_zone(store, row.scope_id)) if row.taken_at else ""


def _plain(row: PhotoRow) -> dict[str, object]:
    return {**asdict(row), "here": sorted(row.here), "at_central": sorted(row.at_central)}


_TASKS = {"add": _add, "list": _list, "save": _save, "remove": _remove}
