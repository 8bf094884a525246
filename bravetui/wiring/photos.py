"""A photo comes in from a file, and its bytes from central where they are not here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bravetui.actions.photos import Attached, Owner, attach
from bravetui.auth.proof import Prover
from bravetui.base.clock import SystemClock, SystemIds
from bravetui.base.errors import BadInput
from bravetui.base.files import foreign_file_errors
from bravetui.base.text import safe_line
from bravetui.db import blob_rows
from bravetui.db.store import Store
from bravetui.views.photos import PhotoRow
from bravetui.wire.blobs import BYTES_MAX, BlobName, Rendition
from bravetui.wiring.opening import Laptop

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport


def take_in(store: Store, scope_id: str, owner: Owner, path: Path, caption: str = "") -> Attached:
    """Take in the picture in a file. Raises BadInput for one that is none, and as `attach`. Takes half a second or more."""
    from bravetui.pictures.opening import open_picture

    data = _read(path)
    return attach(store, scope_id, owner, data, open_picture(data), caption)


async def content(
    laptop: Laptop, row: PhotoRow, rendition: Rendition, transport: AsyncBaseTransport | None = None
) -> bytes:
    """The bytes of a photo in one size: those that are here, else central's, which are kept here from then on. Raises
    BadInput where central does not have them yet, and as the client."""
    if rendition in row.here:
        return laptop.store.photos.read(BlobName(row.scope_id, row.sha256, rendition).blob)
    return await fetch(laptop, BlobName(row.scope_id, row.sha256, rendition), transport)


async def fetch(laptop: Laptop, name: BlobName, transport: AsyncBaseTransport | None = None) -> bytes:
    """A blob of central's; kept here from then on."""
    from bravetui.sync.client import CentralClient
    from bravetui.sync.tus import Uploads

    store = laptop.store
    prover = Prover(
        laptop.ring.load().device_key, lambda: store.identity.grant, SystemClock(), SystemIds(SystemClock())
    )
    client = CentralClient(store.identity.central_url, prover, transport=transport)
    try:
        data = await Uploads(client, store.identity.central_key).fetch(name)
    finally:
        await client.close()
    store.photos.keep(name.blob, data)
    with store.maintain() as connection:
        blob_rows.came(connection, name, data, store.clock.now())
    return data


def _read(path: Path) -> bytes:
    """Raises BadInput for a file that cannot be read, or is larger than any photo that is taken in."""
    most = BYTES_MAX[Rendition.ORIGINAL]
    name = safe_line(path.name, 80)
    try:
        with foreign_file_errors():
            if path.is_dir():
                raise BadInput(f"{name} is a folder.", "Name the picture's file in it.")
            with path.open("rb") as file:
                data = file.read(most + 1)
    except FileNotFoundError as error:
        raise BadInput(
            f"There is no file {name}.", "Look at its name and where it is, and try again."
        ) from error
    except OSError as error:
        raise BadInput(
            f"{name} cannot be read.", "Copy it again from the phone or camera, and try again."
        ) from error
    if len(data) > most:
        raise BadInput(f"{name} is larger than 20 MiB.", "Save it smaller, as JPEG, and choose that.")
    return data
