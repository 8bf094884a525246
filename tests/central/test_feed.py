"""What laptops fetch: everything once, nothing skipped, little more than what they lack."""

from __future__ import annotations

import threading

import pytest

from bravetui.central import feed
from bravetui.central.service import Writing
from bravetui.merge.state import Cell
from bravetui.merge.version import VersionVector
from bravetui.wire.change import Op
from bravetui.wire.lanes import Lane
from bravetui.wire.messages import Outcome, Page, PullAsk, Row
from tests.support.central import ORGANIZATION, OTHER_PROJECT, PROJECT, STRANGE_PROJECT, Laptop, Site

Mirror = dict[tuple[str, str], tuple[dict[str, Cell], VersionVector]]


class Reader:
    """A laptop that only reads: it follows the cursor and keeps what it is sent."""

    def __init__(self, laptop: Laptop, rows_max: int = 500, lane: Lane = Lane.CRITICAL) -> None:
        self.laptop = laptop
        self.ask = PullAsk(scope_id=PROJECT, lane=lane, after=0, before=0, rows_max=rows_max)
        self.mirror: Mirror = {}

    def step(self) -> Page:
        (page,) = self.laptop.sync(pull=(self.ask,)).pages
        self.ask = self.ask.model_copy(update={"after": page.after, "before": page.before})
        for row in page.rows:
            self.keep(row)
        return page

    def keep(self, row: Row) -> None:
        cells, _ = self.mirror.get((row.kind, row.id), ({}, VersionVector()))
        known = {} if row.whole else cells
        self.mirror[(row.kind, row.id)] = ({**known, **row.state().cells}, row.version)

    def catch_up(self) -> Mirror:
        while self.step().more:
            pass
        return self.mirror


def truth(laptop: Laptop, lane: Lane = Lane.CRITICAL) -> Mirror:
    return {key: (dict(row.state().cells), row.version) for key, row in laptop.rows(lane).items()}


def test_first_contact_starts_with_the_newest_and_ends_with_everything(site: Site) -> None:
    carlos = site.laptop("carlos")
    for number in range(7):
        carlos.sync(carlos.change(f"i{number}", {"note": str(number)}))
    reader = Reader(site.laptop("dana"), rows_max=3)
    first = reader.step()
    assert [row.id for row in first.rows] == ["i6", "i5", "i4"]
    assert (first.more, first.rows_left) == (True, len(truth(carlos)) - 3)
    assert reader.catch_up() == truth(carlos)
    assert (reader.ask.before, reader.step().rows) == (None, ())


def test_a_lane_brings_its_own_kinds_and_no_other(site: Site) -> None:
    carlos = site.laptop("carlos")
    carlos.sync(carlos.change("l1", {"narrative": "x"}, kind="daily_log"), carlos.change("i1", {"note": "x"}))
    assert {kind for kind, _ in truth(carlos, Lane.FORMS)} == {"daily_log"}
    assert "daily_log" not in {kind for kind, _ in truth(carlos)}


def test_of_a_row_that_the_laptop_has_only_the_changed_cells_come_folded_into_one_row(site: Site) -> None:
    carlos, reader = site.laptop("carlos"), Reader(site.laptop("dana"))
    carlos.sync(carlos.change("i1", {"kind": "routine", "note": "long " * 50, "status": "due"}))
    reader.catch_up()
    seen = VersionVector({carlos.device: 1})
    for number in range(3):
        carlos.sync(carlos.change("i1", {"inspector_id": str(number)}, op=Op.EDIT, seen=seen))
        seen = VersionVector({carlos.device: 2 + number})
    page = reader.step()
    (row,) = page.rows
    assert (row.whole, set(row.state().cells)) == (False, {"inspector_id"})
    assert reader.mirror == truth(carlos)


def test_a_row_made_since_the_cursor_comes_whole(site: Site) -> None:
    carlos, reader = site.laptop("carlos"), Reader(site.laptop("dana"))
    reader.catch_up()
    carlos.sync(carlos.change("i1", {"note": "x"}))
    carlos.sync(carlos.change("i1", {"status": "due"}, op=Op.EDIT, seen=VersionVector({carlos.device: 1})))
    (row,) = reader.step().rows
    assert (row.whole, set(row.state().cells)) == (True, {"note", "status"})


