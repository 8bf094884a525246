"""Opens one picture, in a process of its own that can be killed: its file on standard input, `picture.pack` on standard
output.

Before it looks at a byte it gives up what it does not need: memory, time, and writing any file. Where the system has no such
limits (Windows) those on pixels and on the parent's patience hold.
"""

from __future__ import annotations

import contextlib
import sys

from bravetui.pictures.picture import INPUT_BYTES_MAX, Picture, Refusal, pack, pack_refusal

MEMORY_BYTES = 1024**3
"""Address space. The dearest of 40 megapixels, a WebP with transparency, is decoded in it."""
CPU_S = 25
"""Less than the parent waits, so that a process that nobody waits for any more ends too."""


def limit_itself() -> None:
    """Take no more than that from here on; a system that does not know one of the limits goes without it."""
    if sys.platform == "win32":
        return
    import resource

    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: CPU_S,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,  # a crash leaves no picture on the disk
    }
    for limit, most in limits.items():
        with contextlib.suppress(ValueError, OSError):  # macOS knows some by name only
            resource.setrlimit(limit, (most, most))


def answer(data: bytes) -> bytes:
    """What this process says of a file."""
    if len(data) > INPUT_BYTES_MAX:
        return pack_refusal(Refusal.TOO_LARGE)
    from bravetui.pictures.renditions import open_here

    opened = open_here(data)
    return pack(opened) if isinstance(opened, Picture) else pack_refusal(opened)


def main() -> None:
    """Answer for one file."""
    limit_itself()
    said = answer(sys.stdin.buffer.read(INPUT_BYTES_MAX + 1))
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
