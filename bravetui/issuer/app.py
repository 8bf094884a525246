"""The development issuer over HTTP: reads forms, asks `provider`, says its answers. Decides nothing."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import FastAPI, Request, Response
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse

from bravetui.issuer.pages import choose_page, device_page, words_page
from bravetui.issuer.provider import PATH, Denied, DevelopmentIssuer

BODY_BYTES_MAX = 64 * 1024
_NOT_KEPT = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_PAGE_HEADERS = {
    **_NOT_KEPT,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def make_app(issuer: DevelopmentIssuer) -> FastAPI:
    """The issuer as an ASGI application."""
    routes = _Routes(issuer)
    app = FastAPI(title="bravetui development issuer", docs_url=None, redoc_url=None, openapi_url=None)
    for path, method, route in (
        (f"{PATH}/.well-known/openid-configuration", "GET", routes.metadata),
        (f"{PATH}/.well-known/oauth-authorization-server", "GET", routes.metadata),
        (f"/.well-known/oauth-authorization-server{PATH}", "GET", routes.metadata),
        (f"{PATH}/.well-known/jwks.json", "GET", routes.keys),
        (f"{PATH}/oauth/authorize", "GET", routes.authorize),
        (f"{PATH}/oauth/authorize", "POST", routes.choose),
        (f"{PATH}/oauth/token", "POST", routes.token),
        (f"{PATH}/oauth/device_authorization", "POST", routes.begin_device),
        (f"{PATH}/device", "GET", routes.device),
        (f"{PATH}/device", "POST", routes.decide_device),
        (f"{PATH}/oauth/userinfo", "GET", routes.userinfo),
        (f"{PATH}/oauth/token_info", "POST", routes.introspect),
    ):
        app.add_api_route(path, route, methods=[method], response_model=None)
    return app


class _Routes:
    """One method an endpoint."""

    def __init__(self, issuer: DevelopmentIssuer) -> None:
        self._issuer = issuer

    async def metadata(self) -> Response:
        """What this issuer is and where its endpoints are."""
        return JSONResponse(self._issuer.metadata())

    async def keys(self) -> Response:
        """Its public keys."""
        return JSONResponse(self._issuer.keys())

    async def authorize(self, request: Request) -> Response:
        """Show who can sign in; a faulty request goes back to the program, or nowhere if the program is unknown."""
        fields = dict(request.query_params)
        try:
            redirect = self._issuer.redirect_of(fields)
        except Denied as denied:
            return _refusal_page(denied)
        try:
            ticket = self._issuer.ask(fields)
        except Denied as denied:
            answer = self._issuer.answer({"error": denied.error}, fields.get("state"))
            return _sent_back(redirect, answer)
        return _page(choose_page(urlsplit(str(request.url)).path, ticket, self._issuer.people))

    async def choose(self, request: Request) -> Response:
        """A person was chosen: back to the program with a code."""
        fields = await _form(request)
        try:
            return _sent_back(*self._issuer.choose(fields.get("ticket", ""), _subject(fields)))
        except Denied as denied:
            return _refusal_page(denied)

    async def token(self, request: Request) -> Response:
        """Tokens for a code."""
        return await _answered(request, self._issuer.exchange)

    async def begin_device(self, request: Request) -> Response:
        """Two codes for a device."""
        return await _answered(request, self._issuer.begin_device)

    async def device(self, request: Request) -> Response:
        """Ask for a device's code, and who it is for."""
        code = request.query_params.get("user_code", "")
        return _page(device_page(request.url.path, code, self._issuer.people))

    async def decide_device(self, request: Request) -> Response:
        """A person let the device in, or did not."""
        fields = await _form(request)
        try:
            self._issuer.decide_device(fields.get("user_code", ""), _subject(fields))
        except Denied as denied:
            return _refusal_page(denied)
        return _page(words_page("Done", "Go back to the device: it goes on by itself."))

    async def userinfo(self, request: Request) -> Response:
        """Who a token speaks of."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise Denied("invalid_token")
            return JSONResponse(self._issuer.userinfo(token), headers=_NOT_KEPT)
        except Denied as denied:
            challenge = {"WWW-Authenticate": f'Bearer error="{denied.error}"'}
            return JSONResponse({"error": denied.error}, 401, {**_NOT_KEPT, **challenge})

    async def introspect(self, request: Request) -> Response:
        """What a token says, for who knows the secret."""
        if not hmac.compare_digest(_password(request).encode(), self._issuer.secret.encode()):
            return JSONResponse({"error": "invalid_client"}, 401, {"WWW-Authenticate": "Basic"})
        fields = await _form(request)
        return JSONResponse(self._issuer.introspect(fields.get("token", "")), headers=_NOT_KEPT)


async def _answered(request: Request, decide: Callable[[Mapping[str, str]], dict[str, Any]]) -> Response:
    try:
        return JSONResponse(decide(await _form(request)), headers=_NOT_KEPT)
    except Denied as denied:
        told = {"error": denied.error, "error_description": denied.description or denied.error}
        return JSONResponse(told, 400, _NOT_KEPT)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; nothing where it is too large, not text, or a field comes twice (RFC 6749 section 3.2)."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            return {}
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        return {}
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else {}


def _subject(fields: Mapping[str, str]) -> str | None:
    return None if fields.get("cancel") else fields.get("subject", "")


def _password(request: Request) -> str:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return decoded.partition(":")[2] if scheme.lower() == "basic" else ""


def _sent_back(redirect: str, answer: Mapping[str, str]) -> Response:
    return RedirectResponse(f"{redirect}?{urlencode(answer)}", 303, _NOT_KEPT)


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, _PAGE_HEADERS)


def _refusal_page(denied: Denied) -> Response:
    return _page(words_page("This did not work", denied.description or denied.error), 400)
