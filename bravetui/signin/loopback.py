"""Waits on loopback for the browser to come back with the answer (RFC 8252 section 7.3).

Speaks just enough HTTP for one GET. Whatever else knocks is answered and forgotten: another page in the same browser
can reach this port too, and must neither end the sign-in nor hold it up. Nothing listens after the block.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from bravetui.base.errors import BravetuiError, Busy
from bravetui.signin.authorize import Stray
from bravetui.signin.page import HEADERS, NOT_THIS, NOTHING_HERE, THANKS, TURNED_DOWN

HEAD_BYTES_MAX = 16 * 1024
KNOCK_S = 10.0
"""How long one connection may take."""
KNOCKS_MAX = 20
"""Connections at a time."""

ReadAnswer = Callable[[str], str]
"""The code in a query. Raises Stray for what is no answer, another error of ours for a no."""


class Loopback:
    """A listener for one answer."""

    def __init__(self, read_answer: ReadAnswer) -> None:
        self._read_answer = read_answer
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._knocks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def redirect_uri(self) -> str:
        """Where the browser is to come back to."""
        return f"http://127.0.0.1:{self.port}/"

    async def code(self) -> str:
        """Wait for the answer. Raises what `read_answer` raised for a no."""
        return await asyncio.shield(self._answer)

    def knock(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, in a task of its own."""
        if len(self._knocks) >= KNOCKS_MAX:
            writer.transport.abort()
            return
        # Not a coroutine for the server to run: Python 3.11 complains of those that are cancelled.
        task = asyncio.create_task(self._visit(reader, writer))
        self._knocks.add(task)
        task.add_done_callback(self._knocks.discard)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # Whoever hangs up, dawdles or speaks another language is nobody.
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(KNOCK_S):
                    await self._serve(reader, writer)
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, body, outcome = self._judged(head)
        lines = [f"HTTP/1.1 {status}", *HEADERS, f"Content-Length: {len(body)}", "", ""]
        writer.write("\r\n".join(lines).encode("ascii") + body)
        await writer.drain()
        writer.close()
        # The page has to be out before the sign-in goes on, since going on closes everything here.
        with suppress(OSError):
            await writer.wait_closed()
        if not self._answer.done() and outcome is not None:
            if isinstance(outcome, str):
                self._answer.set_result(outcome)
            else:
                self._answer.set_exception(outcome)

    def _judged(self, head: str) -> tuple[str, bytes, str | BravetuiError | None]:
        """Status, page, and the answer if it was one."""
        first, *fields = head.split("\r\n")
        words = first.split(" ")
        named = [line.partition(":")[2].strip() for line in fields if line.lower().startswith("host:")]
        path, _, query = words[1].partition("?") if len(words) == 3 else ("", "", "")
        # Another name for this machine in a browser's request is a page's trick (DNS rebinding).
        if named != [f"127.0.0.1:{self.port}"] or words[0] != "GET" or path != "/":
            return "404 Not Found", NOTHING_HERE, None
        try:
            return "200 OK", THANKS, self._read_answer(query)
        except Stray:
            return "400 Bad Request", NOT_THIS, None
        except BravetuiError as error:
            return "200 OK", TURNED_DOWN, error

    async def end(self) -> None:
        """Hang up on whoever is still there."""
        knocks = list(self._knocks)
        for task in knocks:
            task.cancel()
        await asyncio.gather(*knocks, return_exceptions=True)
        if self._answer.done() and not self._answer.cancelled():
            self._answer.exception()  # looked at, so that one nobody waited for is no complaint
        self._answer.cancel()


@asynccontextmanager
async def listening(read_answer: ReadAnswer, port: int = 0) -> AsyncIterator[Loopback]:
    """A listener on 127.0.0.1 for the length of the block; port 0 takes any free one. Raises Busy for a taken port."""
    loopback = Loopback(read_answer)
    try:
        server = await asyncio.start_server(
            loopback.knock, "127.0.0.1", port, limit=HEAD_BYTES_MAX, backlog=KNOCKS_MAX
        )
    except (OSError, OverflowError) as error:
        raise Busy(
            f"Port {port} of this machine cannot be used to sign in.",
            "Stop the program that has it, then try again.",
        ) from error
    try:
        loopback.port = server.sockets[0].getsockname()[1]
        yield loopback
    finally:
        server.close()
        await loopback.end()
