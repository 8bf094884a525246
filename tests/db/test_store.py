"""The laptop's save path: one transaction, folding, dots that never come back, recovery from the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bravetui.base import fault
from bravetui.base.errors import BadInput, StorageFull
from bravetui.db.device import Base, Outbox, OutboxState
from bravetui.db.kinds import KINDS
from bravetui.db.records import load
from bravetui.db.store import Store
from bravetui.merge.version import Dot
from bravetui.wire.change import Change, Op
from tests.support.laptop import PROJECT, open_store

VIOLATION = KINDS["violation"]


def outbox(store: Store) -> list[Any]:
    """All entries, oldest first."""
    with store.read() as connection:
        return list(connection.execute(select(Outbox.__table__).order_by(Outbox.__table__.c.counter)))  # type: ignore[attr-defined]


def value(store: Store, record_id: str, path: str) -> object:
    """One field of a violation as the tables have it."""
    with store.read() as connection:
        stored = load(connection, VIOLATION, PROJECT, record_id)
    assert stored is not None
    return stored.state.cells[path].value


def new_violation(store: Store, text: str = "fence down") -> str:
    with store.write() as writing:
        return writing.create("violation", PROJECT, {"description": text})


def test_record_and_change_are_written_together(tmp_path: Path) -> None:
    """The change in the outbox says exactly what the row holds."""
    store = open_store(tmp_path)
    record_id = new_violation(store)
    (entry,) = outbox(store)
    change = Change.model_validate_json(entry.body)
    assert value(store, record_id, "description") == "fence down"
    assert change.after["description"] == "fence down"
    assert (change.dot, change.op, entry.hash, entry.state) == (Dot(3, 1), Op.CREATE, change.hash, "pending")


def test_a_failing_edit_leaves_neither_row_nor_change(tmp_path: Path) -> None:
    """All of a transaction, or nothing."""
    store = open_store(tmp_path)
    with pytest.raises(RuntimeError), store.write() as writing:
        record_id = writing.create("violation", PROJECT, {"description": "x"})
        raise RuntimeError
    with store.read() as connection:
        assert load(connection, VIOLATION, PROJECT, record_id) is None
    assert outbox(store) == []
    assert list(store.journal.frames()) == []


def test_typing_folds_into_one_unsent_change(tmp_path: Path) -> None:
    """A hundred autosaves of one record are one entry of the queue, with the first value as what was replaced."""
    store = open_store(tmp_path)
    record_id = new_violation(store)
    for length in range(100):
        with store.write() as writing:
            writing.edit("violation", PROJECT, record_id, {"location": "lot B" + "!" * length})
    (entry,) = outbox(store)
    assert json.loads(entry.body)["after"]["location"] == "lot B" + "!" * 99


def test_a_sent_change_is_never_touched_again(tmp_path: Path) -> None:
    """Once sent, more typing makes a new change that has seen the first."""
    store = open_store(tmp_path)
    record_id = new_violation(store)
    (first,) = outbox(store)
    with store.maintain() as connection:
        connection.execute(Outbox.__table__.update().values(state=OutboxState.SENT))  # type: ignore[attr-defined]
    with store.write() as writing:
        writing.edit("violation", PROJECT, record_id, {"description": "fence up"})
    old, new = outbox(store)
    change = Change.model_validate_json(new.body)
    assert old.body == first.body
    assert change.before == {"description": "fence down"}
    assert change.context.covers([Dot(3, 1)])


def test_an_edit_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    """Opening and leaving a field is no change."""
    store = open_store(tmp_path)
    record_id = new_violation(store)
    with store.write() as writing:
        assert not writing.edit("violation", PROJECT, record_id, {"description": "fence down"})
    assert len(list(store.journal.frames())) == 1


def test_a_decision_is_recorded_even_when_it_keeps_the_value(tmp_path: Path) -> None:
    """Who decided to keep central's value must be known."""
    store = open_store(tmp_path)
    record_id = new_violation(store)
    with store.write() as writing:
        assert writing.edit(
            "violation", PROJECT, record_id, {"description": "fence down"}, op=Op.DECIDE, conflict_id="c"
        )
    assert [json.loads(entry.body)["op"] for entry in outbox(store)] == ["create", "decide"]


def test_input_is_cleaned_before_it_becomes_a_change(tmp_path: Path) -> None:
    """NUL and lone surrogates, which PostgreSQL and UTF-8 cannot hold, never enter the ledger."""
    store = open_store(tmp_path)
    record_id = new_violation(store, "a\x00b\ud800c")
    assert value(store, record_id, "description") == "ab\ufffdc"


def test_an_unknown_record_is_a_sentence_and_not_a_crash(tmp_path: Path) -> None:
    """Editing what is not here says so."""
    store = open_store(tmp_path)
    with pytest.raises(BadInput, match="not on this laptop"), store.write() as writing:
        writing.edit("violation", PROJECT, "nowhere", {"description": "x"})


def test_dots_are_not_reused_after_the_queue_has_been_emptied(tmp_path: Path) -> None:
    """A dot that central knows must never name another change."""
    store = open_store(tmp_path)
    new_violation(store)
    with store.maintain() as connection:
        connection.execute(Outbox.__table__.delete())  # type: ignore[attr-defined]
    store.journal.rewrite([])
    store.close()
    store = open_store(tmp_path)
    new_violation(store)
    assert [entry.counter for entry in outbox(store)] == [2]


