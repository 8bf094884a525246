"""One exchange as values: the request that is ready to go, and what its answer brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bravetui.merge.version import Dot
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Checkpoint, SyncRequest


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to go, and what must be remembered about its moment."""

    request: SyncRequest
    counts: Mapping[Lane, int]
    fresh: frozenset[Dot]
    """Changes that go for the first time."""
    applied_before: frozenset[tuple[int, int]]
    """(device, counter) of changes that were acknowledged before this request: a checkpoint may confirm these."""
    held_before: frozenset[Dot] = frozenset()
    """These, and those that wait at central for their parent: a checkpoint that does not name them shows a loss."""
    checkpoint: Checkpoint | None = None
    """The last genuine one before it."""
    left: bool = False
    """Whether more waits to be sent than goes with it."""


@dataclass(slots=True)
class Taken:
    """What an answer brought."""

    acknowledged: dict[Lane, int] = field(default_factory=dict)
    rows: dict[Lane, int] = field(default_factory=dict)
    rows_left: int = 0
    waiting: int = 0
    more: bool = False
    conflicts: int = 0
    refused: list[tuple[Lane, str]] = field(default_factory=list)
    records: set[tuple[str, str]] = field(default_factory=set)
    incomplete: set[tuple[str, Lane]] = field(default_factory=set)
    """Scopes and lanes that must be fetched anew: a part of a record came whose whole is not here."""
    mended: int = 0
    """Records that were not as central has them, and are now."""
    narrowing: bool = False
    """Whether a difference is being narrowed down, so that the next contact should come soon."""
    all_handed_in: bool = False
    closed: str = ""
    """Why nothing was read, in central's word; empty where it was."""
    new_device: int | None = None
    first_strange: Dot | None = None
    """The first change that a twin of this laptop has made otherwise."""
    silent: tuple[Lane, ...] = ()
    """Lanes of which something was sent, and no verdict of central's on any of it came back."""
    elsewhere: bool = False
    """Whether another central answered than the one that was asked: restored, or one of two."""
    forged: int = 0
    """Verdicts that were not central's, or not about our change."""
    settled: list[dict[str, Any]] = field(default_factory=list)
    """What verdicts say of outbox entries, to write down."""
    receipts: list[dict[str, Any]] = field(default_factory=list)
    """Rows to keep."""
