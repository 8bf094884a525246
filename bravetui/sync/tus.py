"""Photo bytes over HTTP: tus 1.0 resumable uploads, and content fetched in ranges. Decides nothing.

What central says is believed as far as it can be true: an offset inside the blob, a receipt that it has signed for these
very bytes. Anything else is a failure of this one blob.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from http import HTTPStatus

from pydantic import ValidationError

from bravetui.auth.signing import decode as decode_text
from bravetui.auth.signing import signed_by
from bravetui.base.errors import BadInput, Refused, Transient
from bravetui.sync.client import CentralClient, Reply
from bravetui.wire.blobs import (
    BYTES_MAX,
    CHECKSUM_MISMATCH,
    PART_TYPE,
    RECEIPT_HEADER,
    TUS_VERSION,
    BlobName,
    BlobsAsked,
    BlobsLacking,
    BlobTaken,
    NamedBlob,
    Rendition,
)
from bravetui.wire.codec import JSON_TYPE, decode, encode
from bravetui.wire.receipt import is_genuine

RECORD_FIRST = "record-first"
"""Last word of the problem type by which central takes no bytes of a photo whose record it has not."""
_VERSION, _OFFSET, _LENGTH = "Tus-Resumable", "Upload-Offset", "Upload-Length"
_TUS = {_VERSION: TUS_VERSION}
FETCH_BYTES = 256 * 1024
"""Asked for at a time."""


class NoneTaken(Transient):
    """Nothing at that address takes photos: a central whose program is older than they are, or no central."""

    def __init__(self) -> None:
        super().__init__(
            "Central takes no photos yet: its program is older than this one.",
            "Every photo stays on this laptop, and goes by itself once central is updated.",
        )


@dataclass(frozen=True, slots=True)
class Part:
    """The next bytes of a blob."""

    name: BlobName
    sha256: str
    """Of the whole blob."""
    size_bytes: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Stands:
    """What central holds of a blob after a request."""

    held_bytes: int
    receipt: BlobTaken | None = None
    """Its signed word, once it holds all."""
    sound: bool = True
    """False: what had come was not what its hash says, and is gone there."""


class Uploads:
    """Sends parts to one central, and fetches what it holds."""

    def __init__(self, client: CentralClient, central_key: str) -> None:
        self._client, self._verify = client, signed_by(central_key)

    async def send(self, part: Part) -> Stands:
        """Hand in one part; where central knows nothing of the blob, it begins with it. Raises Transient, NeedsSignIn and
        Refused (`record-first`, or what central has against it)."""
        checksum = base64.b64encode(hashlib.sha256(part.data).digest()).decode()
        headers = {**_TUS, "Content-Type": PART_TYPE, "Upload-Checksum": f"sha256 {checksum}"}
        if part.offset == 0:
            digest = base64.b64encode(part.sha256.encode()).decode()
            headers |= {_LENGTH: str(part.size_bytes), "Upload-Metadata": f"sha256 {digest}"}
            reply = await self._client.request("POST", part.name.path, part.data, headers)
        else:
            headers |= {_OFFSET: str(part.offset)}
            reply = await self._client.request("PATCH", part.name.path, part.data, headers)
        return self._stands(part, reply)

    async def lacking(self, names: tuple[BlobName, ...]) -> tuple[str, frozenset[BlobName]]:
        """Central's epoch, and which of these it lacks."""
        asked = BlobsAsked(blobs=tuple(NamedBlob(**name._asdict()) for name in names))
        headers = {"Content-Type": JSON_TYPE, "Content-Encoding": "zstd"}
        reply = await self._client.request("POST", "/v1/blobs/lacking", encode(asked), headers)
        if reply.status == HTTPStatus.NOT_FOUND:
            raise NoneTaken
        if reply.status != HTTPStatus.OK:
            raise reply.failure or _not_central()
        try:
            told = decode(BlobsLacking, reply.body, reply.headers.get("content-encoding", ""))
        except BadInput as error:
            raise _not_central() from error
        return told.epoch, frozenset(one.name for one in told.lacking) & frozenset(names)

    async def fetch(self, name: BlobName) -> bytes:
        """The bytes, whole, as central's hash of them says; an original as its own name says. Raises BadInput where central
        has none of them."""
        parts: list[bytes] = []
        size, total, digest = 0, None, ""
        while total is None or size < total:
            headers = {"Range": f"bytes={size}-{size + FETCH_BYTES - 1}", "Accept-Encoding": "identity"}
            reply = await self._client.request("GET", name.path, None, headers)
            if reply.status == HTTPStatus.NOT_FOUND:
                raise BadInput(
                    f"Central does not have the {name.rendition} of this photo yet.",
                    "It comes when the laptop that took it in has handed it in.",
                )
            if reply.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT) or not reply.body:
                raise reply.failure or _not_central()
            said, total = reply.headers.get("etag", "").strip('"'), _total(reply)
            if digest not in ("", said) or total > BYTES_MAX[name.rendition]:
                raise _not_central()
            parts.append(reply.body)
            size, digest = size + len(reply.body), said
        return _checked(name, b"".join(parts), digest)

    def _stands(self, part: Part, reply: Reply) -> Stands:
        status, held = reply.status, _number(reply.headers.get(_OFFSET))
        if status == CHECKSUM_MISMATCH:
            return Stands(0, sound=False)
        if status == HTTPStatus.NOT_FOUND and _VERSION not in reply.headers:
            raise NoneTaken
        if status == HTTPStatus.NOT_FOUND and part.offset:
            return Stands(0)
        if status == HTTPStatus.CONFLICT and held is None:
            raise Refused(
                "Central does not have the photo's record yet.",
                "The record goes first; then this.",
                code=RECORD_FIRST,
            )
        if status not in (HTTPStatus.CREATED, HTTPStatus.NO_CONTENT, HTTPStatus.CONFLICT):
            raise reply.failure or _not_central()
        receipt = self._receipt(part, reply)
        if receipt is not None:
            return Stands(part.size_bytes, receipt)
        if held is None or held >= part.size_bytes:
            raise _not_central()
        return Stands(held)

    def _receipt(self, part: Part, reply: Reply) -> BlobTaken | None:
        """Central's signed word that it holds the blob; None where it is not one, or not about this one."""
        try:
            told = BlobTaken.model_validate_json(
                decode_text(reply.headers.get(RECEIPT_HEADER, ""), None, "receipt")
            )
        except (BadInput, ValidationError):
            return None
        name = BlobName(told.scope_id, told.photo, told.rendition)
        same = part.name.rendition is not Rendition.ORIGINAL or told.sha256 == part.sha256
        return told if name == part.name and same and is_genuine(told, self._verify) else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 12 else None


def _total(reply: Reply) -> int:
    """How many bytes there are in all (RFC 9110 section 14.4)."""
    if reply.status == HTTPStatus.OK:
        return len(reply.body)
    total = _number(reply.headers.get("content-range", "").rpartition("/")[2])
    if total is None:
        raise _not_central()
    return total


def _not_central() -> Transient:
    return Transient("What answered is not central's word on this photo.")


def _checked(name: BlobName, data: bytes, digest: str) -> bytes:
    found = hashlib.sha256(data).hexdigest()
    if found != digest or (name.rendition is Rendition.ORIGINAL and found != name.photo):
        raise Transient("The photo came damaged.")
    return data
