"""`bravetui`: reads the command, imports only what that command needs, and turns every error into sentences.

`--version` and `--help` load neither Textual nor a database. Exit codes: 0 done, 1 could not, 2 used wrongly, 75 not now
(the line is down; the same command will do later), 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bravetui import __version__
from bravetui.base.collecting import collect_seldom
from bravetui.base.errors import BadInput, BravetuiError, Busy, Transient

EXIT_ERROR, EXIT_USAGE, EXIT_LATER, EXIT_INTERRUPTED = 1, 2, 75, 130


class Command(NamedTuple):
    """A subcommand: where it lives and what it says of itself. The module has `options(parser)` and `run(arguments)`."""

    module: str
    says: str


COMMANDS: dict[str, Command] = {
    "run": Command("bravetui.cli.run", "open the app (also without any command)"),
    "enrol": Command("bravetui.cli.enrol", "make this laptop known to central, with a one-time code"),
    "sync": Command("bravetui.cli.sync", "sync without a screen, once or for good"),
    "service": Command("bravetui.cli.service", "sync in the background, also while the app is closed"),
    "status": Command("bravetui.cli.status", "queue, lanes, last contact, next attempt"),
    "queue": Command("bravetui.cli.queue", "the outbox, change by change; send a refused one again"),
    "receipts": Command("bravetui.cli.receipts", "central's signed word on each change; check one offline"),
    "conflicts": Command("bravetui.cli.conflicts", "open conflicts, side by side"),
    "why": Command(
        "bravetui.cli.why", "why a field says what it says: who wrote what, and which rule decided"
    ),
    "log": Command("bravetui.cli.log", "what sync did, in words; export it for support"),
    "doctor": Command(
        "bravetui.cli.doctor", "look at all this laptop keeps, mend it, compare it with central"
    ),
    "rescue": Command(
        "bravetui.cli.rescue", "unconfirmed work on a stick: make it, or carry a colleague's to central"
    ),
    "mirror": Command("bravetui.cli.mirror", "the black box: a sealed second copy of the work on a card"),
    "central": Command("bravetui.cli.central", "serve central (needs the extra `central`)"),
    "audit": Command("bravetui.cli.audit", "prove central's ledger unchanged (needs the extra `central`)"),
    "form": Command("bravetui.cli.form", "compile an XLSForm (needs the extra `forms`)"),
    "demo": Command("bravetui.cli.demo", "live the whole story on this machine (needs the extra `demo`)"),
    "simulate": Command(
        "bravetui.cli.simulate",
        "live through hostile months, and check that nothing is lost (needs the extra `demo`)",
    ),
    "bench": Command("bravetui.cli.bench", "measure bytes, times and rates (needs the extra `demo`)"),
}


def parser_for(name: str | None) -> argparse.ArgumentParser:
    """The parser, with the options of the one command that is going to run."""
    parser = argparse.ArgumentParser(
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
        sub = commands.add_parser(known, help=command.says, description=command.says.capitalize() + ".")
        if known == name:
            _module(command).options(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Nobody sees a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    name = command_of(words)
    try:
        arguments = parser_for(name).parse_args(words)
        run: Callable[[argparse.Namespace], int] = _module(COMMANDS[arguments.command or "run"]).run
        collect_seldom()
        return run(arguments)
    except BravetuiError as error:
        print(f"bravetui: {error}", file=sys.stderr)
        return _exit_code(error)
    except KeyboardInterrupt:
        print("\nbravetui: stopped. What was saved is saved.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_ERROR
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and not (error.name or "bravetui").startswith("bravetui"):
            print(f"bravetui: {_not_installed(error)}", file=sys.stderr)
            return EXIT_USAGE
        return _unexpected(error)


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


def _not_installed(error: ModuleNotFoundError) -> BadInput:
    """What an extra would have brought; commands import it where they need it, so it may be missed at any moment."""
    return BadInput(
        f"This command needs the Python package {error.name!r}, which is not installed.",
        "Install the program with its extra, e.g. `pipx install 'bravetui[demo]'`.",
    )


def _exit_code(error: BravetuiError) -> int:
    if isinstance(error, BadInput):
        return EXIT_USAGE
    return EXIT_LATER if isinstance(error, Transient | Busy) else EXIT_ERROR


def _unexpected(error: Exception) -> int:
    """A fault of the program itself: the details go to a file for support, a sentence to the person."""
    from bravetui.base.crash import write_crash_report

    path = write_crash_report(error)
    print(
        f"bravetui: something went wrong inside the program ({type(error).__name__}). What was saved is saved.\n"
        f"Details for support, without answers or names, are in {path}.",
        file=sys.stderr,
    )
    return EXIT_ERROR
