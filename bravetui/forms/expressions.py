"""Runs the author's XPath over a form's instance: compiled once, in the world of one form at one moment.

lxml runs it, never `eval`. Whatever is wrong with an expression leaves here as `BrokenFormula` and as nothing else, so
that no formula can stop a form. It knows nodes and values, neither questions nor answers.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lxml import etree

from bravetui.forms.functions import FUNCTIONS, JR_NAMESPACE, SURROUNDINGS, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTED = re.compile(r"""('[^']*'|"[^"]*")""")
_OURS = (
    (re.compile(r"(?<![\w.-])round\s*\("), "odk-round("),
    (re.compile(r"(?<![\w.-])position\s*\(\s*\.\."), "odk-position(.."),
    (re.compile(r"(?<![\w.-])current\s*\(\s*\)"), "$current"),
)
"""What XPath 1.0 keeps for itself with other arguments, or gives to XSLT alone, and what stands for it here."""
_FAULTS = (
    etree.XPathError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, re.error,
)  # fmt: skip


class BrokenFormula(Exception):
    """An expression that does not compile or does not run; `str` of it says why, for its author."""


@contextmanager
def surroundings(world: Surroundings) -> Iterator[None]:
    """Expressions that run inside answer `now()`, `today()` and `jr:choice-name()` from `world`."""
    token = SURROUNDINGS.set(world)
    try:
        yield
    finally:
        SURROUNDINGS.reset(token)


def run(expression: str, node: Any) -> Any:
    """The result at `node`: text, number, truth, or list of nodes. Raises BrokenFormula."""
    try:
        compiled = _compiled(expression)
        return compiled(node, current=[node]) if "current" in expression else compiled(node)
    except _FAULTS as error:
        raise BrokenFormula(str(error) or type(error).__name__) from error


@lru_cache(maxsize=4_000)
def _compiled(expression: str) -> etree.XPath:
    return etree.XPath(
        _rewritten(expression), namespaces={"jr": JR_NAMESPACE}, extensions=FUNCTIONS, smart_strings=False
    )


def _rewritten(expression: str) -> str:
    """The expression with our names in it; quoted text stays as it is."""
    parts = _QUOTED.split(expression)
    for index in range(0, len(parts), 2):
        for written, name in _OURS:
            parts[index] = written.sub(name, parts[index])
    return "".join(parts)
