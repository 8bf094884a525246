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

from sqlalchemy import ColumnElement, Connection, delete, select, update

from bravetui.base.canonical import Json
from bravetui.db.device import UNACKNOWLEDGED, Outbox, OutboxState
from bravetui.db.moves import Moves
from bravetui.db.outbox import OF_RECORD, binding, queued
from bravetui.db.site import EDITABLE, signs
from bravetui.merge.join import ADDS, added
from bravetui.merge.rules import Rules
from bravetui.merge.state import Cell, RecordState, edited, is_row
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change, Op

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_AGAIN = (OutboxState.PENDING, OutboxState.REFUSED)

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
    """The refused ones and all that wait, never sent, behind the first of them, oldest first; never empty."""
    refusals: tuple[Refusal | None, ...]
    """Why each was refused; None for one that waits."""
    since: tuple[Change, ...] = ()
    """What was made after the first of them and is at central all the same, taken or on hold, or may be, oldest first."""

    @property
    def is_faulty(self) -> bool:
        """Whether central will not have one of them for what it says."""
        return any(why is not None and why.code in FAULTY for why in self.refusals)


def _behind_refused() -> ColumnElement[bool]:
    """Changes that come after a refused one of the same record."""
    earlier = _outbox.alias("earlier")
    return (
        select(earlier.c.counter)
        .where(
            earlier.c.state == OutboxState.REFUSED,
            earlier.c.scope_id == _outbox.c.scope_id,
            earlier.c.kind == _outbox.c.kind,
            earlier.c.record_id == _outbox.c.record_id,
            earlier.c.counter < _outbox.c.counter,
        )
        .exists()
    )


HELD_BACK = (_outbox.c.state == OutboxState.PENDING) & _behind_refused()
"""What waits, never sent, behind a refused change of its record."""

CAN_GO = _outbox.c.state.in_(UNACKNOWLEDGED) & ~HELD_BACK
"""What nothing holds back (`sync.batch.sendable`)."""

NOT_GOING = (OutboxState.REFUSED, OutboxState.PENDING, OutboxState.PUT_AWAY)
"""Once nothing can go any more: what central refused, and what waits behind that."""

_ANY_REFUSED = select(_outbox.c.counter).where(*OF_RECORD, _outbox.c.state == OutboxState.REFUSED).limit(1)


def refused_run(connection: Connection, scope_id: str, kind: str, record_id: str) -> Run | None:
    """A record's refused changes and all that wait behind the first of them.

    None where none was refused, and where one that was is more than an edit: a decision or a removal is sent again as it
    is, or not at all.
    """
    record = scope_id, kind, record_id
    if connection.execute(_ANY_REFUSED, binding(record)).first() is None:
        return None
    rows = queued(connection, record)
    first = next(index for index, row in enumerate(rows) if row.state == OutboxState.REFUSED)
    read = [(row, Change.model_validate_json(row.body)) for row in rows[first:]]
    again = [(change, _refusal(row)) for row, change in read if row.state in _AGAIN]
    changes = tuple(change for change, _ in again)
    plain = all(_is_plain(change) for change, why in again if why is not None)
    if not plain or len({change.author_id for change in changes}) > 1:
        return None
    since = tuple(change for row, change in read if row.state not in _AGAIN)
    return Run(changes, tuple(refusal for _, refusal in again), since)


def _is_plain(change: Change) -> bool:
    return change.op in (Op.CREATE, Op.EDIT) and change.conflict_id is None


def goes_on_in(change: Change, now: RecordState) -> bool:
    """Whether what is typed now can be said in this change: its author has seen nothing since."""
    return now.version == change.context.with_dot(change.dot)


def can_grow(run: Run, now: RecordState) -> bool:
    """Whether what is typed now can be said in the last of a run. A reason was given for that one, and not for this."""
    last = run.changes[-1]
    return last.reason is None and _is_plain(last) and goes_on_in(last, now)


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
    upon: frozenset[str] = frozenset()
    """Of that what stands over somebody else's word: it is said upon what was last agreed, for none of these says it."""
    gone: frozenset[str] = frozenset()
    """What nothing says any more: it lay in a row that is removed, and central never had it."""


def again(
    run: Run, typed: Mapping[str, Json], now: RecordState, rules: Rules, grown: Callable[[Change], Change]
) -> Again:
    """Decide it. `now` is the record before what is typed; `grown` makes one that goes on in a change."""
    over = {path for path in _over_others(run, now) if rules.of(path).rule not in ADDS}
    fixes = _fixes(run, {path: value for path, value in typed.items() if path not in over}, now, rules)
    left_out = [
        _left_out(change, why, over, typed, rules)
        for change, why in zip(run.changes, run.refusals, strict=True)
    ]
    wanted = [
        _without(one.saying(fix), out) if fix or out else one
        for one, fix, out in zip(run.changes, fixes, left_out, strict=True)
    ]
    goes_on = can_grow(run, now)
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
    altered = _upon_each_other([change for change in altered if change.after], rules)
    behind = {} if goes_on else _behind(run, typed, told, now, rules)
    refused = [one for one, why in zip(run.changes[:kept], run.refusals, strict=False) if why is not None]
    out, rows = frozenset().union(*left_out), _removed(typed)
    return Again(
        tuple(refused),
        run.changes[kept:],
        tuple(altered),
        behind,
        out & behind.keys(),
        frozenset(path for path in out if path.startswith(rows)) - behind.keys(),
    )


