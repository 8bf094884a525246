"""The central API over HTTP: a few routes, errors as problem documents (RFC 9457), an OpenAPI page that is true.

Routes read the body, hand the work to the runner and pack the answer; what is done stands in `service`. Nothing but
health, the dictionary and the OpenAPI page answers without a proof of the laptop's key; enrolment wants a code as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from sqlalchemy import Engine, text
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from bravetui import __version__
from bravetui.base.clock import Clock, IdSource
from bravetui.base.errors import BadInput, Corrupt, NeedsSignIn, Refused, WrongKey
from bravetui.base.runner import Runner, ThreadRunner
from bravetui.central import openapi
from bravetui.central.blob_routes import add_blob_routes
from bravetui.central.body import accepted_form, encoding_of, form_of, packed, read_body, read_short
from bravetui.central.callers import Caller, Shown, check_known, remember, shown_by
from bravetui.central.clerk import ClerkIssuer
from bravetui.central.database import mapped
from bravetui.central.enrolment import Attempts
from bravetui.central.gate import Gate, address_of
from bravetui.central.incoming import read
from bravetui.central.keys import CentralKeys
from bravetui.central.metrics import Metrics, add_route
from bravetui.central.news import Newsroom, open_stream
from bravetui.central.problems import TooManyCodes, guarded, http_error, problem_of
from bravetui.central.rates import BY_ADDRESS, BY_KEY, Buckets
from bravetui.central.rescue import take_bundle
from bravetui.central.service import Central, caller_and_access
from bravetui.central.support import give_pass, note_act
from bravetui.central.tenants import stranger
from bravetui.wire.dictionary import current
from bravetui.wire.messages import (
    BUNDLE_BYTES_MAX,
    PROTOCOL,
    Enrol,
    Enrolled,
    SupportAsk,
    SupportReport,
)

THREADS = 8
"""Requests worked on at a time in one process; each holds one database connection."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose."""

    threads: int = THREADS
    trust_proxy: bool = False
    """Whether the client's address comes from a proxy's header rather than from the connection."""
    issuer: ClerkIssuer | None = None
    """Who says who people are; without one a laptop is enrolled by a one-time code alone."""
    metrics_token: str = field(default="", repr=False)
    """Who shows it may read `/metrics`; without one there is no such place."""


def make_app(
    engine: Engine,
    keys: CentralKeys,
    clock: Clock,
    ids: IdSource,
    settings: Settings | None = None,
    run: Runner | None = None,
) -> FastAPI:
    """The API as an ASGI application; `run` does the blocking work (threads unless given)."""
    settings = settings or Settings()
    central = Central(engine, keys, clock, ids, settings.issuer)
    api = _Api(central, settings, run or ThreadRunner(settings.threads, "bravetui-central"))
    app = FastAPI(
        title="bravetui central",
        version=__version__,
        description=openapi.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
    )
    app.state.central, app.state.newsroom = api.central, api.newsroom
    app.add_api_route("/v1/enrol", api.enrol, methods=["POST"], **openapi.ENROL)
    app.add_api_route("/v1/sign-in", api.sign_in, methods=["GET"], **openapi.SIGN_IN)
    app.add_api_route("/v1/support", api.support, methods=["POST"], **openapi.SUPPORT)
    app.add_api_route("/v1/support/acts", api.support_act, methods=["POST"], **openapi.SUPPORT_ACT)
    app.add_api_route("/v1/sync", api.sync, methods=["POST"], **openapi.SYNC)
    app.add_api_route("/v1/bundles", api.bundle, methods=["POST"], **openapi.BUNDLE)
    app.add_api_route("/v1/news", api.news, methods=["GET"], **openapi.NEWS)
    add_blob_routes(app, api.central, api.shown, api.run)
    app.add_api_route("/v1/dictionary", api.dictionary, methods=["GET"], **openapi.DICTIONARY)
    app.add_api_route("/v1/health", api.health, methods=["GET"], **openapi.HEALTH)
    app.add_middleware(
        Gate,
        buckets=Buckets(BY_ADDRESS),
        clock=clock,
        refused=problem_of,
        trust_proxy=settings.trust_proxy,
        watch=api.metrics.request if api.metrics is not None else None,
    )
    if api.metrics is not None:
        add_route(app, api.metrics, api.run)
    app.add_exception_handler(HTTPException, http_error)  # type: ignore[arg-type]
    openapi.install(app)
    return app


