"""Work on its way without a line: the black box on a card, and the rescue bundle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
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
from bravetui.wire.blobs import Blob
from bravetui.wire.delivery import Delivery
from bravetui.wiring.folder import BALLAST, CARRIED, DATABASE, JOURNAL, MIRROR, PHOTOS, who_is_here
from bravetui.wiring.sealing import key_of

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport

    from bravetui.db.unconfirmed import Unconfirmed
    from bravetui.sync.rescue import Exported, Progress


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
    folder: Path,
    ring: KeyRing,
    into: Path,
    locks: Sequence[Lock] = (),
    clock: Clock | None = None,
    told: Progress = lambda done, total: None,
) -> tuple[Unconfirmed, Exported | None]:
    """Seal what central has not confirmed into a file in `into`, from whatever of the laptop (or of its mirror) still reads.

    To central's key, to `locks`, or to both. `told` hears how many bytes of photos are in it, and of how many. Returns what
    was found, and None when there is nothing to rescue. Opens the laptop not as `open_laptop` does: nothing is repaired,
    moved or rebuilt.
    """
    from bravetui.db.blobs import BlobFiles
    from bravetui.db.photos_leaving import pieces_of
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
    key = key_of(folder / JOURNAL, secrets)
    photos = [BlobFiles(folder / PHOTOS, one) for one in (key, *(set(secrets.database_keys) - {key}))]
    kept: dict[Blob, int] = {}
    with suppress(OSError):  # a folder that cannot be read holds up no change
        kept = photos[0].kept()
    found = gather(folder / DATABASE, folder / JOURNAL, key, Ballast(folder / BALLAST), now, kept)
    if not found.changes and not found.photos:
        if not found.database_read and (found.damaged or not (folder / JOURNAL).exists()):
            raise Corrupt(
                "Neither the database nor the journal in this folder can be read.",
                "Try the other copy, if there is one: the laptop's own, or its black box (--from-mirror). Keep this one.",
            )
        return found, None
    read = partial(pieces_of, files=photos)
    try:
        return found, export(found, identity.device, secrets.device_key, every, into, now, read, told)
    except StorageFull as error:
        raise no_room(into, error) from error


async def carry(
    ring: KeyRing,
    bundle: Path,
    transport: AsyncBaseTransport | None = None,
    folder: Path | None = None,
    told: Progress = lambda done, total: None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Delivery:
    """Hand a rescue file in over this laptop's line, whosever it is. `folder`: the laptop's own, in which it remembers what
    is delivered of a file of many bundles. `told` hears how many bytes are, and of how many. Raises BadInput for a damaged
    one, and as the client."""
    from bravetui.sync.client import CentralClient
    from bravetui.sync.rescue_sending import CarriedBefore, send_file

    secrets, identity = who_is_here(ring)
    clock = SystemClock()
    prover = Prover(secrets.device_key, lambda: identity.grant, clock, SystemIds(clock))
    before = CarriedBefore(folder / CARRIED if folder else None, identity.central_key)
    client = CentralClient(identity.central_url, prover, transport=transport)
    try:
        return await send_file(client, bundle, identity.central_key, before, told, pause)
    finally:
        await client.close()
