"""Runs the development issuer beside a demo or a test, on loopback and nowhere else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from bravetui.auth.openid import is_loopback
from bravetui.base.clock import Clock, SystemClock
from bravetui.base.errors import BadInput, Busy
from bravetui.issuer.app import make_app
from bravetui.issuer.people import PEOPLE, Person
from bravetui.issuer.provider import DevelopmentIssuer

_START_S = 10.0
_STOP_S = 10.0


@contextmanager
def issuing(
    people: Sequence[Person] = PEOPLE,
    clock: Clock | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    opaque: bool = False,
) -> Iterator[DevelopmentIssuer]:
    """A development issuer for the length of the block; port 0 takes any free one.

    Raises BadInput for an address beyond loopback, Busy for a taken port.
    """
    bound = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    issuer = DevelopmentIssuer(
        f"http://{shown}:{bound.getsockname()[1]}", clock or SystemClock(), people, opaque=opaque
    )
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(issuer), log_level="warning", access_log=False, lifespan="off", ws="none",
            timeout_graceful_shutdown=1,
        )
    )  # fmt: skip
    thread = threading.Thread(
        target=server.run, args=([bound],), name="bravetui-development-issuer", daemon=True
    )
    thread.start()
    try:
        deadline = time.monotonic() + _START_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise Busy("The development issuer did not start.", "Start it again.")
            time.sleep(0.005)
        yield issuer
    finally:
        server.should_exit = True
        thread.join(_STOP_S)
        bound.close()


def _listen(host: str, port: int) -> socket.socket:
    # It lets in whoever asks, so nobody beyond this machine may ask.
    if not is_loopback(host):
        raise BadInput(
            f"The development issuer lets in whoever asks, so it does not listen on {host[:60]}.",
            "Leave the address away: it takes 127.0.0.1. For real people use Clerk.",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()
    except (OSError, OverflowError) as error:
        bound.close()
        raise Busy(f"Port {port} cannot be used.", "Choose another port, or 0 for any free one.") from error
    return bound
