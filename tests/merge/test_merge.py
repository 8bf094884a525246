"""What random histories reach seldom: partial records, stamps that central clamped, joins from other bases."""

from __future__ import annotations

import doctest

from bravetui.base.canonical import Json
from bravetui.merge import record
from bravetui.merge.hlc import Hlc
from bravetui.merge.join import Side
from bravetui.merge.record import merge, newer
from bravetui.merge.rules import FieldRule, Rule, Rules
from bravetui.merge.state import Cell, RecordState
from bravetui.merge.version import Dot, VersionVector

A1, B1, C1 = Dot(1, 1), Dot(2, 1), Dot(3, 1)


def cell(value: Json, *dots: Dot, at: int = 1) -> Cell:
    """A cell that stands for `dots`."""
    return Cell(value, dots, Hlc(at))


def vector(*dots: Dot) -> VersionVector:
    """What one has seen who has seen `dots`."""
    return VersionVector({dot.device: dot.counter for dot in dots})


def test_two_ends_that_joined_the_same_changes_from_other_bases_agree_on_centrals_value() -> None:
    """A laptop may have joined from an older base than central did; nothing new would ever come to mend it."""
    local = RecordState({"loads": cell(29, A1, B1)}, vector(A1, B1))
    remote = RecordState({"loads": cell(24, A1, B1)}, vector(A1, B1))
    merged = merge({}, local, remote, Rules({"loads": FieldRule(Rule.SUM)}))
    assert merged.record == remote
    assert not merged.conflicts


def test_they_do_so_while_each_has_news_of_another_field_whatever_their_stamps_say() -> None:
    local = RecordState({"loads": cell(29, A1, B1, at=9), "where": cell("gate", C1)}, vector(A1, B1, C1))
    remote = RecordState({"loads": cell(24, A1, B1, at=8)}, vector(A1, B1, Dot(4, 1)))
    merged = merge({}, local, remote, Rules({"loads": FieldRule(Rule.SUM)}))
    assert merged.record.cells["loads"] == remote.cells["loads"]
    assert not merged.conflicts


def test_a_stamp_that_central_clamped_replaces_the_laptops_own() -> None:
    local = RecordState({"where": cell("gate", A1, at=10**12)}, vector(A1))
    remote = RecordState({"where": cell("gate", A1, at=5)}, vector(A1))
    assert merge({}, local, remote, Rules()).record == remote
    ahead = RecordState({**local.cells, "note": cell("torn", Dot(1, 2))}, vector(Dot(1, 2)))
    assert merge({}, ahead, remote, Rules()).record.cells["where"] == remote.cells["where"]


def test_an_answer_to_what_was_seen_stands_though_its_clock_is_behind_and_each_went_on_elsewhere() -> None:
    seen = RecordState({"where": cell("gate", A1, at=9), "note": cell("torn", Dot(1, 2))}, vector(Dot(1, 2)))
    answer = RecordState({"where": cell("north gate", B1, at=5)}, vector(A1, B1))
    rules = Rules({"where": FieldRule(Rule.LAST_WRITE_WINS)})
    for merged in (merge({}, seen, answer, rules), merge({}, answer, seen, rules)):
        assert merged.record.cells["where"] == answer.cells["where"]
        assert not merged.superseded


def test_an_old_page_that_arrives_again_does_not_undo_what_was_merged_since() -> None:
    local = RecordState({"where": cell("joined", A1, B1)}, vector(A1, B1))
    remote = RecordState({"where": cell("old", A1)}, vector(A1))
    assert merge({}, local, remote, Rules()).record == local


def test_a_part_of_a_group_that_arrives_alone_is_no_clash_with_the_part_that_did_not_change() -> None:
    """A page may bring changed cells only: a member left out has not been touched, so nobody set it apart."""
    start, end = "answers/start", "answers/end"
    rules = Rules({start: FieldRule(group="shift"), end: FieldRule(group="shift")})
    whole = RecordState({start: cell("07:00", A1), end: cell("15:00", A1)}, vector(A1))
    part = RecordState({start: cell("06:30", B1)}, vector(A1, B1))
    for merged in (merge({}, whole, part, rules), merge({}, part, whole, rules)):
        assert merged.record.cells == {start: cell("06:30", B1), end: cell("15:00", A1)}
        assert not merged.conflicts


