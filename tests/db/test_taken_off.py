"""What was taken off the queue, since another change says it, does not come back: not with a database from before, nor with
a card from before, nor from a journal that was made smaller."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bravetui.db.ballast import Ballast
from bravetui.db.journal import Journal
from bravetui.db.mirror import MIRRORED_JOURNAL, heal
from bravetui.db.recover import compact, recover
from bravetui.db.store import Store
from bravetui.db.unconfirmed import gather
from tests.support.laptop import KEY, MORNING, PROJECT, open_store

FAULTY = '{"code": "invalid_field", "field": "location"}'


def said(store: Store) -> list[tuple[str, str]]:
    """State and location of all that is queued about the record, oldest first."""
    with store.read() as connection:
        query = (
            "SELECT state, body ->> '$.after.location' FROM outbox WHERE kind = 'violation' ORDER BY counter"
        )
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def mended(store: Store, record: str) -> None:
    with store.write() as writing:
        writing.edit("violation", PROJECT, record, {"location": "lot 5"})


def made_smaller(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something large was handed in, and the journal is written anew without it."""
    with store.write() as writing:
        settled = writing.create("delivery", PROJECT, {"supplier": "settled " * 9, "notes": "long " * 1000})
    with store.maintain() as connection:
        connection.exec_driver_sql(f"UPDATE outbox SET state = 'confirmed' WHERE record_id = '{settled}'")
    monkeypatch.setattr("bravetui.db.recover.JOURNAL_BYTES_MAX", 1)
    assert compact(store)


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A laptop on which a change was refused."""
    folder = tmp_path / "laptop"
    folder.mkdir()
    store = open_store(folder)
    with store.write() as writing:
        writing.create("violation", PROJECT, {"description": "fence", "location": "lot ?"})
    with store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'refused', verdict = ?", (FAULTY,))
    store.close()
    return folder


def record_of(store: Store) -> str:
    with store.read() as connection:
        return str(connection.exec_driver_sql("SELECT id FROM violation").scalar_one())


def test_a_database_from_before_does_not_send_it_beside_what_says_it_now(
    before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(before / "site.db", tmp_path / "from before")
    store = open_store(before)
    mended(store, record_of(store))
    made_smaller(store, monkeypatch)
    store.close()
    for left in before.glob("site.db*"):
        left.unlink()
    shutil.copy(tmp_path / "from before", before / "site.db")
    leaves = gather(before / "site.db", before / "journal", KEY, Ballast(before / "ballast", 0), MORNING)
    assert [change.after.get("location") for change in leaves.changes] == ["lot 5"]
    assert said(open_store(before)) == [("sent", "lot 5")]


def test_a_card_from_before_gives_it_not_back_to_a_journal_that_says_so(
    before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else in the journal is at central, and the database is lost too."""
    card = tmp_path / "card"
    card.mkdir()
    shutil.copy(before / "journal", card / MIRRORED_JOURNAL)
    store = open_store(before)
    mended(store, record_of(store))
    with store.maintain() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'confirmed'")
    made_smaller(store, monkeypatch)
    store.close()
    journal = Journal.open(before / "journal", KEY)
    heal(journal, card, KEY)
    for left in before.glob("site.db*"):
        left.unlink()
    assert said(open_store(before)) == []


def test_a_journal_made_smaller_twice_still_says_so_and_gives_back_what_says_it_now(
    before: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(before)
    mended(store, record_of(store))
    for _ in range(2):
        made_smaller(store, monkeypatch)
    assert recover(store).replayed == 0
    store.close()
    for left in before.glob("site.db*"):
        left.unlink()
    assert said(open_store(before)) == [("sent", "lot 5")]
