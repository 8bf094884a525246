"""What central refused goes again: as it is, or corrected where central said what is wrong; what is typed now goes behind.

A refused change keeps its stamp and what its author had seen, so that what somebody else has outdone since stays outdone.
One that is altered bears a new number, since central may keep the refused one for the office to release, and so do all
behind it: a laptop's numbers tell the order in which it said things. What is typed now is an edit like any other; where
nothing has come in between, it goes on in the last of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from bravetui.base.canonical import Json
from bravetui.db.device import UNACKNOWLEDGED, Outbox, OutboxState
from bravetui.db.moves import Moves
from bravetui.merge.join import ADDS, added
from bravetui.merge.rules import Rules
from bravetui.merge.state import Cell, RecordState, edited
from bravetui.merge.version import Dot
from bravetui.wire.change import Change, Op

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_AGAIN = (*UNACKNOWLEDGED, OutboxState.REFUSED)

FAULTY = frozenset({"invalid_field", "invalid_change", "too_large", "unprocessable"})
"""Codes of refusals that are about what a change says; for all others it may go again as it is."""

TAKEN_OFF = "Taken off the queue: a later change of this laptop's says it."
"""Reason of a change, in the journal alone, that `taken_off` made."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why central refused a change."""

    code: str
    field: str | None
    """The path that it is about, if it is about one."""


@dataclass(frozen=True, slots=True)
class Run:
    """What of a record goes again."""

    changes: tuple[Change, ...]
    """The refused ones and all that wait behind the first of them, oldest first; never empty."""
    refusals: tuple[Refusal | None, ...]
    """Why each was refused; None for one that waits."""
    since: tuple[Change, ...] = ()
    """What was made after the first of them and is at central all the same, taken or on hold, oldest first."""


_ANY_REFUSED = (
    select(_outbox.c.counter)
    .where(
        _outbox.c.scope_id == bindparam("scope"),
        _outbox.c.kind == bindparam("kind"),
        _outbox.c.record_id == bindparam("record"),
        _outbox.c.state == OutboxState.REFUSED,
    )
    .limit(1)
)
_OF_RECORD = (
    select(_outbox.c.state, _outbox.c.body, _outbox.c.verdict)
    .where(
        _outbox.c.scope_id == bindparam("scope"),
        _outbox.c.kind == bindparam("kind"),
        _outbox.c.record_id == bindparam("record"),
    )
    .order_by(_outbox.c.counter)
)


def refused_run(connection: Connection, scope_id: str, kind: str, record_id: str) -> Run | None:
    """A record's refused changes and all that wait behind the first of them.

    None where none was refused, where one may be on its way, and where one of them is more than an edit: a decision or a
    removal is sent again as it is, or not at all.
    """
    record = {"scope": scope_id, "kind": kind, "record": record_id}
    if connection.execute(_ANY_REFUSED, record).first() is None:
        return None
    rows = connection.execute(_OF_RECORD, record).all()
    first = next(index for index, row in enumerate(rows) if row.state == OutboxState.REFUSED)
    read = [(row, Change.model_validate_json(row.body)) for row in rows[first:]]
    again = [(change, _refusal(row)) for row, change in read if row.state in _AGAIN]
    changes = tuple(change for change, _ in again)
    on_its_way = any(row.state == OutboxState.SENT for row in rows)
    plain = all(change.op in (Op.CREATE, Op.EDIT) and change.conflict_id is None for change in changes)
    alike = len({(change.author_id, change.dot.device) for change in changes}) == 1
    if not plain or not alike or on_its_way:
        return None
    since = tuple(change for row, change in read if row.state not in _AGAIN)
    return Run(changes, tuple(refusal for _, refusal in again), since)


def goes_on_in(change: Change, now: RecordState) -> bool:
    """Whether what is typed now can be said in this change: its author has seen nothing since."""
    return now.version == change.context.with_dot(change.dot)


@dataclass(frozen=True, slots=True)
class Again:
    """How a run goes again, with what is typed now."""

    as_they_are: tuple[Change, ...]
    """Those refused that keep their numbers."""
    replaced: tuple[Change, ...]
    """What is taken off the queue for `altered`."""
    altered: tuple[Change, ...]
    """What goes in their place, still under the old numbers."""
    behind: dict[str, Json]
    """What is typed now and is to be said in an edit of its own behind all these, by path."""


def again(
    run: Run, typed: Mapping[str, Json], now: RecordState, rules: Rules, grown: Callable[[Change], Change]
) -> Again:
    """Decide it. `now` is the record before what is typed; `grown` makes one that goes on in a change."""
    fixes = _fixes(run, typed, now, rules)
    wanted = [one.saying(fix) if fix else one for one, fix in zip(run.changes, fixes, strict=True)]
    # A reason was given for what was refused, and not for what is typed now.
    goes_on = run.changes[-1].reason is None and goes_on_in(run.changes[-1], now)
    if goes_on:
        wanted[-1] = grown(wanted[-1])
    pairs = [*zip(run.changes, wanted, strict=True)]
    kept = next((index for index, (old, new) in enumerate(pairs) if new is not old), len(pairs))
    altered = [_without_later(change, run, now, rules) for change in wanted[kept:]]
    told = {
        path
        for change, fix in zip(altered, fixes[kept:], strict=True)
        for path in fix
        if path in change.after
    }
    altered = [change for change in altered if change.after]
    behind = {} if goes_on else _behind(run, typed, told, now, rules)
    refused = [one for one, why in zip(run.changes[:kept], run.refusals, strict=False) if why is not None]
    return Again(tuple(refused), run.changes[kept:], tuple(altered), behind)


