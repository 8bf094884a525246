"""What a laptop has not seen: rows of a scope and lane, news forward by seq, history backward, in pages it can bear.

One consistent look at the database serves a whole answer: ledger, rows and head belong together, and since numbers
become visible in order (the head's lock), no change that commits late can be skipped. Of a row that the laptop has,
only the changed cells travel; what it pushed itself a moment ago does not come back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, func, literal, select, union_all
from sqlalchemy import Row as SqlRow

from bravetui.central.access import Access
from bravetui.central.agreement import compared
from bravetui.central.tables import HEADS, LEDGER
from bravetui.db.kinds import KINDS, kinds_in, tables_in
from bravetui.db.records import Stored, load_parts
from bravetui.merge.state import Cell
from bravetui.wire.change import Change
from bravetui.wire.lanes import POLICY
from bravetui.wire.messages import Outcome, Page, PullAsk, Row, Verdict, stamps_of

FIRST_PAGE_BYTES_MAX = 256 * 1024
"""Uncompressed JSON of a lane's first page: at first contact every lane has something to show."""

ANSWER_BYTES = 1024 * 1024
"""Of all pages of one answer together, for a laptop that does not say what suits its line."""

ANSWER_BYTES_MAX = 4 * 1024 * 1024
"""For a laptop that says it can take more: a quarter of what either end reads, since sizes are estimates."""

COUNTED_MAX = 100_000
"""Rows left are counted up to here; beyond, the number shown only has to say "many"."""

EARLY_MAX = 500
"""Late verdicts in one answer that a later one would tell as well."""

DUE_MAX = 10_000
"""Of those that it must tell: more than any page passes. Only a laptop that starts anew may have got more, over years."""

ROW_BYTES, STAMP_BYTES, CELL_BYTES = 130, 50, 6
"""Of JSON, about: a row, a stamp and a cell without what they hold."""

READ_AT_ONCE = 64
"""Records read for a page before looking whether there is room for more."""


# Asked at every contact, and built once: building a statement costs more than running it.
_HEADS = select(HEADS.c.scope_id, HEADS.c.seq).where(
    HEADS.c.scope_id.in_(bindparam("scopes", expanding=True))
)
_WAITED = (
    select(LEDGER.c.scope_id, LEDGER.c.lane, LEDGER.c.seq, LEDGER.c.verdict)
    .where(LEDGER.c.device.in_(bindparam("devices", expanding=True)), LEDGER.c.waited)
    .order_by(LEDGER.c.received_at, LEDGER.c.seq)
)
_WINDOW = (
    select(LEDGER.c.seq, LEDGER.c.kind, LEDGER.c.record_id)
    .where(
        LEDGER.c.scope_id == bindparam("scope"),
        LEDGER.c.lane == bindparam("of"),
        LEDGER.c.seq > bindparam("above"),
    )
    .order_by(LEDGER.c.seq)
    .limit(bindparam("most"))
)
_SINCE = (
    select(LEDGER.c.seq, LEDGER.c.kind, LEDGER.c.record_id, LEDGER.c.created, LEDGER.c.paths)
    .where(
        LEDGER.c.scope_id == bindparam("scope"),
        LEDGER.c.kind.in_(bindparam("kinds", expanding=True)),
        LEDGER.c.record_id.in_(bindparam("ids", expanding=True)),
        LEDGER.c.seq > bindparam("above"),
    )
    .order_by(LEDGER.c.seq)
)


@dataclass(slots=True)
class Own:
    """What this very request pushed and had applied as it was: its sender has those cells."""

    seqs: set[tuple[str, int]] = field(default_factory=set)
    cells: dict[tuple[str, str, str], dict[str, Cell]] = field(default_factory=dict)

    def add(self, change: Change, verdict: Verdict) -> None:
        """Remember a change that was applied unmerged."""
        if verdict.outcome is Outcome.APPLIED:
            self.seqs.add((change.scope_id, verdict.seq))
            target = (change.scope_id, change.kind, change.record_id)
            self.cells.setdefault(target, {}).update(change.author_state().cells)


@dataclass(slots=True)
class _News:
    """What the ledger says of one record since a laptop's cursor."""

    seqs: list[int] = field(default_factory=list)
    paths: dict[str, None] = field(default_factory=dict)
    """In the order in which they were first changed: a row is spelled the same wherever it is read."""
    created: bool = False


