"""Conflicts, side by side: what this laptop says, what central says, who said it and when, and what happens next."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line
from bravetui.db.kinds import KINDS, Kind, rules_for
from bravetui.db.outbox import decided_here
from bravetui.db.records import load
from bravetui.db.store import Store
from bravetui.db.tables.conflict import DUPLICATE, HANDED_IN_BY, OPEN, RESOLVED, SET_ASIDE, SETTLED
from bravetui.forms.template import Question
from bravetui.merge.state import DELETED, is_row
from bravetui.merge.text import edits
from bravetui.merge.words import diff
from bravetui.views.labels import Labels, labels_of
from bravetui.views.occasion import titled
from bravetui.views.remembered import Remembered, remembered
from bravetui.views.unworded import unworded
from bravetui.views.values import Reader, names_of, reader_for
from bravetui.views.words import RULE_WORDS, age_words, named_by
from bravetui.wire.change import Change

NEWER = "newer"
"""The status of a conflict to decide whose record only a newer version knows: it is shown here, and decided there."""

_STATUS_ORDER = (OPEN, "decided here", SETTLED, RESOLVED)

_WHAT_NEXT: Mapping[str, str] = {
    OPEN: "Your choice is saved on this laptop at once and goes to central first. Everyone then sees one value; "
    "the other stays in the record's history, with both names.",
    "decided here": "Decided on this laptop. It goes to central with the next contact and closes there.",
    SETTLED: "A rule has decided, and nothing waits. B brings the value back that was set aside: a new change, in your "
    "name, that goes to everyone.",
    RESOLVED: "Decided. The value that was not chosen stays in the record's history.",
    NEWER: "It is about a record that a newer version made. Update this program to answer; nothing is lost, and nothing "
    "waits for it.",
}

_TWICE_NEXT = (
    "1 keeps both. 2 makes them one: what only the second says is added to the first. Where they differ, the form's rule "
    "decides, or the first stands. The second stays in the history."
)

_HANDED_IN = "Central had lost this question; {name}'s laptop handed it in again."

_SAME, _NOT_SAME = "one thing; the second was joined into the first", "two things; both are kept"
_SAME_AS = "The same as "
"""How `actions.conflicts.join` begins the reason where nobody gave one."""

_conflict = KINDS["conflict"].table

TWICE_FIELDS_MAX = 60
"""Fields of a duplicate shown at most."""

LONG_TEXT = 60
"""Characters from which a value is shown as text with its differences marked."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text; `changed` where the other side says something else."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class SideView:
    """One side of one field."""

    text: str
    raw: Json
    who: str
    when: datetime | None
    device: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class ConflictField:
    """One field in two columns."""

    path: str
    label: str
    rule_words: str
    base_text: str
    local: SideView
    remote: SideView
    long_text: bool
    question: Question | None
    """How to ask for a third value; None for a field outside the form."""


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """One conflict in a list."""

    id: str
    record_kind: str
    record_id: str
    title: str
    what: str
    opened_at: datetime | None
    status: str
    """`open`, `decided here` (not yet at central), `settled` (by a rule) or `resolved`."""
    lost_here: bool = False
    """Whether it was this person's value that the rule set aside."""


@dataclass(frozen=True, slots=True)
class ConflictView:
    """One conflict to decide."""

    id: str
    title: str
    status: str
    """As in `ConflictRow`, or `NEWER`."""
    is_duplicate: bool
    """Whether the question is if two records are one: the newer stands left, the older right."""
    is_presence: bool
    """Whether the question is if something stays: there is no third answer to that."""
    set_aside: str
    """Once settled, the side whose value a rule set aside: `local` or `remote` as shown here; empty otherwise."""
    local_label: str
    remote_label: str
    fields: tuple[ConflictField, ...]
    opened_at: datetime | None
    what_next: str
    resolution: Mapping[str, str]
    """What was decided, by path, in words; empty while open."""
    resolved_by: str
    reason: str
    """Why, in the words of whoever decided; empty where nobody gave any."""
    handed_in: str = ""
    """Whose laptop brought it back to a central that had lost it, in a sentence; mostly empty."""
    remembered: Remembered | None = None
    """While open: how the same two values were decided before."""
    remembered_words: str = ""
    """The same for a person; empty where nothing is remembered."""


def conflicts(store: Store, scope_id: str, *, titles: bool = True) -> tuple[ConflictRow, ...]:
    """Open ones first, then this person's values that rules set aside, then the rest; newest first. Without `titles` neither
    a record nor a row is named by what somebody wrote."""
    query = (
        select(_conflict)
        .where(_conflict.c.scope_id == scope_id, _conflict.c.deleted.is_(False))
        .order_by(_conflict.c.opened_at.desc())
    )
    with store.look() as connection:
        rows = [
            _row(connection, row, store.identity.user_id, titles=titles)
            for row in connection.execute(query).mappings().all()
        ]
    return tuple(sorted(rows, key=lambda row: (_STATUS_ORDER.index(row.status), not row.lost_here)))