def test_while_history_is_unfinished_news_come_whole(site: Site) -> None:
    carlos, reader = site.laptop("carlos"), Reader(site.laptop("dana"), rows_max=2)
    for number in range(6):
        carlos.sync(carlos.change(f"i{number}", {"note": "x", "status": "due"}))
    reader.step()
    carlos.sync(carlos.change("i0", {"note": "y"}, op=Op.EDIT, seen=VersionVector({carlos.device: 1})))
    assert reader.catch_up() == truth(carlos)


def test_edits_between_pages_of_news_leave_no_cell_behind(site: Site) -> None:
    carlos, reader = site.laptop("carlos"), Reader(site.laptop("dana"), rows_max=1)
    seen = VersionVector()
    for number in range(3):
        carlos.sync(carlos.change(f"i{number}", {"note": "0", "status": "due", "schedule_basis": "0"}))
    reader.catch_up()
    for number in range(3):
        seen = VersionVector({carlos.device: number + 1})
        carlos.sync(carlos.change(f"i{number}", {"note": "1"}, op=Op.EDIT, seen=seen))
    for number in range(3):
        reader.step()
        seen = VersionVector({carlos.device: number + 4})
        carlos.sync(carlos.change(f"i{2 - number}", {"schedule_basis": "1"}, op=Op.EDIT, seen=seen))
    assert reader.catch_up() == truth(carlos)


def test_what_a_request_pushed_does_not_come_back_in_its_answer(site: Site) -> None:
    carlos = site.laptop("carlos")
    reader = Reader(carlos)
    reader.catch_up()
    changes = [carlos.change("i1", {"note": "mine " * 20}), carlos.change("i2", {"note": "mine"})]
    for _ in range(2):  # the second time as a replay, its answer having been lost
        answer = carlos.sync(*changes, pull=(reader.ask,))
        assert [(row.id, row.whole, row.stamps) for row in answer.pages[0].rows] == [
            ("i1", False, ()), ("i2", False, ()),
        ]  # fmt: skip
        assert answer.pages[0].rows[0].version == VersionVector({carlos.device: 1})


def test_what_a_central_of_before_had_taken_comes_back_whole(site: Site) -> None:
    """Since then others' words may lie upon it at its sender's, and this central has lost them."""
    carlos = site.laptop("carlos")
    reader = Reader(carlos)
    reader.catch_up()
    made = carlos.change("i1", {"note": "mine"})
    (row,) = carlos.sync(made, pull=(reader.ask,), taken_before=(made.dot,)).pages[0].rows
    assert (row.whole, row.state().values()) == (True, {"note": "mine"})


def test_what_others_made_of_the_record_does_come_back(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    carlos.sync(carlos.change("i1", {"note": "x"}))
    reader = Reader(carlos)
    reader.catch_up()
    seen = VersionVector({carlos.device: 1})
    dana.sync(dana.change("i1", {"assigned_to": "dana"}, op=Op.EDIT, seen=seen))
    mine = carlos.change("i1", {"inspector_id": "carlos"}, op=Op.EDIT, seen=seen)
    answer = carlos.sync(mine, pull=(reader.ask,))
    assert answer.verdicts[0].outcome is Outcome.MERGED
    assert answer.pages[0].rows[0].state().values() == {"assigned_to": "dana", "inspector_id": "carlos"}


def test_a_cell_that_central_stored_differently_comes_back(site: Site) -> None:
    from bravetui.merge.hlc import Hlc

    carlos = site.laptop("carlos")
    reader = Reader(carlos)
    reader.catch_up()
    written = carlos.change("i1", {"started_at": "2026-08-03T06:00:00-07:00", "note": "x"})
    future = carlos.change("i2", {"note": "y"}, hlc=Hlc(4_070_908_800_000))
    rows = {row.id: row for row in carlos.sync(written, future, pull=(reader.ask,)).pages[0].rows}
    assert rows["i1"].state().values() == {"started_at": "2026-08-03T13:00:00Z"}
    assert set(rows["i2"].state().cells) == {"note"}


def test_pages_stop_at_their_size_and_lose_nothing_by_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "ANSWER_BYTES", 3000)
    carlos, reader = site.laptop("carlos"), Reader(site.laptop("dana"))
    carlos.sync(*(carlos.change(f"i{number}", {"note": "x" * 1000}) for number in range(5)))
    assert len(reader.step().rows) == 2
    reader.catch_up()
    for number in range(5):
        seen = VersionVector({carlos.device: number + 1})
        carlos.sync(carlos.change(f"i{number}", {"note": "y" * 5000}, op=Op.EDIT, seen=seen))
    assert len(reader.step().rows) == 1
    assert reader.catch_up() == truth(carlos)


