"""The laptop's half of comparing: with every lane that has come to its end, central tells a sum over what it has; this
laptop sums up what is here. A difference is narrowed down over the next contacts to the rows that differ, and only those
travel.

Compared is what lies between the cursor and the place up to which both were equal before; all of it again once a week, and
whenever `bravetui doctor` is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from bravetui.db import meta
from bravetui.db.device import Cursor, Outbox, OutboxState, Parked
from bravetui.db.digest import bucket_of, key_of, spelled, sums, total, window_digests
from bravetui.db.kinds import KINDS
from bravetui.sync import refill
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Page, PullAsk

_outbox = Outbox.__table__  # type: ignore[attr-defined]
_cursor = Cursor.__table__  # type: ignore[attr-defined]
_parked = Parked.__table__  # type: ignore[attr-defined]

ALL_AGAIN_AFTER = timedelta(days=7)
TRIES_MAX = 6
"""Contacts in which one difference is narrowed down; what is left then waits for the week's turn or for the doctor."""
WITHOUT_MAX = 50
"""With more work under way than this in a lane, comparing it can wait until that work is at central."""
WANT_MAX = 200


@dataclass(frozen=True, slots=True)
class Busy:
    """What a comparison has to leave out, looked up once for all lanes."""

    keys: Mapping[tuple[str, str], set[str]]
    """By scope and lane, the keys of records on which this laptop holds work that central has not taken, and of kinds that
    it keeps for a later version."""
    refilling: bool
    """Whether a restored central is being refilled: then nothing is compared."""

    def of(self, scope_id: str, lane: str) -> set[str]:
        """The keys of one lane."""
        return self.keys.get((scope_id, lane), set())


_OPEN = select(
    *(_outbox.c[name] for name in ("device", "counter", "lane", "scope_id", "kind", "record_id", "state")),
    func.length(_outbox.c.body).label("size"),
).where(_outbox.c.state != OutboxState.CONFIRMED)
_ASIDE = select(_parked.c.scope_id, _parked.c.kind, _parked.c.record_id)


def open_changes(connection: Connection) -> list[Row[Any]]:
    """The outbox without what central has confirmed, and without the changes themselves."""
    return [*connection.execute(_OPEN)]


def busy(connection: Connection, changes: Iterable[Row[Any]], going: Iterable[tuple[int, int]] = ()) -> Busy:
    """Records to leave out of a comparison: those of `changes` (`open_changes`) that central has not taken. One of `going`
    (device, counter) is on its way and counts as taken."""
    left, found = set(going), dict[tuple[str, str], set[str]]()
    for row in changes:
        if row.state != OutboxState.APPLIED and (row.device, row.counter) not in left:
            found.setdefault((row.scope_id, row.lane), set()).add(key_of(row.kind, row.record_id))
    for row in connection.execute(_ASIDE):
        # Of a kind that a later version will know, the lane is not known either: all of it is left out, in every lane.
        known = KINDS.get(row.kind)
        key = key_of(row.kind, row.record_id if known else "")
        for lane in [known.lane] if known else Lane:
            found.setdefault((row.scope_id, lane.value), set()).add(key)
    return Busy(found, meta.is_refilling(connection))


def begin_anew(connection: Connection, now: datetime) -> None:
    """Compare everything again, whatever was found equal or given up before."""
    connection.execute(update(_cursor).values(agreed=0, differs=None))
    meta.put(connection, meta.COMPARED_ALL_AT, now.isoformat())


def begin_anew_if_due(connection: Connection, now: datetime) -> None:
    """Once a week."""
    last = meta.get_moment(connection, meta.COMPARED_ALL_AT)
    if last is None or not last <= now <= last + ALL_AGAIN_AFTER:
        begin_anew(connection, now)


