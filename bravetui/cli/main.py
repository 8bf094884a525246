"""`bravetui`: reads the command, imports only what that command needs, and turns every error into sentences.

`--version` and `--help` load neither Textual nor a database. Exit codes: 0 done, 1 could not, 2 used wrongly, 75 not now
(the line is down; the same command will do later), 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from bravetui import __version__
from bravetui.base.collecting import collect_seldom
from bravetui.base.errors import BY_ITSELF, BadInput, BravetuiError, Unusable
from bravetui.base.exits import EXIT_ERROR, EXIT_INTERRUPTED, exit_code
from bravetui.base.terminal import make_safe
from bravetui.base.text import safe_line
from bravetui.cli import output

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class Command(NamedTuple):
    """A subcommand: where it lives and what it says of itself. The module has `options(parser)` and `run(arguments)`."""

    module: str
    says: str
    extra: str = ""
    """What has to be installed with the program for it; empty where a laptop's own install is enough."""


COMMANDS: dict[str, Command] = {
    "run": Command("bravetui.cli.run", "open the app (also without any command)"),
    "enrol": Command("bravetui.cli.enrol", "sign in, and make this laptop known to central"),
    "sign-out": Command(
        "bravetui.cli.sign_out", "read nothing here until somebody signs in; nothing is deleted"
    ),
    "sync": Command("bravetui.cli.sync", "sync without a screen, once or for good"),
    "service": Command("bravetui.cli.service", "sync in the background, also while the app is closed"),
    "status": Command("bravetui.cli.status", "queue, lanes, last contact, next attempt"),
    "queue": Command("bravetui.cli.queue", "the outbox, change by change; send a refused one again"),
    "receipts": Command("bravetui.cli.receipts", "central's signed word on each change; check one offline"),
    "photo": Command("bravetui.cli.photo", "pictures of a report: add, list, save as a file"),
    "conflicts": Command("bravetui.cli.conflicts", "open conflicts, side by side"),
    "why": Command(
        "bravetui.cli.why", "why a field says what it says: who wrote what, and which rule decided"
    ),
    "log": Command("bravetui.cli.log", "what sync did, in words; export it for support"),
    "support": Command(
        "bravetui.cli.support", "look at this laptop as support, with a sign-in of your own: no answers"
    ),
    "doctor": Command(
        "bravetui.cli.doctor", "look at all this laptop keeps, mend it, compare it with central"
    ),
    "rescue": Command(
        "bravetui.cli.rescue", "unconfirmed work on a stick: make it, or carry a colleague's to central"
    ),
    "keys": Command(
        "bravetui.cli.keys", "what opens this laptop: passphrase, PIN, new keys, help from the office"
    ),
    "mirror": Command("bravetui.cli.mirror", "the black box: a sealed second copy of the work on a card"),
    "central": Command("bravetui.cli.central", "serve central", "central"),
    "audit": Command("bravetui.cli.audit", "prove central's ledger unchanged", "central"),
    "form": Command("bravetui.cli.form", "compile an XLSForm", "forms"),
    "demo": Command("bravetui.cli.demo", "live the whole story on this machine", "demo"),
    "simulate": Command(
        "bravetui.cli.simulate",
        "live through hostile months, and check that nothing is lost",
        "demo",
    ),
    "bench": Command("bravetui.cli.bench", "measure bytes, times and rates", "demo"),
}


class _Parser(argparse.ArgumentParser):
    """argparse keeps silent about output that cannot be written; here it is an error like any. No colours. Of what is wrong
    with the words it says where to read on."""

    color = False

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        (file or sys.stderr).write(message)

    def error(self, message: str) -> NoReturn:
        super().error(f"{message}. All that can be said: {self.prog} --help")


