"""Killed between journal and database while what was refused is mended: the next start goes on with what was typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bravetui.base import fault
from bravetui.db import meta
from bravetui.db.kinds import KINDS
from bravetui.db.records import Stored, load, save_many
from bravetui.db.store import Store
from bravetui.merge.hlc import tick
from bravetui.merge.state import edited
from bravetui.merge.version import Dot
from bravetui.wire.change import Change
from tests.support.laptop import PROJECT, open_store

FAULTY = '{"code": "invalid_field", "field": "location"}'


class Killed(BaseException):
    pass


def refused_and_seen_since(store: Store, verdict: str) -> str:
    """A record whose change was refused; a colleague's word has come in since."""
    with store.write() as writing:
        record = writing.create("violation", PROJECT, {"description": "fence", "location": "lot ?"})
    kind = KINDS["violation"]
    with store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'refused', verdict = ?", (verdict,))
        stored = load(connection, kind, PROJECT, record)
        assert stored is not None
        stamp = tick(meta.get_hlc(connection), 0)
        meta.put(connection, meta.HLC, str(stamp))
        theirs = edited(stored.state, {"rule_code": "5.1"}, Dot(7, 1), stamp)
        save_many(connection, kind, PROJECT, {record: Stored(theirs, 1)})
    return record


def killed_before_commit(store: Store, record: str, values: dict[str, object]) -> None:
    def hook(name: str) -> None:
        if name == "after_journal_before_commit":
            raise Killed

    fault.install(hook)
    try:
        with pytest.raises(Killed), store.write() as writing:
            writing.edit("violation", PROJECT, record, values)  # type: ignore[arg-type]
    finally:
        fault.install(None)
    store.close()


def test_killed_while_mending_the_next_start_shows_what_was_typed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    record = refused_and_seen_since(store, FAULTY)
    killed_before_commit(store, record, {"location": "lot 5"})
    store = open_store(tmp_path)
    with store.read() as connection:
        stored = load(connection, KINDS["violation"], PROJECT, record)
        bodies = connection.exec_driver_sql("SELECT body FROM outbox ORDER BY counter").scalars().all()
    changes = [Change.model_validate_json(body) for body in bodies]
    assert [change.after["location"] for change in changes] == ["lot 5"]
    assert stored is not None
    assert stored.state.values()["location"] == "lot 5"


def test_killed_while_typing_on_the_refused_change_can_still_be_mended(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    record = refused_and_seen_since(store, FAULTY)
    killed_before_commit(store, record, {"description": "fence, 20 ft"})
    store = open_store(tmp_path)
    with store.write() as writing:
        writing.edit("violation", PROJECT, record, {"location": "lot 5"})
    with store.read() as connection:
        rows = connection.exec_driver_sql("SELECT state, body FROM outbox ORDER BY counter").all()
    said = [(row.state, Change.model_validate_json(row.body).after.get("location")) for row in rows]
    assert ("refused", "lot ?") not in said, said
