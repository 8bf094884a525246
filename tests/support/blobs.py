"""Photo bytes by hand: what a laptop would send over HTTP, header by header, and what it hears."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

import httpx
from fastapi import FastAPI

from bravetui.auth import signing
from bravetui.base.canonical import Json
from bravetui.base.runner import InlineRunner
from bravetui.central.app import make_app
from bravetui.central.serve import serving
from bravetui.wire.blobs import PART_TYPE, RECEIPT_HEADER, TUS_VERSION, BlobName, BlobTaken, Rendition
from bravetui.wire.lanes import Lane
from tests.support.central import ADDRESS, PROJECT, Laptop, Site

Answer = httpx.Response


def hash_of(data: bytes) -> str:
    return sha256(data).hexdigest()


def checksum(data: bytes) -> str:
    """As Upload-Checksum says it."""
    return f"sha256 {b64encode(sha256(data).digest()).decode()}"


def metadata(digest: str) -> str:
    """As Upload-Metadata says it."""
    return f"sha256 {b64encode(digest.encode()).decode()}"


def receipt_of(answer: Answer) -> BlobTaken | None:
    """The receipt that an answer bears."""
    told = answer.headers.get(RECEIPT_HEADER)
    return BlobTaken.model_validate_json(signing.decode(told, None, "receipt")) if told else None


def problem_type(answer: Answer) -> str:
    """The last word of a problem document's type."""
    told: dict[str, str] = json.loads(answer.content)
    return told["type"].rpartition(":")[2]


def recorded(laptop: Laptop, data: bytes, record_id: str = "photo-1", scope_id: str = PROJECT) -> BlobName:
    """The original's name, once its record is at central."""
    after: dict[str, Json] = {"sha256": hash_of(data), "size_bytes": len(data), "blob_state": "here"}
    laptop.sync(laptop.change(record_id, after, kind="photo", scope_id=scope_id))
    return BlobName(scope_id, hash_of(data), Rendition.ORIGINAL)


def blob_state(laptop: Laptop, record_id: str = "photo-1") -> object:
    """What the photo's record says at a laptop that fetches it anew."""
    return laptop.values("photo", record_id, Lane.PHOTOS)["blob_state"]


@dataclass
class Carrier:
    """One laptop that carries photos, over its own client."""

    laptop: Laptop
    http: httpx.AsyncClient
    address: str = ADDRESS

    async def ask(self, method: str, path: str, content: bytes = b"", **headers: str | None) -> Answer:
        """One request; a header that is None is left out."""
        told = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        shown = self.laptop.headers(path, method, self.address)
        return await self.http.request(
            method, f"{self.address}{path}", content=content, headers={**told, **shown}
        )

    async def begin(self, name: BlobName, data: bytes, part: bytes = b"", **headers: str | None) -> Answer:
        """POST: of `data`, beginning with `part`."""
        told: dict[str, str | None] = {
            "Tus_Resumable": TUS_VERSION, "Upload_Length": str(len(data)), "Upload_Metadata": metadata(hash_of(data)),
        }  # fmt: skip
        if part:
            told |= {"Content_Type": PART_TYPE, "Upload_Checksum": checksum(part)}
        return await self.ask("POST", name.path, part, **{**told, **headers})

    async def go_on(self, name: BlobName, offset: int, part: bytes, **headers: str | None) -> Answer:
        """PATCH."""
        told: dict[str, str | None] = {
            "Tus_Resumable": TUS_VERSION, "Upload_Offset": str(offset), "Content_Type": PART_TYPE,
            "Upload_Checksum": checksum(part),
        }  # fmt: skip
        return await self.ask("PATCH", name.path, part, **{**told, **headers})

    async def stand(self, name: BlobName) -> Answer:
        """HEAD."""
        return await self.ask("HEAD", name.path, Tus_Resumable=TUS_VERSION)

    async def content(self, name: BlobName, asked: str | None = None) -> Answer:
        """GET."""
        return await self.ask("GET", name.path, Range=asked)

    async def lacking(self, *names: BlobName) -> dict[str, object]:
        """What central says it lacks of these."""
        body = json.dumps({"blobs": [one._asdict() for one in names]}).encode()
        answer = await self.ask("POST", "/v1/blobs/lacking", body, Accept_Encoding="identity")
        assert answer.status_code == 200, answer.text
        told: dict[str, object] = answer.json()
        return told

    async def hand_in(self, name: BlobName, data: bytes) -> BlobTaken:
        """All of it at once; returns the receipt."""
        answer = await self.begin(name, data, data)
        assert answer.status_code == 201, answer.text
        receipt = receipt_of(answer)
        assert receipt is not None
        return receipt


def app_of(site: Site) -> FastAPI:
    """Central's API, working on the loop itself."""
    central = site.central
    return make_app(central.engine, central.keys, central.clock, central.ids, run=InlineRunner())


def carrier(site: Site, laptop: Laptop, app: FastAPI | None = None) -> Carrier:
    """Somebody who speaks to central without a socket between."""
    return Carrier(laptop, httpx.AsyncClient(transport=httpx.ASGITransport(app or app_of(site))))


@contextmanager
def central_at(site: Site) -> Iterator[str]:
    """The address of a central that listens, with its threads."""
    central = site.central
    with serving(make_app(central.engine, central.keys, central.clock, central.ids)) as address:
        yield address
