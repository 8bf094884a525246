"""Photo bytes over HTTP: tus 1.0 (core, creation, creation-with-upload, checksum) at one address a blob, and its content.

Routes read headers and body and hand the work to the runner; what is done stands in `blobs`. Who asks is recognised before
any body is read, as everywhere.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from typing import NamedTuple

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from bravetui.base.errors import BadInput, NeedsSignIn
from bravetui.base.runner import Runner
from bravetui.central import blobs, openapi_blobs
from bravetui.central.access import Access
from bravetui.central.blob_faults import NotThere, OutOfRange, TooMany, WrongBytes, WrongType, WrongVersion
from bravetui.central.blobs import Announced
from bravetui.central.body import encoding_of, packed, read_body
from bravetui.central.callers import Shown, Standing, remember
from bravetui.central.database import mapped
from bravetui.central.desk import Desk
from bravetui.central.problems import guarded
from bravetui.central.service import Central, caller_and_access
from bravetui.central.state import state_of
from bravetui.central.tenants import stranger
from bravetui.wire.blobs import (
    BYTES_MAX,
    PART_BYTES_MAX,
    PART_TYPE,
    RENDITIONS,
    TUS_VERSION,
    BlobName,
    BlobsAsked,
    BlobsLacking,
    NamedBlob,
    Rendition,
    is_hash,
)
from bravetui.wire.codec import decode

PATH = "/v1/blobs/{scope}/{photo}/{rendition}"
LACKING_PATH = "/v1/blobs/lacking"

ASKED_BYTES_MAX = 256 * 1024
"""Of a question after as many blobs as one may ask after."""

_DIGITS_MAX = 15
_CHECKSUM = "sha256"

Route = Callable[[Request], Awaitable[Response]]


class _Asker(NamedTuple):
    """Whoever asks, recognised, and what his answer is made with."""

    access: Access
    desk: Desk


def add_blob_routes(app: FastAPI, central: Central, shown: Callable[[Request], Shown], run: Runner) -> None:
    """Add the routes. `shown` says what a request shows of its sender, and raises where that is nothing."""
    api = _Blobs(central, shown, run)
    app.add_api_route(LACKING_PATH, api.lacking, methods=["POST"], **openapi_blobs.LACKING)
    app.add_api_route(PATH, api.begin, methods=["POST"], **openapi_blobs.BEGIN)
    app.add_api_route(PATH, api.go_on, methods=["PATCH"], **openapi_blobs.GO_ON)
    app.add_api_route(PATH, api.stand, methods=["HEAD"], **openapi_blobs.STAND)
    app.add_api_route(PATH, api.content, methods=["GET"], **openapi_blobs.CONTENT)
    app.add_api_route(PATH, _no_such_method, methods=["PUT", "DELETE", "OPTIONS"], include_in_schema=False)


class _Blobs:
    """The routes."""

    def __init__(self, central: Central, shown: Callable[[Request], Shown], run: Runner) -> None:
        self._central, self._shown, self._run = central, shown, run

    async def begin(self, request: Request) -> Response:
        """Begin a blob, its first bytes with it, or hear how far it is."""
        return await _tus(request, self._begin)

    async def go_on(self, request: Request) -> Response:
        """Send the next bytes."""
        return await _tus(request, self._go_on)

    async def stand(self, request: Request) -> Response:
        """Hear how far a blob is."""
        return await _tus(request, self._stand)

    async def content(self, request: Request) -> Response:
        """Fetch a blob, or some bytes of it."""
        return await guarded(request, self._content)

    async def lacking(self, request: Request) -> Response:
        """Hear which blobs are not here."""
        return await guarded(request, self._lacking)

    async def _begin(self, request: Request) -> Response:
        asker = await self._asker(request)
        _check_version(request)
        name = _name_of(request)
        blobs.check_may_write(asker.access, name)
        told = _announced(request, name)
        part = await read_body(request, PART_BYTES_MAX)
        if part:
            _check_part(request, part)
        if len(part) > told.size:
            raise BadInput("The part is larger than the photo.", "Send it from its first byte on.")
        stand = await self._run(mapped, blobs.begin, *_of(asker, name), told, part)
        return Response(None, 201, {"Location": name.path, **stand.headers})

    async def _go_on(self, request: Request) -> Response:
        asker = await self._asker(request)
        _check_version(request)
        name = _name_of(request)
        blobs.check_may_write(asker.access, name)
        offset = _number(request, "Upload-Offset")
        part = await read_body(request, PART_BYTES_MAX)
        _check_part(request, part)
        stand = await self._run(mapped, blobs.go_on, *_of(asker, name), offset, part)
        return Response(None, 204, stand.headers)

    async def _stand(self, request: Request) -> Response:
        asker = await self._asker(request)
        _check_version(request)
        name = _name_of(request)
        _check_may_read(asker.access, name)
        stand = await self._run(mapped, blobs.stand_of, *_of(asker, name))
        return Response(None, 200, {"Upload-Length": str(stand.size), **stand.headers})

    async def _content(self, request: Request) -> Response:
        asker = await self._asker(request)
        name = _name_of(request)
        _check_may_read(asker.access, name)
        stand = await self._run(mapped, blobs.stand_of, *_of(asker, name))
        if not stand.receipt:
            raise NotThere
        asked = range_of(request.headers.get("range", ""), stand.size)
        first, end = asked or (0, stand.size)
        headers = {
            "ETag": f'"{stand.sha256}"', "Accept-Ranges": "bytes", "Content-Length": str(end - first),
            "Cache-Control": "private, no-store", "Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff",
        }  # fmt: skip
        if asked is not None:
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{stand.size}"
        pieces = self._pieces(asker.access.organization_id, name, first, end)
        status = 200 if asked is None else 206
        return StreamingResponse(pieces, status, headers, media_type="application/octet-stream")

    async def _lacking(self, request: Request) -> Response:
        asker = await self._asker(request)
        body = await read_body(request, ASKED_BYTES_MAX)
        asked = decode(BlobsAsked, body, encoding_of(request), limit_bytes=ASKED_BYTES_MAX)
        names = [one.name for one in asked.blobs]
        found = await self._run(mapped, blobs.lacking, asker.desk, asker.access, names)
        told = (NamedBlob(**name._asdict()) for name in dict.fromkeys(names) if name in found)
        return packed(request, BlobsLacking(epoch=asker.desk.epoch, lacking=tuple(told)))

    async def _pieces(
        self, organization_id: str, name: BlobName, first: int, end: int
    ) -> AsyncIterator[bytes]:
        while first < end:
            engine = self._central.engine
            piece = await self._run(mapped, blobs.read, engine, organization_id, name, first, end)
            yield piece
            first += len(piece)

    async def _asker(self, request: Request) -> _Asker:
        return await self._run(mapped, self._recognised, self._shown(request))

    def _recognised(self, shown: Shown) -> _Asker:
        central, now = self._central, self._central.clock.now()
        with central.engine.begin() as connection:
            stranger(connection, shown.proof.key)
            remember(connection, shown.proof, now, central.keys)
            caller, access = caller_and_access(connection, shown, None, now)
            epoch = state_of(connection, now).epoch
        if caller.standing is not Standing.OPEN:
            raise NeedsSignIn(
                "This laptop may send and fetch no photos at this moment.",
                "Sync; the answer says what to do. Every photo stays on this laptop until then.",
            )
        return _Asker(access, Desk(central.engine, central.keys.sign, epoch, now))


def range_of(header: str, size: int) -> tuple[int, int] | None:
    """The bytes that a Range asks for, as the first and the one behind the last; None for all of them.

    What is no single range of bytes is passed by (RFC 9110 section 14.2). Raises OutOfRange for one that has no byte of the
    `size` there are.

    >>> range_of("bytes=2-", 10), range_of("bytes=-3", 10), range_of("bytes=0-99", 10), range_of("bytes=0-1,4-5", 10)
    ((2, 10), (7, 10), (0, 10), None)
    """
    unit, _, asked = header.partition("=")
    first, dash, last = asked.strip().partition("-")
    numbers = [number for number in (first, last) if number]
    if unit.strip().lower() != "bytes" or not dash or not numbers or not all(map(_is_number, numbers)):
        return None
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else size - min(size, int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= end:
        raise OutOfRange(size)
    return start, end


async def _no_such_method() -> Response:
    """One address has several routes, of which the framework would name one (RFC 9110 section 15.5.6)."""
    raise HTTPException(405, "Method Not Allowed", {"Allow": "GET, HEAD, PATCH, POST"})


async def _tus(request: Request, route: Route) -> Response:
    """The route's answer, or a problem; either bears the version (tus 1.0, core protocol)."""
    answer = await guarded(request, route)
    answer.headers["Tus-Resumable"] = TUS_VERSION
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _of(asker: _Asker, name: BlobName) -> tuple[Desk, Access, BlobName]:
    return asker.desk, asker.access, name


