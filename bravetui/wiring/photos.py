"""A photo's bytes come from central where they are not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bravetui.base.runner import InlineRunner, Runner
from bravetui.db import blob_rows
from bravetui.db.store import Store
from bravetui.views.photos import PhotoRow
from bravetui.views.services import PhotoSource
from bravetui.wire.blobs import BlobName, Rendition
from bravetui.wiring.opening import Laptop

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport

    from bravetui.sync.client import CentralClient


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
    client = _client(laptop, transport)
    try:
        return await _brought(client, laptop.store, name, InlineRunner())
    finally:
        await client.close()


def photo_source(laptop: Laptop, run: Runner, transport: AsyncBaseTransport | None = None) -> PhotoSource:
    """What brings the screens a photo's bytes, with one long-lived client. A transport that is shared is never closed."""
    client = _client(laptop, transport)

    async def bring(row: PhotoRow, rendition: Rendition) -> None:
        await _brought(client, laptop.store, BlobName(row.scope_id, row.sha256, rendition), run)

    return bring


def _client(laptop: Laptop, transport: AsyncBaseTransport | None) -> CentralClient:
    from bravetui.sync.client import CentralClient

    return CentralClient(laptop.store.identity.central_url, laptop.prover(), transport=transport)


async def _brought(client: CentralClient, store: Store, name: BlobName, run: Runner) -> bytes:
    from bravetui.sync.tus import Uploads

    data = await Uploads(client, store.identity.central_key).fetch(name)
    await run(_keep, store, name, data)
    return data


def _keep(store: Store, name: BlobName, data: bytes) -> None:
    store.photos.keep(name.blob, data)
    with store.maintain() as connection:
        blob_rows.came(connection, name, data, store.clock.now())
