"""`bravetui receipts [RECORD] | check FILE`: what central signed for, to list, to print, and to check offline."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC
from pathlib import Path

from bravetui.base.clock import local_time
from bravetui.base.errors import BadInput, NeedsSignIn
from bravetui.base.options import LINES_MAX, whole
from bravetui.base.text import in_columns, safe_line
from bravetui.cli.common import ask_passphrase, folder_of, laptop_of, print_json, ring_of
from bravetui.views.receipts import NOT_SIGNED, ReceiptRow, check, is_here, page_lines, receipts
from bravetui.wire.messages import Verdict
from bravetui.wiring import who_is_here

FILE_BYTES_MAX = 64 * 1024 * 1024
EPILOG = (
    "JSON: {central_key, receipts: [{dot, outcome, words, kind, record_id, title, seq, given_at, hash, reason, receipt}]}; "
    "of a check: [{dot, genuine, words, unsigned}]. A check ends with exit code 1 if any receipt is not genuine."
)


def options(parser: argparse.ArgumentParser) -> None:
    """All, those of a record, or a check."""
    parser.epilog = EPILOG
    parser.add_argument(
        "words",
        nargs="*",
        metavar="RECORD | check FILE",
        help="a record's id or a dot: its receipts in full, to print",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--titles", action="store_true", help="name records by what people wrote (not to be sent on)"
    )
    parser.add_argument("--limit", type=whole(1, LINES_MAX), default=100, help="receipts shown (default 100)")
    parser.add_argument(
        "--key", help="central's public key, for a check on a machine that is no laptop of it"
    )


def run(arguments: argparse.Namespace) -> int:
    """List, print or check."""
    words: list[str] = arguments.words
    if words[:1] == ["check"]:
        if len(words) != 2:
            raise BadInput("Which file?", "bravetui receipts check FILE")
        return _check(arguments, Path(words[1]))
    if len(words) > 1:
        raise BadInput("One record at a time.", "bravetui receipts RECORD")
    wanted = words[0] if words else ""
    with laptop_of(arguments, only_looks=True) as laptop:
        # A record that is asked for is printed for somebody who knows which it is.
        found = receipts(laptop.store, wanted, arguments.limit, titles=arguments.titles or bool(wanted))
        if wanted and not found and not is_here(laptop.store, wanted):
            raise BadInput(
                f"There is no record or change {safe_line(wanted, 40)!r} on this laptop.",
                "`bravetui receipts` lists those that central has signed for.",
            )
        key = laptop.store.identity.central_key
    if arguments.json:
        print_json({"central_key": key, "receipts": [_plain(row) for row in found]})
    elif not found:
        print(
            "Central has signed for nothing here yet."
            if not wanted
            else "Central has not signed for this yet."
        )
    else:
        print("\n".join(_pages(found, key) if wanted else map(_line, found)))
    return 0


def _check(arguments: argparse.Namespace, path: Path) -> int:
    try:
        text = path.read_bytes()[: FILE_BYTES_MAX + 1].decode("utf-8", "replace")
    except OSError as error:
        raise BadInput(
            f"The file {safe_line(str(path))} cannot be read.", "Name a file with receipts."
        ) from error
    key = arguments.key or _key_here(arguments)
    found = check(text, key)
    if arguments.json:
        print_json([asdict(one) for one in found])
    else:
        for one in found:
            genuine = "genuine" if one.genuine else "NOT GENUINE"
            print(in_columns((one.dot, 18), (genuine, 13), (one.words, 40)))
            for line in one.unsigned:
                print(f"{'':18}central has not signed this line: {line!r}")
    return 0 if all(one.genuine for one in found) else 1


def _key_here(arguments: argparse.Namespace) -> str:
    """Central's key as this laptop has it. Raises BadInput where there is no laptop."""
    try:
        return who_is_here(ring_of(folder_of(arguments), ask_passphrase))[1].central_key
    except NeedsSignIn as error:
        raise BadInput(
            "A check needs central's public key, and no laptop is enrolled here.",
            "Give it with --key=KEY: any laptop of that central prints it as central_key (bravetui receipts --json). "
            "Do not take it from the page that is to be checked.",
        ) from error


def _line(row: ReceiptRow) -> str:
    given_at = f"{local_time(row.given_at, UTC):%Y-%m-%d %H:%M}Z"
    title = safe_line(row.title, 24)
    return in_columns((row.dot, 18), (given_at, 18), (row.words, 28), (title, 26), (row.record_id, 38))


def _pages(found: tuple[ReceiptRow, ...], key: str) -> list[str]:
    """Fit for paper: words for a person, and the JSON that a check needs."""
    lines = []
    for row in found:
        (heading, dot), *signed = page_lines(Verdict.model_validate_json(row.body)).items()
        lines += [
            f"{heading} {dot}",
            *(f"  {label:<10} {words}" for label, words in signed),
            f"  {NOT_SIGNED} {row.kind}: {safe_line(row.title, 60)}",
            f"  {NOT_SIGNED} {row.record_id}",
            row.body,
            "",
        ]
    return [*lines, f"To check, with no line: bravetui receipts check FILE --key={key}"]


def _plain(row: ReceiptRow) -> dict[str, object]:
    told = {**asdict(row), "receipt": json.loads(row.body)}
    del told["body"]
    return told
