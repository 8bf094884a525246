"""A sign-in service by hand, over real HTTP, for answers and failures that no real one gives at the right moment."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.tokens import ACCESS, KID, key_set, signed

JSON_TYPE = "application/json"


class Service:
    """A sign-in service by hand: what it says can be changed while it runs, and every question is counted."""

    def __init__(self) -> None:
        self.origin = ""
        self.asked: list[str] = []
        self.down = False
        self.keys: Any = key_set()
        self.changes: dict[str, Any] = {}
        self.answers: dict[str, tuple[int, str, bytes]] = {}

    def answer(self, path: str) -> tuple[int, str, bytes]:
        self.asked.append(path)
        if self.down:
            return 503, "text/html", b"down"
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            return 200, JSON_TYPE, json.dumps(self.description()).encode()
        if path == "/keys":
            return 200, JSON_TYPE, json.dumps(self.keys).encode()
        return 404, "text/html", b"nothing"

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.origin, "jwks_uri": f"{self.origin}/keys", "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token", "userinfo_endpoint": f"{self.origin}/userinfo",
            "introspection_endpoint": f"{self.origin}/token_info", **self.changes,
        }  # fmt: skip

    def token(self, kid: str = KID, **changes: Any) -> str:
        """An access token of this service's."""
        return signed({**ACCESS, "iss": self.origin, **changes}, "at+jwt", kid)

    @property
    def key_fetches(self) -> int:
        return self.asked.count("/keys")


@contextmanager
def serving(answer: Callable[[str], tuple[int, str, bytes]]) -> Iterator[str]:
    """A web server from a thread, for the length of the block."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, kind, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if 300 <= status < 400:
                self.send_header("Location", "/.well-known/openid-configuration")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
