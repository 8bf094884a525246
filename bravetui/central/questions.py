"""Conflicts as records: what is written when one opens, or when a rule decides it, and which a change closes. Pure.

A conflict never blocks an upload: both values are kept, one of them stands for now, and a person decides, in the truck
or in the office. The decision is a change that has seen both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bravetui.base.canonical import Json, canonical_bytes, sha256_hex
from bravetui.db.kinds import SAME_TIME
from bravetui.db.tables.conflict import DUPLICATE, OPEN, RESOLVED, SETTLED, SIGNED
from bravetui.db.values import to_cell
from bravetui.merge.join import Side
from bravetui.merge.record import Conflict
from bravetui.merge.state import DELETED, Cell, RecordState, is_row
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Change


@dataclass(frozen=True, slots=True)
class Author:
    """Who made a change, and when by his own clock."""

    author_id: str
    at: datetime
    device: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A conflict to be written."""

    conflict_id: str
    values: Mapping[str, Json]


def duplicate(
    target: tuple[str, str], same_as: str, dot: Dot, authors: tuple[Author, Author], now: datetime
) -> Opening:
    """The question whether the record `target` (kind, id), which has just come, is the same thing as `same_as`.

    Its one path is the newcomer's tombstone: deciding says whether it stays beside the other or is joined into it. `authors`
    are those of the newcomer and of the other.
    """
    sides = {
        name: {
            "values": {DELETED: gone}, "dots": dots, "author_id": author.author_id, "at": to_cell(author.at),
            "device": author.device,
        }
        for name, gone, dots, author in (
            ("local", False, [str(dot)], authors[0]),
            ("remote", True, [], authors[1]),
        )
    }  # fmt: skip
    values: dict[str, Json] = {
        "record_kind": target[0], "record_id": target[1], "paths": [DELETED], "rule": DUPLICATE, "base": {}, **sides,
        "provisional": {DELETED: False}, "status": OPEN, "resolution": {"same_as": same_as}, "opened_at": to_cell(now),
    }  # fmt: skip
    return Opening(duplicate_id(*target, same_as), values)


def duplicate_id(kind: str, record_id: str, same_as: str) -> str:
    """The same id for the same pair, whichever of the two came second."""
    first, second = sorted((record_id, same_as))
    return conflict_id((kind, first), [DUPLICATE, second], [])


def alike(left: Mapping[str, Json], right: Mapping[str, Json], key: Sequence[str]) -> bool:
    """Whether two records of one kind may be the same thing: their natural keys say the same, times within `SAME_TIME`."""
    return bool(key) and all(_same(left.get(name), right.get(name)) for name in key)


def _same(left: Json, right: Json) -> bool:
    if left in (None, "") or right in (None, ""):
        return False
    times = [_moment(value) for value in (left, right)]
    if times[0] is not None and times[1] is not None:
        return abs(times[0] - times[1]) <= SAME_TIME
    return str(left).strip().lower() == str(right).strip().lower()


def _moment(value: Json) -> datetime | None:
    """A time with its zone; None for anything else, a date included."""
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else None


def dots_of(conflict: Conflict, merged: RecordState) -> tuple[frozenset[Dot], frozenset[Dot]]:
    """The dots of the two sides.

    A side without a cell at the paths, since it edited inside what the other removed, is known by what the joined cell
    carries besides.
    """
    joined = {dot for path in conflict.paths for dot in merged.cells[path].dots}
    local, remote = (_dots(side.values()) for side in (conflict.local, conflict.remote))
    return frozenset(local or joined - remote), frozenset(remote or joined - local)


def _dots(cells: Iterable[Cell]) -> set[Dot]:
    return {dot for cell in cells for dot in cell.dots}


def opening(
    target: tuple[str, str],
    conflict: Conflict,
    merged: RecordState,
    authors: tuple[Author, Author],
    now: datetime,
    loser: Side | None = None,
    rule: str | None = None,
) -> Opening:
    """The conflict record for `target` (kind, record id); `authors` are those of the local and the remote side.

    `loser` is the side whose values a rule has set aside already; None leaves it to a person. `rule` says why it is asked
    where it is not by the field's own.
    """
    local, remote = dots_of(conflict, merged)
    values: dict[str, Json] = {
        "record_kind": target[0],
        "record_id": target[1],
        "paths": list(conflict.paths),
        "rule": rule or conflict.rule.value,
        "base": dict(conflict.base),
        "local": _side(conflict.paths, conflict.local, local, authors[0]),
        "remote": _side(conflict.paths, conflict.remote, remote, authors[1]),
        "provisional": {path: merged.cells[path].value for path in conflict.paths},
        "status": OPEN if loser is None else SETTLED,
        "resolution": {} if loser is None else {"set_aside": loser.value},
        "opened_at": to_cell(now),
    }
    return Opening(conflict_id(target, conflict.paths, local | remote, rule), values)


