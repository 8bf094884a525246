"""Signing in at a terminal: an address, a code, a picture of the address for a phone; a browser where there is one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from bravetui.base.errors import BadInput, BravetuiError
from bravetui.base.text import safe_line, safe_text
from bravetui.signin.browser import open_browser
from bravetui.signin.qr import half_blocks
from bravetui.signin.ways import Invitation

_WORDS = {
    "browser": "A browser has been opened here. Sign in there, then come back to this window. If none came up, open",
    "device": "On your phone or any other device, open",
    "paste": "On any device with a browser, open",
}


class TerminalWays:
    """The ways of `bravetui enrol`."""

    def __init__(self, *, browser: bool = True, say: Callable[[str], None] = print) -> None:
        """`browser`: whether one may be opened on this machine."""
        self._browser, self._say = browser, say

    async def open_browser(self, address: str) -> bool:
        """Where there is a person in front of it."""
        return self._browser and await open_browser(address)

    async def invite(self, invitation: Invitation) -> None:
        """Say what to do."""
        told = f"{_WORDS[invitation.way]}:\n\n  {safe_line(invitation.address, 2000)}\n"
        if invitation.user_code:
            told += f"\nIts code: {safe_line(invitation.user_code, 40)}\n"
        self._say(told)
        picture = half_blocks(invitation.scan) if invitation.way != "browser" and sys.stdout.isatty() else ()
        if picture:  # it fills a small window: what is above is out of sight, and no phone may be at hand
            self._say("\n".join((*picture, "", told)))
        if invitation.way == "paste":
            self._say(
                "Once you have signed in, the browser ends at a page that does not load. That is as it should be."
            )
        else:
            self._say(f"Waiting until {invitation.expires_at.astimezone():%H:%M}; Ctrl-C stops.")

    async def ask_for_paste(self, wrong: BravetuiError | None) -> str:
        """Wait for the address at which the browser ended."""
        if not sys.stdin.isatty():
            raise BadInput(
                "Somebody has to paste an address, and there is no terminal to ask on.",
                "Run this in a terminal, or ask the office for a one-time code: bravetui enrol ADDRESS CODE.",
            )
        if wrong is not None:
            self._say(safe_text(str(wrong), 1000))
        return await _typed_line("Paste that page's address here: ")


async def _typed_line(words: str) -> str:
    """A line of the terminal, as `input` gives it. Raises EOFError at its end.

    Not in a thread, where it can be: a loop that ends waits for its threads, and Ctrl-C would wait for Enter.
    """
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(sys.stdin.fileno(), came.set)
    except (NotImplementedError, OSError):  # Windows
        return await asyncio.to_thread(input, words)
    try:
        print(words, end="", flush=True)
        await came.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")
