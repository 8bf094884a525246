"""What the OpenAPI page says of photo bytes: names in the address, what tus 1.0 puts into headers, bytes as they are."""

from __future__ import annotations

from typing import Any

from bravetui.central.openapi import ALWAYS, body_of, responses, schema_of
from bravetui.wire.blobs import HASH_PATTERN, PART_TYPE, RECEIPT_HEADER, RENDITIONS, TUS_VERSION

_PROBLEMS = {
    400: "A header is missing or is no number, or there are more bytes than were announced.",
    401: "No proof of a laptop's key, no laptop's, or one that may not read now; or central's nonce is wanted.",
    403: "There is no such project, or the person may not write in it.",
    404: "There is no such blob, or not one that the person may see.",
    408: "The body comes too slowly: send smaller parts.",
    412: "Tus-Resumable is missing, or names a version that central does not speak.",
    413: "The part is larger than central takes at once, or the blob larger than it keeps (Tus-Max-Size).",
    415: "The part does not come as it is, unpacked and of its media type.",
    416: "The blob has no such bytes.",
    429: "Too many requests: wait for Retry-After seconds.",
    431: "The headers are too long.",
    460: "The part is not that of its Upload-Checksum; or the blob, whole now, is not that of its hash and begins anew.",
    503: "Central or its database is busy or down: wait for Retry-After seconds.",
}
_RECORD_FIRST = "Central has no record of this photo in that project yet (`record-first`)."
_WRONG_OFFSET = "The part begins elsewhere than where the bytes end that are here (Upload-Offset)."

_NUMBER = {"schema": {"type": "integer", "minimum": 0}}
_TUS = {"Tus-Resumable": {"schema": {"type": "string", "const": TUS_VERSION}}}
_HOW_FAR = {
    "Upload-Offset": {**_NUMBER, "description": "Bytes that are here."},
    RECEIPT_HEADER: {
        "schema": {"type": "string"},
        "description": "Once all are here: base64url of the JSON of a BlobTaken.",
    },
}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_PROTECTED: dict[str, Any] = {"security": [{"grant": [], "proof": []}]}

_NAME = [
    {"name": name, "in": "path", "required": True, "description": told, "schema": schema}
    for name, told, schema in (
        ("scope", "The project.", {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9-]+$"}),
        ("photo", "SHA-256 of the original, as the photo's record has it.", {"type": "string", "pattern": HASH_PATTERN}),
        ("rendition", "Which size.", {"type": "string", "enum": [one.value for one in RENDITIONS]}),
    )
]  # fmt: skip


def _header(name: str, told: str, schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": told, "schema": schema}


_VERSION = _header("Tus-Resumable", "The version of tus.", {"type": "string", "const": TUS_VERSION})
_CHECKSUM = {"type": "string", "pattern": "^sha256 [A-Za-z0-9+/]{43}=$"}


def _problems(*statuses: int, **told: str) -> dict[int | str, dict[str, Any]]:
    described = {**_PROBLEMS, 409: told.get("conflict", "")}
    content = {"application/problem+json": {"schema": schema_of("Problem")}}
    return {status: {"description": described[status], "content": content} for status in (*statuses, *ALWAYS)}


def _part(*, required: bool) -> dict[str, Any]:
    return {"requestBody": {"required": required, "content": {PART_TYPE: _BYTES}}}


BEGIN: dict[str, Any] = {
    "summary": "Begin a blob, its first bytes with it, or hear how far it is (tus 1.0, creation-with-upload).",
    "operation_id": "begin_blob",
    "status_code": 201,
    "responses": {
        201: {
            "description": "How far it is.",
            "headers": {**_TUS, **_HOW_FAR, "Location": {"schema": {"type": "string"}}},
        },
        **_problems(400, 401, 403, 404, 408, 409, 412, 413, 415, 460, conflict=_RECORD_FIRST),
    },
    "openapi_extra": {
        **_PROTECTED, **_part(required=False),
        "parameters": [
            *_NAME, _VERSION,
            _header("Upload-Length", "Bytes of the whole.", {"type": "integer", "minimum": 1}),
            _header("Upload-Metadata", "`sha256`, a space, base64 of the 64 digits.", {"type": "string"}),
            _header("Upload-Checksum", "Of the body, if there is one: `sha256`, a space, base64 of its hash.",
                    _CHECKSUM, required=False),
        ],
    },
}  # fmt: skip

GO_ON: dict[str, Any] = {
    "summary": "Send the next bytes of a blob (tus 1.0).",
    "operation_id": "go_on_with_blob",
    "status_code": 204,
    "responses": {
        204: {"description": "They are here.", "headers": {**_TUS, **_HOW_FAR}},
        **_problems(400, 401, 403, 404, 408, 409, 412, 413, 415, 460, conflict=_WRONG_OFFSET),
    },
    "openapi_extra": {
        **_PROTECTED, **_part(required=True),
        "parameters": [
            *_NAME, _VERSION,
            _header("Upload-Offset", "Where they begin.", {"type": "integer", "minimum": 0}),
            _header("Upload-Checksum", "Of the body: `sha256`, a space, base64 of its hash.", _CHECKSUM),
        ],
    },
}  # fmt: skip

STAND: dict[str, Any] = {
    "summary": "Hear how far a blob is (tus 1.0).",
    "operation_id": "stand_of_blob",
    "responses": {
        200: {"description": "How far it is.", "headers": {**_TUS, **_HOW_FAR, "Upload-Length": _NUMBER}},
        **{status: {"description": _PROBLEMS[status]} for status in (401, 404, 412, *ALWAYS)},
    },
    "openapi_extra": {**_PROTECTED, "parameters": [*_NAME, _VERSION]},
}

CONTENT: dict[str, Any] = {
    "summary": "Fetch a blob that is complete, or one range of its bytes (RFC 9110 section 14).",
    "operation_id": "content_of_blob",
    "responses": {
        200: {"description": "All of it.", "content": {"application/octet-stream": _BYTES}},
        206: {"description": "The bytes asked for.", "content": {"application/octet-stream": _BYTES}},
        **_problems(401, 404, 416),
    },
    "openapi_extra": {
        **_PROTECTED,
        "parameters": [*_NAME, _header("Range", "One range of bytes.", {"type": "string"}, required=False)],
    },
}

LACKING: dict[str, Any] = {
    "summary": "Hear which blobs are not here complete: asked of a central that may have been restored.",
    "operation_id": "lacking_blobs",
    "responses": responses("BlobsLacking", 400, 401, 408, 413, 415, *ALWAYS),
    "openapi_extra": {**_PROTECTED, **body_of("BlobsAsked")},
}