def conflict_id(
    target: tuple[str, str], paths: Iterable[str], dots: Iterable[Dot], rule: str | None = None
) -> str:
    """The same id for the same question, whoever asks it: derived from record, paths and dots, laid out as a UUID. What was
    signed may be asked about where the same two were asked about before."""
    told: list[Json] = [*target, sorted(paths), [str(dot) for dot in sorted(dots)]]
    told += [SIGNED] if rule == SIGNED else []
    return str(UUID(hex=sha256_hex(canonical_bytes(told))[:32], version=5))


def _side(
    paths: Iterable[str], cells: Mapping[str, Cell], dots: frozenset[Dot], author: Author
) -> dict[str, Json]:
    untouched: dict[str, Json] = {path: _untouched(path) for path in paths if path not in cells}
    return {
        "values": {**untouched, **{path: cell.value for path, cell in cells.items()}},
        "dots": [str(dot) for dot in sorted(dots)],
        "author_id": author.author_id,
        "at": to_cell(author.at),
        "device": author.device,
    }


def _untouched(path: str) -> Json:
    """What a side says that set no cell there: whoever wrote inside what another removed lets it stand."""
    if path == DELETED:
        return False
    return 0 if is_row(path) else None


def settles(
    change: Change, seen: VersionVector, question_id: str, question: Mapping[str, Json], record: RecordState
) -> bool:
    """Whether the change decides an open conflict: its author had seen both values and set every field in question. About
    what was signed nobody decides by typing on, unless he knows how the report stands; nor about two records by saying of
    one that it stays, since that may be because a third is the same.

    `seen` is the author's context as central accepts it. A restored central knows nothing of dots that it has lost: whoever
    has seen what stands in their place in `record` has seen the question, which came with it.
    """
    paths, dots, is_named = question["paths"], _asked_of(question), change.conflict_id == question_id
    assert isinstance(paths, list)
    if question["rule"] == DUPLICATE and not is_named and change.after.get(DELETED) is False:
        return False
    known = {dot for dot in dots if record.version.covers([dot])}
    if question["rule"] == SIGNED and not is_named and "status" in record.cells:
        known.update(record.cells["status"].dots)
    if not known >= dots:
        known.update(dot for path in paths if path in record.cells for dot in record.cells[str(path)].dots)
    return set(paths) <= change.after.keys() and seen.covers(known)


def is_asked_anew(
    change: Change, seen: VersionVector, question: Mapping[str, Json], conflicts: Iterable[Conflict], merged: RecordState
) -> bool:  # fmt: skip
    """Whether one of these conflicts takes an open question's place: a person has decided against the one side of it, and
    the other, which he had not seen, is held against his word."""
    paths, unseen = question["paths"], {dot for dot in _asked_of(question) if not seen.covers([dot])}
    assert isinstance(paths, list)
    decides = change.conflict_id is not None and set(paths) <= change.after.keys()
    return decides and any(
        set(one.paths) == set(paths) and dots_of(one, merged)[1] == unseen for one in conflicts
    )


def _asked_of(question: Mapping[str, Json]) -> set[Dot]:
    sides = (question["local"], question["remote"])
    return {Dot.parse(str(dot)) for side in sides if isinstance(side, Mapping) for dot in side["dots"]}  # type: ignore[union-attr]


def closing(change: Change, question: Mapping[str, Json], now: datetime) -> dict[str, Json]:
    """What to write into a conflict that the change decides."""
    paths = question["paths"]
    assert isinstance(paths, list)
    decided: dict[str, Json] = {str(path): change.after[str(path)] for path in paths}
    return {
        "status": RESOLVED,
        "resolved_at": to_cell(now),
        "resolved_by": change.author_id,
        "resolution": {"values": decided, "reason": change.reason, **_same_as(question)},
    }


def _same_as(question: Mapping[str, Json]) -> dict[str, Json]:
    """Of a duplicate: which record was there before. The question's id follows from it."""
    told = question["resolution"]
    return {"same_as": told["same_as"]} if isinstance(told, Mapping) and "same_as" in told else {}


def answer_of(there: Mapping[str, Json], told: Mapping[str, Json]) -> dict[str, Json]:
    """What to write into a question that is put again, and had been decided. Of two records the other may have come second
    this time: then it is about the other one, and the whole of it is as it was decided."""
    if there["record_id"] != told["record_id"]:
        return dict(told)
    return {
        name: told[name] for name in ("status", "resolved_at", "resolved_by", "resolution") if name in told
    }
