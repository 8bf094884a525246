"""`bravetui support [COMMAND...]`: what somebody from support may do on a foreman's laptop, after a sign-in of his own.

Meant as the forced command of a restricted SSH key: then the words come in SSH_ORIGINAL_COMMAND, split as a shell would, but
no shell ever sees them. Without words a small prompt. Nothing is shown before central has said who it is.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import sys
from functools import partial

from bravetui.actions.support import note_support
from bravetui.base.errors import BadInput, BravetuiError, NeedsSignIn, StorageFull
from bravetui.base.exits import exit_code
from bravetui.base.text import safe_line
from bravetui.cli.common import laptop_of
from bravetui.cli.signing_in import TerminalWays
from bravetui.cli.support_tasks import TASKS, listed, read_words
from bravetui.wiring.supporting import Visit, sign_in_support

SSH_VARIABLE = "SSH_ORIGINAL_COMMAND"
WORDS_CHARACTERS_MAX = 1000
PROMPT = "support> "
_LEAVE = frozenset({"exit", "quit", "logout"})
_OWN_NAMES = ("bravetui", "support")
"""Out of habit people type them before the command."""

EPILOG = (
    'In authorized_keys: restrict,pty,command="bravetui support" ssh-ed25519 AAAA... Nothing else runs with that key. '
    "docs/support-over-ssh.md tells the rest."
)


def options(parser: argparse.ArgumentParser) -> None:
    """What to do; nothing: a prompt that lists it."""
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help=f"one of: {', '.join(TASKS)}; without any, a prompt (or the words in {SSH_VARIABLE})",
    )
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Sign the person in, then do what he asked for, or ask him until he leaves."""
    words = arguments.words or split(os.environ.get(SSH_VARIABLE, ""))
    asked = read_words(words) if words else None
    with laptop_of(arguments, say_notices=False) as laptop:
        # On standard error: what is shown may be going into a file.
        ways = TerminalWays(browser=False, say=partial(print, file=sys.stderr, flush=True))
        visit = asyncio.run(sign_in_support(laptop, ways))
        _note(visit, "signed in as support")
        return _do(visit, asked) if asked is not None else _prompt(visit)


def split(line: str) -> list[str]:
    """The words of a line, by a shell's rules for quotes; nothing in it is carried out. Raises BadInput."""
    if len(line) > WORDS_CHARACTERS_MAX:
        raise BadInput(
            "That is too long for a command of support's.", "Connect without a command to see what there is."
        )
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise BadInput(
            "A quote is missing in that command.", "Connect without a command to see what there is."
        ) from error
    for name in _OWN_NAMES:
        if words and words[0] == name:
            words = words[1:]
    return words


def _prompt(visit: Visit) -> int:
    print(
        f"You are {safe_line(visit.who, 200)}, support, for an hour. What you do is written down here and at central."
    )
    print(f"{listed()}\n  {'exit':<28}leave")
    while True:
        try:
            words = split(input(PROMPT))
        except EOFError:
            print()
            return 0
        except BadInput as error:
            print(error, file=sys.stderr)
            continue
        if words and words[0] in _LEAVE:
            return 0
        if (ended := _answered(visit, words)) is not None:
            return ended


def _answered(visit: Visit, words: list[str]) -> int | None:
    """Do it and say what went wrong; the exit code once the sign-in has run out."""
    if not words or words == ["help"]:
        print(listed())
        return None
    try:
        visit.check()
    except NeedsSignIn as error:
        print(error, file=sys.stderr)
        return exit_code(error)
    try:
        _do(visit, read_words(words))
    except BravetuiError as error:
        print(error, file=sys.stderr)
    return None


def _do(visit: Visit, asked: argparse.Namespace) -> int:
    """Central first where it is more than a look, then the log here, then the deed."""
    visit.check()
    task = TASKS[asked.task]
    if (act := task.act(asked)) is not None:
        asyncio.run(visit.report(act))
    _note(visit, task.did(asked))
    return task.run(visit.laptop, asked)


def _note(visit: Visit, did: str) -> None:
    """A full disk is when support is called: a look goes on without its line, since central knows of the visit."""
    try:
        note_support(visit.laptop.store, visit.who, did)
    except StorageFull:
        print("The disk is full: this is not in the laptop's log.", file=sys.stderr)
