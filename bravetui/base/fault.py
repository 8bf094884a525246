"""Named points at which a test may stop the world: a crash, a cut, a full disk, exactly here.

In production nothing is installed and `fault` costs one comparison. A simulation or a kill test installs a callable
that receives each name as it is passed and may raise, exit or kill.
"""

from __future__ import annotations

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def fault(name: str) -> None:
    """Announce that the code has reached the point `name`."""
    if _hook is not None:
        _hook(name)


def install(hook: Callable[[str], None] | None) -> None:
    """Let `hook` hear every fault point from now on; None removes it."""
    global _hook  # noqa: PLW0603 -- one hook for the process is the point
    _hook = hook
