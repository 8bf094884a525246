"""What a start makes of database and journal where the two do not agree."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from bravetui.base import fault
from bravetui.base.errors import StorageFull
from bravetui.db.frames import HEAD_BYTES
from bravetui.db.recover import compact, recover, to_put_back
from bravetui.db.store import Store
from bravetui.wire.change import Change
from tests.support.laptop import PROJECT, open_store


def type_text(store: Store, text: str, record_id: str | None = None) -> str:
    """Save a description, of a new record unless one is named."""
    with store.write() as writing:
        if record_id is None:
            return writing.create("violation", PROJECT, {"description": text})
        writing.edit("violation", PROJECT, record_id, {"description": text})
    return record_id


def bodies(store: Store) -> list[Change]:
    """The outbox, oldest first."""
    with store.read() as connection:
        rows = connection.exec_driver_sql("SELECT body FROM outbox ORDER BY counter").scalars()
        return [Change.model_validate_json(body) for body in rows]


def test_a_journal_without_its_end_does_not_take_back_what_was_typed_last(tmp_path: Path) -> None:
    """The journal then has the change as it was before more was typed, and the database is right."""
    store = open_store(tmp_path)
    record_id = type_text(store, "fence")
    short = store.journal.size_bytes
    type_text(store, "fence down by gate 3", record_id)
    store.close()
    (tmp_path / "journal").write_bytes((tmp_path / "journal").read_bytes()[:short])
    again = open_store(tmp_path)
    (change,) = bodies(again)
    assert change.after["description"] == "fence down by gate 3"
    (frame,) = again.journal.frames()
    assert b"gate 3" in frame


def test_what_only_the_database_had_is_counted(tmp_path: Path) -> None:
    """A journal that lost its end is made whole, and a person can be told."""
    store = open_store(tmp_path)
    type_text(store, "fence")
    (tmp_path / "journal").write_bytes((tmp_path / "journal").read_bytes()[:HEAD_BYTES])
    assert recover(store).missing == 1
    assert recover(store).missing == 0


def test_what_only_the_journal_has_is_counted_without_putting_it_back(tmp_path: Path) -> None:
    """For a disk that has no room for that."""
    store = open_store(tmp_path)
    record_id = type_text(store, "fence")

    def refuse(point: str) -> None:
        if point == "after_journal_before_commit":
            raise StorageFull("The disk is full.")

    fault.install(refuse)
    try:
        with pytest.raises(StorageFull):
            type_text(store, "gate", record_id)
    finally:
        fault.install(None)
    assert [to_put_back(store), recover(store).replayed, to_put_back(store)] == [1, 1, 0]


def test_typing_after_a_start_leaves_alone_what_may_have_been_sent_before_it(tmp_path: Path) -> None:
    """That a change was sent is only in the database, whose last commits damage can take away."""
    store = open_store(tmp_path)
    record_id = type_text(store, "fence")
    store.close()
    again = open_store(tmp_path)
    type_text(again, "fence down", record_id)
    type_text(again, "fence down again", record_id)
    assert [change.after["description"] for change in bodies(again)] == ["fence", "fence down again"]


@pytest.mark.parametrize("spoil", ["the frame before it", "the database's only"])
def test_a_journal_made_whole_again_keeps_what_central_has_confirmed(tmp_path: Path, spoil: str) -> None:
    """It may be the last copy of it, once central and this database have both been put back to before it."""
    store = open_store(tmp_path)
    type_text(store, "first")
    first_end = store.journal.size_bytes
    confirmed = type_text(store, "confirmed")
    type_text(store, "not sent")
    with store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'confirmed' WHERE record_id = ?", (confirmed,))
    store.close()
    data = (tmp_path / "journal").read_bytes()
    if spoil == "the frame before it":
        data = data[: first_end - 5] + bytes([data[first_end - 5] ^ 1]) + data[first_end - 4 :]
    else:
        data = data[:HEAD_BYTES]
    (tmp_path / "journal").write_bytes(data)
    open_store(tmp_path).close()
    (tmp_path / "site.db").unlink()
    assert "confirmed" in [change.after["description"] for change in bodies(open_store(tmp_path))]


def test_a_counter_in_the_journal_is_spent_even_if_the_save_failed(tmp_path: Path) -> None:
    """Otherwise one dot would name two changes in it."""
    store = open_store(tmp_path)

    def refuse(point: str) -> None:
        if point == "after_journal_before_commit":
            raise StorageFull("The disk is full.")

    fault.install(refuse)
    try:
        with pytest.raises(StorageFull):
            type_text(store, "one")
    finally:
        fault.install(None)
    type_text(store, "two")
    dots = [Change.model_validate_json(frame).dot for frame in store.journal.frames()]
    assert len(dots) == len(set(dots)) == 2


def test_what_cannot_be_put_back_yet_still_counts_in_a_journal_that_is_written_anew(tmp_path: Path) -> None:
    """Its record does not read back: the database's older word must not take the place of the journal's later one."""
    store = open_store(tmp_path)
    record_id = type_text(store, "fence")
    with store.read() as connection:
        before = connection.exec_driver_sql("SELECT body FROM outbox").scalar_one()
    type_text(store, "fence down by gate 3", record_id)
    with store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET body = ?", (before,))
        connection.exec_driver_sql("UPDATE violation SET stamps = 'no stamps'")
    assert recover(store).unreadable == 1
    frames = [Change.model_validate_json(frame) for frame in store.journal.frames()]
    assert frames[-1].after["description"] == "fence down by gate 3"


@pytest.mark.parametrize(
    "lost", ["UPDATE outbox SET body = :older WHERE state = 'pending'", "DELETE FROM outbox"]
)
def test_what_waits_in_the_journal_is_in_it_after_it_was_made_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """The database's last save is gone and the record does not read back: the frame is the one place that has the words."""
    store = open_store(tmp_path)
    record_id = type_text(store, "fence")
    older = bodies(store)[0]
    type_text(store, "fence down by gate 3", record_id)
    with store.maintain() as connection:
        connection.execute(text(lost), {"older": older.model_dump_json()} if "older" in lost else {})
        connection.exec_driver_sql("UPDATE violation SET stamps = 'no stamps'")
    assert recover(store).unreadable == 1
    settled = type_text(store, "settled " * 5000)
    with store.maintain() as connection:
        connection.exec_driver_sql(f"UPDATE outbox SET state = 'confirmed' WHERE record_id = '{settled}'")
    monkeypatch.setattr("bravetui.db.recover.JOURNAL_BYTES_MAX", 1)
    assert compact(store)
    last = [Change.model_validate_json(frame) for frame in store.journal.frames()][-1]
    assert last.after["description"] == "fence down by gate 3"
    assert recover(store).unreadable == 1
