"""Work on its way without a line: the black box on a card, and the rescue bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bravetui.auth.keys import KeyRing
from bravetui.auth.locks import Lock, central_lock
from bravetui.auth.proof import Prover
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.clock import Clock, SystemClock, SystemIds
from bravetui.base.errors import BadInput, Corrupt, StorageFull
from bravetui.base.files import replace_file
from bravetui.db.ballast import Ballast
from bravetui.db.mirror import prepare
from bravetui.wire.messages import Delivered
from bravetui.wiring.folder import BALLAST, DATABASE, JOURNAL, MIRROR, who_is_here
from bravetui.wiring.sealing import key_of

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport

    from bravetui.db.unconfirmed import Unconfirmed
    from bravetui.sync.rescue import Exported


def set_mirror(folder: Path, ring: KeyRing, place: Path | None) -> Path | None:
    """Keep a black box in `place` from the next save on, or none; returns its folder. What lies on a card stays there.

    Central's recovery key becomes one more lock of the key file, so that the office can open the card of a laptop whose
    keyring died with it, even if nobody remembers the passphrase.
    """
    secrets, identity = who_is_here(ring, folder)
    if place is None:
        (folder / MIRROR).unlink(missing_ok=True)
        return None
    if folder.resolve() in (place.resolve(), *place.resolve().parents):
        raise BadInput("That is this laptop's own folder.", "Name a folder on a card or on another drive.")
    lock = central_lock(identity.sealing_key)
    if lock is not None and isinstance(ring, SealedFile):
        ring.add_lock(lock)
    card = prepare(place.resolve(), identity.device, secrets.database_key)
    replace_file(folder / MIRROR, json.dumps({"folder": str(card)}).encode())
    return card


def rescue(
    folder: Path, ring: KeyRing, into: Path, locks: Sequence[Lock] = (), clock: Clock | None = None
) -> tuple[Unconfirmed, Exported | None]:
    """Seal what central has not confirmed into a file in `into`, from whatever of the laptop (or of its mirror) still reads.

    To central's key, to `locks`, or to both. Returns what was found, and None when there is nothing to rescue. Opens the
    laptop not as `open_laptop` does: nothing is repaired, moved or rebuilt.
    """
    from bravetui.db.unconfirmed import gather
    from bravetui.sync.rescue import export, no_room

    secrets, identity = who_is_here(ring, folder)
    now = (clock or SystemClock()).now()
    to_central = central_lock(identity.sealing_key)
    every = [*([to_central] if to_central else []), *locks]
    if not every:
        raise BadInput(
            "Central has not given this laptop its sealing key yet.",
            "Seal the bundle by a passphrase: add --with-passphrase. The key comes with the next contact.",
        )
    ballast = Ballast(folder / BALLAST)
    key = key_of(folder / JOURNAL, secrets)
    found = gather(folder / DATABASE, folder / JOURNAL, key, ballast, now)
    if not found.changes:
        if not found.database_read and (found.damaged or not (folder / JOURNAL).exists()):
            raise Corrupt(
                "Neither the database nor the journal in this folder can be read.",
                "Try the other copy, if there is one: the laptop's own, or its black box (--from-mirror). Keep this one.",
            )
        return found, None
    try:
        return found, export(found, identity.device, secrets.device_key, every, into, now)
    except StorageFull as error:
        raise no_room(into, error) from error


async def carry(ring: KeyRing, bundle: Path, transport: AsyncBaseTransport | None = None) -> Delivered:
    """Hand a bundle in over this laptop's line, whosever it is. Raises BadInput for a damaged one, and as the client."""
    from bravetui.sync.client import CentralClient
    from bravetui.sync.rescue import accepted, read_file

    secrets, identity = who_is_here(ring)
    data, clock = read_file(bundle), SystemClock()
    prover = Prover(secrets.device_key, lambda: identity.grant, clock, SystemIds(clock))
    client = CentralClient(identity.central_url, prover, transport=transport)
    try:
        return accepted(await client.deliver(data), data, identity.central_key)
    finally:
        await client.close()