def test_who_only_entered_one_half_of_a_group_again_is_not_set_apart_from_who_changed_the_other() -> None:
    rules = Rules({"start": FieldRule(group="shift"), "end": FieldRule(group="shift")})
    changed = RecordState({"start": cell("06:30", B1), "end": cell("15:00", A1)}, vector(A1, B1))
    again = RecordState({"start": cell("07:00", A1), "end": cell("15:00", C1)}, vector(A1, C1))
    for merged in (merge({}, changed, again, rules), merge({}, again, changed, rules)):
        assert merged.record.values() == {"start": "06:30", "end": "15:00"}
        assert not merged.conflicts


def test_which_group_is_the_later_is_told_by_what_the_other_had_not_seen() -> None:
    """A member that both have alike may bear the stamp of a clock that ran ahead; it speaks for neither."""
    rules = Rules(
        {"lat": FieldRule(Rule.LAST_WRITE_WINS, group="g"), "lon": FieldRule(Rule.LAST_WRITE_WINS, group="g")}
    )
    shared = cell("0", A1, at=99)
    earlier = RecordState({"lat": cell("1", B1, at=5), "lon": shared}, vector(A1, B1))
    later = RecordState({"lat": cell("2", C1, at=7), "lon": shared}, vector(A1, C1))
    changed = RecordState({"lat": later.cells["lat"]}, later.version)
    for local, remote in ((earlier, later), (later, earlier), (earlier, changed), (changed, earlier)):
        assert merge({}, local, remote, rules).record.values() == {"lat": "2", "lon": "0"}


def test_entering_the_same_group_again_marks_it_as_entered_again() -> None:
    """Else central would keep the older mark, and a third laptop's clash would be judged by it."""
    rules = Rules({"start": FieldRule(group="shift"), "end": FieldRule(group="shift")})
    remote = RecordState({"start": cell("07:00", A1), "end": cell("15:00", A1)}, vector(A1))
    local = RecordState({"start": cell("07:00", B1), "end": cell("15:00", B1)}, vector(A1, B1))
    assert merge({}, local, remote, rules).record == local
    assert merge({}, remote, local, rules).record == local


def test_a_group_that_stands_against_another_carries_the_changes_of_both() -> None:
    """Else central's cells would look untouched, a page of changed cells would leave them out, and the laptop whose
    entry was set aside would never hear of it."""
    rules = Rules({"start": FieldRule(group="shift"), "end": FieldRule(group="shift")})
    local = RecordState({"start": cell("06:30", B1), "end": cell("15:00", B1)}, vector(B1))
    remote = RecordState({"start": cell("07:00", A1), "end": cell("15:00", A1)}, vector(A1))
    merged = merge({}, local, remote, rules).record
    assert merged.values() == {"start": "07:00", "end": "15:00"}
    assert {c.dots for c in merged.cells.values()} == {(A1, B1)}


def test_a_group_that_stands_by_being_the_later_carries_the_changes_of_both_whoever_made_it() -> None:
    lww = FieldRule(Rule.LAST_WRITE_WINS, group="g")
    rules = Rules({"lat": lww, "lon": lww})
    earlier = RecordState({"lat": cell("1", A1, at=5), "lon": cell("1", A1, at=5)}, vector(A1))
    later = RecordState({"lat": cell("2", B1, at=7), "lon": cell("2", B1, at=7)}, vector(B1))
    for local, remote in ((earlier, later), (later, earlier)):
        merged = merge({}, local, remote, rules).record
        assert set(merged.cells.values()) == {cell("2", A1, B1, at=7)}


def test_an_answer_that_the_standing_group_never_gave_is_emptied_as_of_its_latest_entry() -> None:
    start, end, pause = "answers/start", "answers/end", "answers/pause"
    rules = Rules({path: FieldRule(group="shift") for path in (start, end, pause)})
    local = RecordState({pause: cell("12:00", C1, at=7)}, vector(C1))
    remote = RecordState({end: cell("17:00", A1, at=5), start: cell("06:00", B1, at=9)}, vector(A1, B1))
    merged = merge({}, local, remote, rules)
    assert merged.record.cells[pause] == cell(None, B1, C1, at=9)
    assert [conflict.paths for conflict in merged.conflicts] == [(end, pause, start)]


