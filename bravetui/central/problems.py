"""What goes wrong, as the API says it: a status and a problem document (RFC 9457), never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from bravetui.base.errors import BadInput, BravetuiError, NeedsSignIn, Refused, Transient
from bravetui.central.blob_faults import (
    RECORD_FIRST,
    BlobFault,
    NotThere,
    OutOfRange,
    RecordFirst,
    WrongBytes,
    WrongOffset,
    WrongType,
    WrongVersion,
)
from bravetui.central.body import UNDERSTOOD, UNDERSTOOD_TYPES, TooSlow
from bravetui.central.callers import WantsProof
from bravetui.central.rates import TooOften
from bravetui.wire.blobs import CHECKSUM_MISMATCH
from bravetui.wire.codec import TooLarge, UnknownEncoding
from bravetui.wire.messages import Problem
from bravetui.wire.texts import UnknownText

log = logging.getLogger(__name__)


class TooManyCodes(Transient):
    """Too many bad codes from one address."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(
            "Too many wrong codes came from here.", "Wait, then type the code again.", wait_s=wait_s
        )


_STATUS: tuple[tuple[type[BravetuiError], int, str], ...] = (
    (TooManyCodes, 429, "too-many-attempts"),
    (TooOften, 429, "too-many-requests"),
    (TooSlow, 408, "too-slow"),
    (TooLarge, 413, "too-large"),
    (UnknownEncoding, 415, "unknown-encoding"),
    (UnknownText, 422, "unknown-text"),
    (NotThere, 404, "not-found"),
    (WrongOffset, 409, "wrong-offset"),
    (RecordFirst, 409, RECORD_FIRST),
    (WrongVersion, 412, "wrong-version"),
    (WrongType, 415, "wrong-type"),
    (OutOfRange, 416, "out-of-range"),
    (WrongBytes, CHECKSUM_MISMATCH, "wrong-bytes"),
    (BadInput, 400, "bad-request"),
    (NeedsSignIn, 401, "sign-in"),
    (Refused, 403, "refused"),
    (Transient, 503, "unavailable"),
)
"""HTTP status and problem type of an error; first match wins, anything else is central's own fault."""


async def guarded(request: Request, route: Callable[[Request], Awaitable[Response]]) -> Response:
    """The route's answer, or a problem document; never a traceback."""
    try:
        return await route(request)
    except ClientDisconnect:
        return problem_of(400, "bad-request", BadInput("The body was cut short.", "Send it again."))
    except BravetuiError as error:
        for kind, status, name in _STATUS:
            if isinstance(error, kind):
                return problem_of(status, name, error)
        log.exception("central failed")
        return problem_of(500, "internal", error)
    except Exception:
        log.exception("central failed")
        return problem_of(
            500, "internal", BravetuiError("Central failed.", "Nothing was stored; try again later.")
        )


def problem_of(status: int, name: str, error: BravetuiError) -> Response:
    """The document of one error, by the last word of its type."""
    wait_s = error.wait_s if isinstance(error, Transient) else None
    problem = Problem(
        type=f"urn:bravetui:problem:{name}",
        title=error.what,
        detail=error.todo,
        status=status,
        retry_after_s=wait_s,
    )
    headers = {"WWW-Authenticate": 'DPoP algs="EdDSA"'} if status == 401 else {}
    if isinstance(error, WantsProof):  # RFC 9449 section 9
        headers = {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": error.nonce}
    if isinstance(error, UnknownEncoding):
        headers |= {"Accept-Encoding": UNDERSTOOD, "Accept": UNDERSTOOD_TYPES}
    if isinstance(error, BlobFault):
        headers |= error.headers
    if wait_s is not None:
        headers["Retry-After"] = str(max(1, round(wait_s)))
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, status, headers, media_type="application/problem+json")


async def http_error(request: Request, error: HTTPException) -> Response:
    """What the framework itself refuses: no such place, no such method."""
    if error.status_code == 404:
        return problem_of(
            404,
            "not-found",
            BadInput(
                "There is nothing here.", "The API is at /v1/sync and /v1/enrol; GET /openapi.json lists it."
            ),
        )
    answer = problem_of(error.status_code, "bad-request", BadInput(f"{error.detail}."))
    answer.headers.update(error.headers or {})
    return answer