def moved(
    plan: Again, run: Run, now: RecordState, first: Dot, typed: Mapping[str, Json]
) -> tuple[list[Change], RecordState]:
    """The altered changes under new numbers, `first` and on, and the record with those and with what they say of `typed`."""
    if not plan.altered:
        return [], now
    dots = {one.dot: Dot(first.device, first.counter + count) for count, one in enumerate(plan.altered)}
    moves = Moves(plan.altered[0].context, dots)
    moves.keep(one.dot for one in (*run.since, *plan.as_they_are))
    moves.keep({dot for cell in now.cells.values() for dot in cell.dots} - dots.keys())
    changes, state = [moves.change(one) for one in plan.altered], moves.state(now)
    for change in changes:
        says = {
            path: value for path, value in typed.items() if path not in plan.behind and path in change.after
        }
        state = edited(state, says, change.dot, change.hlc, change.said)
    return changes, state


def _fixes(run: Run, typed: Mapping[str, Json], now: RecordState, rules: Rules) -> list[dict[str, Json]]:
    """For each of the run what is typed now in the place of what central would not have, by path. What is counted is put
    right once, by as much as it differs from what is shown."""
    fixes: list[dict[str, Json]] = []
    counted: set[str] = set()
    for change, why in zip(reversed(run.changes), reversed(run.refusals), strict=True):
        fix = {path: value for path, value in typed.items() if _is_about(why, change, path)}
        for path in [path for path in fix if rules.of(path).rule in ADDS]:
            shown = now.cells[path].value if path in now.cells else None
            fix[path] = added(shown, change.after.get(path), typed[path])
            if path in counted:
                del fix[path]
            counted.add(path)
        fixes.append(fix)
    return fixes[::-1]


def _is_about(why: Refusal | None, change: Change, path: str) -> bool:
    """Whether central may have refused the change for what it says there, or for saying nothing."""
    is_in_it = path in change.after or change.op is Op.CREATE
    return why is not None and why.code in FAULTY and is_in_it and why.field in (None, path)


def _without_later(change: Change, run: Run, now: RecordState, rules: Rules) -> Change:
    """The change without what its laptop has said anew since, at central already: under a new number it would win over that.

    What is counted stays: each change says how much came to it.
    """
    later = {path for one in run.since if one.hlc > change.hlc for path in one.after}
    later |= {path for path, cell in now.cells.items() if _is_said_since(change, cell)}
    later = {path for path in later if rules.of(path).rule not in ADDS}
    told = {
        side: {path: value for path, value in getattr(change, side).items() if path not in later}
        for side in ("before", "after")
    }
    return change.model_copy(update=told)


def _is_said_since(change: Change, cell: Cell) -> bool:
    """Whether a later word of the same laptop's stands, which may have left the queue long ago."""
    own = [dot for dot in cell.dots if dot.device == change.dot.device]
    return cell.hlc > change.hlc and any(dot.counter > change.dot.counter for dot in own)


def _behind(
    run: Run, typed: Mapping[str, Json], told: Collection[str], now: RecordState, rules: Rules
) -> dict[str, Json]:
    """What is typed now, but for what is told in an altered change and stands over nothing that this one had not seen. Of a
    group all, if any of it; what is counted only once."""
    seen = run.changes[0].context
    for change in run.changes:
        seen = seen.with_dot(change.dot)
    said = {path for path in told if path not in now.cells or seen.covers(now.cells[path].dots)}
    said |= {path for path in told if rules.of(path).rule in ADDS}
    units = {rules.unit_of(path) for path in typed.keys() - said}
    return {path: value for path, value in typed.items() if rules.unit_of(path) in units}


def taken_off(change: Change) -> Change:
    """How the journal says that another change says what this one did: under its dot, and never sent.

    The record's vector need not cover its dot any more, if the laptop has another number since; a start would put it back.
    """
    return change.model_copy(update={"reason": TAKEN_OFF})


def release(connection: Connection, dot: Dot) -> None:
    """Let a refused change go again as it is: central takes the same change once."""
    again = {"state": OutboxState.SENT, "verdict": None, "settled_at": None, "error": None}
    one = (_outbox.c.device == dot.device, _outbox.c.counter == dot.counter)
    connection.execute(update(_outbox).where(*one).values(again))


def take_out(connection: Connection, changes: Iterable[Change]) -> None:
    """Take the old ones off the queue, once the new ones are in it."""
    for change in changes:
        connection.execute(
            delete(_outbox).where(
                _outbox.c.device == change.dot.device, _outbox.c.counter == change.dot.counter
            )
        )


def _refusal(row: Any) -> Refusal | None:
    if row.state != OutboxState.REFUSED:
        return None
    verdict = row.verdict or {}
    return Refusal(str(verdict.get("code") or ""), verdict.get("field"))