def test_dots_go_on_after_the_database_and_journal_were_restored_from_yesterday(tmp_path: Path) -> None:
    """The mark beside the key outlives a restored database, so no dot is minted twice."""
    store = open_store(tmp_path)
    new_violation(store)
    store.close()
    image = {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.startswith("mark")}
    store = open_store(tmp_path)
    for _ in range(5):
        new_violation(store)
    store.close()
    for path in list(tmp_path.iterdir()):
        if not path.name.startswith("mark"):
            path.unlink()
    for name, content in image.items():
        (tmp_path / name).write_bytes(content)
    store = open_store(tmp_path)
    new_violation(store)
    assert [entry.counter for entry in outbox(store)] == [1, 7]


def test_dots_go_on_after_a_crash(tmp_path: Path) -> None:
    """Without a clean close the next counter is past everything that may have been used."""
    store = open_store(tmp_path)
    new_violation(store)
    store.engine.dispose()
    again = open_store(tmp_path)
    new_violation(again)
    first, second = outbox(again)
    assert second.counter > first.counter


@pytest.mark.parametrize("point", ["before_journal", "after_journal_before_commit", "after_commit"])
def test_a_crash_at_any_point_of_a_save_keeps_what_was_saved_before(tmp_path: Path, point: str) -> None:
    """And once the journal has it, the change itself survives too."""
    store = open_store(tmp_path)
    record_id = new_violation(store, "before")

    def crash(name: str) -> None:
        if name == point:
            raise RuntimeError(point)

    fault.install(crash)
    try:
        with pytest.raises(RuntimeError), store.write() as writing:
            writing.edit("violation", PROJECT, record_id, {"description": "after"})
    finally:
        fault.install(None)
    store.engine.dispose()
    again = open_store(tmp_path)
    expected = "before" if point == "before_journal" else "after"
    assert value(again, record_id, "description") == expected


def test_a_lost_database_comes_back_from_the_journal(tmp_path: Path) -> None:
    """Everything that central has not confirmed is in the second copy."""
    store = open_store(tmp_path)
    ids = [new_violation(store, f"finding {n}") for n in range(10)]
    store.close()
    for path in tmp_path.glob("site.db*"):
        path.unlink()
    again = open_store(tmp_path)
    assert [value(again, record_id, "description") for record_id in ids] == [
        f"finding {n}" for n in range(10)
    ]
    assert len(outbox(again)) == 10


def test_a_full_disk_gives_up_the_ballast_and_the_next_save_goes_through(tmp_path: Path) -> None:
    """The reserve is there for exactly this moment."""
    store = open_store(tmp_path)
    store.ballast.reserve()

    def full(name: str) -> None:
        if name == "before_journal":
            raise StorageFull("The disk is full.")

    fault.install(full)
    try:
        with pytest.raises(StorageFull, match="save again"):
            new_violation(store)
    finally:
        fault.install(None)
    assert not store.ballast.is_reserved
    new_violation(store)
    assert len(outbox(store)) == 1


def test_the_base_is_what_both_sides_last_agreed_on(tmp_path: Path) -> None:
    """Later unsent edits do not move it."""
    store = open_store(tmp_path)
    record_id = new_violation(store, "one")
    with store.write() as writing:
        writing.edit("violation", PROJECT, record_id, {"description": "two"})
    with store.read() as connection:
        (row,) = connection.execute(select(Base.__table__))  # type: ignore[attr-defined]
    assert row.agreed == {}


def test_fields_of_a_group_travel_together(tmp_path: Path) -> None:
    """Touching one member sends them all, so that no merge can mix two people's readings."""
    store = open_store(tmp_path)
    with store.write() as writing:
        event = writing.create(
            "weather_event", PROJECT, {"rain_hundredths": 30, "source": "gauge", "station": "trailer"}
        )
    with store.maintain() as connection:
        connection.execute(Outbox.__table__.update().values(state=OutboxState.SENT))  # type: ignore[attr-defined]
    with store.write() as writing:
        writing.edit("weather_event", PROJECT, event, {"rain_hundredths": 31})
    change = Change.model_validate_json(outbox(store)[-1].body)
    assert change.after == {"rain_hundredths": 31, "source": "gauge", "station": "trailer"}


TEXT = st.text(max_size=30)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=6), clean_close=st.booleans(), lose_database=st.booleans())
def test_whatever_is_typed_is_there_after_any_restart(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], clean_close: bool, lose_database: bool
) -> None:
    """Any texts, any way of stopping, database lost or not: the last text saved is the text found."""
    folder = tmp_path_factory.mktemp("laptop")
    store = open_store(folder)
    record_id = new_violation(store, "start")
    for text in texts:
        with store.write() as writing:
            writing.edit("violation", PROJECT, record_id, {"description": text})
    expected = value(store, record_id, "description")
    if clean_close:
        store.close()
    else:
        store.engine.dispose()
    if lose_database:
        for path in folder.glob("site.db*"):
            path.unlink()
    again = open_store(folder)
    assert value(again, record_id, "description") == expected
    again.close()


def test_a_damaged_journal_is_made_whole_again_at_the_next_start(tmp_path: Path) -> None:
    """One damaged file loses nothing, and the second copy is a second copy again."""
    store = open_store(tmp_path)
    record_id = new_violation(store)
    new_violation(store)
    store.close()
    journal = bytearray((tmp_path / "journal").read_bytes())
    journal[len(journal) // 2] ^= 1
    (tmp_path / "journal").write_bytes(journal)
    open_store(tmp_path).close()
    for path in tmp_path.glob("site.db*"):
        path.unlink()
    again = open_store(tmp_path)
    assert value(again, record_id, "description") == "fence down"
    assert len(outbox(again)) == 2