def parser_for(name: str | None) -> argparse.ArgumentParser:
    """The parser, with the options of the one command that is going to run."""
    parser = _Parser(
        prog="bravetui",
        description="A month of construction compliance paperwork without a network, and nothing lost.",
        epilog="Start with `bravetui demo`. On any screen of the app, F1 says what can be done there.",
    )
    parser.add_argument("--version", action="version", version=f"bravetui {__version__}")
    parser.add_argument(
        "--folder", type=Path, help="where this laptop's data is (default: the user's data folder)"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for known, command in COMMANDS.items():
        needs = f" (needs the extra `{command.extra}`)" if command.extra else ""
        says = command.says[0].upper() + command.says[1:] + needs + "."
        sub = commands.add_parser(known, help=command.says + needs, description=says)
        if known == name:
            _module(command).options(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Nobody sees a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    make_safe()
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except SystemExit:  # argparse has printed what was asked for, or what is wrong
        if (broken := output.broken()) is None:
            raise
        return _say(broken)
    except KeyboardInterrupt:
        output.say("\nbravetui: stopped. What was saved is saved.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        output.give_up()
        return EXIT_ERROR
    except BravetuiError as error:
        return _say(error)
    except Exception as error:
        ours = _ours(error, words)
        return _unexpected(error, words) if ours is None else _say(ours)


def _run(words: Sequence[str]) -> int:
    arguments = parser_for(command_of(words)).parse_args(words)
    _refuse_undecodable(arguments)
    run: Callable[[argparse.Namespace], int] = _module(COMMANDS[arguments.command or "run"]).run
    collect_seldom()
    return run(arguments)


def _refuse_undecodable(arguments: argparse.Namespace) -> None:
    """Words that are no text in this terminal's encoding: a path may be such a thing, nothing else may."""
    for name, value in vars(arguments).items():
        for word in value if isinstance(value, list) else [value]:
            if isinstance(word, str) and not word.isascii() and not word.isprintable():
                try:
                    word.encode()
                except UnicodeEncodeError as error:
                    raise BadInput(
                        f"What was given as {name} is not text in UTF-8.", "Type it again, or set the locale."
                    ) from error


def command_of(words: Sequence[str]) -> str | None:
    """The command among the words: the first that is no option. A folder may be called like one."""
    rest = iter(words)
    for word in rest:
        if word == "--folder":
            next(rest, None)
        elif not word.startswith("-"):
            return word if word in COMMANDS else None
    return None


def _module(command: Command):  # type: ignore[no-untyped-def]
    return importlib.import_module(command.module)


def _not_installed(error: ModuleNotFoundError, extra: str) -> BadInput:
    """What an extra would have brought; commands import it where they need it, so it may be missed at any moment."""
    wanted = f"'bravetui[{extra}]'" if extra else "bravetui"
    return BadInput(
        f"This command needs the Python package {error.name!r}, which is not installed.",
        f"Install it with the program: pipx install --force {wanted}",
    )


def _ours(error: Exception, words: Sequence[str]) -> BravetuiError | None:
    """The sentence for what the system or the installation refuses; None for a fault of the program."""
    if isinstance(error, ModuleNotFoundError) and not (error.name or "bravetui").startswith("bravetui"):
        return _not_installed(error, COMMANDS[command_of(words) or "run"].extra)
    if isinstance(error, EOFError):  # Ctrl-D at a question
        return BadInput("Nothing was typed.", "Run the same command again.")
    if not isinstance(error, OSError):
        return None
    if (broken := output.broken()) is not None:
        return broken
    from bravetui.base.files import our_file_error

    ours = our_file_error(error)
    if not error.filename:  # what is no file of the program's own, and no socket, is the terminal
        ours = output.not_written(error)
    elif ours is None:
        name = safe_line(Path(str(error.filename)).name or str(error.filename), 80)
        ours = Unusable(f"{name} cannot be used: {error.strerror}.", "Look at what is there, then try again.")
    return ours


def _say(error: BravetuiError) -> int:
    # A command that ends tries nothing by itself.
    words = str(error).replace(BY_ITSELF, "Nothing is lost; the same command will do later.")
    output.say(f"bravetui: {words}")
    return exit_code(error)


def _unexpected(error: Exception, words: Sequence[str]) -> int:
    """A fault of the program itself: the details go to a file for support, a sentence to the person."""
    from bravetui.base.crash import crash_words

    named = [Path(folder) for option, folder in pairwise(words) if option == "--folder"]
    output.say(
        f"bravetui: something went wrong inside the program ({type(error).__name__}). What was saved is saved.\n"
        + crash_words(error, *named)
    )
    return EXIT_ERROR
