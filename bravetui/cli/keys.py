"""`bravetui keys`: what opens this laptop, and changing it."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bravetui.auth.sealed_file import SealedFile
from bravetui.base.clock import SystemClock
from bravetui.base.errors import BadInput
from bravetui.base.options import whole
from bravetui.base.text import safe_line
from bravetui.cli.common import ask_passphrase, folder_of, laptop_of, print_json, ring_of
from bravetui.wiring import PASSPHRASE_FILE_VARIABLE, key_ring
from bravetui.wiring.locking import (
    LOCKS_MIN,
    PASSPHRASE,
    PIN,
    lock_to_keyring,
    refuse_without_keyring,
    remove_pin,
    set_passphrase,
    set_pin,
    standing,
)
from bravetui.wiring.recovering import ask_office, take_from_office
from bravetui.wiring.rotating import Typed, rotate

EPILOG = (
    "Any one lock opens the keys. If none does: what was handed in is at central, and the office can open the rest "
    "(bravetui keys recover ask FILE). JSON of status: {locks: [{name, words, trouble}], enough}."
)
HOURS_MAX = 24 * 60


def options(parser: argparse.ArgumentParser) -> None:
    """What to do with the keys."""
    parser.epilog = EPILOG
    tasks = parser.add_subparsers(dest="task", metavar="TASK")
    status = tasks.add_parser("status", help="which locks the keys have, and whether each works (default)")
    status.add_argument("--json", action="store_true", help="for programs")
    phrase = tasks.add_parser("passphrase", help="set it, or change it")
    phrase.add_argument(
        "--from", dest="source", type=Path, metavar="FILE", help="a file that holds the new one"
    )
    pin = tasks.add_parser("pin", help="open by a PIN, instead of by the keyring alone; set or change it")
    pin.add_argument("--remove", action="store_true", help="let the keyring open by itself again")
    tasks.add_parser("keyring", help="lock to this machine's keyring anew, after it was emptied or swapped")
    tasks.add_parser("rotate", help="new keys for everything on this laptop; other windows must be closed")
    idle = tasks.add_parser("idle", help="lock the screen after so many minutes without a key")
    idle.add_argument("minutes", type=whole(0, HOURS_MAX), help="0: only by Ctrl+L (default: 10)")
    recover = tasks.add_parser("recover", help="when nothing opens it any more: let the office")
    steps = recover.add_subparsers(dest="step", metavar="ask|take", required=True)
    for step, says in (
        ("ask", "write the request to be brought to the office"),
        ("take", "take the office's answer"),
    ):
        one = steps.add_parser(step, help=says)
        one.add_argument("file", type=Path, metavar="FILE")


def run(arguments: argparse.Namespace) -> int:
    """Do it, and say what is so now."""
    _TASKS[arguments.task or "status"](arguments)
    return 0


def _status(arguments: argparse.Namespace) -> None:
    locks = standing(folder_of(arguments))
    if getattr(arguments, "json", False):
        print_json({"locks": [asdict(lock) for lock in locks], "enough": len(locks) >= LOCKS_MIN})
        return
    print("This laptop's keys open by:")
    for lock in locks:
        print(f"  {lock.name:<11}{lock.words}")
        if lock.trouble:
            print(f"  {'':<11}NOT NOW: {lock.trouble}")
    if len(locks) < LOCKS_MIN:
        print("One lock is one accident away from none. Add another: bravetui keys passphrase.")


def _passphrase(arguments: argparse.Namespace) -> None:
    ring = _ring(arguments)
    ring.load()
    set_passphrase(ring, _read(arguments.source) if arguments.source else _twice("New passphrase"))
    print("The passphrase is set; any earlier one opens nothing any more.")
    if os.environ.get(PASSPHRASE_FILE_VARIABLE):
        print(f"Write it into the file that {PASSPHRASE_FILE_VARIABLE} names, too.")


def _pin(arguments: argparse.Namespace) -> None:
    folder, ring = folder_of(arguments), _ring(arguments)
    refuse_without_keyring(folder)
    ring.load()
    if arguments.remove:
        remove_pin(ring, folder)
        print("The keyring of this machine opens the keys by itself again.")
        return
    print("A PIN of 6 digits or more is asked for at each start and on the locked screen.")
    set_pin(ring, folder, _twice("New PIN"))
    print("From now on the keyring opens the keys only together with the PIN.")
    print(
        f"`bravetui service` cannot type it: for that keep the passphrase in a file ({PASSPHRASE_FILE_VARIABLE})."
    )


def _keyring(arguments: argparse.Namespace) -> None:
    lock_to_keyring(_ring(arguments), folder_of(arguments))
    print("The keyring of this machine opens the keys again.")


def _rotate(arguments: argparse.Namespace) -> None:
    folder = folder_of(arguments)
    names = {lock.name for lock in standing(folder)}
    typed = Typed(_known_passphrase() if PASSPHRASE in names else "", _ask("PIN") if PIN in names else "")
    pins = iter([typed.pin])  # nobody is asked twice
    ring = key_ring(folder, lambda: typed.passphrase, lambda wrong: next(pins, ""))
    for told in rotate(folder, ring, typed):
        print(safe_line(told, 500))
    print("Everything on this laptop is sealed anew; the old key opens nothing here any more.")


def _idle(arguments: argparse.Namespace) -> None:
    from bravetui.actions.preferences import lock_after

    with laptop_of(arguments) as laptop:
        lock_after(laptop.store, arguments.minutes)
    if arguments.minutes:
        print(f"The screen locks after {arguments.minutes} minutes without a key, from the next start on.")
    else:
        print("The screen locks by Ctrl+L only, from the next start on.")


def _recover(arguments: argparse.Namespace) -> None:
    folder = folder_of(arguments)
    if arguments.step == "take":
        answer = _bytes(arguments.file)
        for told in take_from_office(folder, answer, _ask("The new passphrase")):
            print(safe_line(told, 500))
        print("The new passphrase opens this laptop. Everything that was on it is there.")
        return
    print("Choose a new passphrase. It opens the office's answer, and from then on this laptop.")
    request, code = ask_office(folder, _twice("New passphrase"), SystemClock().now())
    _write(arguments.file, request)
    print(f"Bring or send {safe_line(str(arguments.file))} to the office; nobody can read anything in it.")
    print(f"They will call you. Read them this code: {code}")


_TASKS: dict[str, Callable[[argparse.Namespace], None]] = {
    "status": _status, "passphrase": _passphrase, "pin": _pin, "keyring": _keyring, "rotate": _rotate, "idle": _idle,
    "recover": _recover,
}  # fmt: skip


def _ring(arguments: argparse.Namespace) -> SealedFile:
    return ring_of(folder_of(arguments), ask_passphrase)


def _known_passphrase() -> str:
    named = os.environ.get(PASSPHRASE_FILE_VARIABLE)
    return _read(Path(named)) if named else _ask("Passphrase of this laptop")


def _twice(what: str) -> str:
    first = _ask(what)
    if first != _ask("Once more"):
        raise BadInput("The two differ.", "Run the same command again; nothing was changed.")
    return first


def _ask(what: str) -> str:
    """Ask without showing it; from a pipe, a line of it. Raises BadInput where nothing comes."""
    typed = getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not typed:
        raise BadInput("Nothing was typed.", "Run the same command again; nothing was changed.")
    return typed


def _read(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace").strip()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"The file {safe_line(str(path))} cannot be read: {error.strerror}.", "Name another."
        ) from error


def _write(path: Path, data: bytes) -> None:
    from bravetui.cli.common import write_new

    write_new(path, data.decode("ascii"))