def conflict(store: Store, scope_id: str, conflict_id: str) -> ConflictView:
    """One conflict, field by field. Raises BadInput when it is not here."""
    with store.look() as connection:
        query = select(_conflict).where(_conflict.c.scope_id == scope_id, _conflict.c.id == conflict_id)
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise BadInput("This conflict is not on this laptop.", "Go back and open it from the list.")
        return _view(connection, store, row)


def differences(left: str, right: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Both texts cut into stretches that are the same and stretches that differ, word by word; however long they are."""
    spans: tuple[list[Span], list[Span]] = ([], [])
    at = 0
    for edit in edits(diff(left, right)):
        _put(spans, left[at : edit.start], left[edit.start : edit.end], edit.text)
        at = edit.end
    _put(spans, left[at:], "", "")
    return tuple(spans[0]), tuple(spans[1])


def _put(spans: tuple[list[Span], list[Span]], same: str, gone: str, come: str) -> None:
    for side, text in zip(spans, (gone, come), strict=True):
        side += [Span(one, changed) for one, changed in ((same, False), (text, True)) if one]


def _row(connection: Connection, row: RowMapping, user_id: str, *, titles: bool) -> ConflictRow:
    labels = _labels(connection, row)
    if not titles:
        labels = Labels(labels.template)
    return ConflictRow(
        id=row["id"],
        record_kind=row["record_kind"],
        record_id=row["record_id"],
        title=_title(connection, row, titled if titles else unworded),
        what="Logged twice?" if row["rule"] == DUPLICATE else labels.of_all(row["paths"]),
        opened_at=row["opened_at"],
        status=status_of(connection, row),
        lost_here=loser_of(row).get("author_id") == user_id,
    )


def _labels(connection: Connection, row: RowMapping) -> Labels:
    return labels_of(connection, row["scope_id"], row["record_kind"], row["record_id"], row["paths"])


def loser_of(row: RowMapping) -> Mapping[str, Any]:
    """The side that a rule set aside; empty where none was."""
    side = row["resolution"].get("set_aside")
    return row[side] if side in ("local", "remote") else {}


def status_of(connection: Connection, row: RowMapping) -> str:
    """How a conflict stands; one that was decided here is no longer open, though central has not heard of it."""
    if row["status"] == RESOLVED:
        return RESOLVED
    return "decided here" if _decided_here(connection, row) else row["status"]


def _decided_here(connection: Connection, row: RowMapping) -> Change | None:
    return decided_here(connection, row["scope_id"], row["record_id"], row["id"])


def _title(
    connection: Connection, row: RowMapping, title_of: Callable[[Connection, Kind, str, str], str] = titled
) -> str:
    return named_by(title_of, connection, row["record_kind"], row["scope_id"], row["record_id"])


def _view(connection: Connection, store: Store, row: RowMapping) -> ConflictView:
    own = store.identity.device
    here_first = row["remote"].get("device") == own and row["local"].get("device") != own
    local, remote = (row["remote"], row["local"]) if here_first else (row["local"], row["remote"])
    here = _decided_here(connection, row) if row["status"] != RESOLVED else None
    told = here.after if here else row["resolution"].get("values", {})
    reason = here.reason if here else row["resolution"].get("reason")
    decider = here.author_id if here else row["resolved_by"]
    bearer = row["resolution"].get(HANDED_IN_BY)
    people = (local.get("author_id"), remote.get("author_id"), decider, bearer)
    names = names_of(connection, {str(person) for person in people})
    is_own = local.get("device") == own
    labels = _labels(connection, row)
    kind, doubled = KINDS.get(row["record_kind"]), row["rule"] == DUPLICATE
    status = status_of(connection, row)
    status = NEWER if kind is None and status in (OPEN, SETTLED) else status
    values = [*local.get("values", {}).values(), *remote.get("values", {}).values(), *told.values()]
    reader = reader_for(connection, row["scope_id"], kind, values)
    twice = tuple(_twice(connection, kind, row, names)) if doubled and kind else ()
    fields = twice or tuple(
        _field(path, dict(row), (local, remote), labels, names, reader) for path in row["paths"]
    )
    writer = "This laptop" if is_own else names.get(str(local.get("author_id")), "Colleague")
    heads = ("Logged second", "Logged first") if doubled else (writer, "Central")
    return ConflictView(
        id=row["id"],
        title=_title(connection, row),
        status=status,
        is_duplicate=doubled,
        is_presence=all(path == DELETED or is_row(path) for path in row["paths"]),
        set_aside=("local" if loser_of(row) == local else "remote") if status == SETTLED and loser_of(row) else "",
        local_label=heads[0],
        remote_label=heads[1],
        fields=fields,
        opened_at=row["opened_at"],
        what_next=_TWICE_NEXT if doubled and status == OPEN else _WHAT_NEXT[status],
        handed_in=_HANDED_IN.format(name=names.get(str(bearer), "somebody")) if bearer else "",
        resolution={
            path: (_SAME if value else _NOT_SAME)
            if doubled and path == DELETED
            else reader.text(labels.question(path), value, path)
            for path, value in told.items()
            if path in row["paths"]
        },
        resolved_by=names.get(str(decider), ""),
        reason=_reason_words(connection, row, str(reason or "")),
        **_remembered(connection, row, labels, store.clock.now()) if status == OPEN else {},
    )  # fmt: skip


def _reason_words(connection: Connection, row: RowMapping, reason: str) -> str:
    """What whoever decided gave as the reason, and, where two records were joined, what of the first does not stand."""
    said, _, aside = reason.partition(SET_ASIDE)
    said = "" if said.startswith(_SAME_AS) else safe_line(said, 300)
    told = _told_aside(aside)
    if not told:
        return said
    reader = reader_for(connection, row["scope_id"], KINDS.get(row["record_kind"]), told.values())
    words = "; ".join(
        f"{Labels().of(path)[0]}: {reader.text(None, value, path)}" for path, value in told.items()
    )
    return f"{f'{said}. ' if said else ''}{safe_line(f'Set aside of the first: {words}', 600)}."


def _told_aside(aside: str) -> dict[str, Json]:
    try:
        told = json.loads(aside)
    except (ValueError, RecursionError):  # somebody's own words
        return {}
    return told if isinstance(told, dict) else {}


def _remembered(connection: Connection, row: RowMapping, labels: Labels, now: datetime) -> dict[str, Any]:
    """What is remembered, and its words."""
    found = remembered(connection, row)
    if found is None:
        return {}
    reader = reader_for(
        connection, row["scope_id"], KINDS.get(row["record_kind"]), list(found.values.values())
    )
    said = [reader.text(labels.question(path), value, path) for path, value in found.values.items()]
    who = names_of(connection, {found.decided_by}).get(found.decided_by, "Somebody")
    when = f" {age_words(found.decided_at, now)}" if found.decided_at else ""
    words = f"Decided before, by {who}{when}: {safe_line('; '.join(said), 200)}"
    return {"remembered": found, "remembered_words": words}


def _twice(
    connection: Connection, kind: Kind, row: RowMapping, names: Mapping[str, str]
) -> Iterator[ConflictField]:
    """The fields of both records beside each other, those that differ first; none if neither has arrived yet."""
    same_as = row["resolution"].get("same_as", "")
    pair = (load(connection, kind, row["scope_id"], key) for key in (row["record_id"], same_as))
    left, right = (one.state.values() if one else {} for one in pair)
    paths = sorted((left.keys() | right.keys()) - {DELETED}, key=lambda p: (left.get(p) == right.get(p), p))
    rules, labels = rules_for(kind), Labels(values={**right, **left}, kind=kind)
    reader = reader_for(connection, row["scope_id"], kind, [*left.values(), *right.values()])
    for path in paths[:TWICE_FIELDS_MAX]:
        local = {**row["local"], "values": {path: left.get(path)}}
        remote = {**row["remote"], "values": {path: right.get(path)}}
        yield _field(
            path, {"base": {}, "rule": rules.of(path).rule.value}, (local, remote), labels, names, reader
        )


def _field(
    path: str, row: Mapping[str, Any], pair: tuple[Mapping[str, Any], Mapping[str, Any]],
    labels: Labels, names: Mapping[str, str], reader: Reader,
) -> ConflictField:  # fmt: skip
    label, question = labels.of(path)
    values = [side.get("values", {}).get(path) for side in pair]
    texts = [reader.text(question, value, path) for value in values]
    long_text = max(map(len, texts)) > LONG_TEXT or any("\n" in text for text in texts)
    spans = differences(*texts)
    sides = [
        SideView(
            text=texts[index],
            raw=values[index],
            who=names.get(str(side.get("author_id")), "Somebody"),
            when=datetime.fromisoformat(side["at"]) if side.get("at") else None,
            device=int(side.get("device") or 0),
            spans=spans[index],
        )
        for index, side in enumerate(pair)
    ]
    base = row["base"].get(path)
    return ConflictField(
        path,
        label,
        RULE_WORDS.get("review" if row["rule"] == "text" else row["rule"], ""),
        "" if is_row(path) else reader.text(question, base, path),
        sides[0],
        sides[1],
        long_text,
        question,
    )
