"""What a field or a question may declare about merging, as data. No rule lives in an `if` elsewhere.

A table's column declares its `FieldRule` beside its type (`db/tables`), a form's question in its template; `Rules` is
what `merge` is given for one record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bravetui.base.canonical import Json
from bravetui.merge.state import row_of, rule_path


class Rule(StrEnum):
    """How two values that were entered apart become one. `join` has one function for each."""

    SERVER_WINS = "server_wins"
    """Central owns it: status, assignments, reference data."""
    LAST_WRITE_WINS = "last_write_wins"
    """The later by hybrid logical clock, then by dot: descriptions that anyone may correct."""
    EARLIEST = "earliest"
    """The earlier date: it starts a legal clock. An implausible one goes to review."""
    LATEST = "latest"
    """The later date: retention ends, permit ends."""
    STRICTER = "stricter"
    """The safer of ordered choices, safest last in `order`."""
    MAX = "max"
    MIN = "min"
    UNION = "union"
    """Everything that either side added, less what either removed. For rows: by row id."""
    SUM = "sum"
    """Both sides' differences to the base, added up: counters."""
    TEXT = "text"
    """Long text: what both wrote, and a person decides where both rewrote the same words."""
    DERIVED = "derived"
    """Recomputed by whoever reads it; never merged, never stored as truth."""
    REVIEW = "review"
    """A person decides; the safer value stands meanwhile."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field's declaration."""

    rule: Rule = Rule.REVIEW
    order: tuple[str, ...] = ()
    """Choices from least to most safe. For amounts the single word `higher` or `lower` says which is the safer."""
    group: str | None = None
    """Fields that only make sense together carry the same group: they win, lose or conflict as one."""
    unset: Json = None
    """What the field says where nobody has set it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """All that `merge` needs to know about one record besides its states."""

    by_path: Mapping[str, FieldRule] = field(default_factory=dict)
    """By rule path (row ids stripped, see `rule_path`)."""
    default: FieldRule = FieldRule()
    """For fields without a declaration: a person decides, since losing a value is worse than asking."""
    not_before: datetime | None = None
    """A compliance date before this (the project's start) is implausible: a dead clock battery says 1970 or 2015."""
    not_after: datetime | None = None
    """A compliance date after this (when central received it) is implausible: nobody observes the future."""

    def of(self, path: str) -> FieldRule:
        """The declaration that governs `path`."""
        return self.by_path.get(rule_path(path), self.default)

    def unit_of(self, path: str) -> tuple[str, str]:
        """What is decided together with `path`: equal for the members of one group in one row, else the path's own."""
        group = self.of(path).group
        return (row_of(path) or "", f"group {group}") if group else ("", path)
