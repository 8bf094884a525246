"""Runs the API with uvicorn: on the main thread until told to stop, or beside a demo or a test for a while.

Plain HTTP is offered on loopback alone; anything wider speaks TLS, or stands behind a proxy that does.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from bravetui.base.errors import BadInput, Busy
from bravetui.base.text import safe_line
from bravetui.central.gate import HEADERS_BYTES_MAX

GRACE_S = 10
"""Time that running exchanges get to finish when central is told to stop."""

PORT = 8080
BACKLOG = 2048
CONNECTIONS_MAX = 2000
"""Of one process; a request on one more is answered 503."""
KEEP_ALIVE_S = 5
SILENT_S = 20.0
"""How long a connection may be without a whole request's headers (CWE-400, slowloris). uvicorn itself ends those that have
had an answer after five seconds, and waits for a first request, or for half of one, for ever."""
_START_S = 10.0
_TICKS = 10
"""Of uvicorn's tenths of a second: how often connections are looked at."""


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of a certificate with its chain, and of its key; both PEM."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Read both as the server will (TLS 1.2 or newer, CWE-326). Raises BadInput."""
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            what = safe_line(
                getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error), 100
            )
            raise BadInput(
                f"The certificate or its key cannot be used: {what}.",
                "Give --tls-cert with the certificate and its chain, --tls-key with its key, both PEM without a password.",
            ) from error


def _no_password() -> str:
    raise ValueError("the key has a password")


def listen(host: str, port: int, *, secure: bool = False) -> socket.socket:
    """A bound socket; port 0 takes any free one. `secure`: TLS is spoken here, or by a proxy in front.

    Raises Busy for a taken port, BadInput for a bad address.
    """
    if not secure and not _is_loopback(host):
        raise BadInput(
            f"Central speaks plain HTTP, which would show everything to everyone between {safe_line(host, 60)} and the"
            " laptops.",
            "Give it a certificate with --tls-cert and --tls-key, or put a proxy with TLS in front and start it with"
            " --behind-proxy, or leave --host away.",
        )
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, OverflowError) as error:
        raise BadInput(
            f"The address {host[:60]} cannot be used.", "Leave --host away to use 127.0.0.1."
        ) from error
    try:
        if not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        bound.close()
        if isinstance(error, OverflowError) or not 0 <= port <= 65535:
            raise BadInput(f"There is no port {port}.", "Choose one between 1 and 65535.") from error
        if isinstance(error, PermissionError):
            raise BadInput(
                f"Port {port} may not be used by this user.", "Choose one above 1023 with --port."
            ) from error
        raise Busy(
            f"Port {port} is taken by another program.", "Stop that one, or choose another port with --port."
        ) from error
    return bound


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address_of(bound: socket.socket, *, tls: bool = False) -> str:
    """The URL under which a bound socket is reached."""
    host, port = bound.getsockname()[:2]
    named = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{named}:{port}"


def serve(app: FastAPI, bound: socket.socket, ready: Callable[[str], None], tls: Tls | None = None) -> None:
    """Serve until SIGINT or SIGTERM; running exchanges finish first. `ready` hears the address."""
    ready(address_of(bound, tls=tls is not None))
    server = _Server(_config(app, tls))
    try:
        server.run(sockets=[bound])
    except KeyboardInterrupt:
        pass  # uvicorn has shut down in good order and only then hands the signal on
    finally:
        bound.close()


@contextmanager
def serving(app: FastAPI, host: str = "127.0.0.1", port: int = 0, tls: Tls | None = None) -> Iterator[str]:
    """Serve from a thread for the length of the block; gives the address. Raises as `listen` does."""
    bound = listen(host, port, secure=tls is not None)
    server = _Server(_config(app, tls))
    thread = threading.Thread(target=server.run, args=([bound],), name="bravetui-central-http", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _START_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise Busy("Central's server did not start.", "Start it again.")
            time.sleep(0.005)
        yield address_of(bound, tls=tls is not None)
    finally:
        server.should_exit = True
        thread.join(GRACE_S + 5)
        bound.close()


class _Server(uvicorn.Server):
    """Ends the streams of news first: they would hold up the end of everything else for as long as it may take."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._silent_since: dict[object, float] = {}

    async def on_tick(self, counter: int) -> bool:
        """What uvicorn does every tenth of a second, and the end of connections that ask for nothing."""
        if counter % _TICKS == 0:
            self._end_silent(time.monotonic())
        return await super().on_tick(counter)

    def _end_silent(self, now_s: float) -> None:
        silent = {one for one in self.server_state.connections if _waits_for_headers(one)}
        self._silent_since = {one: self._silent_since.get(one, now_s) for one in silent}
        for one, since_s in self._silent_since.items():
            if now_s - since_s > SILENT_S:
                one.transport.abort()  # type: ignore[attr-defined]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop in good order."""
        await asyncio.to_thread(self.config.app.state.newsroom.close)  # type: ignore[union-attr]
        await super().shutdown(sockets)


def _waits_for_headers(connection: object) -> bool:
    cycle = getattr(connection, "cycle", None)
    return cycle is None or bool(cycle.response_complete)


def _config(app: FastAPI, tls: Tls | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,  # its own would write an error out with all its values
        log_level="warning",
        access_log=False,
        use_colors=False,
        timeout_graceful_shutdown=GRACE_S,
        lifespan="off",
        ws="none",
        http="h11",
        h11_max_incomplete_event_size=HEADERS_BYTES_MAX,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else str(tls.key),
    )
