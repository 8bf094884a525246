"""What the OpenAPI page says. Bodies are decoded by hand (they come compressed), so their schemas are declared here.

A test sends what the page describes and compares what comes back with it.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from bravetui.wire.blobs import BlobsAsked, BlobsLacking, BlobTaken
from bravetui.wire.codec import COLUMNS_TYPE
from bravetui.wire.messages import (
    Delivered,
    Enrol,
    Enrolled,
    Problem,
    SignInOffer,
    SupportAsk,
    SupportGiven,
    SupportNoted,
    SupportReport,
    SyncAnswer,
    SyncRequest,
)

DESCRIPTION = (
    "The API that bravetui laptops sync with. One exchange carries changes up and verdicts and news down. Bodies are "
    "JSON, packed with dcz, zstd or gzip as Content-Encoding and Accept-Encoding say, or plain; an exchange may travel in "
    "columns, for who asks for them. Decimal numbers travel as strings. docs/protocol.md explains the exchange."
)

_PROBLEMS = {
    400: "The body is damaged, cut short or not of this shape.",
    401: "No proof of a laptop's key, or no laptop's; or central's nonce is wanted in it (RFC 9449 section 9).",
    403: "The code is unknown, used up or out of date; or the person is not support there.",
    404: "This central knows no identity provider: laptops are enrolled by one-time codes.",
    408: "The body comes too slowly: send smaller batches.",
    413: "The body is too large: send smaller batches.",
    415: "The body's encoding, or its dictionary, is unknown: send plain zstd. Accept tells the forms that are read.",
    422: "A text that an edit was made on is not here: send the change in full.",
    429: "Too many requests, or wrong codes: wait for Retry-After seconds.",
    431: "The headers are too long.",
    503: "Central or its database is busy or down: wait for Retry-After seconds.",
}

ALWAYS = (429, 431, 503)
"""What any request may be answered, before its route is looked at."""


def schema_of(name: str) -> dict[str, Any]:
    """A message, as its schema is referred to."""
    return {"$ref": f"#/components/schemas/{name}"}


def responses(answer: str, *problems: int) -> dict[int | str, dict[str, Any]]:
    """An answer by its message, and the problems that may come instead."""
    told: dict[int | str, dict[str, Any]] = {
        200: {"description": "The answer.", "content": {"application/json": {"schema": schema_of(answer)}}}
    }
    for status in problems:
        told[status] = {
            "description": _PROBLEMS[status],
            "content": {"application/problem+json": {"schema": schema_of("Problem")}},
        }
    return told


def body_of(name: str) -> dict[str, Any]:
    """A body by its message."""
    content = {"application/json": {"schema": schema_of(name)}}
    return {"requestBody": {"required": True, "content": content}}


SIGN_IN: dict[str, Any] = {
    "summary": "Where people of this central's sign in.",
    "operation_id": "sign_in",
    "responses": responses("SignInOffer", 404),
    "openapi_extra": {"security": []},
}

ENROL: dict[str, Any] = {
    "summary": "Trade a one-time code, or an identity provider's token, for a device number and a grant.",
    "operation_id": "enrol",
    "responses": responses("Enrolled", 400, 401, 403, 408, 413, 415, *ALWAYS),
    "openapi_extra": {**body_of("Enrol"), "security": [{"proof": []}]},
}

SUPPORT: dict[str, Any] = {
    "summary": "Let a support person look at the laptop that he is at: his provider's token for a pass of an hour.",
    "operation_id": "support",
    "responses": responses("SupportGiven", 400, 401, 403, 408, 413, 415, *ALWAYS),
    "openapi_extra": {**body_of("SupportAsk"), "security": [{"grant": [], "proof": []}]},
}

SUPPORT_ACT: dict[str, Any] = {
    "summary": "Say what support is about to do on the laptop; without the answer it is not done.",
    "operation_id": "support_act",
    "responses": responses("SupportNoted", 400, 401, 403, 408, 413, 415, *ALWAYS),
    "openapi_extra": {**body_of("SupportReport"), "security": [{"grant": [], "proof": []}]},
}


def _also_in_columns(told: dict[str, Any], name: str) -> dict[str, Any]:
    """The same in the compact form: bytes to a validator, this message to a person."""
    form = {
        "type": "string",
        "format": "binary",
        "description": f"A {name}, as docs/protocol.md lays it out.",
    }
    return {**told, "content": {**told["content"], COLUMNS_TYPE: {"schema": form}}}


_SYNC_RESPONSES = responses("SyncAnswer", 400, 401, 408, 413, 415, 422, *ALWAYS)

SYNC: dict[str, Any] = {
    "summary": "Hand in changes and fetch what is new.",
    "operation_id": "sync",
    "responses": {**_SYNC_RESPONSES, 200: _also_in_columns(_SYNC_RESPONSES[200], "SyncAnswer")},
    "openapi_extra": {
        "requestBody": _also_in_columns(body_of("SyncRequest")["requestBody"], "SyncRequest"),
        "security": [{"grant": [], "proof": []}],
    },
}

BUNDLE: dict[str, Any] = {
    "summary": "Hand in another laptop's rescue bundle.",
    "operation_id": "bundle",
    "responses": responses("Delivered", 400, 401, 408, 413, *ALWAYS),
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        "security": [{"grant": [], "proof": []}],
    },
}

NEWS: dict[str, Any] = {
    "summary": "Hear which scope has moved, as it happens (server-sent events).",
    "operation_id": "news",
    "responses": {
        200: {
            "description": "`event: news`, `data: {scope_id, seq}`; first the heads as they are. Comments keep it alive.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **{status: told for status, told in responses("Problem", 401, *ALWAYS).items() if status != 200},
    },
    "openapi_extra": {"security": [{"grant": [], "proof": []}]},
}

DICTIONARY: dict[str, Any] = {
    "summary": "The compression dictionary for bodies packed with dcz (RFC 9842).",
    "operation_id": "dictionary",
    "responses": {
        200: {
            "description": "The dictionary, raw. Its SHA-256 is its name.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        **{status: told for status, told in responses("Problem", 429, 431).items() if status != 200},
    },
    "openapi_extra": {"security": []},
}

HEALTH: dict[str, Any] = {
    "summary": "Whether central and its database answer.",
    "operation_id": "health",
    "responses": {
        200: {
            "description": "Both answer.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {"status": {"type": "string", "const": "ok"}},
                        "required": ["status"],
                    }
                }
            },
        },
        **{status: told for status, told in responses("Problem", *ALWAYS).items() if status != 200},
    },
    "openapi_extra": {"security": []},
}

_SENT = (Enrol, SupportAsk, SupportReport, SyncRequest, BlobsAsked)
_ANSWERED = (
    SignInOffer, Enrolled, SupportGiven, SupportNoted, SyncAnswer, Delivered, BlobsLacking, BlobTaken, Problem,
)  # fmt: skip


def install(app: FastAPI) -> None:
    """Add the messages' schemas to the page: requests as one may send them, answers as they are sent."""
    made = app.openapi

    def page() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            parts = [(model, "validation") for model in _SENT] + [
                (model, "validation") for model in _ANSWERED
            ]
            _, definitions = models_json_schema(parts, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
            components = schema.setdefault("components", {})
            components.setdefault("schemas", {}).update(definitions["$defs"])
            components["securitySchemes"] = {
                "grant": {"type": "http", "scheme": "DPoP", "bearerFormat": "JWT"},
                "proof": {"type": "apiKey", "in": "header", "name": "DPoP"},
            }
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = page  # type: ignore[method-assign]