def moved(
    plan: Again, run: Run, now: RecordState, first: Dot, typed: Mapping[str, Json]
) -> tuple[list[Change], RecordState]:
    """The altered changes under new numbers, `first` and on, and the record with those and with what they say of `typed`."""
    now = RecordState({path: cell for path, cell in now.cells.items() if path not in plan.gone}, now.version)
    if not plan.altered:
        return [], RecordState(now.cells, _without_replaced(plan, run, now.version))
    dots = {one.dot: Dot(first.device, first.counter + count) for count, one in enumerate(plan.altered)}
    moves = Moves(plan.altered[0].context, dots)
    moves.keep(one.dot for one in (*run.since, *plan.as_they_are))
    moves.keep({dot for cell in now.cells.values() for dot in cell.dots} - dots.keys())
    changes, state = [moves.change(one) for one in plan.altered], moves.state(now)
    for change in changes:
        says = {
            path: value for path, value in typed.items() if path not in plan.behind and path in change.after
        }
        state = edited(state, says, change.dot, change.hlc)
    return changes, state


def _without_replaced(plan: Again, run: Run, seen: VersionVector) -> VersionVector:
    """What has been seen, less what nothing says any more: central never had it, and would take it for something missing."""
    seen = seen.without(one.dot for one in plan.replaced)
    for change in (*run.since, *plan.as_they_are) if plan.replaced else ():
        seen = seen.with_dot(change.dot)
    return seen


def _fixes(run: Run, typed: Mapping[str, Json], now: RecordState, rules: Rules) -> list[dict[str, Json]]:
    """For each of the run what is typed now in the place of what central would not have, by path. What is counted is put
    right once, by as much as it differs from what is shown."""
    fixes: list[dict[str, Json]] = []
    counted: set[str] = set()
    for change, why in zip(reversed(run.changes), reversed(run.refusals), strict=True):
        signature = _taken_back(change, typed)
        fix = {
            path: value for path, value in typed.items() if path in signature or _is_about(why, change, path)
        }
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


def _taken_back(change: Change, typed: Mapping[str, Json]) -> frozenset[str]:
    """What a change says of a signature that is taken back now (`db.taken_back`): central is to have no report as signed
    that says what nobody has signed."""
    is_one = signs(change.kind, change.after) and typed.get("status") in EDITABLE
    return frozenset({"status", "submitted_at"} if is_one else ())


def _over_others(run: Run, now: RecordState) -> set[str]:
    """Where by now somebody else's word stands that none of the run had seen."""
    seen = _seen_by(run)
    for change in run.since:
        seen = seen.with_dot(change.dot)
    return {path for path, cell in now.cells.items() if not seen.covers(cell.dots)}


def _seen_by(run: Run) -> VersionVector:
    seen = run.changes[0].context
    for change in run.changes:
        seen = seen.with_dot(change.dot)
    return seen


def _left_out(
    change: Change, why: Refusal | None, over: Collection[str], typed: Mapping[str, Json], rules: Rules
) -> set[str]:
    """What a change says that central would not have and that is not corrected in it: somebody else's word stands over it,
    or the row in which it was said is removed."""
    if why is None or why.code not in FAULTY:
        return set()
    faulty = {path for path in change.after if _is_about(why, change, path)}
    units = {rules.unit_of(path) for path in faulty.intersection(over) if why.field == path or path in typed}
    rows = _removed(typed)
    return {path for path in change.after if rules.unit_of(path) in units or path.startswith(rows)}


def _removed(typed: Mapping[str, Json]) -> tuple[str, ...]:
    """How the paths begin that lie in rows that are removed now."""
    return tuple(f"{path}/" for path, value in typed.items() if value is None and is_row(path))


def _without(change: Change, paths: Collection[str]) -> Change:
    told = {
        side: {path: value for path, value in getattr(change, side).items() if path not in paths}
        for side in ("before", "after", "said")
    }
    return change.model_copy(update=told)


def _upon_each_other(changes: Iterable[Change], rules: Rules) -> list[Change]:
    """Each upon what the one before it says by now. Of what is counted each says how much came to it."""
    found: list[Change] = []
    said: dict[str, Json] = {}
    for change in changes:
        fresh = {path: said[path] for path in change.before if path in said}
        found.append(change.model_copy(update={"before": {**change.before, **fresh}}))
        said |= {path: value for path, value in change.after.items() if rules.of(path).rule not in ADDS}
    return found


def _without_later(change: Change, run: Run, now: RecordState, rules: Rules) -> Change:
    """The change without what its laptop has said anew since, at central already: under a new number it would win over that.

    What is counted stays: each change says how much came to it. What makes the record stays whole, if nothing else is in it.
    """
    here = {one.dot for one in run.changes}
    later = {path for one in run.since if one.hlc > change.hlc for path in one.after if path not in one.said}
    later |= {path for path, cell in now.cells.items() if _is_said_since(change, cell, here)}
    later = {path for path in later if rules.of(path).rule not in ADDS}
    return change if change.op is Op.CREATE and change.after.keys() <= later else _without(change, later)


def _is_said_since(change: Change, cell: Cell, run: Collection[Dot]) -> bool:
    """Whether a later word of the same laptop's stands that is not of the run, and may have left the queue long ago."""
    own = [dot for dot in cell.dots if dot.device == change.dot.device and dot not in run]
    return cell.hlc > change.hlc and any(dot.counter > change.dot.counter for dot in own)


def _behind(
    run: Run, typed: Mapping[str, Json], told: Collection[str], now: RecordState, rules: Rules
) -> dict[str, Json]:
    """What is typed now, but for what is told in an altered change and stands over nothing that this one had not seen. Of a
    group all, if any of it; what is counted only once."""
    seen = _seen_by(run)
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
