"""A person at a browser and at a terminal, as tests need them: follows links and forms, pastes, waits by a moved clock."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from bravetui.base.clock import ManualClock
from bravetui.base.errors import BravetuiError
from bravetui.signin.ways import Invitation

_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_INPUT = re.compile(r"<(?:input|button)\b([^>]*)>")
_ATTRIBUTE = re.compile(r'([a-z_-]+)="([^"]*)"')


@dataclass(frozen=True)
class Page:
    """What the browser shows."""

    address: str
    status: int
    text: str

    def form(self) -> tuple[str, dict[str, str]]:
        """Where the first form goes, and the fields that it has by itself."""
        found = _FORM.search(self.text)
        assert found, self.text
        target = dict(_ATTRIBUTE.findall(found[1])).get("action", "")
        fields: dict[str, str] = {}
        for written in _INPUT.findall(found[2]):
            attributes = dict(_ATTRIBUTE.findall(written))
            if attributes.get("type") in ("hidden", "text") or "user_code" in attributes.get("name", ""):
                fields[attributes["name"]] = html.unescape(attributes.get("value", ""))
        return urljoin(self.address, html.unescape(target)), fields


class Browser:
    """Keeps cookies and follows redirects, one at a time, so that a test can look at each."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(follow_redirects=False, timeout=20)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def open(self, address: str, stop_at: str = "") -> Page:
        """The page that an address leads to; one that begins with `stop_at` is not asked any more."""
        return await self._follow(await self._http.get(address), stop_at)

    async def send(self, page: Page, stop_at: str = "", **fields: str) -> Page:
        """The page that the first form of a page leads to, filled in."""
        target, given = page.form()
        return await self._follow(await self._http.post(target, data={**given, **fields}), stop_at)

    async def _follow(self, response: httpx.Response, stop_at: str) -> Page:
        while response.is_redirect:
            target = urljoin(str(response.url), response.headers["location"])
            if stop_at and target.startswith(stop_at):
                return Page(target, response.status_code, "")
            response = await self._http.get(target)
        return Page(str(response.url), response.status_code, response.text)


def landing_of(address: str) -> str:
    """Where an address to open says that the browser comes back to."""
    return parse_qs(urlsplit(address).query)["redirect_uri"][0]


Visit = Callable[[Invitation], Awaitable[None]]


@dataclass
class Terminal:
    """Ways for a sign-in: a person who visits what is shown, in a browser here or elsewhere."""

    visit: Visit
    """What the person does with an invitation."""
    has_browser: bool = False
    pastes: list[str] = field(default_factory=list)
    invitations: list[Invitation] = field(default_factory=list)
    wrongs: list[BravetuiError] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    _visiting: list[asyncio.Task[None]] = field(default_factory=list)

    async def open_browser(self, address: str) -> bool:
        if self.has_browser:
            self.opened.append(address)
        return self.has_browser

    async def invite(self, invitation: Invitation) -> None:
        self.invitations.append(invitation)

        async def visit() -> None:
            await self.visit(invitation)

        self._visiting.append(asyncio.create_task(visit()))

    async def ask_for_paste(self, wrong: BravetuiError | None) -> str:
        if wrong is not None:
            self.wrongs.append(wrong)
        await self.visited()
        return self.pastes.pop(0)

    async def visited(self) -> None:
        """Wait until the person is done, and raise what went wrong there."""
        await asyncio.gather(*self._visiting)


async def nothing(_: Invitation) -> None:
    """A person who does nothing."""


def pausing(
    clock: ManualClock, before: Callable[[], Awaitable[None]] | None = None
) -> Callable[[float], Awaitable[None]]:
    """A pause that moves the clock, and lets `before` happen first."""

    async def pause(seconds: float) -> None:
        if before is not None:
            await before()
        clock.advance(seconds=seconds)
        await asyncio.sleep(0)

    return pause


@dataclass(frozen=True)
class Heard:
    """A request that a stand-in for a provider got."""

    path: str
    body: bytes
    headers: Mapping[str, str]


Reply = tuple[int, Mapping[str, str], bytes]


class StandIn:
    """A web server on loopback that answers by a function, for answers that no real provider gives."""

    def __init__(self, reply: Callable[[Heard], Reply]) -> None:
        self._reply = reply
        self.heard: list[Heard] = []
        self.origin = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.origin = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        heard = Heard(urlsplit(first.split(" ")[1]).path, body, headers)
        self.heard.append(heard)
        status, told, content = self._reply(heard)
        written = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        length = "" if "Content-Length" in told else f"Content-Length: {len(content)}\r\n"
        writer.write(f"HTTP/1.1 {status} X\r\nConnection: close\r\n{written}{length}\r\n".encode() + content)
        with suppress(OSError):  # who asked may have heard enough
            await writer.drain()
        writer.close()