def test_an_answer_is_as_long_as_suits_the_line_of_the_laptop_that_asks(site: Site) -> None:
    carlos, dana = site.laptop("carlos"), site.laptop("dana")
    known = dana.sync(pull=(PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL),)).pages[0].after
    carlos.sync(*(carlos.change(f"i{number}", {"note": "x" * 1000}) for number in range(9)))
    ask = PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL, after=known)

    def rows_at(bytes_max: int | None) -> int:
        return len(dana.sync(pull=(ask,), answer_bytes_max=bytes_max).pages[0].rows)

    assert [rows_at(bytes_max) for bytes_max in (1, 3000, 6000, None)] == [1, 2, 5, 9]


def test_scopes_of_others_give_no_page_and_are_not_listed(site: Site) -> None:
    carlos = site.laptop("carlos")
    asks = tuple(
        PullAsk(scope_id=scope_id, lane=Lane.CRITICAL)
        for scope_id in (STRANGE_PROJECT, OTHER_PROJECT, "no-such-scope", ORGANIZATION, PROJECT)
    )
    answer = carlos.sync(pull=asks)
    assert [page.scope_id for page in answer.pages] == [ORGANIZATION, PROJECT]
    assert {scope.scope_id for scope in answer.scopes} == {ORGANIZATION, PROJECT}


def test_a_tombstone_travels_like_any_edit(site: Site) -> None:
    carlos, reader = site.laptop("carlos"), Reader(site.laptop("dana"))
    carlos.sync(carlos.change("i1", {"note": "x"}))
    reader.catch_up()
    gone = carlos.change("i1", {"deleted": True}, op=Op.DELETE, seen=VersionVector({carlos.device: 1}))
    carlos.sync(gone)
    (row,) = reader.step().rows
    assert row.state().values() == {"deleted": True}
    assert reader.mirror == truth(carlos)


def test_a_cursor_ahead_of_central_is_answered_with_centrals_own_so_that_the_laptop_notices(
    site: Site,
) -> None:
    carlos = site.laptop("carlos")
    head = carlos.sync(pull=(PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL),)).pages[0].after
    ahead = PullAsk(scope_id=PROJECT, lane=Lane.CRITICAL, after=head + 1000)
    (page,) = carlos.sync(pull=(ahead,)).pages
    assert (page.after, page.rows, page.more) == (head, (), False)


def test_a_reader_never_skips_a_change_that_commits_late(site: Site) -> None:
    writers = [site.laptop(user_id) for user_id in ("carlos", "dana", "carlos", "dana", "olga", "olga")]
    reader = Reader(site.laptop("dana"))
    reader.catch_up()
    done = threading.Event()

    def write(laptop: Laptop) -> None:
        for number in range(12):
            changes = [laptop.change(f"{laptop.device}-{number}-{part}", {"note": "x"}) for part in range(3)]
            # Half of them hold two scopes at once, as an office's batches do.
            if laptop.user_id == "olga":
                changes.append(
                    laptop.change(
                        f"c-{laptop.device}-{number}", {"name": "x"}, kind="crew", scope_id=ORGANIZATION
                    )
                )
            laptop.sync(*changes)

    def read() -> None:
        while not done.is_set():
            reader.step()

    threads = [threading.Thread(target=write, args=(laptop,)) for laptop in writers]
    reading = threading.Thread(target=read)
    for thread in [reading, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reading.join()
    made = {
        f"{laptop.device}-{number}-{part}" for laptop in writers for number in range(12) for part in range(3)
    }
    assert {record_id for kind, record_id in reader.catch_up() if kind == "inspection"} == made
    assert reader.mirror == truth(reader.laptop)


def test_office_edits_are_news_like_any_other(site: Site) -> None:
    reader = Reader(site.laptop("dana"))
    reader.catch_up()
    site.central.publish(PROJECT, [Writing("project", PROJECT, {"state": "CO"})], author_id="olga")
    (row,) = reader.step().rows
    assert (row.kind, row.state().values()) == ("project", {"state": "CO"})
