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
from pydantic_core import from_json

from bravetui.base.canonical import content_hash
from bravetui.base.errors import BadInput, Refused
from bravetui.base.text import safe_line
from bravetui.central.checks import CHANGE_BYTES_MAX
from bravetui.central.sent import Sent
from bravetui.merge.version import Dot
from bravetui.wire.change import Change
from bravetui.wire.codec import JSON_TYPE, TooLarge, unpack_json
from bravetui.wire.messages import TAKEN_BEFORE_MAX, Outcome, PullAsk, SyncRequest, Verdict
from bravetui.wire.receipt import Sign, sign

CHANGES_MAX = TAKEN_BEFORE_MAX
"""Changes of one exchange: what the largest body of a laptop holds, five times over."""


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

    def without_changes(self) -> Incoming:
        """The request alone, as if nothing had been handed in with it."""
        return Incoming(self.request.model_copy(update={"push": ()}), ())

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


def read(body: bytes, encoding: str, media_type: str = JSON_TYPE) -> Incoming:
    """Read a body. Raises BadInput when the envelope itself, or the dot of a change, cannot be read."""
    raw = unpack_json(body, encoding, media_type)
    broken: list[Broken] = []
    try:
        # Not by model_validate_json: that copies the whole change into each fault it finds.
        request = SyncRequest.model_validate(from_json(raw, allow_inf_nan=False))
    except (ValueError, RecursionError):  # of pydantic, a ValidationError is one
        request = _leniently(raw, broken)
    _refuse_twice(request.pull)
    _check_count(sum(len(batch.changes) for batch in request.push) + len(broken))
    return _sorted(request, broken)


def _check_count(changes: int) -> None:
    if changes > CHANGES_MAX:
        raise TooLarge(
            f"The body holds {changes:,} changes; at most {CHANGES_MAX:,} go in one exchange.",
            "Send it in smaller batches.",
        )


def _sorted(request: SyncRequest, broken: list[Broken]) -> Incoming:
    batches: list[tuple[Sent, ...]] = []
    before = frozenset(request.taken_before)
    for batch in request.push:
        readable: list[Sent] = []
        for change in (one for one in batch.changes if not one.edits):
            try:
                readable.append(Sent.of(change, taken_before=change.dot in before))
            except Refused as error:
                broken.append(Broken(change.dot, "", error))
        batches.append(tuple(readable))
    return Incoming(request, tuple(batches), tuple(broken))


def _refuse_twice(asks: Sequence[PullAsk]) -> None:
    """A page costs central a look at the database; nobody needs the same one twice in an answer."""
    asked = Counter((ask.scope_id, ask.lane) for ask in asks)
    for (scope_id, lane), times in asked.most_common(1):
        if times > 1:
            raise BadInput(
                f"This is not a sync request: pull asks {times} times for {safe_line(scope_id, 60)}, {lane}.",
                "Ask once for each scope and lane.",
            )


def _leniently(raw: bytes, broken: list[Broken]) -> SyncRequest:
    try:
        told = json.loads(raw, parse_constant=_no_constant)
        pushed = [dict(batch) for batch in told.get("push", ())]
        _check_count(sum(len(batch["changes"]) for batch in pushed))
        for batch in pushed:
            batch["changes"] = [change for item in batch["changes"] if (change := _change(item, broken))]
        return SyncRequest.model_validate({**told, "push": pushed})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise BadInput(f"This is not a sync request: {place}: {first['msg']}.") from error
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise BadInput(
            "This is not a sync request: the body is not JSON of the shape that is documented."
        ) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _change(item: Any, broken: list[Broken]) -> Change | None:
    try:
        return Change.model_validate(item)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
    dot = Dot.parse(str(item["dot"]))
    why = Refused(
        f"The change cannot be read: {field}: {first['msg']}.",
        "Tell the office.",
        code="invalid_change",
        field=field,
    )
    broken.append(Broken(dot, _hash(item), why))
    return None


def _hash(item: Any) -> str:
    """Of a change as it came; of one that is larger than any may be none, since canonical bytes cost many times its own."""
    try:
        if len(json.dumps(item)) > CHANGE_BYTES_MAX:
            return ""
        return content_hash(item)
    except (ValueError, TypeError):
        return ""