def asked(connection: Connection, cursor: Row[Any], under_way: Busy) -> dict[str, Any]:
    """The fields of a `PullAsk` that have to do with comparing."""
    without = under_way.of(cursor.scope_id, cursor.lane)
    tries = cursor.differs["tries"] if cursor.differs else 0
    if under_way.refilling or len(without) > WITHOUT_MAX or tries >= TRIES_MAX:
        return {}
    told: dict[str, Any] = {"agreed": cursor.agreed, "without": tuple(sorted(without))}
    if cursor.differs:
        told["want"] = tuple(cursor.differs["want"])
        window = (cursor.agreed, cursor.after)
        told["sums"] = sums(window_digests(connection, cursor.scope_id, Lane(cursor.lane), window, without))
    return told


def compare(connection: Connection, again: refill.Refill, ask: PullAsk, page: Page, under_way: Busy) -> int:
    """Find out whether what is here now is what central has; returns how many records are found to differ, on their way."""
    if not page.sum or ask.agreed is None or not under_way.of(page.scope_id, page.lane) <= set(ask.without):
        return 0
    own = window_digests(connection, page.scope_id, page.lane, (ask.agreed, page.after), set(ask.without))
    if total(own) == page.sum:
        # What was left out and need not be any more came into the tables with this very answer: it was not compared.
        if set(ask.without) <= under_way.of(page.scope_id, page.lane):
            _note(connection, page, ask.agreed, agreed=page.after, differs=None)
        return 0
    strange, unknown = _narrowed(own, ask, page)
    _offer(again, page.scope_id, unknown)
    before = connection.execute(select(_cursor.c.differs).where(*_at(page))).scalar_one()
    count = before["tries"] + 1 if before else 1
    _note(connection, page, ask.agreed, differs={"tries": count, "want": strange[:WANT_MAX]})
    return len(strange) + len(unknown)


def is_agreed(connection: Connection) -> bool:
    """Whether all that central has for this laptop is here, and was found equal."""
    open_ends = _cursor.c.before.is_not(None) | (_cursor.c.agreed < _cursor.c.after)
    return connection.execute(select(func.count()).where(open_ends)).scalar_one() == 0


def is_narrowing(connection: Connection) -> bool:
    """Whether a difference was found that another contact would bring nearer to its end."""
    return any(differs["tries"] < TRIES_MAX for differs in _differences(connection))


def may_agree(connection: Connection) -> bool:
    """Whether another contact could find equal what has not been found so yet."""
    return not is_agreed(connection) and all(
        differs["tries"] < TRIES_MAX for differs in _differences(connection)
    )


def _differences(connection: Connection) -> list[dict[str, Any]]:
    return [differs for differs in connection.execute(select(_cursor.c.differs)).scalars() if differs]


def _narrowed(own: dict[str, int], ask: PullAsk, page: Page) -> tuple[list[str], list[str]]:
    """Keys to fetch, and keys that central does not have. Nothing yet while the sums told are not those of now."""
    if ask.sums != sums(own):
        return [], []
    others, buckets = page.digests, set(page.strange)
    strange = [key for key, digest in others.items() if key not in own or spelled(own[key]) != digest]
    return strange, [key for key in own if key not in others and bucket_of(key) in buckets]


def _offer(again: refill.Refill, scope_id: str, keys: list[str]) -> None:
    by_kind: dict[str, list[str]] = {}
    for key in keys:
        kind, _, record_id = key.partition("/")
        by_kind.setdefault(kind, []).append(record_id)
    for kind, ids in by_kind.items():
        again.offer_records(KINDS[kind], scope_id, ids)


def _note(connection: Connection, page: Page, asked: int, **values: Any) -> None:
    """Unless this very answer has brought something by which more has to be compared than was asked for."""
    connection.execute(update(_cursor).where(*_at(page), _cursor.c.agreed == asked).values(**values))


def _at(page: Page) -> tuple[Any, Any]:
    return _cursor.c.scope_id == page.scope_id, _cursor.c.lane == page.lane.value
