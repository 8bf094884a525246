"""What a script sees of a command: 0 done, 1 could not, 2 used wrongly, 75 not now (the same command will do later, as
BSD's sysexits.h has it), 130 interrupted."""

from __future__ import annotations

from bravetui.base.errors import BadInput, BravetuiError, Busy, Transient, Unusable

EXIT_ERROR, EXIT_USAGE, EXIT_LATER, EXIT_INTERRUPTED = 1, 2, 75, 130


def exit_code(error: BravetuiError) -> int:
    """The code of an error."""
    if isinstance(error, BadInput):
        return EXIT_ERROR if isinstance(error, Unusable) else EXIT_USAGE
    return EXIT_LATER if isinstance(error, Transient | Busy) else EXIT_ERROR