def test_a_group_whose_halves_each_has_merged_already_stands_as_central_has_it() -> None:
    rules = Rules(
        {"lat": FieldRule(Rule.LAST_WRITE_WINS, group="g"), "lon": FieldRule(Rule.LAST_WRITE_WINS, group="g")}
    )
    d1, e1, f1 = Dot(4, 1), Dot(5, 1), Dot(6, 1)
    one = RecordState({"lat": cell("1", A1, B1), "lon": cell("0", C1)}, vector(A1, B1, C1, d1, e1))
    other = RecordState({"lat": cell("0", A1), "lon": cell("2", C1, d1)}, vector(A1, B1, C1, d1, f1))
    for local, remote in ((one, other), (other, one)):
        merged = merge({}, local, remote, rules)
        assert merged.record.values() == remote.values()
        assert not merged.conflicts
    news = RecordState({"lat": cell("0", A1), "lon": cell("3", f1)}, vector(A1, B1, C1, d1, f1))
    assert merge({}, one, news, rules).record.values() == news.values()
    assert merge({}, news, one, rules).record.values() == news.values()


def test_what_comes_back_is_marked_by_the_latest_work_in_it() -> None:
    remover = RecordState({"deleted": cell(True, A1, at=3)}, vector(A1))
    worker = RecordState({"x": cell(1, B1, at=9), "y": cell(2, C1, at=5)}, vector(B1, C1))
    assert merge({}, remover, worker, Rules()).record.cells["deleted"] == cell(False, A1, B1, at=9)


def test_a_member_set_apart_from_the_winning_group_is_named_as_superseded() -> None:
    """Even where the member itself was newer on the side that lost."""
    rules = Rules(
        {"lat": FieldRule(Rule.LAST_WRITE_WINS, group="g"), "lon": FieldRule(Rule.LAST_WRITE_WINS, group="g")}
    )
    local = RecordState({"lat": cell("1", C1, at=9), "lon": cell("0", A1)}, vector(A1, C1))
    remote = RecordState({"lat": cell("0", A1), "lon": cell("2", B1, at=5)}, vector(A1, B1))
    merged = merge({}, local, remote, rules)
    assert merged.record.values() == {"lat": "1", "lon": "0"}
    assert [(s.path, s.loser, s.cell.value) for s in merged.superseded] == [("lon", Side.REMOTE, "2")]


def test_of_two_records_that_each_saw_something_else_the_joined_cell_is_right() -> None:
    joined, single = cell("joined", A1, B1), cell("single", A1, at=99)
    seen = vector(A1, B1, C1), vector(A1, B1, Dot(4, 1))
    assert newer(joined, single, seen) is Side.LOCAL
    assert newer(single, joined, seen) is Side.REMOTE


def test_of_two_cells_that_each_joined_something_else_the_later_is_right_from_either_side() -> None:
    earlier, later = cell("earlier", A1, B1, at=5), cell("later", A1, C1, at=7)
    seen = vector(A1, B1, C1), vector(A1, B1, C1, Dot(4, 1))
    apart = vector(A1, B1, C1, Dot(5, 1)), seen[1]
    assert newer(earlier, later, apart) is Side.REMOTE
    assert newer(later, earlier, apart) is Side.LOCAL
    assert newer(later, earlier, seen) is Side.REMOTE, (
        "the record that saw more is right whatever the clock says"
    )
    assert newer(earlier, later, seen[::-1]) is Side.LOCAL


def test_a_field_that_central_does_not_hold_yet_is_kept_as_the_laptop_has_it() -> None:
    local = RecordState({"later_field": cell({"deep": [1]}, A1)}, vector(A1))
    assert merge({}, local, RecordState(), Rules()).record == local
    assert merge({}, RecordState(), local, Rules()).record == local


def test_merging_nothing_with_nothing_is_nothing() -> None:
    assert merge({}, RecordState(), RecordState(), Rules()).record == RecordState()


def test_the_example_in_the_docstring_of_merge_is_true() -> None:
    outcome = doctest.testmod(record)
    assert outcome.attempted > 0
    assert outcome.failed == 0
