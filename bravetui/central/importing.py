"""`bravetui central import`: work that came on a stick, or on the card of a dead laptop; and what waits for a manager."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bravetui.auth.bundle import PASSPHRASE_VARIABLE, seal_bundle
from bravetui.auth.keys import Secrets
from bravetui.auth.locks import AskedPassphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.errors import BadInput, Corrupt, WrongKey
from bravetui.base.text import safe_line
from bravetui.central.rescue import NOT_TAKEN, Taken, kept_bundles, kept_file, take_bundle
from bravetui.central.service import Central
from bravetui.db.mirror import MIRRORED_JOURNAL, MIRRORED_KEYS, black_box_in
from bravetui.db.requests import requests_of
from bravetui.db.unconfirmed import Unconfirmed, gather_journal
from bravetui.wire.codec import encode


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """What to import."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        help="rescue bundle, or folder of a dead laptop's card (import; none: list); request or key file (unlock); "
        "form (publish)",
    )
    parser.add_argument(
        "--kept", metavar="ID", help="try a kept bundle again, by the beginning of its id (import)"
    )
    parser.add_argument(
        "--vouch",
        action="store_true",
        help="a manager answers for it, though its laptop was revoked (import, unlock)",
    )
    parser.add_argument("--json", action="store_true", help="for programs (import, quarantine)")


def check_import(options: argparse.Namespace) -> None:
    """That there is something to import where one was named. Raises BadInput."""
    if options.kept or options.file is None:
        return
    if options.file.is_dir():
        black_box_in(options.file)
    else:
        _read(options.file)


def import_task(central: Central, options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Take a bundle by the push path of its own laptop; doing it twice changes nothing."""
    lock = AskedPassphrase(_passphrase)
    if options.kept:
        file = kept_file(central, options.kept)
    elif options.file is None:
        _list(central, options.json, say)
        return
    elif options.file.is_dir():
        file = of_card(central, options.file, lock)
    else:
        file = _read(options.file)
    taken = take_bundle(central, file, vouched=options.vouch, locks=(lock,))
    if options.json:
        say(json.dumps(_plain(taken), indent=2))
        return
    say("\n".join(lines_of(taken)))


def lines_of(taken: Taken) -> list[str]:
    """How it went, for the operator."""
    told = taken.delivered
    counts = (
        ", ".join(f"{count} {outcome}" for outcome, count in told.outcomes.items()) or "nothing was tried"
    )
    lines = [f"Laptop {told.device}: {counts}."]
    lines += [
        f"  {verdict.dot}  {verdict.outcome}: {safe_line(verdict.reason or '', 300)}"
        for verdict in taken.verdicts
        if verdict.outcome in NOT_TAKEN
    ]
    if told.kept:
        lines += [f"Kept for a manager as {told.bundle[:12]}. {safe_line(told.why, 500)}"]
    else:
        lines.append("Central holds all of it. The laptop learns its verdicts at its next contact.")
    return lines


def _list(central: Central, as_json: bool, say: Callable[[str], None]) -> None:
    kept = kept_bundles(central)
    if as_json:
        told = [
            {
                "id": row.digest,
                "device": row.device,
                "why": row.why,
                "received_at": row.received_at.isoformat(),
            }
            for row in kept
        ]
        say(json.dumps(told, indent=2))
        return
    for row in kept:
        say(
            f"{row.digest[:12]}  laptop {row.device}  {row.received_at:%Y-%m-%d %H:%M}  {safe_line(row.why, 500)}"
        )
    if not kept:
        say("No bundle waits for a manager.")


def _plain(taken: Taken) -> dict[str, object]:
    verdicts = [verdict.model_dump(mode="json", exclude_defaults=True) for verdict in taken.verdicts]
    return {**taken.delivered.model_dump(mode="json"), "verdicts": verdicts}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"The file {safe_line(str(path))} cannot be read.", "Name a rescue bundle.") from error


def of_card(central: Central, folder: Path, lock: AskedPassphrase) -> bytes:
    """A bundle made here from the black box of a laptop that cannot make one any more."""
    folder = black_box_in(folder)
    ring = SealedFile(folder / MIRRORED_KEYS, [central.keys.recovery, lock])
    secrets = ring.load()
    if secrets.identity is None:
        raise Corrupt(
            "The keys on this card belong to a laptop that never enrolled.", "There is no work on it."
        )
    device, now = int(json.loads(secrets.identity)["device"]), central.clock.now()
    found = _gathered(folder / MIRRORED_JOURNAL, secrets)
    pieces = [encode(request) for request in requests_of(found.changes, now)]
    return seal_bundle(pieces, device, secrets.device_key, now, [central.keys.recovery])


def _gathered(journal: Path, secrets: Secrets) -> Unconfirmed:
    """Under whichever of its keys the laptop had the journal when the card last followed it."""
    *others, last = secrets.database_keys
    for key in others:
        with suppress(WrongKey):
            return gather_journal(journal, key)
    return gather_journal(journal, last)


def _passphrase() -> str:
    named = os.environ.get(PASSPHRASE_VARIABLE)
    if named:
        return _read(Path(named)).decode("utf-8", "replace").strip()
    if not sys.stdin.isatty():
        raise BadInput(
            "This opens by a passphrase, and there is no terminal to ask on.",
            f"Put it into a file that only you can read, and name that in {PASSPHRASE_VARIABLE}.",
        )
    return getpass.getpass("Passphrase of the bundle or card: ")
