"""Central's questions to the sign-in service over HTTP: bounded in size and time, followed nowhere else.

A port of two questions, `Provider`, and its one implementation. Foreign failures become `Transient` here.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from typing import Protocol

import httpx

from bravetui import __version__
from bravetui.auth.openid import ANSWER_BYTES_MAX, NotAProvider, json_answer
from bravetui.base.errors import Transient

DEADLINE_S = 10.0
"""For one question with its whole answer."""
_TIMEOUT = httpx.Timeout(5)


class Provider(Protocol):
    """Whom central asks."""

    def get(self, address: str, token: str = "") -> tuple[int, object]:
        """Status and JSON at an address, asked as the bearer of `token`. Raises Transient, of which NotAProvider."""
        ...

    def post(
        self, address: str, fields: Mapping[str, str], login: tuple[str, str] | None = None
    ) -> tuple[int, object]:
        """Status and JSON in answer to a form, with name and secret where given. Raises as `get` does."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class HttpProvider:
    """The sign-in service itself. May be used from several threads."""

    def __init__(self) -> None:
        # Without compression a small answer cannot grow large here.
        self._http = httpx.Client(
            headers={
                "User-Agent": f"bravetui-central/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            timeout=_TIMEOUT,
            follow_redirects=False,
        )

    def get(self, address: str, token: str = "") -> tuple[int, object]:
        """See `Provider`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._ask(self._http.build_request("GET", address, headers=headers))

    def post(
        self, address: str, fields: Mapping[str, str], login: tuple[str, str] | None = None
    ) -> tuple[int, object]:
        """See `Provider`."""
        return self._ask(self._http.build_request("POST", address, data=fields), login)

    def close(self) -> None:
        """See `Provider`."""
        self._http.close()

    def _ask(self, request: httpx.Request, login: tuple[str, str] | None = None) -> tuple[int, object]:
        try:
            response = self._http.send(request, auth=login, stream=True)
            try:
                _refuse_strangers(response)
                body = _read(response)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, ssl.SSLError) as error:
            raise Transient(
                "Central does not reach the sign-in service.", "Try again in a while.", wait_s=10
            ) from error
        return response.status_code, json_answer(response.headers.get("content-type", ""), body)


def _refuse_strangers(response: httpx.Response) -> None:
    status = response.status_code
    if 300 <= status < 400:
        raise NotAProvider("it sends elsewhere")
    if status == 429 or status >= 500:
        raise Transient(
            f"The sign-in service is unwell (it answered {status}).", "Try again in a while.", wait_s=10
        )
    if response.headers.get("content-encoding", "identity") != "identity":
        raise NotAProvider("its answer is packed, unasked")


def _read(response: httpx.Response) -> bytes:
    body, ends_s = bytearray(), time.monotonic() + DEADLINE_S
    for part in response.iter_raw():
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            raise NotAProvider("its answer is far too large")
        if time.monotonic() > ends_s:
            raise NotAProvider("its answer does not end")
    return bytes(body)
