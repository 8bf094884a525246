"""Why does it say this? For one field: who wrote what stands, the rule, and every time two people set it apart.

All of it is on the laptop: the cells carry the changes they stand for, conflicts hold both sides and what both had seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line, safe_text
from bravetui.db.device import DeviceSeen, Outbox, OutboxState
from bravetui.db.kinds import KINDS, Kind, rules_for
from bravetui.db.records import load
from bravetui.db.store import Identity, Store
from bravetui.db.tables.conflict import OPEN, RESOLVED, SETTLED
from bravetui.forms.template import Question
from bravetui.merge.state import Cell
from bravetui.views.conflicts import status_of
from bravetui.views.labels import labels_of
from bravetui.views.values import NOTHING, Reader, names_of, reader_for
from bravetui.views.words import (
    DECIDED_WORDS,
    RULE_WORDS,
    STATE_WORDS,
    clock_words,
    record_title,
    state_words,
)
from bravetui.wire.change import Change

_conflict = KINDS["conflict"].table
_outbox = Outbox.__table__  # type: ignore[attr-defined]
_devices = DeviceSeen.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Said:
    """What one person set the field to."""

    text: str
    who: str
    when: datetime | None
    had_seen: str
    """What it said before, as far as he had seen."""
    state: str = ""
    """Where his change stands, for one made on this laptop; empty for others."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Two people set it, neither having seen the other's."""

    conflict_id: str
    sides: tuple[Said, Said]
    rule_words: str
    outcome: str
    """How it ended, or that it has not yet."""
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Why:
    """The story of one field."""

    title: str
    label: str
    text: str
    writers: tuple[tuple[str, datetime | None], ...]
    """Who wrote what stands; several where a rule joined what several wrote. The time is that of the last."""
    rule_words: str
    apart: tuple[Apart, ...]
    """Newest first."""
    made_here: tuple[Said, ...]
    """This laptop's own changes of it that are still in the queue, newest first."""


def why(store: Store, scope_id: str, kind_name: str, record_id: str, path: str) -> Why:
    """Tell it. Raises BadInput where there is no such record or field on this laptop."""
    kind = KINDS.get(kind_name)
    with store.look() as connection:
        stored = load(connection, kind, scope_id, record_id) if kind else None
        if kind is None or stored is None:
            raise BadInput("There is no such record on this laptop.", "Look for it in its list.")
        cell = stored.state.cells.get(path)
        if cell is None:
            raise BadInput(
                f"Nobody has written {safe_line(path, 80)!r} of this record.",
                f"Its fields: {', '.join(safe_line(name, 60) for name in sorted(stored.state.cells))}.",
            )
        labels = labels_of(connection, scope_id, kind_name, record_id, [path])
        label, question = labels.of(path)
        reader = reader_for(connection, scope_id, kind, [cell.value])
        rows = [row for row in _conflicts_of(connection, scope_id, kind, record_id) if path in row["paths"]]
        telling = _Telling(connection, store.identity, question, path, reader)
        return Why(
            title=record_title(connection, kind, scope_id, record_id),
            label=label,
            text=reader.text(question, cell.value, path),
            writers=telling.writers(cell),
            rule_words=RULE_WORDS.get(rules_for(kind, labels.template).of(path).rule.value, ""),
            apart=tuple(telling.apart(rows)),
            made_here=tuple(telling.made_here(scope_id, kind, record_id, rows)),
        )


def fields(store: Store, scope_id: str, kind_name: str, record_id: str) -> tuple[str, ...]:
    """The paths that anybody has written of a record; none if it is not here."""
    kind = KINDS.get(kind_name)
    with store.look() as connection:
        stored = load(connection, kind, scope_id, record_id) if kind else None
    return tuple(sorted(stored.state.cells)) if stored else ()


def lines_of(told: Why, now: datetime, zone: tzinfo, limit: int = 10_000) -> list[str]:
    """The story in lines, newest first; what was written is cut at `limit` characters, and says so."""

    def when(at: datetime | None) -> str:
        return f", {clock_words(at, now, zone)}" if at else ""

    def said(one: Said) -> str:
        state = f"; {one.state}" if one.state else ""
        seen = "was empty" if one.had_seen == NOTHING else f"said {safe_text(one.had_seen, limit)}"
        return f"{one.who}{when(one.when)}: {safe_text(one.text, limit)}   (it {seen} when this was written{state})"

    lines = [told.title, f"{told.label}: {safe_text(told.text, limit)}"]
    lines += [f"Written by {who}{when(at)}." for who, at in told.writers]
    if len(told.writers) > 1 and not told.apart:
        lines.append(
            "They wrote it without having seen each other's; the program joined what both wrote, and nobody has to decide. "
            "Each one's own words are in central's ledger."
        )
    words = f"Where two people write here without having seen each other's, {told.rule_words}."
    lines.append(words if told.rule_words else "")
    for apart in told.apart:
        lines += [
            "",
            f"Two people wrote it{when(apart.at)}, neither having seen the other's ({apart.rule_words}):",
        ]
        lines += [f"  {said(side)}" for side in apart.sides]
        lines.append(f"  In the end: {safe_text(apart.outcome, 2 * limit)}.")
    if told.made_here:
        lines += ["", "Written on this laptop:", *(f"  {said(one)}" for one in told.made_here)]
    return lines