def _name_of(request: Request) -> BlobName:
    """Whose bytes the address names. Raises NotThere for what no blob can be called."""
    told = request.path_params
    if not is_hash(told["photo"]) or told["rendition"] not in RENDITIONS:
        raise NotThere
    return BlobName(told["scope"], told["photo"], Rendition(told["rendition"]))


def _check_may_read(access: Access, name: BlobName) -> None:
    if name.scope_id not in access.scopes:
        raise NotThere


def _check_version(request: Request) -> None:
    if request.headers.get("tus-resumable", "").strip() != TUS_VERSION:
        raise WrongVersion


def _announced(request: Request, name: BlobName) -> Announced:
    """What the blob will be (tus 1.0, creation extension). Raises BadInput, and TooMany for more than central keeps."""
    size, bytes_max = _number(request, "Upload-Length"), BYTES_MAX[name.rendition]
    if size > bytes_max:
        raise TooMany(bytes_max)
    if size == 0:
        raise BadInput("A photo has at least one byte.", "Say its size in Upload-Length.")
    digest = _metadata(request.headers.get("upload-metadata", "")).get("sha256", "")
    if not is_hash(digest):
        raise BadInput(
            "Upload-Metadata lacks the photo's sha256: the word, a space, and base64 of its 64 digits."
        )
    if name.rendition is Rendition.ORIGINAL and digest != name.photo:
        raise BadInput("An original's sha256 is the name of its photo.", "Name the photo by it.")
    return Announced(digest, size)


def _metadata(header: str) -> dict[str, str]:
    """Keys and decoded values (tus 1.0, creation extension); what is no text is left out."""
    found: dict[str, str] = {}
    for pair in header.split(","):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = b64decode(value.strip(), validate=True).decode("ascii")
        except ValueError:
            continue
    return found


def _check_part(request: Request, part: bytes) -> None:
    """That the body is bytes as they are, and those of its hash (tus 1.0, checksum extension)."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != PART_TYPE or encoding_of(request) not in ("", "identity"):
        raise WrongType
    algorithm, _, told = request.headers.get("upload-checksum", "").strip().partition(" ")
    try:
        digest = b64decode(told.strip(), validate=True)
    except ValueError:
        digest = b""
    if algorithm.lower() != _CHECKSUM or len(digest) != sha256().digest_size:
        raise BadInput("Upload-Checksum does not say sha256, a space, and base64 of the body's hash.")
    if not hmac.compare_digest(digest, sha256(part).digest()):
        raise WrongBytes("The bytes that came are not those of their hash.", "Send them again.")


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "").strip()
    if not _is_number(text):
        raise BadInput(f"{header} is missing, or no number of bytes.")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX
