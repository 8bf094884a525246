"""A record as merging sees it: a flat map from path to cell, and the vector of all it contains.

Paths name fields (`status`), answers (`answers/rain_in`) and cells of repeat rows (`answers/controls/<row id>/need`);
every second segment after the question is a row id, which is what makes a union of rows fall out of merging cells.
The path `answers/controls/<row id>` itself tells whether the row is there: a position, or None once removed. The path
`deleted` is the tombstone. A cell that is absent has not been touched; removing is always an explicit value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from bravetui.base.canonical import Json, canonical_bytes
from bravetui.merge.hlc import Hlc
from bravetui.merge.version import Dot, VersionVector

DELETED = "deleted"
"""The tombstone's path; its cell holds True or False."""

PATHS_REMEMBERED = 20_000
"""Paths taken apart once: a form has hundreds, and they come again with every merge."""

PATH_LENGTH_MAX = 200
"""Characters of a path that may travel; a row's id is `ROW_ID_LENGTH` of them."""

ROW_ID_LENGTH = 36
"""Characters of a UUID (RFC 9562 section 4)."""

ANSWERS = "answers"
"""First segment of every path into a submission's answers."""


class Cell(NamedTuple):
    """One value, the changes it stands for, and when (by hybrid logical clock) the last of them was made."""

    value: Json
    dots: tuple[Dot, ...]
    """Sorted. One dot for a value that a person entered, several for one that merging joined."""
    hlc: Hlc

    @property
    def rank(self) -> tuple[Hlc, tuple[Dot, ...]]:
        """The order in which the later of two cells wins: hybrid logical clock, then dot, never wall time."""
        return (self.hlc, self.dots[::-1])


@dataclass(frozen=True, slots=True)
class RecordState:
    """All cells of a record and the version vector that covers their dots."""

    cells: Mapping[str, Cell] = field(default_factory=dict)
    version: VersionVector = field(default_factory=VersionVector)

    def values(self) -> dict[str, Json]:
        """The bare values by path."""
        return {path: cell.value for path, cell in self.cells.items()}


def alike(left: Json, right: Json) -> bool:
    """Whether two values are spelled the same in JSON: unlike `==`, it tells true from 1."""
    if type(left) is type(right) and isinstance(left, str | int | None):
        return left == right
    return canonical_bytes(left) == canonical_bytes(right)


@lru_cache(maxsize=PATHS_REMEMBERED)
def rule_path(path: str) -> str:
    """The path under which a rule is declared: `answers/controls/<row id>/need` is ruled by `answers/controls/need`."""
    prefix, slash, rest = path.partition("/")
    if prefix != ANSWERS or not slash:
        return "/".join(path.split("/")[::2])
    return f"{ANSWERS}/{'/'.join(rest.split('/')[::2])}"


@lru_cache(maxsize=PATHS_REMEMBERED)
def row_of(path: str) -> str | None:
    """The presence path of the row that a cell lies in; None for a cell outside rows and for a presence path itself."""
    parts = path.removeprefix(f"{ANSWERS}/").split("/")
    return path.rpartition("/")[0] if len(parts) > 2 and len(parts) % 2 == 1 else None


def is_row(path: str) -> bool:
    """Whether the path is a row's own presence cell."""
    return len(path.removeprefix(f"{ANSWERS}/").split("/")) % 2 == 0


def edited(state: RecordState, values: Mapping[str, Json], dot: Dot, hlc: Hlc) -> RecordState:
    """The record after its holder sets `values` in the change `dot`: its cells carry the dot, the vector covers it."""
    return laid(state, {path: Cell(value, (dot,), hlc) for path, value in values.items()}, dot)


def laid(state: RecordState, cells: Mapping[str, Cell], dot: Dot) -> RecordState:
    """The record after its holder lays down these cells in the change `dot`: the vector covers it and all their dots."""
    return RecordState({**state.cells, **cells}, covering(state.version.with_dot(dot), cells.values()))


def covering(version: VersionVector, cells: Iterable[Cell]) -> VersionVector:
    """The least vector that covers this one and all changes that the cells stand for."""
    return version.with_dots(dot for cell in cells for dot in cell.dots)