class _Telling:
    """Turns rows into sentences about one field."""

    def __init__(
        self, connection: Connection, identity: Identity, question: Question | None, path: str, reader: Reader
    ) -> None:
        self._reader = reader
        self._connection, self._identity, self._question, self._path = connection, identity, question, path
        self._owners: Mapping[int, str] = {
            row.device: row.user_id for row in connection.execute(select(_devices))
        }
        self._names = names_of(connection, {identity.user_id, *self._owners.values()})

    def writers(self, cell: Cell) -> tuple[tuple[str, datetime | None], ...]:
        """One line a laptop; a stamp tells only when the last of them wrote."""
        devices = list(dict.fromkeys(dot.device for dot in cell.dots))
        at = datetime.fromtimestamp(cell.hlc.wall_ms / 1000, UTC) if cell.hlc.wall_ms else None
        return tuple((self._who(device), at if len(devices) == 1 else None) for device in devices)

    def _who(self, device: int) -> str:
        if device == self._identity.device:
            return f"{safe_line(self._identity.user_name, 60)}, on this laptop"
        owner = self._owners.get(device)
        return self._names.get(owner, "somebody") if owner else "the office"

    def apart(self, rows: Iterable[RowMapping]) -> Iterable[Apart]:
        """Every conflict about the field, and every time a rule decided one."""
        for row in rows:
            decider = names_of(self._connection, {str(row["resolved_by"])})
            yield Apart(
                conflict_id=row["id"],
                sides=(self._side(row, row["local"]), self._side(row, row["remote"])),
                rule_words=RULE_WORDS.get(row["rule"], ""),
                outcome=self._outcome(row, decider.get(str(row["resolved_by"]), "somebody")),
                at=row["opened_at"],
            )

    def _side(self, row: RowMapping, side: Mapping[str, Any]) -> Said:
        author = str(side.get("author_id"))
        name = self._names.get(author) or names_of(self._connection, {author}).get(author, "somebody")
        when = datetime.fromisoformat(side["at"]) if side.get("at") else None
        return Said(self._text(side["values"].get(self._path)), name, when, self._before(row["base"]))

    def _before(self, base: Mapping[str, Json]) -> str:
        return self._text(base[self._path]) if self._path in base else NOTHING

    def _outcome(self, row: RowMapping, decider: str) -> str:
        if row["status"] == OPEN:
            return (
                f"nobody has decided yet; {self._text(row['provisional'].get(self._path))} stands meanwhile"
            )
        if row["status"] == SETTLED:
            return f"the rule let {self._text(row['provisional'].get(self._path))} stand"
        assert row["status"] == RESOLVED
        told = row["resolution"]
        reason = f": {safe_line(told['reason'], 200)}" if told.get("reason") else ""
        return f"{decider} decided for {self._text(told.get('values', {}).get(self._path))}{reason}"

    def made_here(
        self, scope_id: str, kind: Kind, record_id: str, apart: Iterable[RowMapping]
    ) -> Iterable[Said]:
        """What this laptop's queue still holds about the field; `apart` are the conflicts about it."""
        stands = {row["id"]: status_of(self._connection, row) for row in apart}
        query = (
            select(_outbox.c.body, _outbox.c.state, _outbox.c.verdict)
            .where(
                _outbox.c.scope_id == scope_id, _outbox.c.kind == kind.name, _outbox.c.record_id == record_id
            )
            .order_by(_outbox.c.counter.desc())
        )
        for row in self._connection.execute(query):
            change = Change.model_validate_json(row.body)
            if self._path in change.after:
                yield Said(
                    self._text(change.after[self._path]),
                    self._names.get(change.author_id, "somebody"),
                    change.at,
                    self._before(change.before),
                    _state_words(OutboxState(row.state), row.verdict, stands),
                )

    def _text(self, value: Json) -> str:
        return self._reader.text(self._question, value, self._path)


def _state_words(state: OutboxState, verdict: Mapping[str, Any] | None, stands: Mapping[str, str]) -> str:
    """Where a change stands as regards one field; `stands` says how the conflicts about the field do.

    A verdict is about the whole change, of which other fields may be in dispute.
    """
    if not verdict or verdict.get("outcome") != "conflict":
        return state_words(state, verdict)
    opened = [stands[key] for key in verdict.get("conflicts") or () if key in stands]
    if state not in (OutboxState.APPLIED, OutboxState.CONFIRMED) or OPEN in opened:
        return state_words(state, verdict)
    return DECIDED_WORDS if opened else STATE_WORDS[state]


def _conflicts_of(connection: Connection, scope_id: str, kind: Kind, record_id: str) -> list[RowMapping]:
    query = select(_conflict).where(
        _conflict.c.scope_id == scope_id, _conflict.c.record_kind == kind.name,
        _conflict.c.record_id == record_id, _conflict.c.deleted.is_(False),
    )  # fmt: skip
    return list(connection.execute(query.order_by(_conflict.c.opened_at.desc())).mappings())
