"""The three colours that mean something, as the chosen theme has them. Each always stands beside a sign or a word.

Rich's own names would be the same in the sun as in the dark: yellow on white cannot be read.
"""

from __future__ import annotations

from textual.theme import Theme

_chosen = {"good": "green", "warn": "yellow", "bad": "red"}


def use(theme: Theme) -> None:
    """Take the colours of a theme."""
    _chosen.update(good=theme.success or "green", warn=theme.warning or "yellow", bad=theme.error or "red")


def good() -> str:
    """At central, complete, safe."""
    return f"bold {_chosen['good']}"


def warn() -> str:
    """Waits for something or somebody."""
    return f"bold {_chosen['warn']}"


def bad() -> str:
    """Late, wrong, refused."""
    return f"bold {_chosen['bad']}"


def quiet() -> str:
    """Of less weight."""
    return "dim"
