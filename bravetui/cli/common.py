"""What the commands share: the laptop's folder, its passphrase, JSON out, the lease."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bravetui.auth.locks import WRONG_PASSPHRASE
from bravetui.auth.sealed_file import SealedFile
from bravetui.base.errors import BadInput, NeedsSignIn, StorageFull
from bravetui.base.files import flush_file, our_file_error
from bravetui.base.text import safe_line
from bravetui.views.words import bytes_words
from bravetui.wiring import (
    PASSPHRASE_FILE_VARIABLE,
    Laptop,
    default_folder,
    key_ring,
    open_laptop,
    passphrase_file_trouble,
)
from bravetui.wiring.locking import KEYRING, PIN
from bravetui.wiring.looking import ONLY_LOOKED_AT, copied, is_read_only

PASSPHRASE_TRIES = 3
"""How often a terminal asks; each is stretched by Argon2id."""


def folder_of(arguments: argparse.Namespace) -> Path:
    """The folder that was named, or this person's own."""
    named: Path | None = arguments.folder
    return named or default_folder()


def ring_of(folder: Path, ask: Callable[[], str]) -> SealedFile:
    """Where this laptop's keys are. Raises BadInput when the file that BRAVETUI_PASSPHRASE_FILE names cannot be read."""

    asked = False

    def ask_and_say_why() -> str:
        nonlocal asked
        shut = [ring.shut[name].what for name in ring.shut.keys() & {KEYRING, PIN}]
        for words in WRONG_PASSPHRASE if asked else shut:
            print(f"bravetui: {words}", file=sys.stderr)
        asked = True
        return ask()

    try:
        ring = key_ring(folder, ask_and_say_why, ask_pin, passphrase_tries=PASSPHRASE_TRIES)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The file that {PASSPHRASE_FILE_VARIABLE} names cannot be read.",
            "Name a text file that holds the passphrase and that you can read, or unset the variable to be asked.",
        ) from error
    if trouble := passphrase_file_trouble():
        print(f"bravetui: {trouble}", file=sys.stderr)
    return ring


def ask_passphrase() -> str:
    """Ask on the terminal, without showing it. Raises BadInput where there is none to ask on."""
    if not sys.stdin.isatty():
        raise BadInput(
            "This laptop's keys need a passphrase, and there is no terminal to ask on.",
            "Put it into a file that only you can read, and name that in BRAVETUI_PASSPHRASE_FILE.",
        )
    return getpass.getpass("Passphrase of this laptop: ")


def ask_pin(wrong: str) -> str:
    """Ask on the terminal; what went wrong before is said first. "" where there is none, or Enter alone was pressed."""
    if wrong:
        print(wrong, file=sys.stderr)
    if not sys.stdin.isatty():
        return ""
    return getpass.getpass("PIN of this laptop (Enter alone: the passphrase): ")


@contextmanager
def laptop_of(
    arguments: argparse.Namespace, *, say_notices: bool = True, only_looks: bool = False
) -> Iterator[Laptop]:
    """The laptop, open for the length of the block. Says what a person should know of how it opened.

    A command that `only_looks` gets a copy where the disk is read-only, and what there is where it is full.
    """
    folder = folder_of(arguments)
    if arguments.folder is not None and not folder.exists():
        raise NeedsSignIn(
            f"The folder {safe_line(str(folder))} does not exist, so no laptop in it is known to central.",
            "Name another with --folder, or enrol it there: bravetui enrol ADDRESS.",
        )
    ring = ring_of(folder, ask_passphrase)
    with ExitStack() as stack:
        if only_looks and is_read_only(folder):
            laptop = open_laptop(stack.enter_context(copied(folder)), ring, ballast_bytes=0)
            laptop = replace(laptop, notices=(ONLY_LOOKED_AT, *laptop.notices))
        else:
            laptop = open_laptop(folder, ring, only_looks=only_looks)
        stack.callback(laptop.close)
        for notice in laptop.notices if say_notices else ():
            print(f"bravetui: {notice}", file=sys.stderr)
        yield laptop


@contextmanager
def progress(words: str) -> Iterator[Callable[[int, int], None]]:
    """Says on one line of a terminal how many bytes of how many are done; where there is no terminal, nothing."""
    shown = False

    def say(done: int, total: int) -> None:
        nonlocal shown
        if sys.stderr.isatty():
            shown = True
            told = f"{words}: {bytes_words(done)} of {bytes_words(total)}"
            print(f"\r{told:<50}", end="", file=sys.stderr, flush=True)

    try:
        yield say
    finally:
        if shown:
            print(file=sys.stderr)


def write_new(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner may read; half a one is taken away again. Raises BadInput where one is there already,
    or none can be written, and StorageFull."""
    made = False
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            made = True
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            flush_file(file.fileno())
    except FileExistsError as error:
        raise BadInput(
            "A file of that name is there already.", "Name another; nothing is overwritten."
        ) from error
    except OSError as error:
        if made:
            path.unlink(missing_ok=True)
        if isinstance(our_file_error(error), StorageFull):
            raise StorageFull(
                "That disk has no room for the file.", "Name a place on another one: a stick, or a card."
            ) from error
        raise BadInput(
            f"The file cannot be written: {error.strerror}.", "Name a folder that you may write to."
        ) from error


def print_json(value: Mapping[str, Any] | list[Any] | None) -> None:
    """One JSON document on standard output; times as ISO 8601 in UTC."""
    print(_ascii(json.dumps(value, default=_plain, ensure_ascii=True, indent=2)))


def json_line(value: Mapping[str, Any]) -> str:
    """One JSON object a line, for programs that follow."""
    return _ascii(json.dumps(value, default=_plain, ensure_ascii=True))


def _ascii(document: str) -> str:
    """The one control character that JSON leaves as it is."""
    return document.replace("\x7f", "\\u007f")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
