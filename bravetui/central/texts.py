"""Makes changes whole that came with long texts as edits: finds the texts that these were made on.

Mostly that is what the record says now; for somebody who was away while others wrote, what it said once, in the ledger; for
a second change of one request, what the first left. What is not found is asked for in full (`UnknownText`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic_core import from_json
from sqlalchemy import Connection, bindparam, select

from bravetui.base.canonical import Json
from bravetui.central.access import Access
from bravetui.central.incoming import Incoming
from bravetui.central.shelf import Target
from bravetui.central.tables import LEDGER
from bravetui.db.kinds import KINDS
from bravetui.db.records import load_many
from bravetui.wire.change import Change
from bravetui.wire.texts import name_of, unfolded

_SAID = select(LEDGER.c.record_id, LEDGER.c.body).where(
    LEDGER.c.scope_id == bindparam("scope"),
    LEDGER.c.kind == bindparam("of"),
    LEDGER.c.record_id.in_(bindparam("ids", expanding=True)),
)


def made_whole(connection: Connection, access: Access, incoming: Incoming) -> Incoming:
    """All changes as they were written. Raises UnknownText where central lacks a text, or may not show that it has it."""
    edited = [change for change in incoming.edited if change.scope_id in access.scopes]
    if not incoming.edited:
        return incoming
    known = _Texts()
    known.read_records(connection, edited)
    known.read_ledger(connection, [change for change in edited if not known.has_all(change)])

    def make(change: Change) -> Change:
        written = unfolded(change, lambda path, name: known.find(change, path, name))
        known.learn(target_of(written), written.after)
        return written

    return incoming.with_whole(make)


def target_of(change: Change) -> Target:
    """The record that a change is about."""
    return (change.scope_id, change.kind, change.record_id)


class _Texts:
    """Texts by record, path and name."""

    def __init__(self) -> None:
        self._found: dict[tuple[Target, str, str], str] = {}

    def find(self, change: Change, path: str, name: str) -> str | None:
        return self._found.get((target_of(change), path, name))

    def has_all(self, change: Change) -> bool:
        return all(self.find(change, path, edit.base) is not None for path, edit in change.edits.items())

    def learn(self, target: Target, values: Mapping[str, Json]) -> None:
        for path, value in values.items():
            if isinstance(value, str):
                self._found[target, path, name_of(value)] = value

    def read_records(self, connection: Connection, changes: Iterable[Change]) -> None:
        """What the records say now."""
        groups: dict[tuple[str, str], set[str]] = {}
        for change in changes:
            if change.kind in KINDS:
                groups.setdefault((change.scope_id, change.kind), set()).add(change.record_id)
        for (scope_id, kind), ids in groups.items():
            for record_id, stored in load_many(connection, KINDS[kind], scope_id, sorted(ids)).items():
                self.learn((scope_id, kind, record_id), stored.state.values())

    def read_ledger(self, connection: Connection, changes: Iterable[Change]) -> None:
        """What the records have said since they began."""
        groups: dict[tuple[str, str], set[str]] = {}
        for scope_id, kind, record_id in map(target_of, changes):
            groups.setdefault((scope_id, kind), set()).add(record_id)
        for (scope_id, kind), ids in groups.items():
            asked = {"scope": scope_id, "of": kind, "ids": sorted(ids)}
            for record_id, body in connection.execute(_SAID, asked):
                told = from_json(body)
                self.learn((scope_id, kind, record_id), told.get("before", {}))
                self.learn((scope_id, kind, record_id), told["after"])