class _Api:
    """The routes."""

    def __init__(self, central: Central, settings: Settings, run: Runner) -> None:
        self.central, self._settings, self.run = central, settings, run
        self._attempts, self.newsroom = Attempts(), Newsroom(central.engine)
        self._by_key = Buckets(BY_KEY)
        self.metrics: Metrics | None = None
        if settings.metrics_token:
            self.metrics = Metrics(central.engine, lambda: self.newsroom.count, settings.metrics_token)

    async def enrol(self, request: Request) -> Response:
        """Trade a one-time code for a device number and a grant."""
        return await guarded(request, self._enrol)

    async def sign_in(self, request: Request) -> Response:
        """Where people of this central's sign in."""
        issuer = self.central.enrolling.issuer
        if issuer is None:
            return problem_of(
                404, "no-issuer",
                BadInput("This central knows no identity provider.", "Ask the office for a one-time code."),
            )  # fmt: skip
        return packed(request, issuer.offer)

    async def support(self, request: Request) -> Response:
        """Let somebody look at a laptop as support."""
        return await guarded(request, self._support)

    async def support_act(self, request: Request) -> Response:
        """Note what support is about to do there."""
        return await guarded(request, self._support_act)

    async def sync(self, request: Request) -> Response:
        """Hand in changes, fetch what is new: one exchange."""
        return await guarded(request, self._sync)

    async def bundle(self, request: Request) -> Response:
        """Take a rescue bundle that a colleague's laptop carries."""
        return await guarded(request, self._bundle)

    async def news(self, request: Request) -> Response:
        """Say which scope has moved, as it happens."""
        return await guarded(request, self._news)

    async def dictionary(self, request: Request) -> Response:
        """The dictionary to pack bodies with, for whoever does not carry it already (RFC 9842 section 2.1)."""
        digest = current().digest.hex()
        headers = {
            "Use-As-Dictionary": f'match="/v1/*", id="{digest}"',
            "Cache-Control": "public, max-age=31536000",
            "ETag": f'"{digest}"',
        }
        return Response(current().data, 200, headers, media_type="application/octet-stream")

    async def health(self, request: Request) -> Response:
        """Whether central and its database answer."""
        return await guarded(request, self._health)

    async def _enrol(self, request: Request) -> Response:
        address = address_of(request, trust_proxy=self._settings.trust_proxy)
        now_s = self.central.clock.monotonic_s()
        wait_s = self._attempts.wait_s(address, now_s)
        if wait_s > 0:
            raise TooManyCodes(wait_s)
        shown = self.shown(request)
        asked = await read_short(Enrol, request)
        try:
            enrolled: Enrolled = await self.run(mapped, self.central.enrol, asked, shown)
        except Refused:
            self._attempts.failed(address, now_s)
            raise
        return packed(request, enrolled)

    async def _support(self, request: Request) -> Response:
        shown = self.shown(request)
        asked = await read_short(SupportAsk, request)
        return packed(request, await self.run(mapped, give_pass, self.central, asked, shown))

    async def _support_act(self, request: Request) -> Response:
        shown = self.shown(request)
        told = await read_short(SupportReport, request)
        return packed(request, await self.run(mapped, note_act, self.central, told, shown))

    async def _sync(self, request: Request) -> Response:
        shown = self.shown(request)
        if shown.grant is None:  # before its body is read
            await self.run(mapped, self._check_known, shown)
        body = await read_body(request)
        return await self.run(mapped, self._exchange, request, shown, body)

    async def _news(self, request: Request) -> Response:
        events = await open_stream(self.central, self.newsroom, self.run, self.shown(request))
        # The second header keeps nginx from holding events back until it has a bufferful.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events, headers=headers, media_type="text/event-stream")

    async def _bundle(self, request: Request) -> Response:
        carrier = await self.run(mapped, self._carrier, self.shown(request))
        body = await read_body(request, BUNDLE_BYTES_MAX)
        return await self.run(mapped, self._take_bundle, request, carrier, body)

    def _carrier(self, shown: Shown) -> Caller:
        now = self.central.clock.now()
        with self.central.engine.begin() as connection:
            stranger(connection, shown.proof.key)
            remember(connection, shown.proof, now, self.central.keys)
            caller, access = caller_and_access(connection, shown, None, now)
        if access.closed:
            raise NeedsSignIn("This laptop hands in nothing for others any more.", "Take another laptop.")
        return caller

    def _check_known(self, shown: Shown) -> None:
        with self.central.engine.begin() as connection:
            stranger(connection, shown.proof.key)
            check_known(connection, shown)

    def _take_bundle(self, request: Request, carrier: Caller, body: bytes) -> Response:
        try:
            return packed(request, take_bundle(self.central, body, carrier).delivered)
        except (WrongKey, Corrupt) as error:
            raise BadInput(error.what, error.todo) from error

    def _exchange(self, request: Request, shown: Shown, body: bytes) -> Response:
        incoming = read(body, encoding_of(request), form_of(request))
        if incoming.request.protocol > PROTOCOL:
            raise BadInput(
                f"Central speaks protocol {PROTOCOL}, this laptop {incoming.request.protocol}.",
                "Update central; everything is kept on this laptop until then.",
            )
        answer = self.central.exchange(shown, incoming)
        if self.metrics is not None:
            sent = {one.change.dot for batch in incoming.batches() for one in batch}
            self.metrics.verdicts(verdict for verdict in answer.verdicts if verdict.dot in sent)
        return packed(request, answer, accepted_form(request.headers.get("accept", "")))

    async def _health(self, request: Request) -> Response:
        await self.run(mapped, self._look)
        return Response('{"status":"ok"}', media_type="application/json")

    def _look(self) -> None:
        with self.central.engine.connect() as connection:
            stranger(connection)
            connection.execute(text("SELECT 1"))

    def shown(self, request: Request) -> Shown:
        """What the request shows of its sender, who may ask as often as that."""
        place = f"{request.url.netloc.lower()}{request.url.path}"
        clock = self.central.clock
        shown = shown_by(request.method, place, request.headers, clock.now(), self.central.keys)
        self._by_key.take(shown.proof.key, clock.monotonic_s())
        return shown
