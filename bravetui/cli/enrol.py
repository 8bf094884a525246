"""`bravetui enrol ADDRESS`: sign in, and make this laptop known to central; `bravetui enrol ADDRESS CODE`: by the office's
one-time code instead."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import platform
import sys
from contextlib import suppress
from urllib.parse import urlsplit

from bravetui.auth.keys import KeyRing
from bravetui.auth.openid import is_loopback
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.errors import BadInput, Transient, WrongKey
from bravetui.base.text import safe_line
from bravetui.base.trust import Untrusted
from bravetui.cli.common import folder_of, ring_of
from bravetui.cli.signing_in import TerminalWays
from bravetui.wiring import PASSPHRASE_FILE_VARIABLE, enrol, keys_for, who_is_here
from bravetui.wiring.locking import WORDS, complete


def options(parser: argparse.ArgumentParser) -> None:
    """Where central is, and how its person shows who he is."""
    parser.add_argument(
        "address",
        nargs="?",
        help="central's address, e.g. https://central.example (with --again: the one it has)",
    )
    parser.add_argument("code", nargs="?", help="a one-time code from the office (default: sign in)")
    parser.add_argument(
        "--no-browser", action="store_true", help="sign in on another device, though there is a browser here"
    )
    parser.add_argument(
        "--name",
        default=platform.node() or "laptop",
        help="what this laptop is called (default: its host name)",
    )

    parser.add_argument(
        "--again",
        action="store_true",
        help="a laptop that central lets in no more gets its number back, and goes on with all its work",
    )


def run(arguments: argparse.Namespace) -> int:
    """Enrol, and say who this laptop now is."""
    folder = folder_of(arguments)
    ring = ring_of(folder, _new_passphrase)
    given, code = _given(arguments)
    address = given or _known_address(ring, arguments.again)
    shows = TerminalWays(browser=not arguments.no_browser) if code is None else code
    keys_for(folder, ring)
    try:
        who = asyncio.run(enrol(folder, ring, address, shows, arguments.name, again=arguments.again))
    except Transient as error:
        # Nobody tries by itself what a person has to type.
        todo = (
            "Look whether the address is right; if it is, run the same command again when the line is better."
        )
        raise Transient(error.what, error.todo if isinstance(error, Untrusted) else todo) from error
    for notice in complete(ring, who):
        print(f"bravetui: {notice}", file=sys.stderr)
    print(f"Its keys open by {_listed(ring)}.")
    print(
        f"This laptop is number {who.device}, for {safe_line(who.user_name)}. Now: bravetui sync --once, then bravetui."
    )
    return 0


def _given(arguments: argparse.Namespace) -> tuple[str | None, str | None]:
    """The address and the code that were typed. With --again the address is known, so one word that is none is the code.

    Raises BadInput for an address at which everybody could read along.
    """
    address: str | None = arguments.address
    if arguments.again and arguments.code is None and address and not set(address) & set(".:/"):
        return None, address
    if address:
        _refuse_plain(address)
    return address, arguments.code


def _refuse_plain(address: str) -> None:
    """Only within this machine does nobody sit in between; what is no address at all is told by whoever asks there."""
    with suppress(ValueError):
        parts = urlsplit(address)
        if parts.scheme == "http" and parts.hostname and not is_loopback(parts.hostname):
            raise BadInput(
                "Over http:// everybody in between could read everything, the one-time code and your work included.",
                "Give central's address with https://; nothing was sent.",
            )


def _known_address(ring: KeyRing, again: bool) -> str:
    if not again:
        raise BadInput("Where is central?", "Give its address: bravetui enrol https://central.example.")
    return who_is_here(ring)[1].central_url


def _listed(ring: SealedFile) -> str:
    """The ways in, in words."""
    return "; by ".join(WORDS.get(name, name) for name in ring.lock_names)


def _new_passphrase() -> str:
    """Ask twice: it is what opens this laptop's data when the keyring does not.

    Without a terminal raises WrongKey: where the keyring has taken the keys already, it and the office are two locks.
    """
    if not sys.stdin.isatty():
        raise WrongKey(
            "A passphrase is needed to seal this laptop's keys, and there is no terminal to ask on.",
            f"Put one of 8 characters or more into a file and name it in {PASSPHRASE_FILE_VARIABLE}.",
        )
    print(
        "Choose a passphrase. It opens this laptop's data wherever the system's keyring does not; keep it safe."
    )
    first, second = getpass.getpass("Passphrase: "), getpass.getpass("Once more: ")
    if first != second:
        raise BadInput("The two differ.", "Run the same command again; the code is still good.")
    return first
