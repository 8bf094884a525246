"""The only HTTP of signing in: asks a provider, bounded in size and time, follows nobody elsewhere.

Foreign failures become ours here. What is not JSON, or not all of it, is not the provider but a network's own page.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from bravetui import __version__
from bravetui.auth.openid import ANSWER_BYTES_MAX, NotAProvider, json_answer
from bravetui.base.errors import Transient
from bravetui.base.trust import unreadable_authorities, untrusted

DEADLINE_S = 20.0
"""For one question with its whole answer."""
_TIMEOUT = httpx.Timeout(DEADLINE_S, connect=10)
# Without compression a small answer cannot grow large here.
_HEADERS = {
    "User-Agent": f"bravetui/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}


class Line:
    """A connection to providers, for the length of one sign-in."""

    def __init__(self) -> None:
        try:
            self._http = httpx.AsyncClient(headers=_HEADERS, timeout=_TIMEOUT, follow_redirects=False)
        except OSError as error:
            raise unreadable_authorities(error) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, address: str) -> tuple[int, object]:
        """Status and JSON at an address. Raises Transient, of which NotAProvider."""
        return await self._ask("GET", address, None)

    async def post(self, address: str, fields: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object in answer to a form. Raises Transient, of which NotAProvider."""
        status, document = await self._ask("POST", address, fields)
        if not isinstance(document, Mapping):
            raise NotAProvider("its answer is of another kind")
        return status, document

    async def _ask(self, method: str, address: str, fields: Mapping[str, str] | None) -> tuple[int, object]:
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                self._http.stream(method, address, data=fields) as response,
            ):
                _refuse_strangers(response)
                return response.status_code, json_answer(
                    response.headers.get("content-type", ""), await _read(response)
                )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise (
                untrusted(error, "the sign-in service's address")
                or Transient("No line to the sign-in service.", "Try again where there is a network.")
            ) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise Transient("The sign-in service does not answer.", "Try again in a while.") from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, ssl.SSLError) as error:
            raise Transient("The line to the sign-in service broke.", "Try again.") from error


def _refuse_strangers(response: httpx.Response) -> None:
    status = response.status_code
    if 300 <= status < 400:
        raise NotAProvider("it sends elsewhere")
    if status == 429 or status >= 500:
        raise Transient(f"The sign-in service is unwell (it answered {status}).", "Try again in a while.")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise NotAProvider("its answer is packed, unasked")


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            raise NotAProvider("its answer is far too large")
    return bytes(body)