def pages(
    connection: Connection, access: Access, asks: Iterable[PullAsk], own: Own, bytes_max: int | None = None
) -> tuple[Page, ...]:
    """A page for every ask of a scope that the device may see; others are passed over in silence.

    Of a lane that does not come down the page is an empty last one: silence would be asked again, for ever.

    Together they stay at about `bytes_max` (None: as suits most lines) of JSON.
    """
    wanted = [ask for ask in asks if ask.scope_id in access.scopes]
    scope_ids = {"scopes": sorted({ask.scope_id for ask in wanted})}
    heads = {row.scope_id: row.seq for row in connection.execute(_HEADS, scope_ids)}
    room = min(bytes_max or ANSWER_BYTES, ANSWER_BYTES_MAX)
    out: list[Page] = []
    for ask in wanted:
        if not POLICY[ask.lane].comes_down:
            out.append(
                Page(scope_id=ask.scope_id, lane=ask.lane, rows=(), after=ask.after, before=None, more=False)
            )
            continue
        share = room if ask.after else min(room, FIRST_PAGE_BYTES_MAX)
        page, size = _page(connection, ask, heads.get(ask.scope_id, 0), own, share)
        room = max(room - size, 0)
        out.append(compared(connection, ask, page))
    return tuple(out)


def late_verdicts(
    connection: Connection, devices: Iterable[int], asks: Iterable[PullAsk], answered: Iterable[Page]
) -> tuple[Verdict, ...]:
    """Verdicts of changes that were parked and have been taken since.

    They are told until the laptop's cursor has passed the change: the answer that moves the cursor there carries the
    verdict too, however many a page passes, so no acknowledgement is needed and a lost answer loses nothing. Of the
    others some are told beforehand.
    """
    after = {(ask.scope_id, ask.lane.value): ask.after for ask in asks}
    reached = {(page.scope_id, page.lane.value): page.after for page in answered}
    rows = connection.execute(_WAITED, {"devices": list(devices)})
    due: list[str] = []
    early: list[str] = []
    for row in rows:
        place = (row.scope_id, row.lane)
        if row.seq > after.get(place, 0):
            (due if row.seq <= reached.get(place, 0) else early).append(row.verdict)
    told = (*due[-DUE_MAX:], *early[:EARLY_MAX])
    return tuple(Verdict.model_validate_json(verdict) for verdict in told)


def _page(connection: Connection, ask: PullAsk, head: int, own: Own, room: int) -> tuple[Page, int]:
    after, before = min(ask.after, head), ask.before
    if after == 0 and not before:
        after, before = head, head + 1
    rows: list[Row] = []
    size, news_left = 0, False
    if head > after:
        rows, size, after, news_left = _news(connection, ask, after, head, before is not None, own, room)
    history_left = before is not None
    if before is not None and not news_left and len(rows) < ask.rows_max and (size < room or not rows):
        older, spent, before = _history(connection, ask, before, ask.rows_max - len(rows), room - size)
        rows, size, history_left = rows + older, size + spent, before is not None
    more = news_left or history_left
    left = _count_left(connection, ask, after, before) if more else 0
    page = Page(
        scope_id=ask.scope_id,
        lane=ask.lane,
        rows=tuple(rows),
        after=after,
        before=before,
        more=more,
        rows_left=left,
    )
    return page, size


def _news(
    connection: Connection, ask: PullAsk, after: int, head: int, whole: bool, own: Own, room: int
) -> tuple[list[Row], int, int, bool]:
    """Records of the lane changed since `after`: (rows, bytes, new cursor, whether there are more)."""
    window = {"scope": ask.scope_id, "of": ask.lane.value, "above": after, "most": ask.rows_max + 1}
    entries = connection.execute(_WINDOW, window).all()
    if not entries:
        return [], 0, head, False
    left = len(entries) > ask.rows_max
    entries = entries[: ask.rows_max]
    folded = _fold(connection, ask, after, {(row.kind, row.record_id) for row in entries})
    told = {
        key: None if _is_whole(ask.scope_id, one, whole, own) else one.paths for key, one in folded.items()
    }
    rows: dict[tuple[str, str], Row] = {}
    size, reached = 0, after
    for entry, stored in _with_records(connection, ask.scope_id, entries, told):
        key = (entry.kind, entry.record_id)
        if key not in rows and stored is not None:
            row = _news_row(ask.scope_id, key, stored, folded[key], whole, own)
            row_bytes = _size(row)
            if rows and size + row_bytes > room:
                left = True
                break
            rows[key], size = row, size + row_bytes
        reached = entry.seq
    return list(rows.values()), size, reached if left else head, left


def _fold(
    connection: Connection, ask: PullAsk, after: int, keys: set[tuple[str, str]]
) -> dict[tuple[str, str], _News]:
    """Everything the ledger says of these records since `after`, to the head: a row travels as it is now, so its cells
    must be all that changed until now."""
    folded: dict[tuple[str, str], _News] = {}
    kinds, ids = ({key[place] for key in keys} for place in (0, 1))
    asked = {"scope": ask.scope_id, "above": after, "kinds": sorted(kinds), "ids": sorted(ids)}
    for row in connection.execute(_SINCE, asked):
        news = folded.setdefault((row.kind, row.record_id), _News())
        news.seqs.append(row.seq)
        news.paths.update(dict.fromkeys(row.paths))
        news.created |= row.created
    return folded


