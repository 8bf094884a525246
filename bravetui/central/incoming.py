"""Reads a sync request so that one broken change cannot take the others down with it.

A request in order is read in one go. Where it is not, the envelope is read by itself and each change by itself; a
change that is none is refused by its dot.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from bravetui.base.canonical import content_hash
from bravetui.base.errors import BadInput, Refused
from bravetui.base.text import safe_line
from bravetui.central.taking import Sent
from bravetui.merge.version import Dot
from bravetui.wire.change import Change
from bravetui.wire.codec import unpack
from bravetui.wire.messages import Outcome, PullAsk, SyncRequest, Verdict
from bravetui.wire.receipt import Sign, sign


@dataclass(frozen=True, slots=True)
class Broken:
    """A change that cannot be read, but whose dot can."""

    dot: Dot
    hash: str
    why: Refused


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as read: its good changes, and the others."""

    request: SyncRequest
    sent: tuple[tuple[Sent, ...], ...]
    broken: tuple[Broken, ...] = ()

    def batches(self) -> Sequence[Sequence[Sent]]:
        """The changes to take, in lane batches."""
        return self.sent

    @property
    def edited(self) -> list[Change]:
        """The changes that carry texts as edits, in their order; none of them is among the batches yet."""
        return [change for batch in self.request.push for change in batch.changes if change.edits]

    def with_whole(self, make: Callable[[Change], Change]) -> Incoming:
        """The same, each change made whole by `make`."""
        push = tuple(
            batch.model_copy(update={"changes": tuple(map(make, batch.changes))})
            for batch in self.request.push
        )
        return _sorted(self.request.model_copy(update={"push": push}), list(self.broken))

    def refusals(self, now: datetime, epoch: str, with_key: Sign) -> list[Verdict]:
        """The verdicts on what could not be read."""
        return [
            sign(
                Verdict(
                    dot=one.dot, hash=one.hash, outcome=Outcome.REFUSED, at=now, epoch=epoch,
                    code=one.why.code, field=one.why.field, reason=str(one.why),
                ),
                with_key,
            )
            for one in self.broken
        ]  # fmt: skip


def read(body: bytes, encoding: str) -> Incoming:
    """Read a body. Raises BadInput when the envelope itself, or the dot of a change, cannot be read."""
    raw = unpack(body, encoding)
    broken: list[Broken] = []
    try:
        request = SyncRequest.model_validate_json(raw)
    except (ValidationError, RecursionError):
        request = _leniently(raw, broken)
    _refuse_twice(request.pull)
    return _sorted(request, broken)


def _sorted(request: SyncRequest, broken: list[Broken]) -> Incoming:
