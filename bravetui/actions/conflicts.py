"""Settling a conflict: a change that has seen both values. It is made offline like any other, and decided once."""

from __future__ import annotations

from collections.abc import Mapping

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.db.kinds import KINDS
from bravetui.db.records import load
from bravetui.db.store import Changed, Store
from bravetui.db.tables.conflict import RESOLVED
from bravetui.wire.change import Op


def decide(
    store: Store, scope_id: str, conflict_id: str, values: Mapping[str, Json], reason: str | None = None
) -> Changed:
    """Let `values` (by path, for every path of the conflict) stand. Raises BadInput if somebody decided it already."""
    with store.write() as writing:
        conflict = load(writing.connection, KINDS["conflict"], scope_id, conflict_id)
        if conflict is None:
            raise BadInput("This conflict is not on this laptop.", "Go back and open it from the list.")
        told = conflict.state.values()
        if told.get("status") == RESOLVED:
            raise BadInput("Somebody has decided this already.", "Go back: the list shows what was decided.")
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
