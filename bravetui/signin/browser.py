"""Opens a browser on this machine, where there is a person in front of one."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from collections.abc import Mapping


def has_browser(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser opened here would be seen: not over SSH, and on Linux only with a display."""
    if any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")):
        return False
    if platform in ("win32", "darwin"):
        return True
    return any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


async def open_browser(address: str) -> bool:
    """Open the address in a new tab; False where no browser is, or none would be seen."""
    if not has_browser(os.environ, sys.platform):
        return False
    return await asyncio.to_thread(_open, address)


def _open(address: str) -> bool:
    try:
        browser = webbrowser.get()
        # A browser of text would take the terminal away from the program that asks.
        if type(browser) is webbrowser.GenericBrowser:
            return False
        return browser.open(address, new=2)
    except (webbrowser.Error, OSError):
        return False
