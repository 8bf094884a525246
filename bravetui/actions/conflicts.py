"""Settling a conflict: a change that has seen both values. It is made offline like any other, and decided once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select

from bravetui.base.canonical import Json, canonical_bytes
from bravetui.base.errors import BadInput
from bravetui.db.kinds import KINDS, Kind, kind_of, rules_for
from bravetui.db.outbox import decided_here
from bravetui.db.records import children_of, load
from bravetui.db.store import Changed, Store
from bravetui.db.tables.conflict import DUPLICATE, OPEN, RESOLVED, SET_ASIDE
from bravetui.db.writing import Writing
from bravetui.merge.record import merge
from bravetui.merge.rules import Rules
from bravetui.merge.state import DELETED, RecordState, alike, is_row
from bravetui.merge.version import Dot, VersionVector
from bravetui.wire.change import Op

_conflict = KINDS["conflict"].table


@dataclass(frozen=True, slots=True)
class Joined:
    """What joining two records did."""

    records: frozenset[tuple[str, str]]
    apart: Mapping[str, Json]
    """Fields in which they differ, by path, each with the value that does not stand."""


def join(store: Store, scope_id: str, conflict_id: str, reason: str | None = None) -> Joined:
    """Say that two records are one thing: the newer one's values go into the older, each by its field's rule, what refers
    to it refers to the older from now on, and it leaves a tombstone. Where the older was joined into another, that stands
    for it. Raises BadInput as `decide` does, where the older was removed, and while a field of one of the two is in
    dispute: what stands there nobody has decided."""
    with store.write() as writing:
        told = _undecided(writing, scope_id, conflict_id)
        kind, record_id = kind_of(str(told["record_kind"])), str(told["record_id"])
        resolution = told["resolution"]
        assert isinstance(resolution, Mapping)
        kept_id = _standing(writing.connection, kind, scope_id, str(resolution["same_as"]))
        newer, kept = _pair(writing.connection, kind, scope_id, (record_id, kept_id))
        leads = _has_form(writing.connection, scope_id, newer)
        if leads and _has_form(writing.connection, scope_id, kept):
            raise BadInput(
                "Each of the two has a form of its own.", "Discard the one that is not needed, or keep both."
            )
        values, apart = joined(newer, kept, rules_for(kind), leads=leads)
        # It says that this one stays, even where the other adds nothing: to whoever has removed it meanwhile, too.
        writing.edit(kind.name, scope_id, kept_id, {**values, DELETED: False}, op=Op.DECIDE)
        for child_kind, child_id, column in children_of(writing.connection, kind, scope_id, record_id):
            writing.edit(child_kind, scope_id, child_id, {column: kept_id})
        writing.edit(
            kind.name, scope_id, record_id, {DELETED: True}, op=Op.DECIDE, conflict_id=conflict_id,
            reason=(reason or f"The same as {kept_id}") + _set_aside(values, apart),
        )  # fmt: skip
    return Joined(frozenset({*writing.touched, ("conflict", conflict_id)}), apart)


def _standing(connection: Connection, kind: Kind, scope_id: str, record_id: str) -> str:
    """The record that this one was joined into, and that again; itself where it was not."""
    passed = {record_id}
    while (into := _joined_into(connection, kind, scope_id, record_id)) is not None and into not in passed:
        passed.add(into)
        record_id = into
    return record_id


def _joined_into(connection: Connection, kind: Kind, scope_id: str, record_id: str) -> str | None:
    stored = load(connection, kind, scope_id, record_id)
    if stored is None or not _is_removed(stored.state):
        return None
    for row in _asked_about(connection, kind, scope_id, record_id):
        here, resolution = decided_here(connection, scope_id, record_id, row["id"]), row["resolution"]
        told = here.after if here else resolution.get("values", {})
        if row["rule"] == DUPLICATE and told.get(DELETED) is True:
            return str(resolution["same_as"])
    return None


def _asked_about(connection: Connection, kind: Kind, scope_id: str, record_id: str) -> Sequence[RowMapping]:
    """Every question about a record, whatever became of it."""
    query = select(_conflict).where(
        _conflict.c.scope_id == scope_id,
        _conflict.c.record_kind == kind.name,
        _conflict.c.record_id == record_id,
        _conflict.c.deleted.is_(False),
    )
    return connection.execute(query.order_by(_conflict.c.id)).mappings().all()


def _pair(
    connection: Connection, kind: Kind, scope_id: str, ids: tuple[str, str]
) -> tuple[RecordState, RecordState]:
    """Two records that can be made one. Raises BadInput where they cannot."""
    if ids[0] == ids[1]:
        raise BadInput(
            "They are one already: the first was joined into the second.",
            "Keep both: that closes the question.",
        )
    newer, kept = (load(connection, kind, scope_id, record_id) for record_id in ids)
    if newer is None or kept is None:
        raise BadInput("One of the two records is not on this laptop.", "Sync, then try again.")
    if _is_removed(kept.state):
        raise BadInput("The first of the two was removed meanwhile.", "Keep both: then the second stays.")
    for which, record_id in zip(("second", "first"), ids, strict=True):
        _refuse_in_dispute(connection, kind, scope_id, record_id, which)
    return newer.state, kept.state


def _refuse_in_dispute(connection: Connection, kind: Kind, scope_id: str, record_id: str, which: str) -> None:
    for row in _asked_about(connection, kind, scope_id, record_id):
        is_open = row["status"] == OPEN and not decided_here(connection, scope_id, record_id, row["id"])
        if is_open and row["rule"] != DUPLICATE:
            raise BadInput(
                f"A field of the {which} of the two is in dispute.",
                "Decide that in the list of conflicts (F7), then join them.",
            )


def _is_removed(state: RecordState) -> bool:
    return DELETED in state.cells and state.cells[DELETED].value is True


def keep_both(store: Store, scope_id: str, conflict_id: str, reason: str | None = None) -> Changed:
    """Say that two records are two things. Raises BadInput as `decide` does."""
    return decide(store, scope_id, conflict_id, {DELETED: False}, reason)


def joined(
    newer: RecordState, kept: RecordState, rules: Rules, *, leads: bool = False
) -> tuple[dict[str, Json], dict[str, Json]]:
    """What to write into `kept` so that it says what both say, and what of either does not stand, by path. Where no rule can
    join them, or the rule asks for central's, `kept` stands, or the newer one if it `leads`."""
    second, first = _by_itself(newer, 1), _by_itself(kept, 2)
    merged = merge({}, *((first, second) if leads else (second, first)), rules)
    says, now = merged.record.values(), kept.values()
    apart = {one.path: one.cell.value for one in merged.superseded}
    for conflict in merged.conflicts:
        for path in (path for path in conflict.paths if not is_row(path)):
            # Not by the one's station what fell by the other's gauge: of a group nothing is borrowed.
            stands = conflict.remote[path].value if path in conflict.remote else now.get(path)
            says[path] = stands
            if path in conflict.local and not alike(conflict.local[path].value, stands):
                apart[path] = conflict.local[path].value
    values = {
        path: value
        for path, value in says.items()
        if not alike(now.get(path), value) or (path not in now and is_row(path))
    }
    return values, apart


