"""Takes central's pages: their rows, scope by scope; how far each lane has got; and then what comparing found.

Everything is looked up once an answer, not once a page: of a quiet answer's pages most are empty.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from bravetui.base.text import counted
from bravetui.db import meta
from bravetui.db.device import Cursor
from bravetui.db.put_away import let_go, put_away_refused
from bravetui.db.store import Store
from bravetui.sync import agreement, refill
from bravetui.sync.apply import apply_rows, newest_of
from bravetui.sync.log import write_log
from bravetui.sync.taken import Prepared, Taken
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Page, PullAsk, SyncAnswer

_cursor = Cursor.__table__  # type: ignore[attr-defined]

_PLACES = select(
    *(_cursor.c[name] for name in ("scope_id", "lane", "after", "before", "rows_left", "differs"))
)
_GO_ON = (
    update(_cursor)
    .where(_cursor.c.scope_id == bindparam("scope"), _cursor.c.lane == bindparam("of"))
    .values({name: bindparam(name) for name in ("after", "before", "rows_left")})
)
_LOOK_ANEW = (
    update(_cursor)
    .where(_cursor.c.scope_id == bindparam("scope"), _cursor.c.lane == bindparam("of"))
    .values(differs=None)
)

Asks = Mapping[tuple[str, Lane], PullAsk]
"""What was asked for, by scope and lane."""
Place = tuple[int, int | None, int]
"""How far a lane has got: `after`, `before` and `rows_left` of its cursor."""


def take_pages(
    connection: Connection, store: Store, prepared: Prepared, answer: SyncAnswer, taken: Taken, now: datetime
) -> None:
    """Write down all that the pages bring; `taken` is told of it."""
    refilling = meta.is_refilling(connection)
    again = refill.Refill(store, connection)
    asks: Asks = {(ask.scope_id, ask.lane): ask for ask in prepared.request.pull}
    cursors = {(row.scope_id, Lane(row.lane)): row for row in connection.execute(_PLACES)}
    places: dict[tuple[str, Lane], Place] = {
        key: (row.after, row.before, row.rows_left) for key, row in cursors.items()
    }
    fitting = [page for page in answer.pages if _is_asked_from_here(page, asks, places)]
    rows = [row for page in fitting for row in page.rows]
    mended = [row for page in answer.pages for row in page.mended]
    # Before anything is written upon these rows: what a refill offers has seen them, and must come after.
    store.learn_stamp(connection, newest_of([*rows, *mended]), answer.now)
    _apply(connection, fitting, again if refilling else None, taken)
    _see_to_removals(connection, store)
    _go_on(connection, fitting, places)
    _look_anew(connection, fitting, {key: row.after for key, row in cursors.items() if row.differs})
    _fetch_anew(connection, taken)
    if not refilling:
        # Once all pages are in, so that what one brought is not missed in another's lane.
        _compare(connection, again, asks, answer.pages, taken, now)


def _is_asked_from_here(page: Page, asks: Asks, places: Mapping[tuple[str, Lane], Place]) -> bool:
    """Whether the cursor still stands where a page was asked from: one that was asked for ahead may have come too late."""
    key = page.scope_id, page.lane
    return key in asks and key in places and places[key][:2] == (asks[key].after, asks[key].before)


def _apply(connection: Connection, pages: Sequence[Page], again: refill.Refill | None, taken: Taken) -> None:
    by_scope: dict[str, list[Page]] = defaultdict(list)
    for page in pages:
        by_scope[page.scope_id].append(page)
        taken.rows[page.lane] = taken.rows.get(page.lane, 0) + len(page.rows)
        taken.rows_left += page.rows_left
        taken.more |= page.more
    for scope_id, some in by_scope.items():
        applied = apply_rows(connection, scope_id, [row for page in some for row in page.rows], again)
        taken.incomplete |= {(scope_id, lane) for lane in applied.incomplete}
        taken.conflicts += applied.conflicts
        taken.records |= applied.records


def _see_to_removals(connection: Connection, store: Store) -> None:
    """Before anything is compared: of records that were refused, and removed here."""
    let_go(connection)
    store.keep_counters(meta.get_counter(connection), put_away_refused(connection))


def _go_on(connection: Connection, pages: Sequence[Page], places: Mapping[tuple[str, Lane], Place]) -> None:
    """Move the cursors that have moved."""
    moved = [
        {"scope": page.scope_id, "of": page.lane.value, "after": page.after, "before": page.before,
         "rows_left": page.rows_left}
        for page in pages
        if places[page.scope_id, page.lane] != (page.after, page.before, page.rows_left)
    ]  # fmt: skip
    if moved:
        connection.execute(_GO_ON, moved)


def _look_anew(
    connection: Connection, pages: Sequence[Page], differing: Mapping[tuple[str, Lane], int]
) -> None:
    """Forget how often a difference was narrowed down in vain once news have come: with those, central told of more than had
    been summed up here, so such a contact brought it no nearer to its end (`agreement.TRIES_MAX`)."""
    moved = [
        {"scope": page.scope_id, "of": page.lane.value}
        for page in pages
        if differing.get((page.scope_id, page.lane), page.after) != page.after
    ]
    if moved:
        connection.execute(_LOOK_ANEW, moved)


def _fetch_anew(connection: Connection, taken: Taken) -> None:
    """From the beginning, lanes in which a part came of a record whose whole is not here."""
    for scope_id, lane in taken.incomplete:
        connection.execute(
            _GO_ON, {"scope": scope_id, "of": lane.value, "after": 0, "before": 0, "rows_left": 0}
        )
        taken.more = True


def _compare(
    connection: Connection, again: refill.Refill, asks: Asks, pages: Sequence[Page], taken: Taken, now: datetime
) -> None:  # fmt: skip
    asked = [(asks[page.scope_id, page.lane], page) for page in pages if (page.scope_id, page.lane) in asks]
    for _, page in asked:
        if page.mended:
            apply_rows(connection, page.scope_id, page.mended, again)
            taken.mended += len(page.mended)
            let_go(connection)
    under_way = agreement.busy(connection, agreement.open_changes(connection))
    for ask, page in asked:
        strange = agreement.compare(connection, again, ask, page, under_way)
        if strange:
            words = f"{counted(strange, 'record')} not as central has them; fetched again"
            write_log(connection, now, "differs", words, page.lane)
