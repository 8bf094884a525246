"""`bravetui central import`: work that came on a stick, or on the card of a dead laptop; and what waits for a manager."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from bravetui.auth.bundle import PASSPHRASE_VARIABLE, bundles_of, read_bundle, seal_bundle
from bravetui.auth.keys import Secrets
from bravetui.auth.locks import AskedPassphrase
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.errors import BadInput, Corrupt, WrongKey
from bravetui.base.text import counted, safe_line
from bravetui.central.rescue import NOT_TAKEN, Taken, kept_bundles, kept_file, take_bundle
from bravetui.central.service import Central
from bravetui.db.blobs import BlobFiles
from bravetui.db.mirror import MIRRORED_JOURNAL, MIRRORED_KEYS, MIRRORED_PHOTOS, black_box_in
from bravetui.db.photos_leaving import in_bundles, pieces_of
from bravetui.db.requests import requests_of
from bravetui.db.unconfirmed import Unconfirmed, gather_journal
from bravetui.wire.blobs import Blob
from bravetui.wire.codec import encode
from bravetui.wire.delivery import Delivery
from bravetui.wire.photo_pieces import HOLDS_PHOTOS


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
        _check(options.file)


def import_task(central: Central, options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Take a bundle by the push path of its own laptop; doing it twice changes nothing."""
    lock = AskedPassphrase(_passphrase)
    if options.kept:
        bundles: Iterable[bytes] = [kept_file(central, options.kept)]
    elif options.file is None:
        _list(central, options.json, say)
        return
    elif options.file.is_dir():
        bundles = bundles_of_card(central, options.file, lock)
    else:
        bundles = bundles_of(options.file)
    taken = [take_bundle(central, one, vouched=options.vouch, locks=(lock,)) for one in bundles]
    if options.json:
        say(json.dumps(_plain(taken), indent=2))
        return
    say("\n".join(lines_of(*taken)))


def lines_of(*taken: Taken) -> list[str]:
    """How it went with the bundles of a file, for the operator."""
    told = Delivery(tuple(one.delivered for one in taken))
    counts = [f"{count} {outcome}" for outcome, count in told.outcomes.items()]
    if told.photos:
        counts.append(counted(told.photos, "photo"))
    lines = [f"Laptop {told.device}: {', '.join(counts) or 'nothing was tried'}."]
    lines += [
        f"  {verdict.dot}  {verdict.outcome}: {safe_line(verdict.reason or '', 300)}"
        for one in taken
        for verdict in one.verdicts
        if verdict.outcome in NOT_TAKEN
    ]
    lines += [f"Kept for a manager as {one.bundle[:12]}. {safe_line(one.why, 500)}" for one in told.kept]
    if not told.kept:
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


def _plain(taken: Sequence[Taken]) -> dict[str, object]:
    verdicts = [
        verdict.model_dump(mode="json", exclude_defaults=True) for one in taken for verdict in one.verdicts
    ]
    return {**Delivery(tuple(one.delivered for one in taken)).as_json(), "verdicts": verdicts}


def _check(path: Path) -> None:
    """That every bundle of the file is whole, before any is used. Raises BadInput."""
    for bundle in bundles_of(path):
        read_bundle(bundle)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"The file {safe_line(str(path))} cannot be read.", "Name a rescue bundle.") from error


def bundles_of_card(central: Central, folder: Path, lock: AskedPassphrase) -> Iterator[bytes]:
    """Bundles made here from the black box of a laptop that cannot make any more: the changes, then the photos."""
    folder = black_box_in(folder)
    ring = SealedFile(folder / MIRRORED_KEYS, [central.keys.recovery, lock])
    secrets = ring.load()
    if secrets.identity is None:
        raise Corrupt(
            "The keys on this card belong to a laptop that never enrolled.", "There is no work on it."
        )
    device, now = int(json.loads(secrets.identity)["device"]), central.clock.now()
    seal = partial(
        seal_bundle, device=device, device_key=secrets.device_key, made_at=now, locks=[central.keys.recovery]
    )
    files = [BlobFiles(folder / MIRRORED_PHOTOS, key) for key in secrets.database_keys]
    found = _gathered(folder / MIRRORED_JOURNAL, secrets, files[0].kept())
    yield seal([encode(request) for request in requests_of(found.changes, now)])
    for group in in_bundles(found.photos):
        yield seal([piece for _, piece in pieces_of(group, files) if piece is not None], holds=HOLDS_PHOTOS)


def _gathered(journal: Path, secrets: Secrets, photos: Mapping[Blob, int]) -> Unconfirmed:
    """Under whichever of its keys the laptop had the journal when the card last followed it."""
    *others, last = secrets.database_keys
    for key in others:
        with suppress(WrongKey):
            return gather_journal(journal, key, photos)
    return gather_journal(journal, last, photos)


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
