"""Keeps tests to themselves: no network but loopback, no settings and no home of whoever runs them.

The network rule is an audit hook, so it holds for every library that goes through Python's sockets. It raises an
`OSError`, which is what a machine without a network would do.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

_FOREIGN_PREFIXES = ("BRAVETUI_", "TEXTUAL", "SSH_", "XDG_", "PG", "LC_")
_FOREIGN_NAMES = (
    *(
        "COLORTERM",
        "COLORFGBG",
        "FORCE_COLOR",
        "NO_COLOR",
        "CLICOLOR",
        "LANGUAGE",
        "TERM_PROGRAM",
        "TMUX",
        "STY",
    ),
    *(
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
    ),
    *("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"),
)
_SAME_EVERYWHERE = {
    "COLUMNS": "80",
    "LINES": "24",
    "LANG": "C.UTF-8",
    "TERM": "xterm-256color",
    "TZ": "UTC",
    "PYTHONUTF8": "1",
    # A machine without a keyring, as over SSH: nothing a test does can reach the real one.
    "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
}
HOME_VARIABLES = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")


def clean_environment() -> None:
    """Take out of the environment what would make a test depend on the person, the terminal or the machine."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN_PREFIXES) or name in _FOREIGN_NAMES:
            del os.environ[name]
    os.environ.update(_SAME_EVERYWHERE)
    # Root's centrals keep their databases in a place of the system's; a test leaves nothing there.
    os.environ["BRAVETUI_CENTRAL_DATA"] = str(Path(tempfile.gettempdir()) / "bravetui-test-data")


def forbid_network() -> None:
    """From now on, connecting or resolving beyond loopback fails at once. There is no way back in this process."""
    sys.addaudithook(_refuse_foreign)


def _refuse_foreign(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        if not _is_here(arguments[0]):
            raise socket.gaierror(socket.EAI_NONAME, f"tests resolve no name: {arguments[0]}")
    elif event in ("socket.connect", "socket.sendto"):
        _, address = arguments
        if isinstance(address, tuple) and not _is_here(address[0]):
            raise OSError(errno.ENETUNREACH, f"tests reach nothing but loopback: {address[0]}")


def _is_here(host: Any) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(name).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