def _set_aside(values: Mapping[str, Json], apart: Mapping[str, Json]) -> str:
    """What the older record said before these values, for whoever reads why; what the newer one said is in it still."""
    over: dict[str, Json] = {path: apart[path] for path in sorted(apart.keys() & values.keys())}
    return SET_ASIDE + canonical_bytes(over).decode() if over else ""


def _has_form(connection: Connection, scope_id: str, record: RecordState) -> bool:
    """Whether it is an inspection with a form that was not discarded."""
    form_id = record.values().get("submission_id")
    form = load(connection, KINDS["submission"], scope_id, str(form_id)) if form_id else None
    return form is not None and not _is_removed(form.state)


def _by_itself(record: RecordState, device: int) -> RecordState:
    """What a record says, as of a device of its own: whoever wrote both had not, by that, seen in the one what the other
    says. What is empty was left to the other."""
    dot = Dot(device, 1)
    cells = {
        path: cell._replace(dots=(dot,))
        for path, cell in record.cells.items()
        if path != DELETED and (is_row(path) or cell.value not in (None, ""))
    }
    return RecordState(cells, VersionVector({device: 1}))


def decide(
    store: Store, scope_id: str, conflict_id: str, values: Mapping[str, Json], reason: str | None = None
) -> Changed:
    """Let `values` (by path, for every path of the conflict) stand. Raises BadInput if somebody decided it already."""
    with store.write() as writing:
        told = _undecided(writing, scope_id, conflict_id)
        paths = told["paths"]
        assert isinstance(paths, list)
        missing = [path for path in paths if path not in values]
        if missing:
            raise BadInput(
                "Not every field has been decided.", "Choose a side, or write a value, for each of them."
            )
        decided = {path: values[path] for path in paths}
        writing.edit(
            str(told["record_kind"]), scope_id, str(told["record_id"]), decided,
            op=Op.DECIDE, reason=reason or None, conflict_id=conflict_id,
        )  # fmt: skip
    return Changed(frozenset({*writing.touched, ("conflict", conflict_id)}))


def _undecided(writing: Writing, scope_id: str, conflict_id: str) -> dict[str, Json]:
    conflict = load(writing.connection, KINDS["conflict"], scope_id, conflict_id)
    if conflict is None:
        raise BadInput("This conflict is not on this laptop.", "Go back and open it from the list.")
    told = conflict.state.values()
    if told.get("status") == RESOLVED:
        raise BadInput("Somebody has decided this already.", "Go back: the list shows what was decided.")
    return told
