"""What every request passes before any route: how often its address asks, and whether there is room for its body.

Knows ASGI, and nothing of what is asked. The address is the connection's, or the last that a proxy of the operator's own
names (`trust_proxy`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bravetui.base.clock import Clock
from bravetui.base.errors import BadInput, BravetuiError, Transient
from bravetui.central.rates import Buckets, TooOften, asker_at

BODIES_BYTES_MAX = 256 * 1024 * 1024
"""Of all bodies that are being read or worked on in this process: anybody may begin one, and each may be 16 MiB."""

ADDRESS_BYTES_MAX = 64 * 1024 * 1024
"""Of those, from one address: whoever sends slowly leaves room for all others."""

HEADERS_BYTES_MAX = 32 * 1024
"""A grant and a proof are a quarter of it (RFC 6585 section 5)."""

_FULL_WAIT_S = 5.0


class Gate:
    """ASGI middleware: lets a request by, or answers it by what `refused` makes of the reason."""

    def __init__(
        self,
        app: ASGIApp,
        buckets: Buckets,
        clock: Clock,
        refused: Callable[[int, str, BravetuiError], Response],
        *,
        trust_proxy: bool,
        watch: Callable[[str, int, float], None] | None = None,
    ) -> None:
        """`watch` hears of each request's path, status and seconds once it is answered."""
        self._watch = watch
        self._app, self._buckets, self._clock = app, buckets, clock
        self._refused, self._trust_proxy = refused, trust_proxy
        self._held: Counter[str] = Counter()
        """Bytes of bodies, by who sends them."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and self._watch is not None:
            await self._watched(scope, receive, send, self._watch)
        else:
            await self._passed(scope, receive, send)

    async def _watched(
        self, scope: Scope, receive: Receive, send: Send, watch: Callable[[str, int, float], None]
    ) -> None:
        began_s, status = self._clock.monotonic_s(), 500

        async def seen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._passed(scope, receive, seen)
        finally:
            watch(scope["path"], status, self._clock.monotonic_s() - began_s)

    async def _passed(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asker = asker_at(address_of(HTTPConnection(scope), trust_proxy=self._trust_proxy))
            try:
                self._buckets.take(asker, self._clock.monotonic_s())
            except TooOften as error:
                await self._refused(429, "too-many-requests", error)(scope, receive, send)
                return
            if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_BYTES_MAX:
                too_long = BadInput("The request's headers are too long.")
                await self._refused(431, "headers-too-large", too_long)(scope, receive, send)
                return
            await self._with_room(scope, receive, send, asker)
        else:
            await self._app(scope, receive, send)

    async def _with_room(self, scope: Scope, receive: Receive, send: Send, asker: str) -> None:
        held_bytes = 0

        async def counted() -> Message:
            nonlocal held_bytes
            message = await receive()
            size = len(message.get("body", b""))
            held_bytes += size
            self._held[asker] += size
            if self._held[asker] > ADDRESS_BYTES_MAX or self._held.total() > BODIES_BYTES_MAX:
                raise Transient("Central holds as much at a time as it can.", wait_s=_FULL_WAIT_S)
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._held[asker] -= held_bytes
            if not self._held[asker]:
                del self._held[asker]


def address_of(request: HTTPConnection, *, trust_proxy: bool) -> str:
    """Where a request comes from."""
    # A proxy adds what it saw to the line that came, or a line of its own below it (RFC 9110 section 5.3): all before the
    # last is the asker's own word.
    told = request.headers.getlist("x-forwarded-for") if trust_proxy else []
    last = ",".join(told).split(",")[-1].strip()
    return last or (request.client.host if request.client else "")
