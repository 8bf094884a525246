"""What goes to the terminal: no full disk and no closed pipe behind it ends a command with a traceback."""

from __future__ import annotations

import contextlib
import os
import sys

from bravetui.base.errors import BravetuiError, Unusable


def say(words: str) -> None:
    """To the person, on standard error; nobody hears where there is none."""
    with contextlib.suppress(OSError, ValueError):
        print(words, file=sys.stderr, flush=True)


def broken() -> BravetuiError | None:
    """Why standard output takes nothing more; None when it does."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        give_up()
        return not_written(error)
    return None


def not_written(error: Exception) -> BravetuiError:
    """The sentence for output that the system refused."""
    why = error.strerror if isinstance(error, OSError) else "it is closed"
    return Unusable(f"The output could not be written: {why}.", "Send it somewhere else.")


def give_up() -> None:
    """Let what is still to be printed go nowhere: the interpreter would complain about it at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