def _with_records(
    connection: Connection,
    scope_id: str,
    entries: Sequence[SqlRow[*tuple[Any, ...]]],
    told: Mapping[tuple[str, str], Collection[str] | None] = MappingProxyType({}),
) -> Iterator[tuple[SqlRow[*tuple[Any, ...]], Stored | None]]:
    """Each entry with its record, None where there is none. Read a few at a time: a page is full long before its limit of
    rows wherever forms are long, and what is read beyond is read for nothing; so is what is not `told` of a record."""
    read: dict[tuple[str, str], Stored] = {}
    for start in range(0, len(entries), READ_AT_ONCE):
        some = entries[start : start + READ_AT_ONCE]
        by_kind: dict[str, dict[str, Collection[str] | None]] = {}
        for entry in some:
            key = (entry.kind, entry.record_id)
            if key not in read:
                by_kind.setdefault(entry.kind, {})[entry.record_id] = told.get(key)
        for kind, wanted in by_kind.items():
            found = load_parts(connection, KINDS[kind], scope_id, wanted)
            read |= {(kind, record_id): stored for record_id, stored in found.items()}
        yield from ((entry, read.get((entry.kind, entry.record_id))) for entry in some)


def _is_own(scope_id: str, news: _News, own: Own) -> bool:
    """Whether the laptop wrote all of it itself, in this very request."""
    return all((scope_id, seq) in own.seqs for seq in news.seqs)


def _is_whole(scope_id: str, news: _News, whole: bool, own: Own) -> bool:
    """Whether the record travels whole: it is new, or `whole` records are asked for."""
    return (whole or news.created) and not _is_own(scope_id, news, own)


def _news_row(scope_id: str, key: tuple[str, str], stored: Stored, news: _News, whole: bool, own: Own) -> Row:
    state = stored.state
    whole = _is_whole(scope_id, news, whole, own)
    paths: Iterable[str] = state.cells if whole else news.paths
    sent = own.cells.get((scope_id, *key), {}) if _is_own(scope_id, news, own) else {}
    only = frozenset(path for path in paths if path in state.cells and sent.get(path) != state.cells[path])
    return Row(
        kind=key[0],
        id=key[1],
        seq=stored.seq,
        whole=whole,
        version=state.version,
        stamps=stamps_of(state, only),
    )


def _history(
    connection: Connection, ask: PullAsk, before: int, rows_max: int, room: int
) -> tuple[list[Row], int, int | None]:
    """Records not touched since `before`, newest first: (rows, bytes, new cursor or None at the beginning)."""
    window = {"scope": ask.scope_id, "below": before, "most": rows_max + 1}
    entries = connection.execute(_older_in(tables_in(ask.lane)), window).all()
    left = len(entries) > rows_max
    rows: list[Row] = []
    size, reached = 0, before
    for entry, stored in _with_records(connection, ask.scope_id, entries[:rows_max]):
        assert stored is not None, "one look at the database, and the record is gone from it"
        row = Row(
            kind=entry.kind, id=entry.record_id, seq=stored.seq, whole=True,
            version=stored.state.version, stamps=stamps_of(stored.state),
        )  # fmt: skip
        row_bytes = _size(row)
        if rows and size + row_bytes > room:
            left = True
            break
        rows.append(row)
        size, reached = size + row_bytes, entry.seq
    return rows, size, reached if left else None


@cache
def _older_in(tables: tuple[tuple[str, Table], ...]) -> Select[tuple[str, str, int]]:
    """Records not touched since `below`, newest first; built once a lane, since there is a table for every kind."""
    branches = [
        select(literal(name).label("kind"), table.c.id.label("record_id"), table.c.seq)
        .where(table.c.scope_id == bindparam("scope"), table.c.seq < bindparam("below"))
        .order_by(table.c.seq.desc())
        .limit(bindparam("most"))
        .subquery()
        for name, table in tables
    ]
    together = union_all(*(select(branch) for branch in branches)).subquery()
    return select(together).order_by(together.c.seq.desc()).limit(bindparam("most"))


def _count_left(connection: Connection, ask: PullAsk, after: int, before: int | None) -> int:
    """Rows still to come, for the progress shown."""
    news = select(LEDGER.c.seq).where(
        LEDGER.c.scope_id == ask.scope_id, LEDGER.c.lane == ask.lane.value, LEDGER.c.seq > after
    )
    parts: list[Select[tuple[int]]] = [news.limit(COUNTED_MAX)]
    if before is not None:
        parts += [
            select(kind.table.c.seq).where(kind.table.c.scope_id == ask.scope_id, kind.table.c.seq < before)
            for kind in kinds_in(ask.lane)
        ]
    counts = [
        select(func.count()).select_from(part.limit(COUNTED_MAX).subquery()).scalar_subquery()
        for part in parts
    ]
    return sum(connection.execute(select(*counts)).one())


def _size(row: Row) -> int:
    """About how many bytes of JSON, from the lengths of its texts: spelling it out would cost as much as sending it."""
    size = ROW_BYTES
    for group in row.stamps:
        size += STAMP_BYTES
        for path, value in group.cells.items():
            size += len(path) + len(value if isinstance(value, str) else str(value)) + CELL_BYTES
    return size
