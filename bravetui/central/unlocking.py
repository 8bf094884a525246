"""`bravetui central unlock [FILE]`: opens the keys of a laptop whose locks are lost, for its own person and nobody else;
without a file, lists whom it has opened.

A stolen laptop can make a request too. So nothing is answered before the operator has the code from the person's own mouth,
and every answer is on record. The office sees no key and no work: it hands the content key on, sealed to the new passphrase.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets as random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from bravetui.auth.keys import Secrets
from bravetui.auth.sealed_file import SealedFile
from bravetui.auth.signing import public_key_of
from bravetui.auth.unlocking import Request, make_request, read_request
from bravetui.base.copies import TwoCopies
from bravetui.base.errors import BadInput, WrongKey
from bravetui.base.text import safe_line
from bravetui.central.founding import people
from bravetui.central.service import Central
from bravetui.central.tables import DEVICES, UNLOCKS
from bravetui.central.tenants import operator

_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_GROUPS = 5
"""Of four letters each: 98 bits, so that nobody tries them all."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """A laptop whose keys have been opened here."""

    content_key: bytes
    device: int
    who: str
    is_revoked: bool


def add_unlock_arguments(parser: argparse.ArgumentParser) -> None:
    """What to open, and for whom."""
    parser.add_argument(
        "--code", metavar="CODE", help="the code that the person has read out to you (unlock)"
    )
    parser.add_argument("--into", type=Path, metavar="FILE", help="where the answer goes (unlock)")


def check_unlock(options: argparse.Namespace) -> None:
    """That there is something to open where one was named. Raises BadInput."""
    if options.file is not None:
        _read(options.file)


def unlock_task(central: Central, options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Write the answer and put it on record. Raises BadInput before the code has been told, WrongKey, Corrupt."""
    if options.file is None:
        _list(central, say)
        return
    data, once = _read(options.file), ""
    if data.startswith(b"BRV2"):
        data, once = _of_key_file(central, options.file)
    request = read_request(data)
    asking = _opened(central, request)
    _allow(asking, request, options, by_file=bool(once))
    into = options.into or options.file.with_name(f"{options.file.name}.answer")
    # On record first, also where the file then fails: what is handed on and noted nowhere is nobody's to find.
    with central.engine.begin() as connection:
        operator(connection)
        told = {"device": asking.device, "code": request.code, "at": central.clock.now(), "by_code": not once}
        connection.execute(UNLOCKS.insert().values(told))
    _write(into, request.answer(asking.content_key))
    say(
        f"The answer for laptop {asking.device} ({asking.who}) is in {safe_line(str(into))}. It is on record."
    )
    if once:
        say(f"It opens with this passphrase, to be told apart from the file: {once}")
    say("There: bravetui keys recover take FILE")


def _list(central: Central, say: Callable[[str], None]) -> None:
    """Whom the office has let in, oldest first."""
    with central.engine.connect() as connection:
        operator(connection)
        rows = connection.execute(select(UNLOCKS).order_by(UNLOCKS.c.id)).all()
    for row in rows:
        how = "read out" if row.by_code else "key file brought"
        say(f"{row.at:%Y-%m-%d %H:%M}  laptop {row.device}  {row.code}  {how}")
    if not rows:
        say("No laptop's keys have been opened by the office.")


def _allow(asking: _Asking, request: Request, options: argparse.Namespace, *, by_file: bool) -> None:
    """Raises BadInput unless the operator has asked the person, and a manager answers for a laptop that was revoked."""
    if asking.is_revoked and not options.vouch:
        raise BadInput(
            f"Laptop {asking.device} ({asking.who}) has been revoked.",
            "If a manager answers for it, add --vouch.",
        )
    if by_file:
        if not options.vouch:
            raise BadInput(
                f"This is the key file of laptop {asking.device} ({asking.who}), and anybody may have copied it.",
                "If you have the laptop from that person's own hands, add --vouch.",
            )
        return
    if options.code is None:
        raise BadInput(
            f"Laptop {asking.device} of {asking.who} asks, {request.made_at:%Y-%m-%d %H:%M} UTC by its own clock. "
            "Whoever stole it could ask too.",
            f"Call {asking.who} on a number that you know, have the code on that screen read out, and add --code CODE.",
        )
    if options.code.strip().upper() != request.code:
        raise BadInput(
            "That is not the code of this file.",
            "Have it read out again. If it still differs, somebody has swapped the file: have a new one made.",
        )


def _opened(central: Central, request: Request) -> _Asking:
    with tempfile.TemporaryDirectory(prefix="bravetui-unlock-") as name:
        path = Path(name) / "keys"
        TwoCopies(path).write(request.keys)
        file = SealedFile(path, [central.keys.recovery])
        content_key = file.content_key(central.keys.recovery)
        found = file.open_with_content_key(content_key)
    return _known(central, found, content_key)


def _known(central: Central, found: Secrets, content_key: bytes) -> _Asking:
    """Whose laptop it is, by its own keys. Raises WrongKey for one that central does not know."""
    device = int(json.loads(found.identity)["device"]) if found.identity else 0
    with central.engine.connect() as connection:
        operator(connection)
        row = connection.execute(select(DEVICES).where(DEVICES.c.number == device)).one_or_none()
    if row is None or row.public_key != public_key_of(found.device_key):
        raise WrongKey("Central does not know this laptop.", "Look which central it belongs to.")
    who = next((one.name for one in people(central) if one.user_id == row.user_id), row.user_id)
    return _Asking(content_key, device, safe_line(who), row.revoked_at is not None)


def _of_key_file(central: Central, path: Path) -> tuple[bytes, str]:
    """A request made here in the laptop's place, and the passphrase that it is made with."""
    keys = TwoCopies(path.with_name(path.stem)).candidates()
    if not keys:
        raise BadInput("This is no key file by its name.", "Name keys.a as it lies in the laptop's folder.")
    once = "-".join("".join(random.choice(_LETTERS) for _ in range(4)) for _ in range(_GROUPS))
    return make_request(keys[0], once, central.clock.now()), once


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"The file {safe_line(str(path))} cannot be read.", "Name a request file.") from error


def _write(path: Path, data: bytes) -> None:
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadInput(
            f"The answer cannot be written to {safe_line(str(path))}: {error.strerror}.",
            "Name another file with --into; nothing is overwritten.",
        ) from error
    with os.fdopen(opened, "wb") as file:
        file.write(data)
